"""One breakout trade after the other, bar by bar: the range, its break, and what ends the trade.

A short trade is looked at in a mirror: prices times -1, so that up is always good. Negation is exact and
rounding is the same under it, hence one set of rules gives the bits of both directions. Under `rules: fixed`
prices are whole ticks and `origin` is the entry, so that all sums are exact; under `reference` it is 0.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tasks.kernels.jit import kernel, part

NO_TRADE: Final = 0
WIN: Final = 1
LOSS: Final = 2
BREAK_EVEN: Final = 3
TIME: Final = 4
OPEN: Final = 5
LATE: Final = 6  # break-even, found by looking back after the window has ended

TRADE: Final = np.dtype(
    [
        ("row", "i8"),  # among the slots, those without a trade included
        ("day", "i8"),  # among the dates with a trade
        ("first", "i8"),  # the entry bar
        ("end", "i8"),  # one past the last bar
        ("sign", "f8"),  # 1 long, -1 short
        ("origin", "f8"),  # taken off every price, after the mirror
        ("entry", "f8"),  # as are these
        ("span", "f8"),
        ("expires_ns", "i8"),
    ]
)
RULES: Final = np.dtype(
    [
        ("tick", "f8"),  # in the unit of prices: of whole ticks it is 1
        ("per_point", "f8"),  # units to a point
        ("scale", "f8"),
        ("digits", "f8"),  # profit is rounded to 1 / digits
        ("as_of_ns", "i8"),
        ("is_fixed", "?"),
        ("is_timed", "?"),
    ]
)
POINT: Final = np.dtype([("target", "f8"), ("arm", "f8"), ("cap", "f8"), ("win", "f8")])


@kernel
def find_entries(opens: Any, highs: Any, lows: Any, range_first: Any, range_end: Any, entry_end: Any,
                 tick: float, is_fixed: bool, span: Any, sign: Any, first: Any,
                 entry: Any) -> None:  # fmt: skip
    """The first bar that breaks each range by a tick; `sign` stays 0 if none does, or one breaks both sides.

    A level is a number of ticks times the tick, which as doubles may lie above the decimal price (Q1).
    """
    for i in range(range_first.size):
        high, low = highs[range_first[i]], lows[range_first[i]]
        for k in range(range_first[i], range_end[i]):
            high, low = max(high, highs[k]), min(low, lows[k])
        span[i] = high - low
        up = np.rint((high + tick) / tick) * tick
        down = np.rint((low - tick) / tick) * tick
        for k in range(range_end[i], entry_end[i]):
            breaks_up, breaks_down = highs[k] >= up, lows[k] <= down
            if not (breaks_up or breaks_down):
                continue
            if breaks_up != breaks_down:
                sign[i] = 1.0 if breaks_up else -1.0
                first[i] = k
                entry[i] = up if breaks_up else down
                if is_fixed:  # a bar that opens beyond the level fills there
                    entry[i] = max(up, opens[k]) if breaks_up else min(down, opens[k])
            break


@part
def is_nearer(close: float, target: float, stop: float) -> Any:
    """Of two touches in one bar, was the target's the last?"""
    return abs(close - target) < abs(close - stop)


@part
def gap_fill(level: float, price: float) -> Any:
    """Under `rules: fixed`, a bar that opens beyond the stop fills at its open."""
    return min(level, price)


@part
def profit_of(code: int, exit_price: float, t: Any, p: Any, g: Any) -> Any:
    """In points, rounded as the table shows it."""
    if code == WIN:
        return p.win
    if code in (BREAK_EVEN, LATE) and not g.is_fixed:
        return np.rint(-g.tick * g.digits) / g.digits  # a micro's too is a whole tick (Q5)
    return np.rint((exit_price - t.entry) / g.per_point * g.scale * g.digits) / g.digits


@kernel
def follow(opens: Any, highs: Any, lows: Any, closes: Any, t: Any, p: Any, g: Any) -> Any:  # noqa: C901 (§7 in its order)
    """What ends a trade, in which bar, and at what price (mirrored, less `origin`)."""
    best, worst = (highs, lows) if t.sign > 0.0 else (lows, highs)
    stop0 = t.entry - min(t.span, p.cap)
    target = t.entry + p.target
    break_even = t.entry - g.tick
    stop = stop0
    is_armed = False
    for k in range(t.first, t.end):
        high, low = t.sign * best[k] - t.origin, t.sign * worst[k] - t.origin
        arms_now = not is_armed and high - t.entry >= p.arm
        if arms_now:
            is_armed = True
            stop = break_even
        hits_target = high >= target and not (g.is_fixed and g.is_timed)
        tested = stop0 if arms_now and g.is_fixed else stop
        hits_stop = low <= tested and (g.is_fixed or not arms_now)  # the arming bar is immune (Q10)
        if hits_target and hits_stop:
            hits_target = is_nearer(t.sign * closes[k] - t.origin, target, tested)
            hits_stop = not hits_target
        if hits_target and not g.is_timed:
            return WIN, k, target
        if hits_stop:
            filled = tested
            if g.is_fixed and k > t.first:
                filled = gap_fill(tested, t.sign * opens[k] - t.origin)
            return (BREAK_EVEN if is_armed and not arms_now else LOSS), k, filled
    last = t.end - 1
    if t.expires_ns > g.as_of_ns:
        return OPEN, last, t.sign * closes[last] - t.origin
    if is_armed and not g.is_fixed:  # a second look, over the bars before arming too (Q3)
        for k in range(t.first, t.end):
            if t.sign * worst[k] - t.origin <= break_even:
                return LATE, k, break_even
    return TIME, last, t.sign * closes[last] - t.origin


@part
def peak_of(highs: Any, lows: Any, t: Any, stop0: float, is_open: bool, is_fixed: bool) -> Any:
    """Best move before the first touch of the first stop, whether or not the trade had ended before."""
    best, worst = (highs, lows) if t.sign > 0.0 else (lows, highs)
    until, everything = 0.0, 0.0
    is_touched = False
    for k in range(t.first, t.end):
        is_touched = is_touched or t.sign * worst[k] - t.origin <= stop0
        everything = max(everything, t.sign * best[k] - t.origin - t.entry)
        if not is_touched:
            until = everything
    if until == 0.0 and not is_open and not is_fixed:
        return everything  # Q4
    return until


@kernel
def follow_all(opens: Any, highs: Any, lows: Any, closes: Any, trades: Any, p: Any, g: Any, codes: Any,
               bars: Any, exits: Any, stops: Any, peaks: Any, profits: Any) -> None:  # fmt: skip
    """Everything that the table says of each trade; prices in points."""
    for i in range(trades.size):
        t = trades[i]
        code, bar, exit_price = follow(opens, highs, lows, closes, t, p, g)
        stop0 = t.entry - min(t.span, p.cap)
        codes[i], bars[i] = code, bar
        exits[i] = t.sign * (exit_price + t.origin) / g.per_point + 0.0  # never -0.0
        stops[i] = (t.entry - stop0) / g.per_point
        peaks[i] = peak_of(highs, lows, t, stop0, code == OPEN, g.is_fixed) / g.per_point
        profits[i] = profit_of(code, exit_price, t, p, g)
