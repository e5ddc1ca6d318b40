"""What the statistics of bar strategies need to know of the bars themselves (bigbar.md §8.1).

Made once per slice in NumPy; `BarCalendar` is a named tuple that kernels take as an argument.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

DAY_NS: Final = 86_400 * 10**9
SECOND_NS: Final = 10**9


class BarCalendar(NamedTuple):
    """What the statistics need to know of the bars, whatever is traded on them."""

    timestamp: I8
    close_step: F8
    """log(C[i] / C[i-1]) less the mean of all of these; 0 at bar 0, which has none."""
    close_square: float
    """The sum of their squares; NaN with fewer than two of them."""
    day_end: I8
    """Index of each day's last bar; of each week's, month's, year's where that is the bars' period."""
    annual_periods: float
    years: float
    resolution_ns: int
    """What durations are rounded up to."""


def bar_calendar(timestamp: I8, close: F8) -> BarCalendar:
    """`timestamp`: nanoseconds, ascending, without doubles; days are those of its own clock."""
    times, days = _read_only(timestamp, np.int64), timestamp // DAY_NS
    period = _period_ns(times)
    f = period // DAY_NS
    weekend = float(((days + 3) % 7 >= 5).mean())  # 1970-01-01 was a Thursday
    every_day = 365.0 if weekend > 2 / 7 * 0.6 else 252.0
    duration = int(times[-1] - times[0])
    day_seconds = duration % DAY_NS // SECOND_NS
    with np.errstate(divide="ignore", invalid="ignore"):  # prices of 0 or less: NaN, as the definition says
        steps = np.log(close[1:] / close[:-1])
    centred = np.zeros(close.size)
    if steps.size:
        centred[1:] = steps - steps.mean()
    return BarCalendar(
        timestamp=times,
        close_step=_read_only(centred, np.float64),
        close_square=float(centred @ centred) if steps.size > 1 else math.nan,
        day_end=_read_only(_last_of_each(_grid(times, days, f)), np.int64),
        annual_periods={7: 52.0, 31: 12.0, 365: 1.0}.get(f, every_day),
        years=(duration // DAY_NS + day_seconds / 86_400) / 365.25,
        resolution_ns=_resolution_ns(period),
    )


def _read_only(array: NDArray[Any], kind: type[np.generic]) -> NDArray[Any]:
    """Always the same type for the compiler: contiguous and read-only."""
    view = np.ascontiguousarray(array, kind)[:]
    view.flags.writeable = False
    return view


def _period_ns(times: I8) -> int:
    """The median distance of the last 100 bars; 0 for a single bar, which has none."""
    steps = np.sort(np.diff(times[-100:]))
    if not steps.size:
        return 0
    return int(steps[(steps.size - 1) // 2] + steps[steps.size // 2]) // 2


def _grid(times: I8, days: I8, f: int) -> NDArray[Any]:
    if f == 7:
        return (days + 3) // 7  # weeks end on Sunday
    unit = {31: "M", 365: "Y"}.get(f)
    return days if unit is None else times.view("datetime64[ns]").astype(f"datetime64[{unit}]").view(np.int64)


def _last_of_each(labels: NDArray[Any]) -> I8:
    return np.flatnonzero(np.append(labels[1:] != labels[:-1], True)).astype(np.int64)


def _resolution_ns(period: int) -> int:
    units = (DAY_NS, 3_600 * 10**9, 60 * 10**9, 10**9, 10**6, 10**3)
    return next((unit for unit in units if period % unit == 0), 1)
