"""Many (target, break-even ratio, stop cap) triples over the same breakout trades, in one pass over the bars.

A trade's entry and window do not depend on the triple. Each bar that makes a new extreme settles, once for
all, which targets, arming moves and first stops are reached there; a triple then only compares bar numbers
(breakout.md §14). A few triples, and `target_mode: time`, are played bar by bar, with the same result.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tasks.kernels.breakout.trade import (
    BREAK_EVEN,
    LATE,
    LOSS,
    OPEN,
    TIME,
    WIN,
    follow,
    gap_fill,
    is_nearer,
    profit_of,
)
from tasks.kernels.jit import kernel, part

CODES: Final = 7
TOTAL: Final = 0
GAINS: Final = 1
LOSSES: Final = 2
HIGHEST: Final = 3  # of the running total, from 0
DRAWDOWN: Final = 4
SUMS: Final = 5

LEVEL: Final = np.dtype(
    [
        ("value", "f8"),  # a target's distance, an arming move, or a stop's largest distance
        ("bar", "i8"),  # the first that reaches it
        ("back", "i8"),  # of an arming move: the first bar after it that touches the break-even stop
        ("exit", "f8"),  # where that stop, or the first one, fills
    ]
)


@part
def tally(code: int, profit: float, counts: Any, sums: Any) -> None:
    """One more row of a combination, in row order."""
    counts[code] += 1
    sums[TOTAL] += profit
    if profit > 0.0:
        sums[GAINS] += profit
    elif profit < 0.0:
        sums[LOSSES] += profit
    sums[HIGHEST] = max(sums[HIGHEST], sums[TOTAL])
    sums[DRAWDOWN] = min(sums[DRAWDOWN], sums[TOTAL] - sums[HIGHEST])


@kernel
def play_one_by_one(opens: Any, highs: Any, lows: Any, closes: Any, trades: Any, points: Any, g: Any,
                    counts: Any, sums: Any, day_sums: Any) -> None:  # fmt: skip
    """Every triple by itself, bar by bar until its trade ends."""
    for j in range(points.size):
        p = points[j]
        for i in range(trades.size):
            t = trades[i]
            code, _, exit_price = follow(opens, highs, lows, closes, t, p, g)
            profit = profit_of(code, exit_price, t, p, g)
            tally(code, profit, counts[j], sums[j])
            day_sums[j, t.day] += profit


@kernel
def play_side_by_side(opens: Any, highs: Any, lows: Any, closes: Any, trades: Any, points: Any, which: Any,
                      targets: Any, arms: Any, caps: Any, g: Any, counts: Any, sums: Any,
                      day_sums: Any) -> None:  # fmt: skip
    """All triples over each trade: `which` says where, among the sorted levels, each has its own."""
    for i in range(trades.size):
        t = trades[i]
        is_touched = _settle(opens, highs, lows, t, targets, arms, caps, g)
        last_close = t.sign * closes[t.end - 1] - t.origin
        is_open = t.expires_ns > g.as_of_ns
        for j in range(points.size):
            p = points[j]
            target, arm, cap = targets[which[j, 0]], arms[which[j, 1]], caps[which[j, 2]]
            code = _outcome(closes, t, p, g, target.bar, arm.bar, arm.back, cap.bar)
            exit_price = last_close
            if code == LOSS:
                exit_price = cap.exit
            elif code == BREAK_EVEN:
                exit_price = arm.exit
            elif code == TIME and is_open:
                code = OPEN
            elif code == TIME and is_touched and arm.bar < t.end and not g.is_fixed:
                code = LATE
            profit = profit_of(code, exit_price, t, p, g)
            tally(code, profit, counts[j], sums[j])
            day_sums[t.day, j] += profit


@part
def _settle(opens: Any, highs: Any, lows: Any, t: Any, targets: Any, arms: Any, caps: Any, g: Any) -> Any:
    """The bar that first reaches each level, `t.end` where none does. Was the break-even stop ever touched?

    Levels are sorted, so that the next one of each kind is the only one to look at.
    """
    best, worst = (highs, lows) if t.sign > 0.0 else (lows, highs)
    targets.bar[:] = t.end
    arms.bar[:] = t.end
    arms.back[:] = t.end
    caps.bar[:] = t.end
    break_even = t.entry - g.tick
    highest, lowest = -np.inf, np.inf
    h = a = b = s = 0
    is_touched = False
    for k in range(t.first, t.end):
        high, low = t.sign * best[k] - t.origin, t.sign * worst[k] - t.origin
        if low <= break_even:
            is_touched = True
            while b < a:  # armed in an earlier bar
                arms[b].back, arms[b].exit = k, break_even
                if g.is_fixed:
                    arms[b].exit = gap_fill(break_even, t.sign * opens[k] - t.origin)
                b += 1
        if high > highest:
            highest = high
            while h < targets.size and high >= t.entry + targets[h].value:
                targets[h].bar = k
                h += 1
            while a < arms.size and high - t.entry >= arms[a].value:
                arms[a].bar = k
                a += 1
        if low < lowest:
            lowest = low
            s = _stop_out(opens, t, caps, s, g, k, low)
    return is_touched


@part
def _stop_out(opens: Any, t: Any, caps: Any, s: int, g: Any, k: int, low: float) -> Any:
    """Settle the first stops that bar `k` reaches; the first one that it does not."""
    while s < caps.size:
        stop0 = t.entry - min(t.span, caps[s].value)
        if low > stop0:
            break
        caps[s].bar, caps[s].exit = k, stop0
        if g.is_fixed and k > t.first:
            caps[s].exit = gap_fill(stop0, t.sign * opens[k] - t.origin)
        s += 1
    return s


@part
def _outcome(closes: Any, t: Any, p: Any, g: Any, hit: int, armed: int, back: int, stopped: int) -> Any:
    """§14's order. TIME stands for every trade that is not ended by its bars."""
    # under `rules: fixed` the first stop still holds in the arming bar
    is_stop_first = stopped < armed or (g.is_fixed and stopped == armed and stopped < t.end)
    if is_stop_first and stopped < hit:
        return LOSS
    if hit < t.end and hit <= armed:
        if is_stop_first and stopped == hit:
            stop0 = t.entry - min(t.span, p.cap)
            close = t.sign * closes[hit] - t.origin
            return WIN if is_nearer(close, t.entry + p.target, stop0) else LOSS
        return WIN
    if armed == t.end or (hit == t.end and back == t.end):
        return TIME
    if hit == back:
        close = t.sign * closes[hit] - t.origin
        return WIN if is_nearer(close, t.entry + p.target, t.entry - g.tick) else BREAK_EVEN
    return WIN if hit < back else BREAK_EVEN
