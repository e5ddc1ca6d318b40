"""The stages S1 to S7 of VCP detection, each by itself: for a breakout bar, a base length and a newest bar.

How to use it, for one frame of daily bars, ascending, float64, nothing missing (0.0 stands for that):

1. `bars = bars_of(open, high, low, close, volume)`, once per frame: the columns and what is precomputed.
   Contraction marks and sums of volume look back only: a frame cut at its end, or one that begins at a later
   bar `first`, has the same ones. Sums are exact where volumes are whole numbers.
2. In a kernel, for a frame that begins at bar `first` and whose newest bar is `newest`: `is_wanted` are the
   filters of that bar, `is_trending` is its trend template.
3. For a breakout bar `bar`, `can_break_out` are the tests of S5 that need no base (volume, colour). For each
   length from `min_pattern_duration` by `base_step` up to `longest_base`: `passes` says whether S1 to S7 all
   hold, and `stages` (`stages_at` outside kernels) has each one's value and pass.

`setting` is one record with the fields of `vcp_settings.DETECTION`. `multiplier` is that of the breakout
volume, an argument of its own since that of the same day differs. A stage that is not required passes with
its neutral value. An undefined value (a zero denominator) is NaN, and fails.

`start` is the first bar of the base: `bar - length`. What may be seen: bars up to `newest`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.jit import kernel, part
from tasks.kernels.vcp.settings import LEAST_BARS

F8 = NDArray[np.float64]


class Bars(NamedTuple):
    """A frame's columns, and marks on them."""

    open: F8
    high: F8
    low: F8
    close: F8
    volume: F8
    tight_before: NDArray[np.int64]
    """Of bar i, the number of contraction bars before it; one more at the end."""
    next_tight: NDArray[np.int64]
    """Of bar i, the first contraction bar not before it, or the number of bars where there is none."""
    volume_before: F8
    """Of bar i, the sum of the volumes before it; one more at the end."""


class Stages(NamedTuple):
    """Every stage on its own, in order: values, and whether each one passes."""

    gain: float
    gain_ok: bool
    contractions: int
    contractions_ok: bool
    dry_up: float
    dry_up_ok: bool
    pivot: float
    price_breakout: bool
    volume_surge: bool
    green: bool
    volume_ratio: float
    breakout_ok: bool
    compression: float
    compression_ok: bool
    duration_score: int
    contraction_score: int
    compression_score: int
    volume_score: int
    quality: int
    quality_ok: bool
    all_ok: bool


@kernel
def bars_of(open_: F8, high: F8, low: F8, close: F8, volume: F8) -> Bars:
    count = close.size
    tight_before = np.zeros(count + 1, np.int64)
    next_tight = np.full(count + 1, count, np.int64)
    volume_before = np.zeros(count + 1)
    for i in range(count):
        is_tight = i >= 3 and (
            high[i] - low[i] < (high[i - 1] - low[i - 1]) * 0.95
            and low[i] > low[i - 1]
            and high[i] < max(high[i - 3], high[i - 2], high[i - 1])
        )
        tight_before[i + 1] = tight_before[i] + is_tight
        volume_before[i + 1] = volume_before[i] + volume[i]
    for i in range(count - 1, -1, -1):
        next_tight[i] = i if tight_before[i + 1] > tight_before[i] else next_tight[i + 1]
    return Bars(open_, high, low, close, volume, tight_before, next_tight, volume_before)


@part
def is_wanted(bars: Bars, setting: Any, newest: int, first: int) -> Any:
    """The filters of the newest bar of a frame that begins at `first`, its length among them."""
    return (
        newest + 1 - first >= LEAST_BARS
        and setting.min_price <= bars.close[newest] <= setting.max_price
        and mean_volume(bars, newest - 19, newest) >= setting.min_avg_volume
        and not (setting.exclude_penny_stocks and bars.close[newest] < 5.0)
    )


@part
def is_trending(close: float, average_50: float, average_100: float, average_200: float) -> Any:
    """The trend template, on what is known at the newest bar."""
    return close > average_50 and average_50 > average_100 and average_100 > average_200


@part
def longest_base(setting: Any, bar: int, first: int) -> Any:
    """Lengths run from `min_pattern_duration` by `base_step` up to this: 50 bars of the frame come before."""
    return min(setting.max_pattern_duration, bar - first - LEAST_BARS)


@part
def mean_volume(bars: Bars, first: int, last: int) -> Any:
    """Of the bars from `first` to `last`, both included."""
    return (bars.volume_before[last + 1] - bars.volume_before[first]) / (last + 1 - first)


@part
def volume_ratio(bars: Bars, bar: int) -> Any:
    """S5: volume over the mean of the 10 bars before; 0 where that is 0."""
    mean = mean_volume(bars, bar - 10, bar - 1)
    return bars.volume[bar] / mean if mean != 0.0 else 0.0


@part
def surges(bars: Bars, bar: int, multiplier: float) -> Any:
    return bars.volume[bar] > mean_volume(bars, bar - 10, bar - 1) * multiplier


@part
def can_break_out(bars: Bars, setting: Any, bar: int, multiplier: float) -> Any:
    """S5 but for the price: the same for all lengths, and false for most bars."""
    return not setting.require_volume_surge or (
        bars.close[bar] >= bars.open[bar] and bars.volume[bar] > 0.0 and surges(bars, bar, multiplier)
    )


@part
def highest(values: F8, first: int, last: int) -> Any:
    """Of the bars from `first` to `last`, both included."""
    found = values[first]
    for i in range(first + 1, last + 1):
        found = max(found, values[i])
    return found


@part
def prior_advance(bars: Bars, start: int, length: int) -> Any:
    """S1: per cent gained over the bars before the base; NaN from a price of zero."""
    before = bars.close[start - min(40, length // 2)]
    return (bars.close[start] - before) / before * 100.0 if before != 0.0 else np.nan


@part
def advances(setting: Any, gain: float) -> Any:
    return setting.prior_uptrend_min <= gain <= setting.prior_uptrend_max


@part
def count_contractions(bars: Bars, start: int, length: int) -> Any:
    """S2: tight bars from offset 5 to offset length - 4 of the base."""
    return bars.tight_before[start + length - 3] - bars.tight_before[start + 5] if length > 8 else 0


@part
def needed_contractions(setting: Any, length: int) -> Any:
    return max(setting.min_contractions, min(setting.max_contractions, length // 20))


@part
def dry_up(bars: Bars, start: int, newest: int) -> Any:
    """S3: mean volume from the first contraction bar to the newest bar, over that of the base before it.

    Asked only where S2 found a contraction bar.
    """
    first = bars.next_tight[start + 5]
    if first > newest:
        return np.nan
    before = mean_volume(bars, start, first - 1)
    return mean_volume(bars, first, newest) / before if before != 0.0 else np.nan


@part
def spread(values: F8, first: int, count: int) -> Any:
    """Standard deviation, divisor `count`; about the first value, so that equal ones give 0, not nearly 0."""
    total = 0.0
    for i in range(first, first + count):
        total += values[i] - values[first]
    mean = total / count
    squares = 0.0
    for i in range(first, first + count):
        squares += (values[i] - values[first] - mean) ** 2
    return np.sqrt(squares / count)


@part
def compression(bars: Bars, start: int, length: int) -> Any:
    """S6: spread of the closes of the base's last third over that of its first; NaN where that is 0."""
    third = length // 3
    if third == 0:
        return np.nan
    early = spread(bars.close, start, third)
    late = spread(bars.close, start + length - third, third)
    return late / early if early != 0.0 else np.nan


@part
def duration_score(length: int) -> int:
    """S7, the first of its four parts; 8 points in all."""
    return 2 if 30 <= length <= 80 else 1 if 20 <= length <= 100 else 0


@part
def contraction_score(contractions: int) -> int:
    return 2 if contractions >= 3 else 1 if contractions == 2 else 0


@part
def compression_score(ratio: float) -> int:
    return 2 if ratio < 0.5 else 1 if ratio < 0.7 else 0


@part
def volume_score(ratio: float) -> int:
    return 2 if ratio > 2.0 else 1 if ratio > 1.5 else 0


@part
def stages(bars: Bars, setting: Any, bar: int, length: int, newest: int, multiplier: float) -> Stages:
    """Every stage by itself, whatever the others say."""
    start = bar - length
    gain = prior_advance(bars, start, length) if setting.require_prior_uptrend else 0.0
    gain_ok = not setting.require_prior_uptrend or advances(setting, gain)
    found = count_contractions(bars, start, length)
    found_ok = found >= needed_contractions(setting, length)
    dried = 1.0
    if setting.require_volume_contraction:
        dried = dry_up(bars, start, newest) if found > 0 else np.nan
    dried_ok = not setting.require_volume_contraction or dried < 1.0
    pivot = highest(bars.high, start, bar - 1)
    above = bars.high[bar] > pivot * setting.breakout_buffer
    surge = surges(bars, bar, multiplier)
    green = bars.close[bar] >= bars.open[bar]
    ratio = volume_ratio(bars, bar) if setting.require_volume_surge else 1.0
    breakout_ok = not setting.require_volume_surge or (above and surge and green and bars.volume[bar] > 0.0)
    squeezed = compression(bars, start, length) if setting.require_volatility_compression else 0.5
    squeezed_ok = not setting.require_volatility_compression or squeezed <= setting.compression_threshold
    scores = (
        duration_score(length), contraction_score(found), compression_score(squeezed), volume_score(ratio)
    )  # fmt: skip
    quality = scores[0] + scores[1] + scores[2] + scores[3]
    quality_ok = quality >= setting.minimum_quality_score
    all_ok = gain_ok and found_ok and dried_ok and breakout_ok and squeezed_ok and quality_ok
    return Stages(
        gain, gain_ok, found, found_ok, dried, dried_ok, pivot, above, surge, green, ratio, breakout_ok,
        squeezed, squeezed_ok, scores[0], scores[1], scores[2], scores[3], quality, quality_ok, all_ok,
    )  # fmt: skip


@part
def passes(bars: Bars, setting: Any, bar: int, length: int, newest: int, multiplier: float) -> Any:
    """Whether all stages hold; asks the cheap ones first."""
    start = bar - length
    found = count_contractions(bars, start, length)
    if found < needed_contractions(setting, length) or not can_break_out(bars, setting, bar, multiplier):
        return False
    if setting.require_prior_uptrend and not advances(setting, prior_advance(bars, start, length)):
        return False
    if setting.require_volume_contraction and not (found > 0 and dry_up(bars, start, newest) < 1.0):
        return False
    return stages(bars, setting, bar, length, newest, multiplier).all_ok


@kernel
def stages_at(bars: Bars, setting: Any, bar: int, length: int, newest: int, multiplier: float) -> Stages:
    """`stages` for callers that are not kernels themselves."""
    return stages(bars, setting, bar, length, newest, multiplier)
