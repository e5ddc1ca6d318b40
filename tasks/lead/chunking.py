"""Securities × combinations → chunks of about `target` seconds each, and chunks → shards. Pure: costs in,
plan out.

A pilot of a few chunks is measured first; what it says about milliseconds per event and combination sizes the
rest. Whatever the sizes, the result is the same to the byte, so nothing here has to be exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count as numbers
from itertools import pairwise
from statistics import median
from typing import Final

from tasks.grid.combinations import Space
from tasks.plan import Chunk, ChunkPlan, SweepSpec

LEAST_SECONDS: Final = 0.3  # Celery costs 3-5 ms a task: 1 %
PARTS_PER_CORE: Final = 4  # no chunk is more than a quarter of one core's work, so that all end together
STARTS_PER_SECOND: Final = 500  # more chunks than that in a second would be felt by one Redis
TIMEOUT_SHARE: Final = 10  # a chunk takes a tenth of its time limit at most
MOST_ROWS: Final = 50_000  # of one chunk: some 10 MB of results
SHARD_CHUNKS: Final = 500
SHARD_ROWS: Final = 65_536  # a merge begins while the chunks of the next shard run
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
    size = _pilot_size(spec, earlier, rule.most or MOST_ROWS)
    if size is None:
        return ()
    count = max(2, min(2 * slots, MOST_PILOTS))
    work = [i for i, s in enumerate(spec.securities) if s.backtests]
    taken, chunks = list(earlier), list[Chunk]()
    for i in range(count):
        security = work[i * len(work) // count]
        found = _whole_securities(spec, security, size, taken) or _stretch(
            spec, security, (2 * i + 1) / (2 * count), size, taken
        )
        if found is not None:
            chunks.append(found)
            taken.append(found)
    return tuple(chunks)


def _stretch(spec: SweepSpec, security: int, place: float, size: int, taken: Sequence[Chunk]) -> Chunk | None:
    """About `size` combinations of one security, from that share of them on, behind what is taken there."""
    last = spec.securities[security].last
    first = int(last * place)  # mid-stretch: no end of the grid is favoured
    own = sorted((c for c in taken if c.security <= security < c.until), key=lambda c: c.first)
    for chunk in own:
        first = chunk.last if chunk.first <= first < chunk.last else first
    end = min([last, first + size, *(c.first for c in own if c.first > first)])
    rows = spec.space(security).count_between(first, end) if first < end else 0
    return Chunk(security=security, first=first, last=end, rows=rows, cost_ms=0) if rows else None


def _whole_securities(spec: SweepSpec, security: int, size: int, taken: Sequence[Chunk]) -> Chunk | None:
    """Neighbours with `size` combinations together, where one alone has less: from the first free one on."""
    each = spec.securities[security].backtests
    if 2 * each > size:
        return None
    busy = {i for c in taken for i in range(c.security, c.until)}
    first, security = security, next(i for i in numbers(security) if i not in busy)
    if not _alike(spec, first, security):
        return None
    end = security
    while (end - security) * each < size and _alike(spec, security, end) and end not in busy:
        end += 1
    if end == security:
        return None
    return _batch(spec, security, end, 0)


def _alike(spec: SweepSpec, one: int, other: int) -> bool:
    """Whether two securities have the same combinations, so that one chunk can hold both whole."""
    if other >= len(spec.securities):
        return False
    a, b = spec.securities[one], spec.securities[other]
    return bool(a.backtests) and (a.space, a.last) == (b.space, b.last)


def _batch(spec: SweepSpec, security: int, end: int, cost_ms: int) -> Chunk:
    work, count = spec.securities[security], end - security
    rows = work.backtests * count
    return Chunk(security=security, first=0, last=work.last, rows=rows, cost_ms=cost_ms, count=count)


def _pilot_size(spec: SweepSpec, earlier: Mapping[Chunk, float | None], most: int) -> int | None:
    """Combinations of the next round's chunks; None where no round is needed, or none larger is allowed."""
    if not earlier:
        return min(PILOT_ROWS, most)
    rows = max(c.rows for c in earlier)
    if rows >= most:
        return None
    measured = [ms for c, ms in earlier.items() if ms is not None and 2 * c.rows > rows]
    if not measured or rows * len(earlier) > spec.total * PILOT_SHARE:
        return None
    is_first_round = rows <= PILOT_ROWS  # whose times are mostly those of opening data and loading code
    if not is_first_round and median(measured) >= PILOT_MS:
        return None
    growth = 2 * PILOT_MS / max(min(measured), 0.1)
    return min(most, round(rows * min(PILOT_GROWTH, max(growth, 2.0))))


def cut(spec: SweepSpec, slots: int, piloted: Mapping[Chunk, float | None]) -> ChunkPlan:
    """The whole sweep in chunks; the pilots are part of it as they are, measured or still on their way."""
    rule, cost = Rule(**spec.chunk), _Cost(spec, piloted)
    target_ms = 1000 * _target_seconds(spec, rule, slots, cost)
    pilots: dict[int, list[Chunk]] = {}
    for chunk, ms in sorted(piloted.items(), key=lambda pair: (pair[0].security, pair[0].first)):
        each = cost.each(chunk.security)
        timed = replace(chunk, cost_ms=max(1, round(ms or chunk.rows * each)))
        pilots.setdefault(chunk.security, []).append(timed)
    chunks: list[Chunk] = []
    security = 0
    while security < len(spec.securities):
        own = pilots.get(security, [])
        if own and own[0].count > 1:
            chunks += own
            security = own[0].until
            continue
        end = _batch_end(spec, security, rule, min(target_ms, cost.all_ms / max(slots, 1)), cost, pilots)
        if end > security + 1:
            chunks.append(_batch(spec, security, end, max(1, round(cost.of(security, end)))))
        else:
            chunks += _of_one(spec, security, rule, target_ms, cost.each(security), own)
        security = end
    return ChunkPlan(chunks=tuple(chunks), shards=tuple(_shards(chunks)))


def _batch_end(
    spec: SweepSpec, security: int, rule: Rule, target_ms: float, cost: _Cost, pilots: Mapping[int, object]
) -> int:
    """The first security for which a chunk that begins with `security` has no room, all of them whole."""
    each = spec.securities[security].backtests
    end, rows, ms = security, 0, 0.0
    while end not in pilots and _alike(spec, security, end):
        rows, ms = rows + each, ms + each * cost.each(end)
        is_full = rows > rule.size if rule.size else ms > target_ms and rows > rule.least
        if is_full or rows > (rule.most or MOST_ROWS):
            break
        end += 1
    return max(end, security + 1)


def _of_one(
    spec: SweepSpec, security: int, rule: Rule, target_ms: float, each: float, pilots: Sequence[Chunk]
) -> list[Chunk]:
    """The chunks of one security, with its pilots where they lie."""
    work, space, chunks = spec.securities[security], spec.space(security), list[Chunk]()
    if not work.backtests:
        return chunks
    size = rule.size or _size(rule, target_ms, each)
    at = 0
    for pilot_ in [*pilots, None]:
        end = pilot_.first if pilot_ else work.last
        for first, last, rows in _pieces(space, at, end, size, None if rule.size else spec.groups):
            cost_ms = max(1, round(rows * each))
            chunks.append(Chunk(security=security, first=first, last=last, rows=rows, cost_ms=cost_ms))
        if pilot_:
            chunks.append(pilot_)
            at = pilot_.last
    return chunks


class _Cost:
    """Milliseconds of one backtest, per security: measured, or from the others by its events."""

    def __init__(self, spec: SweepSpec, piloted: Mapping[Chunk, float | None]) -> None:
        self._spec = spec
        self._events = [max(s.events, 1) for s in spec.securities]
        known = {c: ms for c, ms in piloted.items() if ms}
        most = max((c.rows for c in known), default=0)  # in small ones the overhead is what one sees
        per_event = [ms / self._work(c) for c, ms in known.items() if 2 * c.rows > most]
        self._per_event = sum(per_event) / len(per_event) if per_event else 0.0
        self.measured = bool(per_event)
        self.all_ms = self.of(0, len(spec.securities))

    def each(self, security: int) -> float:
        return self._per_event * self._events[security] if self.measured else 1.0

    def of(self, security: int, end: int) -> float:
        """Of all backtests of some securities."""
        return sum(self.each(i) * self._spec.securities[i].backtests for i in range(security, end))

    def _work(self, chunk: Chunk) -> float:
        return chunk.rows / chunk.count * sum(self._events[chunk.security : chunk.until])


def _target_seconds(spec: SweepSpec, rule: Rule, slots: int, cost: _Cost) -> float:
    slots = max(slots, 1)
    target = max(rule.target_seconds, slots / STARTS_PER_SECOND)
    if cost.measured:
        target = min(target, max(LEAST_SECONDS, cost.all_ms / 1000 / slots / PARTS_PER_CORE))
    else:  # a small sweep, unmeasured: spread it over the cores
        target = max(spec.total / slots / PARTS_PER_CORE / 1000, 0.001)
    return min(target, spec.timeout_seconds / TIMEOUT_SHARE)


def _size(rule: Rule, target_ms: float, each_ms: float) -> int:
    size = max(1, round(target_ms / each_ms)) if each_ms * MOST_ROWS > target_ms else MOST_ROWS
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
