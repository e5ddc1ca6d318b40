"""What each security of a chunk comes to: its result, and where there is none the failure that says why."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tasks import runner
from tasks.chunks.apart import Apart
from tasks.chunks.context import Context
from tasks.contract import Columns
from tasks.errors import SweepError, TimeLimit
from tasks.grid.combinations import Block
from tasks.messages import ChunkRequest
from tasks.plan import SweepSpec
from tasks.plugins.registry import Description
from tasks.records.counts import Start
from tasks.runner import ChunkResult, Failure, Fatal
from tasks.wire.connection import TRANSIENT


def found(
    context: Context,
    spec: SweepSpec,
    request: ChunkRequest,
    start: Start,
    spent: dict[str, float],
    fatal: Fatal,
    apart: Apart | None = None,
) -> dict[int, ChunkResult]:
    """Each security's result; a failure of data, code or memory is a result as well."""
    block = spec.space(request.security).block(request.first, request.last)
    securities = range(request.security, request.security + request.count)
    if start.chances < 0:
        often = "once" if start.starts == 2 else f"{start.starts - 1} times"
        message = f"the worker process ended {often} while it ran this chunk (execution.retries)"
        failure = Failure(combination=None, error="Quarantined", message=message)
        return dict.fromkeys(securities, runner.all_failed(block, failure))
    try:
        about = context.strategy(spec)
    except SweepError as e:
        return dict.fromkeys(securities, runner.all_failed(block, Failure.named(e)))
    work = _Work(context, spec, about, block, apart)
    return {security: _result(work, security, spent, fatal) for security in securities}


@dataclass(frozen=True, slots=True)
class _Work:
    """What the securities of a chunk have in common."""

    context: Context
    spec: SweepSpec
    about: Description
    block: Block
    apart: Apart | None

    def load(self, security: int) -> Columns | None:
        if self.apart:
            self.apart.survives(lambda: self.context.data(self.spec, security, self.about))
        return self.context.data(self.spec, security, self.about)

    def evaluate(self, data: Columns, fatal: Fatal) -> ChunkResult:
        keep = tuple(self.spec.traces)
        if self.apart:
            return self.apart.evaluate(self.about, data, self.block, keep, self.spec.seed)
        return runner.evaluate(self.about, data, self.block, keep, fatal, self.spec.seed)


def _result(work: _Work, security: int, spent: dict[str, float], fatal: Fatal) -> ChunkResult:
    try:
        with measured(spent, "load_ms"):
            data = work.load(security)
        if data is None:
            return runner.all_empty(work.block)
        cpu = _cpu_ms()
        with measured(spent, "compute_ms"):
            result = work.evaluate(data, fatal)
        spent["cpu_ms"] += _cpu_ms() - cpu
    except SweepError as e:
        return runner.all_failed(work.block, Failure.named(e))
    except TRANSIENT:
        raise
    except BaseException as e:  # the strategy's own code, in `prepare`
        if not runner.is_result(e, fatal):
            raise
        return runner.all_failed(work.block, Failure.of(e))
    return result


def late(spec: SweepSpec, request: ChunkRequest) -> dict[int, ChunkResult]:
    block = spec.space(request.security).block(request.first, request.last)
    late = TimeLimit(f"no result within {spec.timeout_seconds:g} s (execution.timeout)")
    failed = runner.all_failed(block, Failure.named(late, block.ids()[0] if len(block) == 1 else None))
    return dict.fromkeys(range(request.security, request.security + request.count), failed)


def too_large(spec: SweepSpec, request: ChunkRequest, size: int) -> dict[int, ChunkResult]:
    block = spec.space(request.security).block(request.first, request.last)
    message = f"a result of {size:,} bytes is too large for Redis, and cannot be written to {spec.results}"
    failed = runner.all_failed(block, Failure(combination=None, error="PartTooLarge", message=message))
    return dict.fromkeys(range(request.security, request.security + request.count), failed)


@contextmanager
def measured(spent: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        spent[name] += (time.perf_counter() - begun) * 1000


def _cpu_ms() -> float:
    """Of this process and of those that it has started and seen end."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return 1000 * sum(u.ru_utime + u.ru_stime for u in used)
