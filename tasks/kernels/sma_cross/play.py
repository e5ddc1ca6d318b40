"""Trading the crossings of two averages (bigbar.md §9): all in with the faster one, at the next open.

Averages are looked at up to the bar that decides; the order fills on the bar after it. Between two crossings
the account does nothing, so a run is a loop over crossings, and the bars between them are marked in one go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.bars.engine import (
    ClosedTrades,
    Costs,
    close_trade,
    flat,
    go_broke,
    mark,
    open_all_in,
    room_for,
)
from tasks.kernels.bars.metrics import STATISTICS
from tasks.kernels.bars.ordered import Bars
from tasks.kernels.bars.statistics import (
    bars_in_trades,
    fill_growth,
    trade_statistics,
    whole_run,
)
from tasks.kernels.jit import kernel, part
from tasks.kernels.rolling import fill_rolling_mean

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


class Points(NamedTuple):
    """Combinations: which rows of the table of averages each compares, and what its account is like."""

    fast_row: I8
    slow_row: I8
    warm_up: I8
    """Leading bars without both averages; the first bar that a run looks at is the second after them."""
    cash: F8
    spread: F8
    commission: F8
    finalize: NDArray[np.bool_]


class Crossings(NamedTuple):
    """Bars on which one average went through the other, and the side to be on then: 1 long, -1 short."""

    bar: I8
    side: F8


class Room(NamedTuple):
    """What one run after the other is written into, as long as the bars are many."""

    crossings: Crossings
    closed: ClosedTrades
    equity: F8
    growth: F8


def room_for_runs(bars: int) -> Room:
    crossings = Crossings(np.zeros(bars, np.int64), np.zeros(bars))
    return Room(crossings, room_for(bars), np.zeros(bars), np.zeros(bars))


@kernel
def mean_table(close: Any, windows: Any) -> Any:
    """A row of rolling means for each window."""
    table = np.empty((windows.size, close.size))
    for row in range(windows.size):
        fill_rolling_mean(close, windows[row], table[row])
    return table


@part
def find_crossings(fast: F8, slow: F8, found: Crossings) -> int:
    """How many there are. Averages that only touch have not crossed, nor have missing ones."""
    count = 0
    for i in range(1, fast.size):
        up = (fast[i - 1] < slow[i - 1]) & (fast[i] > slow[i])
        down = (fast[i - 1] > slow[i - 1]) & (fast[i] < slow[i])
        found.bar[count] = i  # written over unless it is counted: no branch to mispredict
        found.side[count] = 1.0 if up else -1.0
        count += up | down
    return count


@part
def play(bars: Bars, points: Points, i: int, room: Room, crossed: int) -> int:
    """One run, of combination `i`: fills `room.equity` and `room.closed`; returns how many were closed."""
    opening, close = bars.open, bars.close
    crossings, closed, equity = room.crossings, room.closed, room.equity
    costs = Costs(points.spread[i], points.commission[i])
    account = flat(points.cash[i])
    end, last = close.size, close.size - 1
    count = 0
    mark(account, close, 0, crossings.bar[0] + 1 if crossed > 0 else end, equity)
    for k in range(crossed):
        now = crossings.bar[k] + 1
        if now == end:
            break  # decided on the last bar: executed only where open trades are closed in the end
        if account.units != 0.0:
            account = close_trade(account, opening[now], now, costs, closed, count)
            count += 1
        account = open_all_in(account, crossings.side[k], opening[now], now, costs)
        until = crossings.bar[k + 1] + 1 if k + 1 < crossed else end
        broke = mark(account, close, now, until, equity)
        if broke < until:
            return go_broke(account, close[broke], broke, costs, closed, count, equity)
    if points.finalize[i] and 1 + points.warm_up[i] < end:
        if account.units != 0.0:
            account = close_trade(account, opening[last], last, costs, closed, count)
            count += 1
        if crossed > 0 and crossings.bar[crossed - 1] == last:
            account = open_all_in(account, crossings.side[crossed - 1], opening[last], last, costs)
        if mark(account, close, last, end, equity) == last:
            return go_broke(account, close[last], last, costs, closed, count, equity)
    return count


@kernel
def sweep(bars: Any, calendar: Any, table: Any, points: Any, room: Any) -> Any:
    """A row of statistics for each combination; neighbours with the same averages share their crossings.

    What the last of them did stays in `room`.
    """
    fast, slow, warm_up = points.fast_row, points.slow_row, points.warm_up
    rows = np.empty((fast.size, len(STATISTICS)))
    day_equity = np.empty(calendar.day_end.size)
    closed, close = room.closed, bars.close
    last = close[close.size - 1]
    crossed = 0
    for i in range(fast.size):
        row = rows[i]
        if i == 0 or fast[i] != fast[i - 1] or slow[i] != slow[i - 1]:
            crossed = find_crossings(table[fast[i]], table[slow[i]], room.crossings)
        count = play(bars, points, i, room, crossed)
        buy_hold_pct = 100.0 * ((last - close[warm_up[i]]) / close[warm_up[i]])
        covered = bars_in_trades(closed.entry_bar, closed.exit_bar, count)
        whole_run(row, calendar, room.equity, buy_hold_pct, covered, day_equity)
        fill_growth(room.growth, closed.returns, count)
        paid = 0.0
        for j in range(count):
            paid += closed.commission[j]
        trade_statistics(
            row,
            calendar,
            count,
            closed.pnl,
            closed.returns,
            room.growth,
            closed.entry_bar,
            closed.exit_bar,
            paid,
        )
    return rows
