"""One chunk from request to receipt: ask the ledger, load, run, keep, answer. Safe to run twice.

Whatever goes wrong in data or strategy is a result (status `failed`). Only a Redis that stays away is an
exception, and then nothing is lost either: the message is given out again.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from tasks.chunks import outcomes
from tasks.chunks.apart import LIMITS, Apart
from tasks.chunks.context import Context
from tasks.errors import NotFound
from tasks.messages import ChunkReceipt, ChunkRequest
from tasks.plan import SweepSpec
from tasks.records.counts import Start
from tasks.records.lease import Lease
from tasks.records.ledger import Ledger
from tasks.results import codec, store
from tasks.results.joined import joined
from tasks.runner import ChunkResult, Fatal
from tasks.wire.connection import TRANSIENT

log = logging.getLogger("sweepfleet.chunk")

Again = Callable[[float], None]

FILE_FROM_BYTES: Final = 32 * 2**20  # larger parts go to the results store
SMALL_BYTES: Final = 4096  # not worth a file, however full Redis is
REDIS_MOST_BYTES: Final = 400 * 2**20  # Redis refuses strings above 512 MB
COMMIT_SECONDS: Final = 600
COMMIT_PAUSE_SECONDS: Final = 2.0


def evaluate(
    context: Context,
    request: ChunkRequest,
    node: str,
    fatal: Fatal = (),
    again: Again | None = None,
    *,
    alone: bool = False,
) -> ChunkReceipt | None:
    """The receipt that stands for this chunk; None where its sweep is closed, or where another message or
    process is to find it.

    `fatal` are the exceptions that mean that time is up. `again` gives the chunk out in a message that allows
    so many seconds; that one says `alone`, and its combinations run in processes of their own.
    """
    ledger = context.ledger(request.sweep_id)
    started = time.time()
    start = ledger.start(request, hurried=again is not None, node=node)
    if start.verdict in ("done", "closed"):
        return start.receipt
    try:
        spec = context.spec(request.sweep_id, start.stamp)
    except NotFound:  # forgotten between two messages: nothing to do and nobody to tell
        return None
    if start.verdict == "alone" and again:
        again(LIMITS * spec.timeout_seconds)
        return None
    begun = _Begun(context, spec, request, node, start, started)
    if not alone and start.chances > 0:
        return _evaluated(begun, fatal, again, None, None)
    with Lease(ledger, request.name, f"{node}/{os.getpid()}", context.settings.lease_seconds) as lease:
        if lease.held:
            keep = partial(_keep, begun, lease)
            apart = Apart.within(spec.timeout_seconds, keep) if alone or spec.retries else None
            return _evaluated(begun, fatal, again, lease, apart)
    # delivered twice, or whoever had it ended: who leads will find out which
    ledger.put_back(request, uncounted=start.counted)
    return None


@dataclass(frozen=True, slots=True)
class _Begun:
    """A chunk that this process has in hand."""

    context: Context
    spec: SweepSpec
    request: ChunkRequest
    node: str
    start: Start
    started: float

    @property
    def ledger(self) -> Ledger:
        return self.context.ledger(self.request.sweep_id)


def _evaluated(
    begun: _Begun, fatal: Fatal, again: Again | None, lease: Lease | None, apart: Apart | None
) -> ChunkReceipt | None:
    context, spec, request, start = begun.context, begun.spec, begun.request, begun.start
    spent = dict.fromkeys(("load_ms", "compute_ms", "cpu_ms", "encode_ms"), 0.0)
    try:
        results = outcomes.found(context, spec, request, start, spent, fatal, apart)
    except fatal:
        if again and request.count * (request.last - request.first) > 1:
            uncounted = "" if spec.retries else start.counted  # its process is not lost
            begun.ledger.put_back(request, uncounted=uncounted)
            if lease:
                lease.end()
            again(LIMITS * spec.timeout_seconds)
            return None
        results = outcomes.late(spec, request)
    receipt, part = _receipt(spec, request, results, start, spent)
    receipt = replace(
        receipt,
        node=begun.node,
        wait_ms=max(0.0, begun.started - request.published) * 1000 if request.published else 0.0,
        started=begun.started,
    )
    log.info("chunk kept", extra={"event": "chunk_kept", "sweep": request.sweep_id, "chunk": request.name})
    return _commit(context, spec, request, receipt, part)


def _keep(begun: _Begun, lease: Lease) -> None:
    """Between combinations that run apart: the chunk takes long, and is not lost for that."""
    with suppress(*TRANSIENT):  # at the next chance
        if lease.keep():
            begun.ledger.keep_in_hand(begun.request, begun.node)


def _receipt(
    spec: SweepSpec,
    request: ChunkRequest,
    results: dict[int, ChunkResult],
    start: Start,
    spent: dict[str, float],
) -> tuple[ChunkReceipt, bytes]:
    """What is to be kept of the results, and where; the bytes are empty where they are in a file already."""
    with outcomes.measured(spent, "encode_ms"):
        result = joined([*results.values()])
        part = codec.encode(result.tables)
        file = _write(spec, request, part)
        if file is None and len(part) > REDIS_MOST_BYTES:
            results = outcomes.too_large(spec, request, len(part))
            result = joined([*results.values()])
            part = codec.encode(result.tables)
    receipt = ChunkReceipt(
        chunk=request.name,
        outcome=_outcome(result, start),
        sha256=codec.checksum(part),
        size_bytes=len(part),
        ok=result.ok,
        failed=result.failed,
        empty=result.empty,
        attempt=start.starts,
        node="",
        file=file,
        peak_bytes=_peak_bytes(),
        error=_first_error(result),
        failing={spec.securities[i].name: r.failed for i, r in results.items() if r.failed},
        **spent,
    )
    return receipt, b"" if file else part


def _write(spec: SweepSpec, request: ChunkRequest, part: bytes) -> str | None:
    """The part's file below the work folder, where it is one; None: it goes into Redis."""
    return _in_file(spec, request, part) if spec.traces or len(part) > FILE_FROM_BYTES else None


def _in_file(spec: SweepSpec, request: ChunkRequest, part: bytes) -> str | None:
    """None where the folder is not seen from here, or is full."""
    if store.marked(spec.results) != spec.identity:
        return None
    file = store.part_path(request.name)
    try:
        store.write_whole(store.work_folder(spec.results) / file, part)
    except OSError as e:  # a full disk here is no fault of the chunk
        fields = {"event": "part_not_written", "chunk": request.name}
        log.warning("a part cannot be written and goes to Redis: %s", e, extra=fields)
        return None
    return file


def _commit(
    context: Context, spec: SweepSpec, request: ChunkRequest, receipt: ChunkReceipt, part: bytes
) -> ChunkReceipt | None:
    """Waits out a Redis that is away or full: the work is done, throwing it away would only repeat it."""
    until, waits = time.monotonic() + COMMIT_SECONDS, False
    while True:
        try:
            crowded = len(part) > SMALL_BYTES and context.gauge.reason()
            if crowded and (file := _in_file(spec, request, part)):
                receipt, part = replace(receipt, file=file), b""
            return context.ledger(request.sweep_id).commit(request, receipt, part)
        except TRANSIENT:
            if time.monotonic() > until:
                raise
            if not waits:
                fields = {"event": "commit_waits", "chunk": request.name}
                log.warning("Redis takes no result; it waits", extra=fields)
            waits = True
            time.sleep(COMMIT_PAUSE_SECONDS)


def _outcome(result: ChunkResult, start: Start) -> Any:
    if start.chances < 0:
        return "quarantined"
    return "failed" if result.failed and not result.ok else "ok"


def _first_error(result: ChunkResult) -> str:
    failures = result.tables["failures"]
    if not len(failures):
        return ""
    return f"{failures['error'][0].as_py()}: {failures['message'][0].as_py()}"[:200]


def _peak_bytes() -> int:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    peak = max(u.ru_maxrss for u in used)
    return peak if sys.platform == "darwin" else peak * 1024
