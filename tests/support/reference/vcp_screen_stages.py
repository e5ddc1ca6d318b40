"""The detection of a VCP, written down from vcp.md sections 1 to 3.4 as plainly as it reads.

Slow and without any sharing: every average, window and flag is made where the text asks for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import fmean
from typing import Any, Final

Record = dict[str, Any]

DEFAULTS: Final[Mapping[str, Any]] = {
    "min_price": 2.0,
    "max_price": 10_000_000.0,
    "min_avg_volume": 500.0,
    "exclude_penny_stocks": False,
    "min_data_candles": 500,
    "min_pattern_duration": 40,
    "max_pattern_duration": 150,
    "base_step": 10,
    "lookback_bars": 3,
    "min_contractions": 2,
    "max_contractions": 8,
    "volume_multiplier": 1.2,
    "same_day_volume_multiplier": 0.3,
    "compression_threshold": 0.85,
    "prior_uptrend_min": 3.0,
    "prior_uptrend_max": 150.0,
    "minimum_quality_score": 3,
    "breakout_buffer": 1.005,
    "require_prior_uptrend": True,
    "require_volume_contraction": True,
    "require_sma_position": True,
    "require_volume_surge": True,
    "require_volatility_compression": True,
    "quality_score_weight": True,
    "levels": "reference",
}


@dataclass
class Bars:
    """One symbol's bars, ascending by date."""

    days: list[date] = field(default_factory=list)
    o: list[float] = field(default_factory=list)
    h: list[float] = field(default_factory=list)
    l: list[float] = field(default_factory=list)  # noqa: E741  # the name of the text
    c: list[float] = field(default_factory=list)
    v: list[float] = field(default_factory=list)

    @property
    def n(self) -> int:
        return len(self.days)

    def seen_from(self, as_of: date) -> Bars:
        """Section 1: dated A or earlier, and no more than 2000 calendar days back."""
        kept = [i for i, day in enumerate(self.days) if as_of - timedelta(days=2000) < day <= as_of]
        o, h, l, c, v = ([x[i] for i in kept] for x in (self.o, self.h, self.l, self.c, self.v))  # noqa: E741
        return Bars([self.days[i] for i in kept], o, h, l, c, v)


def sma(bars: Bars, nominal: int, i: int) -> float:
    """Section 2; 0 where undefined."""
    k = min(nominal, bars.n)
    return fmean(bars.c[i - k + 1 : i + 1]) if i + 1 >= k else 0.0


def atr(bars: Bars, i: int) -> float:
    k = min(50, bars.n)
    if i < k:
        return 0.0
    h, l, c = bars.h, bars.l, bars.c  # noqa: E741
    q = 1 - 1 / k
    num = den = 0.0
    for j in range(1, i + 1):
        num = num * q + max(abs(h[j] - l[j]), abs(h[j] - c[j - 1]), abs(c[j - 1] - l[j]))
        den = den * q + 1
    return num / den


def std(values: Sequence[float]) -> float:
    mean = fmean(values)
    return math.sqrt(sum((x - mean) ** 2 for x in values) / len(values))


def passes_filters(bars: Bars, s: Mapping[str, Any]) -> bool:
    if bars.n < 50:
        return False
    close = bars.c[-1]
    return not (
        close < s["min_price"]
        or close > s["max_price"]
        or fmean(bars.v[-20:]) < s["min_avg_volume"]
        or (s["exclude_penny_stocks"] and close < 5.0)
    )


def detect(bars: Bars, as_of: date, mode: str, s: Mapping[str, Any]) -> tuple[int, int, bool] | None:
    """Section 3.4: breakout bar, base length, and whether that bar is today's."""
    t = bars.n - 1
    if bars.n < s["min_data_candles"] or not template(bars):
        return None
    remembered = None
    for lookback in range(s["lookback_bars"]):
        b = t - lookback
        is_today = mode == "same_day" and lookback == 0 and bars.days[b] >= as_of
        longest = min(s["max_pattern_duration"], b - 50)
        for length in range(s["min_pattern_duration"], longest + 1, s["base_step"]):
            if b - length < 50:
                continue
            if stages(bars, b, length, is_today, s) is not None:
                remembered = (b, length, is_today)
                if is_today:
                    return remembered
    return remembered


def template(bars: Bars) -> bool:
    t = bars.n - 1
    close = bars.c[t]
    a, b, c = (sma(bars, k, t) for k in (50, 100, 200))
    return close > a and close > b and close > c and a > b > c


def stages(bars: Bars, b: int, length: int, is_today: bool, s: Mapping[str, Any]) -> Record | None:
    """S1 to S7: what they found, or None where one fails."""
    p = b - length
    tight = [j for j in range(p + 5, p + length - 4 + 1) if is_contraction(bars, j)]
    gain = prior_advance(bars, p, length, s)
    if gain is None or len(tight) < max(s["min_contractions"], min(s["max_contractions"], length // 20)):
        return None
    volume_ratio = surge(bars, b, length, is_today, s)
    compression = compressed(bars, b, length, s)
    if not dries_up(bars, p, tight, s) or volume_ratio is None or compression is None:
        return None
    scores = quality(length, len(tight), compression, volume_ratio)
    if sum(scores.values()) < s["minimum_quality_score"]:
        return None
    found = {"gain": gain, "tight": tight, "volume_ratio": volume_ratio, "compression": compression}
    return {**found, "scores": scores}


def prior_advance(bars: Bars, p: int, length: int, s: Mapping[str, Any]) -> float | None:
    if not s["require_prior_uptrend"]:
        return 0.0
    before = bars.c[p - min(40, length // 2)]
    if before == 0:
        return None
    gain = (bars.c[p] - before) / before * 100
    return gain if s["prior_uptrend_min"] <= gain <= s["prior_uptrend_max"] else None


def is_contraction(bars: Bars, j: int) -> bool:
    h, l = bars.h, bars.l  # noqa: E741
    return (
        (h[j] - l[j]) < (h[j - 1] - l[j - 1]) * 0.95
        and l[j] > l[j - 1]
        and h[j] < max(h[j - 3], h[j - 2], h[j - 1])
    )


def dries_up(bars: Bars, p: int, tight: Sequence[int], s: Mapping[str, Any]) -> bool:
    if not s["require_volume_contraction"]:
        return True
    before = fmean(bars.v[p : tight[0]])
    return before != 0 and fmean(bars.v[tight[0] :]) / before < 1.0


def surge(bars: Bars, b: int, length: int, is_today: bool, s: Mapping[str, Any]) -> float | None:
    if not s["require_volume_surge"]:
        return 1.0
    if not all(breakout_tests(bars, b, length, is_today, s).values()):
        return None
    usual = fmean(bars.v[b - 10 : b])
    return bars.v[b] / usual if usual else 0.0


def compressed(bars: Bars, b: int, length: int, s: Mapping[str, Any]) -> float | None:
    if not s["require_volatility_compression"]:
        return 0.5
    p, third = b - length, length // 3
    early, late = std(bars.c[p : p + third]), std(bars.c[b - third : b])
    return late / early if early != 0 and late / early <= s["compression_threshold"] else None


def breakout_tests(bars: Bars, b: int, length: int, is_today: bool, s: Mapping[str, Any]) -> dict[str, bool]:
    pivot = max(bars.h[b - length : b])
    over = s["same_day_volume_multiplier"] if is_today else s["volume_multiplier"]
    return {
        "price_breakout": bars.h[b] > pivot * s["breakout_buffer"],
        "volume_surge": bars.v[b] > fmean(bars.v[b - 10 : b]) * over,
        "green_breakout_candle": bars.c[b] >= bars.o[b],
        "traded": bars.v[b] > 0,
    }


def quality(length: int, contractions: int, compression: float, volume_ratio: float) -> dict[str, int]:
    return {
        "duration_score": 2 if 30 <= length <= 80 else 1 if 20 <= length <= 100 else 0,
        "contraction_score": 2 if contractions >= 3 else 1 if contractions == 2 else 0,
        "compression_score": 2 if compression < 0.5 else 1 if compression < 0.7 else 0,
        "volume_score": 2 if volume_ratio > 2.0 else 1 if volume_ratio > 1.5 else 0,
    }
