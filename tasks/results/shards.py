"""A shard's parts put into one ordered file per table, and the files of all shards into the results folder.

Both steps trust the ledger and not what they are handed, hold a lease, write whole files, and may be run any
number of times by any number of processes: the worker that takes the chord's callback, the lead, a producer.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks import names
from tasks.data.whole import whole_file
from tasks.errors import NotFound, PartDamaged
from tasks.grid.combinations import Block, canonical
from tasks.messages import ChunkReceipt
from tasks.plan import Chunk, ChunkPlan, SweepSpec
from tasks.records.lease import Lease
from tasks.records.ledger import Ledger, LedgerState
from tasks.records.pressure import room
from tasks.results import arrow, codec, kept, manifest, relief, store
from tasks.results.joined import OWNER
from tasks.results.tables import OrderedWriter, schemas

log = logging.getLogger("sweepfleet.merge")

LEASE_SECONDS: Final = 30.0

ASK_BYTES: Final = 4 * 2**20  # of parts, in one question to Redis
ASK_PARTS: Final = 200

_Work = tuple[Chunk, ChunkReceipt]

Verdict = Literal["merged", "already", "incomplete", "held", "closed", "elsewhere"]
"""`incomplete`: a chunk is missing; `held`: somebody else is at it; `elsewhere`: the results folder is not
seen here.
"""


def merge(ledger: Ledger, shard: int, holder: str) -> Verdict:
    """Parts of a shard → one file per table in the work folder, noted in the ledger; then the parts are
    deleted.
    """
    spec, plan = ledger.spec(), ledger.plan()
    if spec is None or plan is None:
        return "closed"
    if store.marked(spec.results) != spec.identity:
        return "elsewhere"
    if shard in ledger.shard_notes():
        return "already"
    chunks = plan.shard(shard)
    receipts = ledger.receipts(c.name for c in chunks)
    if not all(receipts):
        if room(ledger.client).reason:
            relief.move_out(ledger, spec, receipts)
        return "incomplete"
    begun = time.perf_counter()
    with Lease(ledger, str(shard), holder, LEASE_SECONDS) as lease:
        if not lease.held:
            return "held"
        try:
            work = [(c, r) for c, r in zip(chunks, receipts, strict=True) if r]
            files = _write_shard(ledger, spec, shard, work, lease)
            note = {"files": files, "ms": round((time.perf_counter() - begun) * 1000)}
            kept.write(spec, shard, note, [r for r in receipts if r])
        except _PartGone as gone:
            if shard in ledger.shard_notes():  # it was merged since we asked, and its parts deleted
                return "already"
            _retract(ledger, spec, gone)
            return "incomplete"
        except OSError as e:
            raise store.refused(spec.results, spec.sweep_id, e) from e
        ledger.note_shard(shard, note)
        _drop_parts(ledger, spec, [r for r in receipts if r])
    log.info("shard merged", extra={"event": "shard_merged", "sweep": spec.sweep_id, "shard": shard})
    return "merged"


def finish(ledger: Ledger, holder: str) -> Verdict:
    """The files of all shards → the results folder; then the sweep is done."""
    spec, plan = ledger.spec(), ledger.plan()
    if spec is None or plan is None:
        return "closed"
    if (final := ledger.final()) is not None:
        _close(ledger, spec, json.loads(final)["state"])  # who wrote it may have ended before it did that
        return "already"
    if store.marked(spec.results) != spec.identity:
        return "elsewhere"
    notes = ledger.shard_notes()
    if len(notes) < len(plan.shards):
        return "incomplete"
    begun = time.perf_counter()
    with Lease(ledger, "finish", holder, LEASE_SECONDS) as lease:
        if not lease.held:
            return "held"
        if ledger.final() is not None:
            return "already"
        if lost := [s for s, note in notes.items() if not kept.stand(spec, note)]:
            _forget_shards(ledger, spec, plan, lost)
            return "incomplete"
        try:
            rows = _write_results(spec, notes, lease)
            totals = ledger.totals()
            state: Literal["done", "failed"] = "done" if totals.ok + totals.empty else "failed"
            document = manifest.build(ledger, spec, plan, notes, rows, time.perf_counter() - begun, state)
            store.write_whole(Path(spec.results) / names.MANIFEST_FILE, document.encode())
        except OSError as e:
            if ledger.final() is not None:  # another one was done first, and has cleared the shards away
                return "already"
            raise store.refused(spec.results, spec.sweep_id, e) from e
        ledger.set_final(document)
        _close(ledger, spec, state)
    log.info("sweep finished", extra={"event": "sweep_finished", "sweep": spec.sweep_id})
    return "merged"


# --- one shard -------------------------------------------------------------------------------------------


class _PartGone(Exception):
    """A receipt whose part is missing or damaged."""

    def __init__(self, chunk: Chunk, receipt: ChunkReceipt) -> None:
        super().__init__(chunk.name)
        self.chunk, self.receipt = chunk, receipt


def _write_shard(
    ledger: Ledger, spec: SweepSpec, shard: int, work: Sequence[_Work], lease: Lease
) -> dict[str, dict[str, Any]]:
    wanted = schemas(spec)
    paths = {table: kept.piece(shard, table) for table in wanted}
    folder = store.work_folder(spec.results)
    (folder / kept.FOLDER).mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        scratch = {t: stack.enter_context(whole_file(folder / p)) for t, p in paths.items()}
        with ExitStack() as writing:
            writers = {t: writing.enter_context(OrderedWriter(scratch[t], s)) for t, s in wanted.items()}
            for chunk, receipt, part in _parts(ledger, spec, work):
                lease.keep()
                _add_chunk(spec, chunk, receipt, part, writers)
        files = {
            t: {"file": paths[t], "rows": writers[t].rows, "sha256": kept.digest(scratch[t])} for t in wanted
        }
    return files


def _parts(
    ledger: Ledger, spec: SweepSpec, work: Sequence[_Work]
) -> Iterator[tuple[Chunk, ChunkReceipt, bytes]]:
    """Each chunk with its part. Redis is asked for many at once: an answer takes longer than a small part."""
    for some in _together(work):
        held = ledger.parts(chunk.name for chunk, receipt in some if not receipt.file)
        for chunk, receipt in some:
            try:
                part = store.read_part(spec.results, receipt.file) if receipt.file else next(held)
            except PartDamaged as e:
                raise _PartGone(chunk, receipt) from e
            if part is None:
                raise _PartGone(chunk, receipt)
            yield chunk, receipt, part


def _together(work: Iterable[_Work]) -> Iterator[list[_Work]]:
    some: list[_Work] = []
    size = 0
    for chunk, receipt in work:
        own = 0 if receipt.file else receipt.size_bytes
        if some and (size + own > ASK_BYTES or len(some) == ASK_PARTS):
            yield some
            some, size = [], 0
        some.append((chunk, receipt))
        size += own
    if some:
        yield some


def _add_chunk(
    spec: SweepSpec, chunk: Chunk, receipt: ChunkReceipt, part: bytes, writers: dict[str, OrderedWriter]
) -> None:
    try:
        tables = codec.decode(part, receipt.sha256)
    except PartDamaged as e:
        raise _PartGone(chunk, receipt) from e
    block = spec.space(chunk.security).block(chunk.first, chunk.last)
    summary, rows = tables["summary"], len(block)
    if len(summary) != chunk.rows or rows * chunk.count != chunk.rows:
        raise _PartGone(chunk, receipt)  # gaps or doubles: not the rows that were planned
    if summary["combination"].to_pylist() != block.ids() * chunk.count:
        raise _PartGone(chunk, receipt)
    parameters = _parameters(spec, block, writers["summary"].schema)
    whose = [spec.securities[i].name for i in range(chunk.security, chunk.until)]
    for i, name in enumerate(whose):
        own = summary.slice(i * rows, rows)
        writers["summary"].add(_summary(spec, name, parameters, own, writers["summary"].schema))
    failures = tables["failures"].append_column(
        "attempts", arrow.numbers(np.full(len(tables["failures"]), receipt.attempt), pa.int64())
    )
    writers["failures"].add(_owned(whose, failures, writers["failures"].schema))
    for table in spec.traces:
        if table in tables:
            writers[table].add(_owned(whose, tables[table], writers[table].schema))


def _parameters(spec: SweepSpec, block: Block, schema: pa.Schema) -> list[pa.Array]:
    columns = []
    for name, _ in spec.parameters:
        values, kind = block.columns[name], schema.field(name).type
        if kind == pa.string():  # text as it is, a list or map as canonical JSON
            values = [v if v is None or isinstance(v, str) else canonical(v) for v in values]
        columns.append(arrow.column(values, kind))
    return columns


def _summary(
    spec: SweepSpec, security: str, parameters: list[pa.Array], found: pa.Table, schema: pa.Schema
) -> pa.Table:
    rows = len(found)
    columns = [arrow.repeated(security, rows), found["combination"], found["status"], *parameters]
    for name, _ in spec.metrics:
        absent = name not in found.column_names
        columns.append(arrow.nulls(rows, schema.field(name).type) if absent else found[name])
    return arrow.table(columns, schema)


def _owned(whose: Sequence[str], table: pa.Table, schema: pa.Schema) -> pa.Table:
    """With the name of each row's security in place of its number."""
    if not len(table):  # no chunk of a column to combine: Arrow would make one, and load pandas for it
        return arrow.empty(schema)
    owners = arrow.texts(whose).take(table[OWNER].combine_chunks())
    return arrow.table([owners, *(table[name] for name in schema.names[1:])], schema)


def _retract(ledger: Ledger, spec: SweepSpec, gone: _PartGone) -> None:
    log.warning("part is gone; its chunk runs again", extra={"event": "part_gone", "chunk": gone.chunk.name})
    ledger.retract(gone.receipt, gone.chunk.cost_ms)


def _drop_parts(ledger: Ledger, spec: SweepSpec, receipts: list[ChunkReceipt]) -> None:
    ledger.drop_parts(r.chunk for r in receipts if r.file is None)
    for receipt in receipts:
        if receipt.file:
            store.part_file(spec.results, receipt.file).unlink(missing_ok=True)


# --- the whole sweep -------------------------------------------------------------------------------------


def _write_results(spec: SweepSpec, notes: dict[int, dict[str, Any]], lease: Lease) -> dict[str, int]:
    """Rows of each table, after the last of them has its final name."""
    results, rows = Path(spec.results), {}
    with ExitStack() as stack:
        for table, schema in schemas(spec).items():
            scratch = stack.enter_context(whole_file(results / f"{table}.parquet"))
            with OrderedWriter(scratch, schema) as writer:
                for piece in _pieces(spec, notes, table):
                    lease.keep()
                    writer.add(piece)
            rows[table] = writer.rows
        if rows["summary"] != spec.total:
            raise NotFound(f"{rows['summary']} rows for {spec.total} planned backtests", sweep=spec.sweep_id)
        overrides = "".join(f"# with {k} = {v}\n" for k, v in spec.overrides.items())
        store.write_whole(results / names.SWEEP_FILE, (overrides + spec.text).encode())
    return rows


def _close(ledger: Ledger, spec: SweepSpec, state: LedgerState) -> None:
    """The results stand. Nobody needs the pieces now; spec, plan and notes stay, for `resume --failed`."""
    ledger.move(state, only_from=("open", "cancelling"))
    folder = store.work_folder(spec.results)
    shutil.rmtree(folder / "parts", ignore_errors=True)
    for piece in (folder / kept.FOLDER).glob("*.parquet"):
        piece.unlink(missing_ok=True)


def _pieces(spec: SweepSpec, notes: dict[int, dict[str, Any]], table: str) -> Iterator[pa.Table]:
    folder, seen = store.work_folder(spec.results), None
    for shard in sorted(notes):
        with pq.ParquetFile(folder / notes[shard]["files"][table]["file"]) as file:
            for batch in file.iter_batches(batch_size=16_384):
                piece = pa.Table.from_batches([batch])
                if table == "failures":
                    piece, seen = _once(piece, seen)
                yield piece


def _once(failures: pa.Table, seen: tuple[Any, ...] | None) -> tuple[pa.Table, tuple[Any, ...] | None]:
    """A fault of a whole security is one row, however many chunks met it."""
    keep = []
    for row in failures.select(["combination", "security", "error", "message"]).to_pylist():
        whole = None if row["combination"] is not None else (row["security"], row["error"], row["message"])
        keep.append(whole is None or whole != seen)
        seen = whole or seen
    return failures.filter(arrow.flags(np.array(keep, np.bool_))), seen


def _forget_shards(ledger: Ledger, spec: SweepSpec, plan: ChunkPlan, shards: list[int]) -> None:
    """Their files are gone or damaged and their parts were deleted: the chunks run again."""
    log.warning(
        "merged shards are gone; they run again", extra={"event": "shards_gone", "sweep": spec.sweep_id}
    )
    for shard in shards:
        chunks = plan.shard(shard)
        for chunk, receipt in zip(chunks, ledger.receipts(c.name for c in chunks), strict=True):
            if receipt:
                ledger.retract(receipt, chunk.cost_ms)
        ledger.forget_shard(shard)
        kept.forget(spec, shard)
