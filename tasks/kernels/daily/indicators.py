"""The columns of specs/vcp.md section 2, made once for a frame and right for every bar it may be cut at.

A frame that ends at bar T has windows of min(K, T + 1) bars, so its values change with where it is cut; but
only thus: a mean of fewer than K closes stands at the cut's newest bar alone. `Indicators` keeps for every
bar the value it has as the newest one, and `cut` takes away what a later cut does not show.

The averages and the true range's are pandas' to the last bit, rounding of the running sums included. No bar
sees a later one, so what is cut off does not matter; where the frame begins does (`first`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.daily.frame import Frame
from tasks.kernels.jit import kernel
from tasks.kernels.rolling import fill_rolling_mean

F8 = NDArray[np.float64]
Version = Literal["screener", "collector"]

LENGTHS: Final = (20, 50, 100, 200)
AVERAGES: Final = tuple(f"sma_{length}" for length in LENGTHS)
ATR_LENGTH: Final = 50
YEAR_BARS: Final = 252
FEWEST_SCREENED: Final = 50  # bars; the screener leaves a shorter frame without any column
MOST_UNUSED: Final = 10  # bars; the collector uses no window of so few
HISTORY_DAYS: Final = 2000  # as far back as a screen looks from its date

_LENGTHS = np.array(LENGTHS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Indicators:
    """Each array has the frame's length and is read-only; what lies before `first` is 0.

    At bar i stands the value of the frame that ends there. For a frame that ends later it is still the value
    at i, but for the averages, where it is 0 at i < first + K - 1 (`average`).
    """

    first: int
    sma_20: F8
    sma_50: F8
    sma_100: F8
    sma_200: F8
    atr: F8
    high_52_weeks: F8
    low_52_weeks: F8

    def average(self, length: int, bar: int, newest: int) -> float:
        """The mean of `length` closes at `bar`, in the frame cut at bar `newest`."""
        shown = bar == newest or bar - self.first >= length - 1
        return float(getattr(self, f"sma_{length}")[bar]) if shown else 0.0


def indicators(frame: Frame, first: int = 0) -> Indicators:
    """For the frame that begins at its bar `first`."""
    found = daily_columns(frame["high"], frame["low"], frame["close"], first, _LENGTHS)
    found.flags.writeable = False
    *averages, atr, high, low = found
    return Indicators(
        first=first,
        **dict(zip(AVERAGES, averages, strict=True)),
        atr=atr,
        high_52_weeks=high,
        low_52_weeks=low,
    )


def first_seen(frame: Frame, as_of: int) -> int:
    """The first bar that a screen as of a date (days since 1970) may see."""
    return frame.until(as_of - HISTORY_DAYS)


def cut(frame: Frame, found: Indicators, newest: int, version: Version = "screener") -> Mapping[str, F8]:
    """The columns, by the specification's names, of bars `found.first` to `newest`, which ends the frame.

    The screener's version has none for a short frame; the collector's has no `sma_20`.
    """
    first, bars = found.first, newest + 1 - found.first
    if version == "screener" and bars < FEWEST_SCREENED:
        return MappingProxyType({})
    here = slice(first, newest + 1)
    is_used = version == "screener" or bars > MOST_UNUSED
    columns: dict[str, F8] = {}
    for name, length in zip(AVERAGES, LENGTHS, strict=True):
        if version == "screener" or name != "sma_20":
            columns[name] = getattr(found, name)[here] if is_used else np.zeros(bars)
            if is_used:
                columns[name] = columns[name].copy()
                columns[name][: min(length, bars) - 1] = 0.0
    columns["atr"] = found.atr[here] if is_used else np.zeros(bars)
    high = found.high_52_weeks[here] if is_used else frame["high"][here]
    low = found.low_52_weeks[here] if is_used else frame["low"][here]
    close = frame["close"][here]
    columns |= {"52_week_high": high, "52_week_low": low}
    columns["away_from_high"] = percent_of(high - close, high)
    columns["away_from_low"] = percent_of(close - low, low)
    return MappingProxyType(columns)


def percent_of(part: F8, whole: F8) -> F8:
    """0 where it is undefined or infinite."""
    out = np.zeros(part.size)
    with np.errstate(over="ignore"):
        np.divide(part, whole, out=out, where=whole != 0.0)
        out *= 100.0
    out[~np.isfinite(out)] = 0.0
    return out


@kernel
def daily_columns(high: Any, low: Any, close: Any, first: int, lengths: Any) -> Any:
    """One row per average, then the average true range, the 52-week high and low."""
    averages = lengths.size
    out = np.zeros((averages + 3, close.size))
    if first >= close.size:
        return out
    seen = close[first:]
    for k in range(averages):
        fill_rolling_mean(seen, lengths[k], out[k, first:])
    _fill_young_means(seen, lengths, out[:, first:])
    fill_average_true_range(high[first:], low[first:], seen, ATR_LENGTH, out[averages, first:])
    _fill_highest(high[first:], 1.0, YEAR_BARS, out[averages + 1, first:])
    _fill_highest(low[first:], -1.0, YEAR_BARS, out[averages + 2, first:])
    return out


@kernel
def _fill_young_means(close: Any, lengths: Any, out: Any) -> None:
    """The mean of all closes so far, summed as the full windows are, wherever a window is not full yet."""
    total = 0.0
    lost = 0.0
    alike = 0
    for i in range(min(close.size, lengths.max() - 1)):
        change = close[i] - lost
        after = total + change
        lost = (after - total) - change
        total = after
        alike = alike + 1 if i > 0 and close[i] == close[i - 1] else 1
        mean = close[i] if alike > i else total / (i + 1)
        for k in range(lengths.size):
            if i < lengths[k] - 1:
                out[k, i] = mean


@kernel
def fill_average_true_range(high: Any, low: Any, close: Any, length: int, out: Any) -> None:
    """Exponentially weighted with alpha = 1 / length, each value corrected for how few it is made of.

    The first of it stands at bar `length`; before that it is left as it is. In the order of operations of
    pandas' `ewm(adjust=True)`, which leaves a constant range as it is.
    """
    centre = (1.0 - 1.0 / length) / (1.0 / length)
    keep = 1.0 - 1.0 / (1.0 + centre)
    mean = 0.0
    weight = 1.0
    for i in range(1, close.size):
        before = close[i - 1]
        span = max(abs(high[i] - low[i]), max(abs(high[i] - before), abs(before - low[i])))
        if i == 1:
            mean = span
        else:
            weight *= keep
            if mean != span:
                mean = (weight * mean + span) / (weight + 1.0)
            weight += 1.0
        if i >= length:
            out[i] = mean


@kernel
def _fill_highest(price: Any, sign: float, window: int, out: Any) -> None:
    """The highest (sign 1) or lowest (sign -1) of the last `window` prices, of fewer at the beginning.

    `waiting` holds, in falling order, the prices that may yet be the highest of a later window.
    """
    waiting = np.empty(price.size, np.int64)
    head = 0
    tail = 0
    for i in range(price.size):
        while tail > head and sign * price[waiting[tail - 1]] <= sign * price[i]:
            tail -= 1
        waiting[tail] = i
        tail += 1
        if waiting[head] <= i - window:
            head += 1
        out[i] = price[waiting[head]]
