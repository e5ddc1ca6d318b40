"""`resume --failed`: chunks with failures become missing again, everything else stays as it is.

Parts of merged chunks are gone. Those of the innocent chunks beside a failing one are cut out of the shard's
tables again, or, where the sweep had ended, out of its results; no innocent chunk runs twice. First come the
files, then the manifest goes, then the ledger is told: whatever ends this half-way, a resume goes on from
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks import names
from tasks.data.whole import whole_file
from tasks.messages import ChunkReceipt
from tasks.plan import Chunk, ChunkPlan, SweepSpec
from tasks.records.ledger import Ledger
from tasks.results import arrow, codec, kept, store
from tasks.results.joined import OWNER
from tasks.results.kept import ShardNote
from tasks.results.tables import OrderedWriter, schemas

FAILURES: Final = "failures"


def is_failing(receipt: ChunkReceipt) -> bool:
    return receipt.failed > 0 or receipt.outcome == "quarantined"


def failing_securities(spec: SweepSpec, plan: ChunkPlan, notes: Mapping[int, ShardNote]) -> set[str]:
    """Those of which no chunk is kept: whatever their data are now, nothing is mixed."""
    touched: dict[int, bool] = {}
    for shard, note in notes.items():
        for chunk, receipt in zip(plan.shard(shard), note.receipts, strict=True):
            for security in range(chunk.security, chunk.until):
                touched[security] = touched.get(security, True) and is_failing(receipt)
    return {spec.securities[i].name for i, failing in touched.items() if failing}


def again(ledger: Ledger, spec: SweepSpec, plan: ChunkPlan) -> int:
    """Makes the failing chunks missing; how many there are. The sweep must not be running."""
    notes = kept.notes_of(spec, plan)
    cut = {shard: _cut(spec, plan, notes, shard) for shard in notes}
    (Path(spec.results) / names.MANIFEST_FILE).unlink(missing_ok=True)
    count = 0
    for shard in range(len(plan.shards)):
        count += _tell(ledger, spec, plan.shard(shard), shard, notes.get(shard), cut.get(shard))
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """What is left of a merged shard: its tables as they were noted, or parts of its innocent chunks."""

    stands: bool
    parts: dict[str, ChunkReceipt]


def _cut(spec: SweepSpec, plan: ChunkPlan, notes: Mapping[int, ShardNote], shard: int) -> _Cut:
    note = notes[shard]
    source = _Source.of(spec, plan, notes, shard)
    if not any(map(is_failing, note.receipts)):
        stands = kept.stand(spec, note.ledger) or (source is not None and _rebuilt(spec, shard, note, source))
        return _Cut(stands=stands, parts={})
    if source is None:
        return _Cut(stands=False, parts={})
    return _Cut(stands=False, parts=_parts(spec, plan.shard(shard), note, source))


def _tell(
    ledger: Ledger,
    spec: SweepSpec,
    chunks: Sequence[Chunk],
    shard: int,
    note: ShardNote | None,
    cut: _Cut | None,
) -> int:
    """Brings the ledger to what the files say; how many chunks fail."""
    if note is not None and cut is not None and cut.stands:
        for chunk, kept_receipt in zip(chunks, note.receipts, strict=True):
            ledger.adopt(kept_receipt, chunk.cost_ms)
        ledger.note_shard(shard, note.ledger)
        return 0
    known = ledger.receipts(c.name for c in chunks)
    failing = 0
    stood: Sequence[ChunkReceipt | None] = note.receipts if note else known
    for chunk, receipt, noted in zip(chunks, known, stood, strict=True):
        fails = noted is not None and is_failing(noted)
        failing += fails
        part = cut.parts.get(chunk.name) if cut else None
        if receipt is not None and (fails or cut is not None):
            ledger.retract(receipt, chunk.cost_ms)
            ledger.drop_parts([chunk.name])
        if part is not None:
            ledger.adopt(part, chunk.cost_ms)
    if cut is not None:
        ledger.forget_shard(shard)
        kept.forget(spec, shard)
    return failing


# --- rows of one shard, from wherever they are ----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A file for each table, and which of its rows are the shard's."""

    files: dict[str, Path]
    first: dict[str, int]
    rows: dict[str, int]

    @classmethod
    def of(
        cls, spec: SweepSpec, plan: ChunkPlan, notes: Mapping[int, ShardNote], shard: int
    ) -> _Source | None:
        """The shard's own tables, else the results; None where there are neither."""
        wanted = [table for table in schemas(spec) if table != FAILURES]  # innocents have none there
        rows = {t: int(notes[shard].ledger["files"][t]["rows"]) for t in wanted}
        if kept.stand(spec, notes[shard].ledger):
            folder = store.work_folder(spec.results)
            own = {t: folder / kept.piece(shard, t) for t in wanted}
            return cls(files=own, first=dict.fromkeys(wanted, 0), rows=rows)
        merged = {t: Path(spec.results) / f"{t}.parquet" for t in wanted}
        if len(notes) < len(plan.shards) or not all(f.is_file() for f in merged.values()):
            return None
        before = {t: sum(notes[s].ledger["files"][t]["rows"] for s in range(shard)) for t in wanted}
        return cls(files=merged, first=before, rows=rows)

    def pieces(self, table: str) -> Iterator[pa.Table]:
        """The shard's rows of a table in order; only row groups that hold some of them are read."""
        at, begin, end = 0, self.first[table], self.first[table] + self.rows[table]
        with pq.ParquetFile(self.files[table]) as file:
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                if at < end and at + size > begin:
                    rows = file.read_row_group(group)
                    yield rows.slice(max(0, begin - at), min(size, end - at) - max(0, begin - at))
                at += size


def _rebuilt(spec: SweepSpec, shard: int, note: ShardNote, source: _Source) -> bool:
    """The shard's tables again, from the results; False where these are not what was noted."""
    folder = store.work_folder(spec.results)
    (folder / kept.FOLDER).mkdir(parents=True, exist_ok=True)
    for table, schema in schemas(spec).items():
        with (
            whole_file(folder / kept.piece(shard, table)) as scratch,
            OrderedWriter(scratch, schema) as writer,
        ):
            for piece in source.pieces(table) if table != FAILURES else ():
                writer.add(piece)
    return kept.stand(spec, note.ledger)


# --- parts of innocent chunks ---------------------------------------------------------------------------


def _parts(
    spec: SweepSpec, chunks: Sequence[Chunk], note: ShardNote, source: _Source
) -> dict[str, ChunkReceipt]:
    """A part for every innocent chunk, as its worker made it, and its receipt; by the chunk's name."""
    wanted = schemas(spec)
    rows = {table: _Rows(source.pieces(table), wanted[table]) for table in source.files}
    found = {}
    for chunk, receipt in zip(chunks, note.receipts, strict=True):
        whose = [spec.securities[i].name for i in range(chunk.security, chunk.until)]
        summary = rows["summary"].take(chunk.rows)
        ids = summary["combination"].unique()
        owned = {t: rows[t].take_of(whose, ids) for t in spec.traces}
        if is_failing(receipt) or summary["security"].unique().to_pylist() != whose:
            continue
        metrics = [name for name, _ in spec.metrics]
        tables = {"summary": summary.select(["combination", "status", *metrics])}
        tables[FAILURES] = _with_owner(whose, wanted[FAILURES].remove(5).empty_table())
        tables |= {t: _with_owner(whose, piece) for t, piece in owned.items()}
        part = codec.encode(tables)
        file = store.part_path(chunk.name)
        store.write_whole(store.work_folder(spec.results) / file, part)
        found[chunk.name] = replace(
            receipt, file=file, sha256=codec.checksum(part), size_bytes=len(part), failing={}
        )
    return found


def _with_owner(whose: Sequence[str], table: pa.Table) -> pa.Table:
    """With each row's security as its place in the chunk, which is how parts say it."""
    places = pc.index_in(table["security"], value_set=arrow.texts(whose)).cast(pa.int64())
    return table.drop_columns(["security"]).add_column(0, OWNER, places)


class _Rows:
    """A table's rows in order, taken from the front."""

    def __init__(self, pieces: Iterator[pa.Table], schema: pa.Schema) -> None:
        self._pieces = pieces
        self._none = schema.empty_table()
        self._rest: pa.Table | None = None

    def take(self, count: int) -> pa.Table:
        taken: list[pa.Table] = []
        while count and (piece := self._next()) is not None:
            taken.append(piece.slice(0, count))
            count -= len(taken[-1])
            self._rest = piece.slice(len(taken[-1]))
        return pa.concat_tables(taken) if taken else self._none

    def take_of(self, securities: Sequence[str], combinations: pa.Array) -> pa.Table:
        """As long as they are of these."""
        taken: list[pa.Table] = []
        while (piece := self._next()) is not None:
            mine = pc.and_(
                pc.is_in(piece["security"], value_set=arrow.texts(securities)),
                pc.is_in(piece["combination"], value_set=combinations),
            ).to_numpy()
            until = len(mine) if mine.all() else int(np.argmin(mine))
            taken.append(piece.slice(0, until))
            self._rest = piece.slice(until)
            if until < len(piece):
                break
        return pa.concat_tables(taken) if taken else self._none

    def _next(self) -> pa.Table | None:
        """What is at the front; None at the end."""
        while self._rest is None or not len(self._rest):
            piece = next(self._pieces, None)
            if piece is None:
                return None
            self._rest = piece
        return self._rest
