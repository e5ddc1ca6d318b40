"""Where a BigBar trade ends, by the bar on which it begins (bigbar.md §4.5 and §5.4).

The exit follows from the entry bar and its colour alone, so one table serves every combination; only the
buffer of variant `sweep` gives a table of its own. Every trade ends: the last bars of a file are restricted.
A table has a row for every coloured bar on which an entry is allowed, whether a combination enters or not.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.jit import kernel, part

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
I1 = NDArray[np.int8]

MANUAL: Final = 0  # at the close of the bar on which it is decided
BRACKET: Final = 1  # by stop or target within the bar
ABORTED: Final = 2  # by a target below zero, which the engine refuses: no result


class Bars(NamedTuple):
    """The bars of a window; `colour` is 1 where a bar closes above its open, -1 where below, else 0."""

    open: F8
    high: F8
    low: F8
    close: F8
    colour: I1
    restricted: NDArray[np.bool_]


class Exit(NamedTuple):
    bar: int
    price: float
    stop: float
    target: float
    kind: int


class Exits(NamedTuple):
    """By entry bar. `settled`: the first bar whose equity holds the result as cash, and the first on which
    the next entry can be decided.
    """

    bar: I8
    settled: I8
    price: F8
    stop: F8
    target: F8
    kind: I1


@kernel
def sweep_exits(bars: Bars, buffer_ratio: float) -> Exits:
    exits = _blank(bars.close.size)
    for entry in range(1, bars.close.size):
        if bars.colour[entry] != 0 and not bars.restricted[entry]:
            i = _sweep_exit(bars, entry, buffer_ratio)
            _keep(exits, entry, Exit(i, bars.close[i], math.nan, math.nan, MANUAL))
    return exits


@kernel
def latest_exits(bars: Bars) -> Exits:
    exits = _blank(bars.close.size)
    first = 0  # of the unbroken run of bars of one colour
    for entry in range(bars.close.size):
        if bars.colour[entry] != bars.colour[first]:
            first = entry
        if bars.colour[entry] != 0 and not bars.restricted[entry]:
            _keep(exits, entry, _latest_exit(bars, entry, first, bars.close.size))
    return exits


@kernel
def brackets_at(bars: Bars, entry: int, bar: int) -> tuple[float, float]:
    """Stop and target that a trade of variant `latest` carries on a bar before its exit."""
    first = entry
    while first > 0 and bars.colour[first - 1] == bars.colour[entry]:
        first -= 1
    found = _latest_exit(bars, entry, first, bar)
    return found.stop, found.target


@part
def _blank(size: int) -> Exits:
    return Exits(
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
        np.full(size, math.nan),
        np.full(size, math.nan),
        np.full(size, math.nan),
        np.zeros(size, np.int8),
    )


@part
def _keep(exits: Exits, entry: int, found: Exit) -> None:
    exits.bar[entry] = found.bar
    exits.settled[entry] = found.bar + 1 if found.kind == MANUAL else found.bar
    exits.price[entry] = found.price
    exits.stop[entry] = found.stop
    exits.target[entry] = found.target
    exits.kind[entry] = found.kind


@part
def _sweep_exit(bars: Bars, entry: int, buffer_ratio: float) -> int:
    """The bar at whose close a trade is ended. Stop and tests of a short mirror those of a long."""
    high, low = bars.high, bars.low
    is_long = bars.colour[entry] > 0
    span = high[entry] - low[entry]
    stop = low[entry] - buffer_ratio * span if is_long else high[entry] + buffer_ratio * span
    for i in range(entry + 1, bars.close.size):
        if bars.restricted[i]:
            return i
        if i == entry + 1:  # it must go on at once; no test of the stop yet
            if is_long:
                if bars.colour[i] <= 0 or high[i] <= high[entry]:
                    return i
                stop = max(stop, low[i] - 0.01 * span)
            else:
                if bars.colour[i] >= 0 or low[i] >= low[entry]:
                    return i
                stop = min(stop, high[i] + 0.01 * span)
        elif is_long:
            stop = max(stop, min(low[i], low[i - 1]))
            if low[i] <= stop:
                return i
        else:
            stop = min(stop, max(high[i], high[i - 1]))
            if high[i] >= stop:
                return i
    return bars.close.size - 1  # never: the last bar is restricted


@part
def _latest_exit(bars: Bars, entry: int, first: int, until: int) -> Exit:
    """The trade's end, or its state on bar `until`, where it is still open then.

    Brackets set in the step of one bar are tested on the next; the stop comes before the target.
    """
    opening, high, low, close = bars.open, bars.high, bars.low, bars.close
    sign = bars.colour[entry]
    goal = close[entry] + 2.0 * (close[entry] - opening[first])  # a short's move is the same number, below 0
    base = low[entry] if sign > 0 else high[entry]
    stop, target, extending = base, math.nan, True
    for i in range(entry + 1, until):
        price = _bracketed(sign, opening[i], high[i], low[i], stop, target)
        if not math.isnan(price):
            return Exit(i, price, stop, target, BRACKET)
        if bars.restricted[i]:
            return Exit(i, close[i], stop, target, MANUAL)
        if extending:
            extending = bars.colour[i] == sign
            if extending:
                goal = goal + (close[i] - opening[i])
            elif goal < 0.0:
                return Exit(i, math.nan, stop, target, ABORTED)
            elif goal > 0.0:  # one of exactly 0 is none
                target = goal
        moved = base + (low[i] - base) / 2.0 if sign > 0 else base - (base - high[i]) / 2.0
        if moved > stop if sign > 0 else moved < stop:
            stop = moved
    return Exit(until, math.nan, stop, target, MANUAL)


@part
def _bracketed(sign: int, opening: float, high: float, low: float, stop: float, target: float) -> float:
    """The price at which the bar ends a trade; NaN: it does not. A target of NaN is never reached."""
    if sign > 0:
        if low <= stop:
            return min(opening, stop)
        return max(opening, target) if high >= target else math.nan
    if high >= stop:
        return max(opening, stop)
    return min(opening, target) if low <= target else math.nan
