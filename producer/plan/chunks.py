"""Securities × combinations → chunks of about `target` seconds each, and chunks → shards. Pure: costs in,
plan out.

A pilot of a few chunks is measured first; what it says about milliseconds per event and combination sizes the
rest. Whatever the sizes, the result is the same to the byte, so nothing here has to be exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from tasks.combinations import Space
from tasks.plan import Chunk, ChunkPlan, SweepSpec

LEAST_SECONDS: Final = 0.3  # Celery costs 3-5 ms a task: 1 %
PARTS_PER_CORE: Final = 4  # no chunk is more than a quarter of one core's work, so that all end together
STARTS_PER_SECOND: Final = 500  # more chunks than that in a second would be felt by one Redis
TIMEOUT_SHARE: Final = 10  # a chunk takes a tenth of its time limit at most
MOST_ROWS: Final = 50_000  # of one chunk: some 10 MB of results
SHARD_CHUNKS: Final = 500
SHARD_ROWS: Final = 250_000  # what a merge holds in Redis before it begins
PILOT_ROWS: Final = 8  # combinations of one pilot chunk
UNMEASURED_BACKTESTS: Final = 32  # a sweep this small is over before a pilot would have told anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`execution.chunk`: a fixed number of combinations, or a time to aim at within bounds."""

    size: int | None = None
    target_seconds: float = 2.0
    least: int = 1
    most: int | None = None


def pilot(spec: SweepSpec, rule: Rule, slots: int) -> tuple[Chunk, ...]:
    """A few small chunks, spread over securities and combinations; none where measuring would not pay."""
    if rule.size is not None or spec.total <= UNMEASURED_BACKTESTS:
        return ()
    count = max(2, min(2 * slots, 16))
    work = [i for i, s in enumerate(spec.securities) if s.backtests]
    chunks: dict[str, Chunk] = {}
    for i in range(count):
        security = work[i * len(work) // count]
        last = spec.securities[security].last
        first = (
            last * (2 * i + 1) // (2 * count)
        )  # the middle of the i-th stretch: no value of the grid is favoured
        end = min(last, first + PILOT_ROWS)
        rows = spec.space(security).count_between(first, end)
        inside = any(c.security == security and c.first < end and first < c.last for c in chunks.values())
        if rows and not inside:
            chunk = Chunk(security=security, first=first, last=end, rows=rows, cost_ms=0)
            chunks[chunk.name] = chunk
    return tuple(chunks.values())


def cut(
    spec: SweepSpec, rule: Rule, slots: int, piloted: Mapping[Chunk, float], groups: Sequence[str]
) -> ChunkPlan:
    """The whole sweep in chunks; piloted ones (chunk to milliseconds) are part of it as they are."""
    cost = _Cost(spec, piloted)
    target_ms = 1000 * _target_seconds(spec, rule, slots, cost)
    chunks: list[Chunk] = []
    for security, work in enumerate(spec.securities):
        if not work.backtests:
            continue
        space, each = spec.space(security), cost.each(security)
        own = sorted((c for c in piloted if c.security == security), key=lambda c: c.first)
        size = rule.size or _size(rule, target_ms, each)
        at = 0
        for chunk in [*own, None]:
            end = chunk.first if chunk else work.last
            for first, last, rows in _pieces(space, at, end, size, None if rule.size else groups):
                chunks.append(
                    Chunk(
                        security=security,
                        first=first,
                        last=last,
                        rows=rows,
                        cost_ms=max(1, round(rows * each)),
                    )
                )
            if chunk:
                ms = max(1, round(piloted[chunk]))
                chunks.append(
                    Chunk(security=security, first=chunk.first, last=chunk.last, rows=chunk.rows, cost_ms=ms)
                )
                at = chunk.last
    return ChunkPlan(chunks=tuple(chunks), shards=tuple(_shards(chunks)))


class _Cost:
    """Milliseconds of one backtest, per security: measured, or from the others by its events."""

    def __init__(self, spec: SweepSpec, piloted: Mapping[Chunk, float]) -> None:
        self._events = [max(s.events, 1) for s in spec.securities]
        per_event = [ms / (c.rows * self._events[c.security]) for c, ms in piloted.items() if ms > 0]
        self._per_event = sum(per_event) / len(per_event) if per_event else 0.0
        self.measured = bool(per_event)

    def each(self, security: int) -> float:
        return self._per_event * self._events[security] if self.measured else 1.0


def _target_seconds(spec: SweepSpec, rule: Rule, slots: int, cost: _Cost) -> float:
    slots = max(slots, 1)
    all_seconds = sum(cost.each(i) * s.backtests for i, s in enumerate(spec.securities)) / 1000
    target = max(rule.target_seconds, slots / STARTS_PER_SECOND)
    if cost.measured:
        target = min(target, max(LEAST_SECONDS, all_seconds / slots / PARTS_PER_CORE))
    else:  # a small sweep, unmeasured: spread it over the cores
        target = max(spec.total / slots / PARTS_PER_CORE / 1000, 0.001)
    return min(target, spec.timeout_seconds / TIMEOUT_SHARE)


def _size(rule: Rule, target_ms: float, each_ms: float) -> int:
    size = max(1, round(target_ms / each_ms)) if each_ms > 0 else MOST_ROWS
    return max(rule.least, min(size, rule.most or MOST_ROWS, MOST_ROWS))


def _pieces(
    space: Space, first: int, last: int, size: int, groups: Sequence[str] | None
) -> Iterator[tuple[int, int, int]]:
    """Ranges of raw combinations with about `size` valid ones each, of equal share; first along `groups`."""
    stride = _stride(space, groups) if groups else space.raw_size
    if stride < size:  # whole blocks of what shares work
        size, stride = size - size % stride, space.raw_size
    at = first
    while at < last:
        end = min(last, at - at % stride + stride)
        yield from _even(space, at, end, size, exact=groups is None)
        at = end


def _even(space: Space, first: int, last: int, size: int, *, exact: bool) -> Iterator[tuple[int, int, int]]:
    rows = space.count_between(first, last)
    if not rows:
        return
    before = space.count_between(0, first)
    pieces = math.ceil(rows / size)
    bounds = [min(rows, size * i) if exact else rows * i // pieces for i in range(pieces + 1)]
    at = first
    for low, high in pairwise(bounds):
        end = last if high == rows else space.first_raw(before + high)
        yield at, end, high - low
        at = end


def _stride(space: Space, groups: Sequence[str]) -> int:
    """How many neighbouring combinations have equal values of `groups`."""
    if space.points is not None:
        return space.raw_size
    stride = 1
    for name, values in reversed(space.axes):
        if name in groups and len(values) > 1:
            return stride
        stride *= len(values)
    return stride


def _shards(chunks: Sequence[Chunk]) -> Iterator[tuple[int, int]]:
    first = rows = 0
    for i, chunk in enumerate(chunks):
        if i > first and (i - first >= SHARD_CHUNKS or rows + chunk.rows > SHARD_ROWS):
            yield first, i
            first, rows = i, 0
        rows += chunk.rows
    if len(chunks) > first:
        yield first, len(chunks)


def typical_size(plan: ChunkPlan) -> int:
    """Combinations of a usual chunk, for people."""
    return round(median(c.rows for c in plan.chunks)) if plan.chunks else 0
