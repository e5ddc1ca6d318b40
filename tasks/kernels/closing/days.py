"""What a day's ticks mean for every closing-auction backtest alike: its stretches, its auction, its trend.

Rows come sorted by time; `order` says which row of the file is the n-th. Types are compared as they are, so
that a word with blanks around it is none of the three.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tasks.contract import ASK, BID, TRADE
from tasks.kernels.jit import kernel
from tasks.kernels.market_making.state import CLOSE_NS, DAY_NS, FLATTEN_NS, OPEN_NS, SECOND_NS

MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 60 * MINUTE_NS
FEWEST_POINTS: Final = 10

DAY: Final = np.dtype(
    [
        ("midnight", "i8"),
        ("first", "i8"),
        ("session_first", "i8"),  # in sorted order
        ("session_last", "i8"),  # one past it
        ("bid", "f8"),  # as known when the session opens
        ("ask", "f8"),
        ("can_place", "?"),  # has a row between 14:45 and 14:55, and is not the last date
        ("has_print", "?"),
        ("auction_volume", "i8"),
        ("has_close", "?"),
        ("close_time", "i8"),  # of the first print from 14:55 on
        ("close_price", "f8"),
        ("slope", "f8"),  # basis points per hour
    ],
    align=True,
)


def closing_days(order: Any, timestamp: Any, kinds: Any, prices: Any, volumes: Any) -> Any:
    """One record per date."""
    days = np.zeros(_count_dates(order, timestamp), DAY).view(np.recarray)
    _survey(order, timestamp, kinds, prices, volumes, days)
    if days.size:
        days.can_place[-1] = False
    return days


@kernel
def _count_dates(order: Any, timestamp: Any) -> int:
    count = 0
    end = 0
    for n in range(order.size):
        now = timestamp[order[n]]
        if count == 0 or now >= end:
            count += 1
            end = (now // DAY_NS + 1) * DAY_NS
    return count


@kernel
def _survey(order: Any, timestamp: Any, kinds: Any, prices: Any, volumes: Any, days: Any) -> None:
    best = np.zeros(2)  # bid and ask, never forgotten by a new day
    n = 0
    for d in range(days.size):
        day = days[d]
        day.midnight = timestamp[order[n]] // DAY_NS * DAY_NS
        day.first = n
        day.session_first = -1
        day.session_last = -1
        sums = np.zeros(5)
        while n < order.size and timestamp[order[n]] < day.midnight + DAY_NS:
            row = order[n]
            since_midnight = timestamp[row] - day.midnight
            if since_midnight >= OPEN_NS and day.session_first < 0:
                day.session_first = n
                day.session_last = n
                day.bid = best[BID]
                day.ask = best[ASK]
            if kinds[row] < TRADE and prices[row] > 0.0:
                best[kinds[row]] = prices[row]
            if OPEN_NS <= since_midnight < CLOSE_NS:
                day.session_last = n + 1
            elif CLOSE_NS <= since_midnight < FLATTEN_NS:
                day.can_place = True
            if kinds[row] == TRADE:
                _survey_print(day, timestamp[row], since_midnight, prices[row], volumes[row], sums)
            n += 1
        day.slope = trend(int(sums[0]), sums[1], sums[2], sums[3], sums[4])


@kernel
def _survey_print(day: Any, now: int, since_midnight: int, price: float, volume: int, sums: Any) -> None:
    """`sums`: of the trend points their count, hours, prices, products and squared hours."""
    day.has_print = True
    if OPEN_NS <= since_midnight < CLOSE_NS:
        x = hours_after_ten(since_midnight)
        sums[0] += 1.0
        sums[1] += x
        sums[2] += price
        sums[3] += x * price
        sums[4] += x * x
    elif since_midnight >= FLATTEN_NS:
        if not day.has_close:
            day.has_close = True
            day.close_time = now
            day.close_price = price
        day.auction_volume += volume


@kernel
def hours_after_ten(since_midnight: int) -> float:
    """In whole seconds, summed in the order that the original sums."""
    hour = since_midnight // HOUR_NS
    minute = since_midnight // MINUTE_NS % 60
    second = since_midnight // SECOND_NS % 60
    return float((hour - 10) + minute / 60 + second / 3600)


@kernel
def trend(points: int, sum_x: float, sum_y: float, sum_xy: float, sum_xx: float) -> float:
    """Least squares slope of price on hours, as basis points of the mean price."""
    if points < FEWEST_POINTS:
        return 0.0
    below = points * sum_xx - sum_x * sum_x
    mean = sum_y / points
    if below == 0.0 or mean == 0.0:
        return 0.0
    return float((points * sum_xy - sum_x * sum_y) / below / mean * 10_000.0)


@kernel
def preclose_vwap(
    order: Any, timestamp: Any, kinds: Any, prices: Any, volumes: Any, days: Any, period_ns: int
) -> Any:
    """Per day, the volume-weighted price of the session's last `period_ns`; NaN without volume."""
    out = np.full(days.size, np.nan)
    for d in range(days.size):
        day = days[d]
        start = day.midnight + CLOSE_NS - period_ns
        n = day.session_last
        while n > day.first and timestamp[order[n - 1]] >= start:
            n -= 1
        value = 0.0
        volume = 0
        while n < day.session_last:
            row = order[n]
            if kinds[row] == TRADE and volumes[row] > 0 and prices[row] > 0.0:
                value += prices[row] * volumes[row]
                volume += volumes[row]
            n += 1
        if volume > 0:
            out[d] = value / volume
    return out
