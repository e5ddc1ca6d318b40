"""A note beside each merged shard: its files with their checksums, and the receipts of its chunks.

The ledger has the same. The notes are for a sweep whose ledger was lost, and for one that is over: with them
the results folder alone says which chunks need not run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tasks.messages import ChunkReceipt
from tasks.plan import ChunkPlan, SweepSpec
from tasks.records.ledger import Ledger
from tasks.results import store
from tasks.results.tables import schemas

FOLDER: Final = "shards"
PLAN_FILE: Final = "plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardNote:
    """What stands of one shard."""

    ledger: Mapping[str, Any]
    """As `Ledger.note_shard` takes it: files and milliseconds."""
    receipts: tuple[ChunkReceipt, ...]
    """Of its chunks, in their order."""


def write(spec: SweepSpec, shard: int, note: Mapping[str, Any], receipts: Sequence[ChunkReceipt]) -> None:
    """After the shard's tables have their names: a note says that they are there."""
    text = json.dumps({**note, "receipts": [asdict(r) for r in receipts]}, separators=(",", ":"))
    store.write_whole(path(spec, shard), text.encode())


def forget(spec: SweepSpec, shard: int) -> None:
    path(spec, shard).unlink(missing_ok=True)


def path(spec: SweepSpec, shard: int) -> Path:
    return store.work_folder(spec.results) / FOLDER / f"{shard:06}.json"


def piece(shard: int, table: str) -> str:
    """A shard's file of one table, below the work folder."""
    return f"{FOLDER}/{shard:06}.{table}.parquet"


def plan_of(spec: SweepSpec) -> ChunkPlan | None:
    """The chunks of an earlier run, from the work folder."""
    try:
        return ChunkPlan.from_bytes((store.work_folder(spec.results) / PLAN_FILE).read_bytes())
    except OSError:
        return None


def notes_of(spec: SweepSpec, plan: ChunkPlan) -> dict[int, ShardNote]:
    """Every note in the work folder that speaks of the plan's chunks, whether its files stand or not."""
    if store.marked(spec.results) != spec.identity:
        return {}
    found = {s: _read(spec, s) for s in range(len(plan.shards))}
    return {s: note for s, note in found.items() if note is not None and _is_of(note, plan, s)}


def kept_shards(spec: SweepSpec, plan: ChunkPlan | None = None) -> dict[int, ShardNote]:
    """Shards that need not run again: their files stand in the work folder and match their checksums."""
    plan = plan or plan_of(spec)
    if plan is None:
        return {}
    return {s: note for s, note in notes_of(spec, plan).items() if stand(spec, note.ledger)}


def stand(spec: SweepSpec, note: Mapping[str, Any]) -> bool:
    """The shard's files are there and have the checksums that were noted."""
    folder = store.work_folder(spec.results)
    try:
        return all(digest(folder / f["file"]) == f["sha256"] for f in note["files"].values())
    except OSError:
        return False


def digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def restore(ledger: Ledger, spec: SweepSpec, plan: ChunkPlan) -> int:
    """Tells a ledger that was lost what stands in the work folder; how many chunks need not run again."""
    restored = 0
    noted = ledger.shard_notes()
    for shard, note in kept_shards(spec, plan).items():
        if shard in noted:
            continue
        for chunk, receipt in zip(plan.shard(shard), note.receipts, strict=True):
            restored += ledger.adopt(receipt, chunk.cost_ms)
        ledger.note_shard(shard, note.ledger)
    return restored


def _read(spec: SweepSpec, shard: int) -> ShardNote | None:
    """None where there is none that can be used: then the shard's chunks run again."""
    try:
        raw = json.loads(path(spec, shard).read_text(encoding="utf-8"))
        receipts = tuple(ChunkReceipt(**r) for r in raw["receipts"])
        files = {t: raw["files"][t] for t in schemas(spec)}
        if any(f["file"] != piece(shard, t) for t, f in files.items()):
            return None  # no other file is read on a note's word
        return ShardNote(ledger={"files": files, "ms": int(raw["ms"])}, receipts=receipts)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_of(note: ShardNote, plan: ChunkPlan, shard: int) -> bool:
    return [r.chunk for r in note.receipts] == [c.name for c in plan.shard(shard)]
