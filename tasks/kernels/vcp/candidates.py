"""Where a base ends in a breakout: the search that all combinations of one structure share.

It is made once, with the loosest of their thresholds. What it finds, a breakout bar with a base length, is a
candidate; each combination then asks its own thresholds of the candidates alone. A looser threshold lets
through all that a stricter one does, to the last bit, so that the rows of a combination do not depend on
which others stand beside it. A candidate sees no bar after its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.kernels.jit import kernel, part
from tasks.kernels.vcp.records import CANDIDATE
from tasks.kernels.vcp.stages import (
    advances,
    can_break_out,
    compression,
    compression_score,
    contraction_score,
    count_contractions,
    dry_up,
    duration_score,
    is_wanted,
    longest_base,
    needed_contractions,
    prior_advance,
    volume_ratio,
    volume_score,
)


@kernel
def loosest(settings: Any) -> Any:
    """One setting that lets through whatever any of these does; of one structure, as they are."""
    loose = settings[:1].copy()
    to = loose[0]
    for i in range(1, settings.size):
        at = settings[i]
        to.min_price = min(to.min_price, at.min_price)
        to.max_price = max(to.max_price, at.max_price)
        to.min_avg_volume = min(to.min_avg_volume, at.min_avg_volume)
        to.exclude_penny_stocks = to.exclude_penny_stocks and at.exclude_penny_stocks
        to.min_data_candles = min(to.min_data_candles, at.min_data_candles)
        to.min_contractions = min(to.min_contractions, at.min_contractions)
        to.max_contractions = min(to.max_contractions, at.max_contractions)
        to.volume_multiplier = min(to.volume_multiplier, at.volume_multiplier)
        to.compression_threshold = max(to.compression_threshold, at.compression_threshold)
        to.prior_uptrend_min = min(to.prior_uptrend_min, at.prior_uptrend_min)
        to.prior_uptrend_max = max(to.prior_uptrend_max, at.prior_uptrend_max)
        to.minimum_quality_score = min(to.minimum_quality_score, at.minimum_quality_score)
        to.breakout_buffer = min(to.breakout_buffer, at.breakout_buffer)
        to.trend_template = to.trend_template and at.trend_template
    return loose


@part
def is_open_to_signals(bars: Any, trending: Any, setting: Any, bar: int) -> Any:
    """What the bar itself must be, whichever base it breaks out of."""
    return (
        bar + 1 >= setting.min_data_candles
        and (not setting.trend_template or trending[bar])
        and can_break_out(bars, setting, bar, setting.volume_multiplier)
        and is_wanted(bars, setting, bar, 0)
    )


@kernel
def find_candidates(bars: Any, trending: Any, setting: Any) -> Any:
    """Every bar and base length that passes, in the order of bars, then lengths."""
    found = np.empty(64, CANDIDATE)
    count = 0
    for bar in range(bars.close.size):
        if not is_open_to_signals(bars, trending, setting, bar):
            continue
        first = count
        pivot = 0.0
        seen = bar  # the pivot is that of the bars from here on
        longest = longest_base(setting, bar, 0)
        for length in range(setting.min_pattern_duration, longest + 1, setting.base_step):
            for i in range(bar - length, seen):
                pivot = max(pivot, bars.high[i])
            seen = bar - length
            if setting.require_volume_surge and not bars.high[bar] > pivot * setting.breakout_buffer:
                break  # a longer base has no lower pivot
            if count == found.size:
                found = np.concatenate((found, np.empty(count, CANDIDATE)))
            if judge(bars, setting, bar, length, pivot, found[count]):
                count += 1
        for i in range(first, count):
            found[i].next_bar = count
    return found[:count]


@part
def judge(bars: Any, setting: Any, bar: int, length: int, pivot: float, at: Any) -> Any:
    """Whether a base passes all that is asked of it alone; `at` is then its record."""
    start = bar - length
    at.contractions = count_contractions(bars, start, length)
    if at.contractions < needed_contractions(setting, length):
        return False
    at.gain = prior_advance(bars, start, length) if setting.require_prior_uptrend else 0.0
    if setting.require_prior_uptrend and not advances(setting, at.gain):
        return False
    if setting.require_volume_contraction and not dry_up(bars, start, bar) < 1.0:
        return False
    at.compression = compression(bars, start, length) if setting.require_volatility_compression else 0.5
    if setting.require_volatility_compression and not at.compression <= setting.compression_threshold:
        return False
    at.bar = bar
    at.length = length
    at.pivot = pivot
    at.volume_ratio = volume_ratio(bars, bar) if setting.require_volume_surge else 1.0
    at.quality = (
        duration_score(length)
        + contraction_score(at.contractions)
        + compression_score(at.compression)
        + volume_score(at.volume_ratio)
    )
    return at.quality >= setting.minimum_quality_score


@part
def accepts(bars: Any, setting: Any, at: Any) -> Any:
    """Whether a candidate passes the thresholds of one combination."""
    return (
        at.contractions >= needed_contractions(setting, at.length)
        and at.quality >= setting.minimum_quality_score
        and (not setting.require_volume_surge or bars.high[at.bar] > at.pivot * setting.breakout_buffer)
        and (not setting.require_prior_uptrend or advances(setting, at.gain))
        and (not setting.require_volatility_compression or at.compression <= setting.compression_threshold)
    )
