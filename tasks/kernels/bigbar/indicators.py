"""What the BigBar strategies know of each bar before any parameter but the ATR's period (bigbar.md §2)."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.bars.periods import DAY_NS
from tasks.kernels.jit import kernel

EPSILON: Final = 2.220446049250313e-16
EDGE: Final = 6  # bars at either end of a week in which nothing is held
_BLOCK: Final = 128  # longest run that NumPy's pairwise sum does not halve

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


def true_range(high: F8, low: F8, close: F8) -> F8:
    """Of the whole file: a single bar without a range adds a trifle to the range of every bar."""
    span = high - low
    if (span == 0.0).any():
        span = span + EPSILON
    found = np.abs(span)
    found[1:] = np.maximum(found[1:], np.maximum(np.abs(high[1:] - close[:-1]), np.abs(close[:-1] - low[1:])))
    return found


def restricted(timestamp: I8) -> NDArray[np.bool_]:
    """The first and last bars of each ISO week of UTC. The last bars of the file are always among them."""
    week = (timestamp // DAY_NS + 3) // 7  # 1970-01-01 was a Thursday
    starts = np.flatnonzero(np.diff(week, prepend=week[:1] - 1))
    lengths = np.diff(starts, append=timestamp.size)
    number = np.arange(timestamp.size) - np.repeat(starts, lengths)
    is_restricted: NDArray[Any] = (number < EDGE) | (number >= np.repeat(lengths, lengths) - EDGE)
    return is_restricted


def average_true_range(ranges: F8, period: int) -> F8:
    """Wilder's smoothing from a simple mean on; NaN until there are `period` bars."""
    if ranges.size < period:
        return np.full(ranges.size, math.nan)
    return _smoothed(ranges, period, pairwise_sum(ranges[:period].tolist()) / period)


def pairwise_sum(values: list[float]) -> float:
    """NumPy's order of adding, written out: its sum is not promised to stay the same."""
    n = len(values)
    if n > _BLOCK:
        half = n // 2 - n // 2 % 8
        return pairwise_sum(values[:half]) + pairwise_sum(values[half:])
    if n < 8:
        return _added(0.0, values)
    lanes = values[:8]
    for i in range(8, n - n % 8, 8):
        lanes = [lane + value for lane, value in zip(lanes, values[i : i + 8], strict=True)]
    a, b, c, d, e, f, g, h = lanes
    return _added(((a + b) + (c + d)) + ((e + f) + (g + h)), values[n - n % 8 :])


def _added(total: float, values: list[float]) -> float:
    for value in values:  # not `sum`, which compensates since Python 3.12
        total += value
    return total


@kernel
def _smoothed(ranges: F8, period: int, first: float) -> F8:
    """The detour to `a` and the test for equality are the original's, and show in the last bit."""
    found = np.full(ranges.size, math.nan)
    share = 1.0 / period
    m = (1.0 - share) / share
    a = 1.0 / (1.0 + m)
    b = 1.0 - a
    w = first
    found[period - 1] = w
    for i in range(period, ranges.size):
        if w != ranges[i]:
            w = (b * w + a * ranges[i]) / (b + a)
        found[i] = w
    return found
