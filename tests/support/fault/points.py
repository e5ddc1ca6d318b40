"""Places in the product's code at which a process ends at once, the first time that it comes there.

A node started with `PROGRAM` looks into its environment: `POINT` names the place, `ONCE` a file that whoever
dies there leaves behind, so that the next one lives. `BLIND` makes a node that sees no results folder. A test
may also `plant` a point in a process of its own.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.support.checkout import ROOT

POINT: Final = "FAULT_POINT"
ONCE: Final = "FAULT_ONCE"
BLIND: Final = "FAULT_BLIND"
PROGRAM: Final = (
    "-c",
    f"import sys; sys.path.append({str(ROOT)!r}); from tests.support.fault.points import main; main()",
)
PLACES: Final[dict[str, tuple[str, str, str]]] = {
    # module, class or nothing, function
    "part return": ("tasks.wire.backend", "ChordBackend", "on_chord_part_return"),
    "publishing the merge": ("tasks.wire.backend", "ChordBackend", "_chord_publish_claim_expires"),
    "writing the shard": ("tasks.results.shards", "", "_write_shard"),
    "the shard's file note": ("tasks.results.kept", "", "write"),
    "the shard's note": ("tasks.records.ledger", "Ledger", "note_shard"),
    "dropping the parts": ("tasks.results.shards", "", "_drop_parts"),
    "writing the results": ("tasks.results.shards", "", "_write_results"),
    "the final note": ("tasks.records.ledger", "Ledger", "set_final"),
    "closing": ("tasks.results.shards", "", "_close"),
}


def plant(point: str, once: Path) -> None:
    """`before …` or `after …` one of the places. The second of two in a shard's life is `after`."""
    when, _, place = point.partition(" ")
    module_name, owner, name = PLACES[place]
    target: Any = __import__(module_name, fromlist=["_"])
    target = getattr(target, owner) if owner else target
    setattr(target, name, _deadly(getattr(target, name), when, once))


def _deadly(function: Callable[..., Any], when: str, once: Path) -> Callable[..., Any]:
    def deadly(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            _die(once)
        result = function(*arguments, **named)
        if when == "after":
            _die(once)
        return result

    return deadly


def _die(once: Path) -> None:
    try:
        os.close(os.open(once, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _unseen(results: str | Path) -> str | None:
    """As on a machine on which that path is empty."""
    return None


def main() -> None:
    from tasks.results import store
    from workers.__main__ import main as start

    if os.environ.get(BLIND):
        store.marked = _unseen
    if point := os.environ.get(POINT):
        plant(point, Path(os.environ[ONCE]))
    sys.exit(start(sys.argv[1:]))
