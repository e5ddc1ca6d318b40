"""The trades of many BigBar combinations and their statistics (bigbar.md §3 and §11).

Equity changes on the bars of a position only, so only those are walked. Where a combination is stricter than
one that was played, and every entry of that one still passes, both have the same trades: its row is copied.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.bars.periods import BarCalendar, log_ratio
from tasks.kernels.bars.statistics import (
    Drawdowns,
    at_the_end,
    bars_in_trades,
    finish_run,
    no_drawdowns,
    trade_statistics,
    with_drawdown,
)
from tasks.kernels.bigbar.candidates import HIGHEST, LOWEST, Candidates
from tasks.kernels.bigbar.exits import ABORTED, Bars, Exits
from tasks.kernels.jit import kernel, part

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
I4 = NDArray[np.int32]

CASH: Final = 100_000.0
NOT_YET: Final = -1
REFUSED: Final = -2  # the engine would not take an order: no result


class Market(NamedTuple):
    """What all combinations of a group trade on; `returns` and `growth` are by entry bar."""

    bars: Bars
    calendar: BarCalendar
    candidates: Candidates
    exits: Exits
    fill: F8
    """The price paid for an entry at each bar's close."""
    returns: F8
    growth: F8
    """log(1 + return)."""
    brackets: bool
    """Variant `latest`: orders carry a stop, and are for one unit at least."""


class Combinations(NamedTuple):
    """Ascending by k, then descending by tail, then ascending by third: each is no looser in one of them.

    `tail_rank` and `third_rank`: the place of its value among those that occur, in that order.
    """

    k: I8
    tail: I8
    third: I8
    tail_rank: I8
    third_rank: I8


class Curve(NamedTuple):
    """What walking the trades found. `low`: since the peak `top`, last seen on `top_bar`; `day`: the first
    whose last bar was not passed.
    """

    top: float
    low: float
    top_bar: int
    drawdowns: Drawdowns
    together: float
    day: int


class Lists(NamedTuple):
    """Candidates that pass the k of a combination, its k and tail, and all three; and how many."""

    k: I4
    tail: I4
    all: I4
    sizes: I8


class Log(NamedTuple):
    """The trades of the combination that was played last."""

    candidate: I8
    entry_bar: I8
    exit_bar: I8
    size: F8
    exit_price: F8
    pnl: F8
    returns: F8
    growth: F8


def new_log(size: int) -> Log:
    whole, real = (np.empty((3, size), np.int64), np.empty((5, size)))
    return Log(*whole, *real)


@kernel
def entry_results(bars: Bars, exits: Exits, spread: float) -> tuple[F8, F8, F8]:
    """Fill, return and log(1 + return) of a trade from each bar."""
    fill, returns, growth = np.zeros(bars.close.size), np.zeros(bars.close.size), np.zeros(bars.close.size)
    for i in range(bars.close.size):
        sign = bars.colour[i]
        if sign != 0 and not bars.restricted[i]:
            fill[i] = bars.close[i] * (1.0 + sign * spread)
            returns[i] = sign * (exits.price[i] / fill[i] - 1.0)
            growth[i] = _growth(returns[i])
    return fill, returns, growth


@kernel
def play_all(market: Market, combinations: Combinations, rows: F8, log: Log) -> tuple[int, int]:
    """Fills `rows`. Returns the first combination that the engine refuses, or -1, and the trades of the last
    one that was played.
    """
    candidates, c = market.candidates, combinations
    lists = Lists(
        np.arange(candidates.bar.size).astype(np.int32),
        np.empty(candidates.bar.size, np.int32),
        np.empty(candidates.bar.size, np.int32),
        np.full(3, candidates.bar.size),
    )
    tail_values, third_values = 1 + c.tail_rank.max(), 1 + c.third_rank.max()
    played = np.full((tail_values, third_values), NOT_YET, np.int64)  # the row played latest at this place
    reach = np.empty((c.k.size, 3), np.int32)  # the strictest combination with the same trades, by row
    day_equity = np.empty(market.calendar.day_end.size)
    trades = 0
    for j in range(c.k.size):
        _narrow(candidates, c, j, lists)
        tail, third = c.tail_rank[j], c.third_rank[j]
        same = _same_trades(c, j, played, reach)
        if same != NOT_YET:
            rows[j] = rows[same]
            reach[j] = reach[same]
        else:
            trades = _play(market, lists.all[: lists.sizes[2]], rows[j], log, day_equity)
            if trades == REFUSED:
                return j, 0
            _set_reach(candidates, log, trades, reach[j])
        played[tail, third] = j
    return -1, trades


@part
def _narrow(candidates: Candidates, c: Combinations, j: int, lists: Lists) -> None:
    """Each list is made from the one before, or from itself while only its own parameter changed."""
    new_k = j == 0 or c.k[j] != c.k[j - 1]
    new_tail = new_k or c.tail[j] != c.tail[j - 1]
    sizes = lists.sizes
    if new_k:
        sizes[0] = _kept_up_to(lists.k, sizes[0], lists.k, candidates.k_most, c.k[j])
        sizes[1] = _kept_from(lists.k, sizes[0], lists.tail, candidates.tail_least, c.tail[j])
    elif new_tail:
        sizes[1] = _kept_from(lists.tail, sizes[1], lists.tail, candidates.tail_least, c.tail[j])
    if new_tail:
        sizes[2] = _kept_up_to(lists.tail, sizes[1], lists.all, candidates.third_most, c.third[j])
    else:
        sizes[2] = _kept_up_to(lists.all, sizes[2], lists.all, candidates.third_most, c.third[j])


@part
def _kept_up_to(picks: I4, size: int, into: I4, most: I4, value: int) -> int:
    count = 0
    for i in range(size):
        pick = picks[i]
        into[count] = pick
        count += value <= most[pick]
    return count


@part
def _kept_from(picks: I4, size: int, into: I4, least: I4, value: int) -> int:
    count = 0
    for i in range(size):
        pick = picks[i]
        into[count] = pick
        count += value >= least[pick]
    return count


@part
def _same_trades(c: Combinations, j: int, played: NDArray[np.int64], reach: NDArray[np.int32]) -> int:
    """A row with the trades of combination j, among its neighbours that are looser in one parameter."""
    tail, third = c.tail_rank[j], c.third_rank[j]
    for step in range(3):
        at_tail, at_third = tail - (step == 1), third - (step == 2)
        if at_tail >= 0 and at_third >= 0:
            row = played[at_tail, at_third]
            if row != NOT_YET and (
                c.k[j] <= reach[row, 0] and c.tail[j] >= reach[row, 1] and c.third[j] <= reach[row, 2]
            ):
                return int(row)
    return NOT_YET


@part
def _set_reach(candidates: Candidates, log: Log, trades: int, reach: I4) -> None:
    k, tail, third = HIGHEST, LOWEST, HIGHEST
    for i in range(trades):
        candidate = log.candidate[i]
        k = min(k, candidates.k_most[candidate])
        tail = max(tail, candidates.tail_least[candidate])
        third = min(third, candidates.third_most[candidate])
    reach[0], reach[1], reach[2] = k, tail, third


@part
def _growth(returned: float) -> float:
    return math.log(1.0 + returned) if returned > -1.0 else 0.0


@part
def _play(market: Market, picks: I4, row: F8, log: Log, day_equity: F8) -> int:  # noqa: C901 (parts cost a third more)
    """The number of trades, which are in `log`; or REFUSED. Sums are in the engine's order (bigbar.md §3)."""
    bars, exits, calendar = market.bars, market.exits, market.calendar
    close, day_end, close_step, times = bars.close, calendar.day_end, calendar.close_step, calendar.timestamp
    cash, free, count, day, together = CASH, 0, 0, 0, 0.0
    top, low, top_bar, drawdowns = CASH, CASH, 0, no_drawdowns()
    for pick in picks:
        entry = market.candidates.bar[pick]
        if entry < free:
            continue
        fill, sign = market.fill[entry], bars.colour[entry]
        units = np.floor(cash / close[entry])
        if market.brackets:
            units = max(units, 1.0)
            if not (bars.low[entry] < fill if sign > 0 else fill < bars.high[entry]):
                return REFUSED
        if units < 1.0 or units * fill > cash:
            continue
        size, price = sign * units, exits.price[entry]
        paid, pnl = size * fill, size * (price - fill)
        settled, aborted = exits.settled[entry], exits.kind[entry] == ABORTED
        while day_end[day] <= entry:
            day_equity[day] = cash
            day += 1
        if low == top:
            top_bar = entry
        before, bar = cash, entry
        while bar < settled and before > 0.0:
            bar += 1
            now = cash + (close[bar] * size - paid) if bar < settled or aborted else cash + pnl
            if now <= 0.0:
                now = 0.0
            together += log_ratio(now, before) * close_step[bar]
            before = now
            if bar == day_end[day]:
                day_equity[day] = now
                day += 1
            if now >= top:
                if low < top:
                    drawdowns = with_drawdown(drawdowns, top, low, times[top_bar], times[bar])
                top, low, top_bar = now, now, bar
            elif now < low:
                low = now
        if aborted and before > 0.0:
            return REFUSED
        log.candidate[count], log.entry_bar[count], log.exit_bar[count] = pick, entry, exits.bar[entry]
        log.size[count], log.exit_price[count], log.pnl[count] = size, price, pnl
        log.returns[count], log.growth[count] = market.returns[entry], market.growth[entry]
        free, cash = settled, cash + pnl
        if before == 0.0:
            if bar < settled:
                _close_at_once(log, count, bar, close[bar], fill)
            cash, free = 0.0, close.size
        count += 1
    curve = Curve(top, low, top_bar, drawdowns, together, day)
    _finish(market, curve, cash, count, row, log, day_equity)
    return count


@part
def _close_at_once(log: Log, trade: int, bar: int, price: float, fill: float) -> None:
    """A position that ruins ends on that bar, at its close."""
    log.exit_bar[trade], log.exit_price[trade] = bar, price
    log.pnl[trade] = log.size[trade] * (price - fill)
    log.returns[trade] = np.sign(log.size[trade]) * (price / fill - 1.0)
    log.growth[trade] = _growth(log.returns[trade])


@part
def _finish(market: Market, curve: Curve, cash: float, count: int, row: F8, log: Log, day_equity: F8) -> None:
    calendar, close = market.calendar, market.bars.close
    for day in range(curve.day, calendar.day_end.size):
        day_equity[day] = cash
    drawdowns = at_the_end(curve.drawdowns, curve.top, curve.low, curve.top_bar, calendar)
    covered = bars_in_trades(log.entry_bar, log.exit_bar, count)
    buy_hold = 100.0 * ((close[close.size - 1] - close[0]) / close[0])
    finish_run(row, calendar, CASH, cash, curve.top, buy_hold, covered, day_equity, drawdowns, curve.together)
    trade_statistics(row, calendar, count, log.pnl, log.returns, log.growth, log.entry_bar, log.exit_bar, 0.0)
