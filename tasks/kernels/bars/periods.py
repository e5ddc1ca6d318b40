"""What the statistics of bar strategies need to know of the bars themselves (bigbar.md §8.1).

Made once per slice in NumPy; `BarCalendar` is a named tuple that kernels take as an argument.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.jit import kernel, part

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

DAY_NS: Final = 86_400 * 10**9
SECOND_NS: Final = 10**9
_SMALL_STEP: Final = 0.008  # up to here four terms of the series of log are exact to the last bit


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
    steps, square = _centred_steps(np.ascontiguousarray(close, np.float64))
    return BarCalendar(
        timestamp=times,
        close_step=_read_only(steps, np.float64),
        close_square=square,
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


@part
def log_ratio(now: float, before: float) -> float:
    """log(now / before), without the logarithm where the two are close: faster, and no less exact."""
    s = (now - before) / (now + before)
    if abs(s) < _SMALL_STEP:
        q = s * s
        return s * (2.0 + q * (2.0 / 3.0 + q * (2.0 / 5.0 + q * (2.0 / 7.0))))
    return math.log(now / before)


@kernel
def _centred_steps(close: F8) -> tuple[F8, float]:
    """Compiled, since NumPy's logarithm and its sums differ from machine to machine in the last bit."""
    steps, total, square = np.zeros(close.size), 0.0, 0.0
    for i in range(1, close.size):
        steps[i] = log_ratio(close[i], close[i - 1])
        total += steps[i]
    for i in range(1, close.size):
        steps[i] -= total / (close.size - 1)
        square += steps[i] ** 2
    return steps, square if close.size > 2 else math.nan
