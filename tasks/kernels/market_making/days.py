"""Ticks cut at every change of the date: where each day's rows lie, and what all combinations share there."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import TRADE
from tasks.kernels.jit import kernel
from tasks.kernels.market_making.play import is_event
from tasks.kernels.market_making.state import CLOSE_NS, DAY_NS, FLATTEN_NS, OPEN_NS

TICK_COLUMNS: Final = {"timestamp": np.int64, "type": np.int8, "price": np.float64, "volume": np.int64}
BUCKET_BITS: Final = 35  # 2**35 ns, 34 s: some eight events where a security has one in four seconds
BUCKETS: Final = ((CLOSE_NS - OPEN_NS) >> BUCKET_BITS) + 1

DAY: Final = np.dtype(
    [
        ("first", "i8"),
        ("last", "i8"),  # one past it
        ("midnight", "i8"),
        ("date", "i8"),  # number among the dates of the slice
        ("rows", "i8"),  # cleaned
        ("session_first", "i8"),
        ("session_last", "i8"),
        ("session_rows", "i8"),
        ("highest_price", "f8"),  # of the session
        ("last_print", "i8"),  # of the session, or -1
        ("flatten_row", "i8"),  # the print at which an open position is flattened, or -1
        ("has_print", "?"),
        # the session is one piece of rows that all count, none comes after 14:55, no print is negative
        ("is_regular", "?"),
    ],
    align=True,
)


def cut_days(
    timestamp: Any, kinds: Any, prices: Any, volumes: Any, keeps_empty_quotes: bool
) -> tuple[Any, NDArray[np.int32]]:
    """The runs of rows of one date, in file order, and where in each session every stretch of time begins.

    A date that comes back after another makes a second run.
    """
    count = _count_days(timestamp, kinds, prices, keeps_empty_quotes)
    days: Any = np.zeros(count, DAY).view(np.recarray)
    buckets = np.zeros((count, BUCKETS + 1), np.int32)
    _fill_days(timestamp, kinds, prices, keeps_empty_quotes, days)
    _survey_sessions(timestamp, kinds, prices, volumes, days, buckets)
    _, dates = np.unique(days.midnight, return_inverse=True)
    days.date = dates
    return days, buckets


@kernel
def _count_days(timestamp: Any, kinds: Any, prices: Any, keeps_empty_quotes: bool) -> int:
    count = 0
    midnight = 0
    for row in range(timestamp.size):
        since_midnight = timestamp[row] - midnight
        if 0 <= since_midnight < DAY_NS and count > 0:
            continue
        if is_event(timestamp[row], kinds[row] & 3, prices[row], keeps_empty_quotes):
            midnight = timestamp[row] // DAY_NS * DAY_NS
            count += 1
    return count


@kernel
def _fill_days(timestamp: Any, kinds: Any, prices: Any, keeps_empty_quotes: bool, days: Any) -> None:
    number = -1
    midnight = 0
    is_late = False
    for row in range(timestamp.size):
        now = timestamp[row]
        kind = kinds[row] & 3
        if not is_event(now, kind, prices[row], keeps_empty_quotes):
            continue
        if number < 0 or not 0 <= now - midnight < DAY_NS:
            number += 1
            midnight = now // DAY_NS * DAY_NS
            is_late = False
            _begin_day(days[number], row, midnight)
        is_late = _add_row(days[number], row, now - midnight, kind == TRADE, is_late)


@kernel
def _begin_day(day: Any, row: int, midnight: int) -> None:
    day.first = row
    day.midnight = midnight
    day.flatten_row = -1
    day.last_print = -1
    day.is_regular = True


@kernel
def _add_row(day: Any, row: int, since_midnight: int, is_print: bool, is_late: bool) -> bool:
    """Returns whether a row from 14:55 on has been seen, from which on the next print flattens."""
    day.rows += 1
    day.last = row + 1
    day.has_print |= is_print
    if OPEN_NS <= since_midnight < CLOSE_NS:
        if day.session_rows == 0:
            day.session_first = row
        day.session_last = row + 1
        day.session_rows += 1
        if is_print:
            day.last_print = row
        day.is_regular &= not is_late
    elif since_midnight >= FLATTEN_NS or is_late:
        is_late = True
        if is_print and day.flatten_row < 0:
            day.flatten_row = row
    return is_late


@kernel
def _survey_sessions(timestamp: Any, kinds: Any, prices: Any, volumes: Any, days: Any, buckets: Any) -> None:
    for number in range(days.size):
        day = days[number]
        if day.session_rows != day.session_last - day.session_first:
            day.is_regular = False
        for row in range(day.session_first, day.session_last):
            day.highest_price = max(day.highest_price, prices[row])
            if volumes[row] < 0 and kinds[row] & 3 == TRADE:
                day.is_regular = False
        bucket = buckets[number]
        bucket[:] = day.session_rows
        if day.is_regular:
            for event in range(day.session_rows - 1, -1, -1):
                bucket[(timestamp[day.session_first + event] - day.midnight - OPEN_NS) >> BUCKET_BITS] = event
            for i in range(bucket.size - 2, -1, -1):
                bucket[i] = min(bucket[i], bucket[i + 1])
