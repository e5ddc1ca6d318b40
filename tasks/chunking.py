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
PILOT_ROWS: Final = 8  # combinations of a chunk of the first round
PILOT_MS: Final = 60.0  # a chunk that takes this long shows what a combination costs
PILOT_GROWTH: Final = 64.0
PILOT_SHARE: Final = 0.1  # of all backtests; a sweep whose tenth is measured that fast needs no more
MOST_PILOTS: Final = 16
UNMEASURED_BACKTESTS: Final = 32  # a sweep this small is over before a pilot would have told anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`execution.chunk`: a fixed number of combinations, or a time to aim at within bounds."""

    size: int | None = None
    target_seconds: float = 2.0
    least: int = 1
    most: int | None = None


def pilot(spec: SweepSpec, slots: int, earlier: Mapping[Chunk, float | None]) -> tuple[Chunk, ...]:
    """The next few chunks to measure, spread over securities and combinations; none where enough is known.

    `earlier` are the pilots so far with their milliseconds, None where they have not come back. Each round is
    larger, until one takes long enough for its cost not to be mostly overhead.
    """
    rule = Rule(**spec.chunk)
    if rule.size is not None or spec.total <= UNMEASURED_BACKTESTS:
        return ()
    size = _pilot_size(spec, earlier)
    if size is None:
        return ()
    count = max(2, min(2 * slots, MOST_PILOTS))
    work = [i for i, s in enumerate(spec.securities) if s.backtests]
    taken, chunks = list(earlier), list[Chunk]()
    for i in range(count):
        security = work[i * len(work) // count]
        last = spec.securities[security].last
        first = last * (2 * i + 1) // (2 * count)  # mid-stretch: no end of the grid is favoured
        own = sorted((c for c in taken if c.security == security), key=lambda c: c.first)
        for chunk in own:  # behind the earlier rounds' chunks that begin there
            first = chunk.last if chunk.first <= first < chunk.last else first
        end = min([last, first + size, *(c.first for c in own if c.first > first)])
        rows = spec.space(security).count_between(first, end) if first < end else 0
        if rows:
            chunks.append(Chunk(security=security, first=first, last=end, rows=rows, cost_ms=0))
            taken.append(chunks[-1])
    return tuple(chunks)


def _pilot_size(spec: SweepSpec, earlier: Mapping[Chunk, float | None]) -> int | None:
    """Combinations of the next round's chunks; None where no round is needed."""
    if not earlier:
        return PILOT_ROWS
    rows = max(c.rows for c in earlier)
    measured = [ms for c, ms in earlier.items() if ms is not None and 2 * c.rows > rows]
    if not measured or rows * len(earlier) > spec.total * PILOT_SHARE:
        return None
    is_first_round = rows <= PILOT_ROWS  # whose times are mostly those of opening data and loading code
    if not is_first_round and median(measured) >= PILOT_MS:
        return None
    growth = 2 * PILOT_MS / max(min(measured), 0.1)
    return round(rows * min(PILOT_GROWTH, max(growth, 2.0)))


def cut(spec: SweepSpec, slots: int, piloted: Mapping[Chunk, float | None]) -> ChunkPlan:
    """The whole sweep in chunks; the pilots are part of it as they are, measured or still on their way."""
    rule, cost = Rule(**spec.chunk), _Cost(spec, piloted)
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
            for first, last, rows in _pieces(space, at, end, size, None if rule.size else spec.groups):
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
                ms = max(1, round(piloted[chunk] or chunk.rows * each))
                chunks.append(
                    Chunk(security=security, first=chunk.first, last=chunk.last, rows=chunk.rows, cost_ms=ms)
                )
                at = chunk.last
    return ChunkPlan(chunks=tuple(chunks), shards=tuple(_shards(chunks)))


class _Cost:
    """Milliseconds of one backtest, per security: measured, or from the others by its events."""

    def __init__(self, spec: SweepSpec, piloted: Mapping[Chunk, float | None]) -> None:
        self._events = [max(s.events, 1) for s in spec.securities]
        known = {c: ms for c, ms in piloted.items() if ms}
        most = max(
            (c.rows for c in known), default=0
        )  # the largest: in small ones the overhead is what one sees
        known = {c: ms for c, ms in known.items() if 2 * c.rows > most}
        per_event = [ms / (c.rows * self._events[c.security]) for c, ms in known.items()]
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
    rows = max(1.0, stride * space.count() / space.raw_size)
    if stride < space.raw_size and rows < size:  # several whole groups a chunk, about as many in each
        all_groups = math.ceil(space.raw_size / stride)
        stride *= math.ceil(all_groups / math.ceil(all_groups / int(size / rows)))
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
    is_dense = rows == last - first  # nothing is excluded: ends are known without a search
    pieces = math.ceil(rows / size)
    bounds = [min(rows, size * i) if exact else rows * i // pieces for i in range(pieces + 1)]
    at = first
    for low, high in pairwise(bounds):
        end = last if high == rows else first + high if is_dense else space.first_raw(before + high)
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
