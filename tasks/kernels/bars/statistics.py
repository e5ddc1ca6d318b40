"""The statistics of a run on bars (bigbar.md §8): a row of numbers from its equity and its closed trades.

How to use it. Once per slice, in Python: `calendar = bar_calendar.bar_calendar(timestamp, close)`, a named
tuple that kernels take as an argument. Per combination, inside the kernel, with a `row` of
`len(bar_metrics.STATISTICS)` doubles and a `day_equity` of `calendar.day_end.size` doubles to work in:

    covered = bars_in_trades(entry_bar, exit_bar, count)
    whole_run(row, calendar, equity, buy_hold_pct, covered, day_equity)  # from the equity of every bar
    fill_growth(growth, returns, count)
    trade_statistics(row, calendar, count, pnl, returns, growth, entry_bar, exit_bar, commissions)

The arrays of trades hold `count` closed trades in closing order, of which no two overlap by more than a bar;
`returns` are fractions, `commissions` is their sum. Who knows the curve without having it bar by bar calls
`finish_run` in place of `whole_run`, with what `whole_curve` returns. In Python again:
`bar_metrics.as_columns(rows)`.

`row` is written whole, NaN where a statistic is not defined. Durations are seconds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.bars.periods import SECOND_NS, BarCalendar, log_ratio
from tasks.kernels.jit import part

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

(_EXPOSURE, _FINAL, _PEAK, _RETURN, _BUY_HOLD, _RETURN_ANN, _VOLATILITY, _CAGR, _SHARPE) = range(9)
(_SORTINO, _CALMAR, _ALPHA, _BETA, _MAX_DD, _AVG_DD, _MAX_DD_S, _AVG_DD_S) = range(9, 17)
(_TRADES, _WIN_RATE, _BEST, _WORST, _AVG_TRADE, _MAX_TRADE_S, _AVG_TRADE_S) = range(17, 24)
(_PROFIT_FACTOR, _EXPECTANCY, _SQN, _KELLY, _COMMISSIONS) = range(24, 29)


class Drawdowns(NamedTuple):
    """The drawdown periods of a curve so far."""

    deepest: float
    periods: int
    depth_sum: float
    longest_ns: int
    total_ns: int


@part
def no_drawdowns() -> Drawdowns:
    return Drawdowns(0.0, 0, 0.0, 0, 0)


@part
def with_drawdown(so_far: Drawdowns, top: float, low: float, from_ns: int, until_ns: int) -> Drawdowns:
    """`so_far` and one more, from the last bar at `top` until the first that is there again."""
    depth, length = 1.0 - low / top, until_ns - from_ns
    return Drawdowns(
        max(so_far.deepest, depth),
        so_far.periods + 1,
        so_far.depth_sum + depth,
        max(so_far.longest_ns, length),
        so_far.total_ns + length,
    )


@part
def at_the_end(so_far: Drawdowns, top: float, low: float, top_bar: int, calendar: BarCalendar) -> Drawdowns:
    """The drawdown that the last bar is still in; one of that bar alone has a depth, but is no period."""
    if not low < top:
        return so_far
    last = calendar.timestamp.size - 1
    if last > top_bar + 1:
        return with_drawdown(so_far, top, low, calendar.timestamp[top_bar], calendar.timestamp[last])
    return Drawdowns(
        max(so_far.deepest, 1.0 - low / top),
        so_far.periods,
        so_far.depth_sum,
        so_far.longest_ns,
        so_far.total_ns,
    )


@part
def whole_curve(calendar: BarCalendar, equity: F8, day_equity: F8) -> tuple[float, Drawdowns, float]:
    """Peak, drawdowns and the sum for beta of a curve with a value for every bar; fills `day_equity`.

    `1 - E / peak` is exactly 0 where E is the peak and only there: a quotient of two different doubles in
    this order never rounds to 1. A period's depth follows from its lowest value.
    """
    found = no_drawdowns()
    top, low, top_bar = equity[0], equity[0], 0
    together = 0.0
    for i in range(1, equity.size):
        now = equity[i]
        together += log_ratio(now, equity[i - 1]) * calendar.close_step[i]
        if now >= top:
            if low < top:
                found = with_drawdown(found, top, low, calendar.timestamp[top_bar], calendar.timestamp[i])
            top, low, top_bar = now, now, i
        elif now < low:
            low = now
    for day in range(calendar.day_end.size):
        day_equity[day] = equity[calendar.day_end[day]]
    return top, at_the_end(found, top, low, top_bar, calendar), together


@part
def whole_run(
    row: F8, calendar: BarCalendar, equity: F8, buy_hold_pct: float, covered: int, day_equity: F8
) -> None:
    """Fills the run's part of `row` from the equity of every bar."""
    top, drawdowns, together = whole_curve(calendar, equity, day_equity)
    last = equity[equity.size - 1]
    finish_run(row, calendar, equity[0], last, top, buy_hold_pct, covered, day_equity, drawdowns, together)


@part
def finish_run(
    row: F8,
    calendar: BarCalendar,
    first: float,
    last: float,
    peak: float,
    buy_hold_pct: float,
    covered: int,
    day_equity: F8,
    drawdowns: Drawdowns,
    together: float,
) -> None:
    """Fills the run's part of `row` (bigbar.md §8.2 and §8.3).

    `first`, `last`, `peak`: of the equity; `covered`: bars in at least one closed trade; `together`: the sum
    of log_ratio(E[i], E[i-1]) * calendar.close_step[i] over all bars.
    """
    row[_EXPOSURE] = 100.0 * (covered / calendar.timestamp.size)
    row[_FINAL], row[_PEAK] = last, peak
    row[_RETURN] = 100.0 * ((last - first) / first)
    row[_BUY_HOLD] = buy_hold_pct
    _annual(row, calendar.annual_periods, day_equity, drawdowns.deepest)
    row[_CAGR] = math.nan
    if calendar.years > 0.0:
        row[_CAGR] = 100.0 * (math.pow(last / first, 1.0 / calendar.years) - 1.0)
    beta = together / calendar.close_square
    row[_BETA] = beta if math.isfinite(beta) else math.nan
    row[_ALPHA] = row[_RETURN] - row[_BETA] * buy_hold_pct

    row[_MAX_DD] = -100.0 * drawdowns.deepest + 0.0  # never -0
    row[_AVG_DD] = row[_MAX_DD_S] = row[_AVG_DD_S] = math.nan
    if drawdowns.periods > 0:
        row[_AVG_DD] = -100.0 * (drawdowns.depth_sum / drawdowns.periods)
        row[_MAX_DD_S] = _rounded_up_s(drawdowns.longest_ns, calendar.resolution_ns)
        row[_AVG_DD_S] = _rounded_up_s(drawdowns.total_ns // drawdowns.periods, calendar.resolution_ns)


@part
def _annual(row: F8, periods: float, day_equity: F8, deepest: float) -> None:
    """What follows from the daily returns. `pow` takes doubles: whole exponents would be multiplied out, and
    the last digits of the volatility with them (bigbar.md §8.5).
    """
    count = day_equity.size - 1
    log_sum, total, below, ruined = 0.0, 0.0, 0.0, False
    for day in range(1, count + 1):
        q = day_equity[day] / day_equity[day - 1] - 1.0
        if q != 0.0:
            total += q
            below += min(q, 0.0) ** 2
            if 1.0 + q > 0.0:
                log_sum += math.log(1.0 + q)
            elif q <= -1.0:
                ruined = True
    mean = total / count
    square = 0.0
    for day in range(1, count + 1):
        square += (day_equity[day] / day_equity[day - 1] - 1.0 - mean) ** 2
    variance = square / (count - 1) if count > 1 else math.nan
    growth = 1.0 if ruined else math.exp(log_sum / count)
    if count < 1:
        growth = math.nan
    growth = 1.0 + (growth - 1.0)  # rounded as the definition does, which names the mean less 1

    gain = math.pow(growth, periods) - 1.0
    spread = math.pow(variance + math.pow(growth, 2.0), periods) - math.pow(growth, 2.0 * periods)
    row[_RETURN_ANN] = 100.0 * gain
    row[_VOLATILITY] = 100.0 * math.sqrt(spread) if spread >= 0.0 else math.nan
    row[_SHARPE] = row[_RETURN_ANN] / row[_VOLATILITY] if row[_VOLATILITY] != 0.0 else math.nan
    row[_SORTINO] = gain / (math.sqrt(below / count) * math.sqrt(periods))
    row[_CALMAR] = gain / deepest if deepest != 0.0 else math.nan


@part
def _rounded_up_s(length_ns: int, resolution_ns: int) -> float:
    return -(-length_ns // resolution_ns) * resolution_ns / SECOND_NS


@part
def bars_in_trades(entry_bar: I8, exit_bar: I8, count: int) -> int:
    """Bars covered by at least one trade; the next may begin on the bar on which one ends, not before."""
    covered, free = 0, 0
    for j in range(count):
        covered += exit_bar[j] + 1 - max(entry_bar[j], free)
        free = exit_bar[j] + 1
    return covered


@part
def fill_growth(growth: F8, returns: F8, count: int) -> None:
    """log(1 + r) of every trade, for its geometric mean; anything where the trade lost all or more."""
    for j in range(count):
        growth[j] = math.log(1.0 + returns[j]) if returns[j] > -1.0 else 0.0


@part
def trade_statistics(
    row: F8,
    calendar: BarCalendar,
    count: int,
    pnl: F8,
    returns: F8,
    growth: F8,
    entry_bar: I8,
    exit_bar: I8,
    commissions: float,
) -> None:
    """Fills the trades' part of `row` (bigbar.md §8.4): wins are counted by PnL, profit factor by return."""
    row[_TRADES:] = math.nan
    row[_TRADES], row[_COMMISSIONS] = count, commissions
    if count == 0:
        return
    wins, losses, won, lost, total = 0, 0, 0.0, 0.0, 0.0
    gains, drops, returned, log_sum = 0.0, 0.0, 0.0, 0.0
    best, worst = returns[0], returns[0]
    longest, together = 0, 0
    for j in range(count):
        x, r = pnl[j], returns[j]
        total += x
        wins += x > 0.0
        losses += x < 0.0
        won += x if x > 0.0 else 0.0
        lost += x if x < 0.0 else 0.0
        returned += r
        gains += r if r > 0.0 else 0.0
        drops += r if r < 0.0 else 0.0
        log_sum += growth[j]
        best = r if r > best else best
        worst = r if r < worst else worst
        length = calendar.timestamp[exit_bar[j]] - calendar.timestamp[entry_bar[j]]
        longest = length if length > longest else longest
        together += length

    share = wins / count
    row[_WIN_RATE] = 100.0 * share
    row[_BEST], row[_WORST] = 100.0 * best, 100.0 * worst
    row[_AVG_TRADE] = 100.0 * (math.exp(log_sum / count) - 1.0) if worst > -1.0 else 0.0
    row[_MAX_TRADE_S] = _rounded_up_s(longest, calendar.resolution_ns)
    row[_AVG_TRADE_S] = _rounded_up_s(together // count, calendar.resolution_ns)
    row[_PROFIT_FACTOR] = gains / abs(drops) if drops != 0.0 else math.nan
    row[_EXPECTANCY] = 100.0 * (returned / count)
    row[_SQN] = _sqn(pnl, count, total / count)
    if wins > 0 and losses > 0:
        row[_KELLY] = share - (1.0 - share) / ((won / wins) / (-lost / losses))


@part
def _sqn(pnl: F8, count: int, mean: float) -> float:
    square = 0.0
    for j in range(count):
        square += (pnl[j] - mean) ** 2
    if count < 2 or square == 0.0:
        return math.nan
    return math.sqrt(count) * mean / math.sqrt(square / (count - 1))
