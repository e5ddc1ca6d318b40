"""One chunk from request to receipt: ask the ledger, load, run, keep, answer. Safe to run twice.

Whatever goes wrong in data or strategy is a result (status `failed`). Only a Redis that stays away is an
exception, and then nothing is lost either: the message is given out again.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tasks import codec, runner, store
from tasks.combinations import Block
from tasks.connection import TRANSIENT
from tasks.context import Context
from tasks.errors import NotFound, StrategyError, SweepError
from tasks.joined import joined
from tasks.messages import ChunkReceipt, ChunkRequest
from tasks.plan import SweepSpec
from tasks.runner import ChunkResult, Failure, Fatal

log = logging.getLogger("sweepfleet.chunk")

MOST_STARTS: Final = 3  # a chunk that was started so often and never came back is not started again
FILE_FROM_BYTES: Final = 32 * 2**20  # larger parts go to the results store
REDIS_MOST_BYTES: Final = 400 * 2**20  # Redis refuses strings above 512 MB
COMMIT_SECONDS: Final = 600
COMMIT_PAUSE_SECONDS: Final = 2.0


def evaluate(context: Context, request: ChunkRequest, node: str, fatal: Fatal = ()) -> ChunkReceipt | None:
    """The receipt that stands for this chunk; None where its sweep is closed.

    `fatal` are the exceptions that mean that time is up.
    """
    ledger = context.ledger(request.sweep_id)
    started = time.time()
    start = ledger.start(request)
    if start.verdict != "start":
        return start.receipt
    try:
        spec = context.spec(request.sweep_id, start.stamp)
    except NotFound:  # forgotten between two messages: nothing to do and nobody to tell
        return None
    spent = dict.fromkeys(("load_ms", "compute_ms", "cpu_ms", "encode_ms"), 0.0)
    results = _results(context, spec, request, start.starts, spent, fatal)
    with _measured(spent, "encode_ms"):
        result = joined([*results.values()])
        part = codec.encode(result.tables)
        file = _write(spec, request, part)
        if file is None and len(part) > REDIS_MOST_BYTES:
            results = _too_large(spec, request, len(part))
            result = joined([*results.values()])
            part = codec.encode(result.tables)
    receipt = ChunkReceipt(
        chunk=request.name,
        outcome=_outcome(result, start.starts),
        sha256=codec.checksum(part),
        size_bytes=len(part),
        ok=result.ok,
        failed=result.failed,
        empty=result.empty,
        attempt=start.starts,
        node=node,
        file=file,
        wait_ms=max(0.0, started - request.published) * 1000 if request.published else 0.0,
        started=started,
        peak_bytes=_peak_bytes(),
        error=_first_error(result),
        failing={spec.securities[i].name: r.failed for i, r in results.items() if r.failed},
        **spent,
    )
    log.info("chunk kept", extra={"event": "chunk_kept", "sweep": request.sweep_id, "chunk": request.name})
    return _commit(context, request, receipt, b"" if file else part)


def _results(
    context: Context,
    spec: SweepSpec,
    request: ChunkRequest,
    starts: int,
    spent: dict[str, float],
    fatal: Fatal,
) -> dict[int, ChunkResult]:
    """Each security's result; a failure of data, time or memory is a result as well."""
    block = spec.space(request.security).block(request.first, request.last)
    securities = range(request.security, request.security + request.count)
    if starts > MOST_STARTS:
        message = f"the worker process ended {starts - 1} times while it ran this chunk"
        failure = Failure(combination=None, error="Quarantined", message=message)
        return dict.fromkeys(securities, runner.all_failed(block, failure))
    results: dict[int, ChunkResult] = {}
    try:
        for security in securities:
            results[security] = _result(context, spec, security, block, spent, fatal)
    except fatal:  # time is up for those that come behind, too
        message = f"no result within {spec.timeout_seconds:g} s (execution.timeout)"
        failure = Failure(combination=None, error="TimeLimit", message=message)
        late = runner.all_failed(block, failure)
        results = {security: results.get(security, late) for security in securities}
    return results


def _result(
    context: Context, spec: SweepSpec, security: int, block: Block, spent: dict[str, float], fatal: Fatal
) -> ChunkResult:
    try:
        with _measured(spent, "load_ms"):
            about = context.strategy(spec)
            data = context.data(spec, security, about)
        if data is None:
            return runner.all_empty(block)
        cpu = time.process_time()
        with _measured(spent, "compute_ms"):
            result = runner.evaluate(about, data, block, tuple(spec.traces), fatal, spec.seed)
        spent["cpu_ms"] += (time.process_time() - cpu) * 1000
    except fatal:
        raise
    except SweepError as e:  # a fault that we name: the name and the message say it all
        said = f"{e.message}; {e.hint}" if isinstance(e, StrategyError) and e.hint else e.message
        return runner.all_failed(block, Failure(combination=None, error=type(e).__name__, message=said))
    except TRANSIENT:
        raise
    except (Exception, MemoryError) as e:  # the strategy's own code, in `prepare`
        return runner.all_failed(block, Failure.of(e))
    return result


def _write(spec: SweepSpec, request: ChunkRequest, part: bytes) -> str | None:
    """The part's file below the work folder, where it is one; None: it goes into Redis."""
    if not (spec.traces or len(part) > FILE_FROM_BYTES) or store.marked(spec.results) != spec.identity:
        return None
    file = store.part_path(request.name)
    try:
        store.write_whole(store.work_folder(spec.results) / file, part)
    except OSError as e:  # a full disk here is no fault of the chunk
        fields = {"event": "part_not_written", "chunk": request.name}
        log.warning("a part cannot be written and goes to Redis: %s", e, extra=fields)
        return None
    return file


def _too_large(spec: SweepSpec, request: ChunkRequest, size: int) -> dict[int, ChunkResult]:
    block = spec.space(request.security).block(request.first, request.last)
    message = f"a result of {size:,} bytes is too large for Redis, and cannot be written to {spec.results}"
    failed = runner.all_failed(block, Failure(combination=None, error="PartTooLarge", message=message))
    return dict.fromkeys(range(request.security, request.security + request.count), failed)


def _commit(
    context: Context, request: ChunkRequest, receipt: ChunkReceipt, part: bytes
) -> ChunkReceipt | None:
    """Waits out a Redis that is away: the work is done, and throwing it away would only repeat it."""
    until = time.monotonic() + COMMIT_SECONDS
    while True:
        try:
            return context.ledger(request.sweep_id).commit(request, receipt, part)
        except TRANSIENT:
            if time.monotonic() > until:
                raise
            log.warning(
                "Redis is away; the result waits", extra={"event": "commit_waits", "chunk": request.name}
            )
            time.sleep(COMMIT_PAUSE_SECONDS)


def _outcome(result: ChunkResult, starts: int) -> Any:
    if starts > MOST_STARTS:
        return "quarantined"
    return "failed" if result.failed and not result.ok else "ok"


def _first_error(result: ChunkResult) -> str:
    failures = result.tables["failures"]
    if not len(failures):
        return ""
    return f"{failures['error'][0].as_py()}: {failures['message'][0].as_py()}"[:200]


@contextmanager
def _measured(spent: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        spent[name] += (time.perf_counter() - begun) * 1000


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
