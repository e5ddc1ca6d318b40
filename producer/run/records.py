"""What this machine remembers of its sweeps: one small file each, so that `ls` and `results` need no server.

A sweep is referred to by its id, by any prefix that only it has, or as `last`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.data.whole import whole_file
from tasks.errors import NotFound, UsageError

if TYPE_CHECKING:
    from tasks.records.status import (  # its module loads Redis and Arrow: too slow for completion
        State,
        Status,
    )

FOLDER: Final = "sweeps"
OVER: Final = frozenset({"cancelled", "interrupted", "done", "failed"})
"""States that nothing follows by itself: those of `tasks.records.status.TERMINAL`."""
LAST: Final = "last"
MASK: Final = "***"  # what `tasks.wire.connection.masked` puts in a password's place
LISTED: Final = 5  # ids named in a hint


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRecord:
    """One sweep as it was last seen; counts are backtests, times seconds since 1970."""

    id: str
    name: str
    state: State
    total: int
    done: int
    failed: int
    created: float
    finished: float | None
    results: str
    """The results folder."""
    sweep_file: str
    tags: tuple[str, ...]
    redis_url: str | None
    """Without its password; None: the private stack of one submit."""
    metric: str
    goal: str
    best: str | None

    @property
    def is_over(self) -> bool:
        return self.state in OVER


def save(state_dir: Path, record: SweepRecord) -> None:
    """Keeps the record; one of the same id is replaced as a whole."""
    folder = state_dir / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        with whole_file(folder / f"{record.id}.json") as scratch:
            scratch.write_text(json.dumps(asdict(record)), encoding="utf-8")
    except OSError as e:
        raise UsageError(
            f"the state folder {state_dir} cannot be written: {e.strerror}",
            hint="make it writable, or name another one in PRODUCER_STATE_DIR",
        ) from e


def load(state_dir: Path, sweep_id: str) -> SweepRecord | None:
    return _read(state_dir / FOLDER / f"{sweep_id}.json")


def updated(record: SweepRecord, status: Status) -> SweepRecord:
    """The record with what the status says; what a status does not know stays."""
    return replace(
        record,
        state=status.state,
        total=status.total,
        done=status.done,
        failed=status.failed,
        finished=status.finished,
    )


def keep_best(state_dir: Path, sweep_id: str, best: str) -> None:
    """Notes the best point of a sweep, in words, for `ls`."""
    record = load(state_dir, sweep_id)
    if record is not None and record.best != best:
        save(state_dir, replace(record, best=best))


def all(state_dir: Path) -> list[SweepRecord]:
    """Every sweep that this machine knows, newest first."""
    return sorted(_records(state_dir), key=lambda r: (-r.created, r.id))


def resolve(state_dir: Path, reference: str = LAST) -> SweepRecord:
    """The sweep that is meant; NotFound, with those that could be, where it is none or several."""
    known = all(state_dir)
    if not known:
        raise NotFound(
            "no sweep was submitted from this machine yet"
            if reference == LAST
            else f"no sweep '{reference}'",
            hint="start one with: producer submit sweep.yaml",
        )
    if reference == LAST:
        return known[0]
    for record in known:
        if record.id == reference:
            return record
    matching = [r for r in known if r.id.startswith(reference)] if reference else []
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise NotFound(
            f"'{reference}' is the beginning of {len(matching)} sweeps", hint=f"say which: {_ids(matching)}"
        )
    close = difflib.get_close_matches(reference, [r.id for r in known], n=1, cutoff=0.6)
    hint = f"did you mean '{close[0]}'?" if close else f"there are {_ids(known)}; all: producer ls"
    raise NotFound(f"no sweep '{reference}'", hint=hint)


def _ids(matching: list[SweepRecord]) -> str:
    shown = ", ".join(r.id for r in matching[:LISTED])
    return f"{shown}, … {len(matching) - LISTED} more" if len(matching) > LISTED else shown


def _records(state_dir: Path) -> Iterator[SweepRecord]:
    for path in (state_dir / FOLDER).glob("[!.]*.json"):
        if record := _read(path):
            yield record


def _read(path: Path) -> SweepRecord | None:
    """A record from its file; None where there is none. A field that a newer version added is passed over."""
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = {f.name: raw[f.name] for f in fields(SweepRecord)}
    except (OSError, ValueError, KeyError, TypeError):
        return None  # gone meanwhile, or not ours: one odd file must not hide every sweep
    return SweepRecord(**{**known, "tags": tuple(known["tags"])})
