"""Which bars make a range, may start a trade and belong to it: row numbers, from calendar and stamps alone.

They do not depend on prices, targets or stops, so they are found once per schedule, by binary search. Wall
times become instants in whole columns, by functions passed in: kernels know nothing of time zones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.breakout.settings import Schedule

Times = NDArray[np.int64]

SECOND: Final = 10**9
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
FRIDAY: Final = 4
OF_1970: Final = 3  # 1 January 1970 was a Thursday


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Instants to wall times of the exchange, and back."""

    to_local: Callable[[NDArray[Any]], Times]
    to_utc: Callable[[NDArray[Any]], Times]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boundaries:
    """One entry per slot with a range, by date, then by slot: row numbers into the bars, and instants."""

    date: Times
    """Days since 1970."""
    window: Times
    """Place in the schedule's windows."""
    range_first: Times
    range_end: Times
    """Also the first bar that may start a trade."""
    entry_end: Times
    trade_end: Times
    expires_ns: Times

    def __len__(self) -> int:
        return self.date.size


def boundaries(stamps: Times, schedule: Schedule, clock: Clock) -> Boundaries:
    """`stamps` are instants, strictly increasing."""
    days, has_bars = _days(stamps, clock)
    days = days[has_bars & np.isin(_weekday(days), schedule.trade_days)]
    following = _next_workday(stamps, days, schedule, clock) if schedule.is_fixed else _a_day_on(days, clock)
    columns: dict[str, Any] = {
        name: np.zeros((days.size, len(schedule.windows)), np.int64) for name in FIELDS
    }
    columns["date"][:] = days[:, None]
    entry_end = np.searchsorted(stamps, _instant(days, schedule.market_close, clock), side="right")
    for w, window in enumerate(schedule.windows):
        until = _instant(following, window.start if schedule.is_timed else window.end, clock)
        columns["window"][:, w] = w
        columns["range_first"][:, w] = np.searchsorted(stamps, _instant(days, window.start, clock))
        columns["range_end"][:, w] = np.searchsorted(stamps, _instant(days, window.end, clock))
        columns["entry_end"][:, w] = entry_end
        columns["trade_end"][:, w] = np.searchsorted(stamps, until)
        columns["expires_ns"][:, w] = until if schedule.is_timed else until - SECOND
    has_range = columns["range_end"] > columns["range_first"]
    return Boundaries(**{name: column[has_range] for name, column in columns.items()})


FIELDS: Final = tuple(Boundaries.__dataclass_fields__)


def _days(stamps: Times, clock: Clock) -> tuple[Times, NDArray[np.bool_]]:
    """Every date from the first bar's to the last's, and whether it has bars; 23:00 begins the next."""
    if not stamps.size:
        return np.zeros(0, np.int64), np.zeros(0, np.bool_)
    first, last = (clock.to_local(stamps[[0, -1]]) + HOUR) // DAY
    edges = clock.to_utc(np.arange(first, last + 2) * DAY - HOUR)
    return np.arange(first, last + 1), np.diff(np.searchsorted(stamps, edges)) > 0


def _weekday(days: Times) -> Times:
    return (days + OF_1970) % 7


def _instant(days: Times, minutes: int, clock: Clock) -> Times:
    return clock.to_utc(days * DAY + minutes * MINUTE)


def _a_day_on(days: Times, clock: Clock) -> Times:
    """The date 24 hours, on Friday 72 hours, after midnight: a Sunday where autumn's hour is among them."""
    elapsed = np.where(_weekday(days) == FRIDAY, 72 * HOUR, 24 * HOUR)
    return clock.to_local(_instant(days, 0, clock) + elapsed) // DAY


def _next_workday(stamps: Times, days: Times, schedule: Schedule, clock: Clock) -> Times:
    """The next weekday with a bar up to its market close; the next weekday where the data hold none.

    The evening is left out of it: on a holiday, trading begins anew at 17:00, for the day after.
    """
    every, _ = _days(stamps, clock)
    every = every[_weekday(every) <= FRIDAY]
    opens = np.searchsorted(stamps, clock.to_utc(every * DAY - HOUR))
    closes = np.searchsorted(stamps, _instant(every, schedule.market_close, clock), side="right")
    open_days = np.append(every[closes > opens], np.iinfo(np.int64).max)
    found = open_days[np.searchsorted(open_days, days, side="right")]
    by_calendar = days + np.where(_weekday(days) == FRIDAY, 3, 1)
    return np.where(found == open_days[-1], by_calendar, found)
