"""The two screens, written down from vcp.md sections 3 and 4 as plainly as they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import fmean
from typing import Any

from tests.support.reference.vcp_screen_stages import (
    DEFAULTS,
    Bars,
    Record,
    atr,
    breakout_tests,
    detect,
    passes_filters,
    sma,
    stages,
)


def screen(
    every: Bars, as_of: date, mode: str, segment: str = "ALL", **changed: Any
) -> tuple[str, Record | None]:
    """Outcome of one symbol on one as-of date, and the record of the pattern where it is a hit."""
    s = {**DEFAULTS, **changed}
    if segment == "IPO":
        return "excluded_ipo", None
    bars = every.seen_from(as_of)
    if bars.n == 0 or bars.days[-1] <= as_of - timedelta(days=30):
        return "excluded_stale", None
    if not passes_filters(bars, s):
        return "filtered", None
    found = detect(bars, as_of, mode, s)
    return ("hits", record(bars, *found, s)) if found else ("no_pattern", None)


def basic(every: Bars, as_of: date, segment: str = "ALL") -> tuple[str, Record | None]:
    """Outcome of one symbol in the basic trend screen, and its row where it passes."""
    if segment == "IPO":
        return "excluded_ipo", None
    bars = every.seen_from(as_of)
    if bars.n < 2:
        return "not_enough_data", None
    t = bars.n - 1

    def average(nominal: int, i: int) -> float:
        return sma(bars, nominal, i) if min(nominal, bars.n) > 10 else 0.0

    close, a, b, c = bars.c[t], average(50, t), average(100, t), average(200, t)
    if close <= a:
        return "price_below_sma50", None
    if not (a > b and a > c):
        return "sma_not_aligned", None
    if not average(200, max(0, t - 25)) < c:
        return "not_trending", None
    high = max(bars.h[-252:]) if bars.n > 10 else bars.h[t]
    if (high - close) / high * 100 >= 50:
        return "too_extended", None
    return "hits", {
        "last_price": close,
        "change": per_cent(close - bars.c[t - 1], bars.c[t - 1]),
        "sma_50": a,
        "sma_100": b,
        "sma_200": c,
        "atr": atr(bars, t) if bars.n > 10 else 0.0,
    }


def per_cent(part: float, whole: float) -> float | None:
    """Nothing, where it is of nothing."""
    return part / whole * 100 if whole else None


def levels(entry: float, a: float, kind: str) -> tuple[float, float]:
    """Section 3.5: stop and target."""
    if a == 0:
        return entry * 0.92, entry * 1.20
    x = abs((entry - 3 * a) - entry) / entry * 100
    y = abs((entry + 6 * a) - entry) / entry * 100
    if x <= 6.5:
        stop = entry * 0.925
    elif (7.0 if kind == "reference" else 6.5) <= x <= 10.0:
        stop = entry - 3 * a
    else:
        stop = entry * 0.90
    target = entry * 1.15 if y <= 15 else entry + 6 * a if y <= 30 else entry * 1.30
    return stop, target


def word(value: float, over: Sequence[tuple[float, str]], otherwise: str | None) -> str | None:
    """The word of the first bound that the value exceeds."""
    return next((w for bound, w in over if value > bound), otherwise)


def record(bars: Bars, b: int, length: int, is_today: bool, s: Mapping[str, Any]) -> Record:
    """Section 3.6, the fields in its order."""
    found = stages(bars, b, length, is_today, s)
    assert found is not None
    o, h, l, c, v = bars.o, bars.h, bars.l, bars.c, bars.v  # noqa: E741
    p, day, close = b - length, [d.isoformat() for d in bars.days], bars.c[b]
    m = min(40, length // 2)
    pivot, low = max(h[p:b]), min(l[p:b])
    tight, scores, gain, compression = (found[x] for x in ("tight", "scores", "gain", "compression"))
    lengths = [after - j for j, after in zip(tight, [*tight[1:], b], strict=True)]
    averages = {f"sma_{k}": sma(bars, k, b) for k in (20, 50, 100, 200)}
    tests = breakout_tests(bars, b, length, is_today, s)
    stop, target = levels(close, atr(bars, b), s["levels"])
    total = sum(scores.values())
    pattern_mean = fmean(v[p:b])
    return {
        "scan_date": day[b],
        "quality_score": total,
        "change": per_cent(c[b] - c[b - 1], c[b - 1]),
        "pattern_start_date": day[p],
        "pattern_end_date": day[b - 1],
        "pattern_duration_days": length,
        "pattern_duration_weeks": round(length / 5, 1),
        "pattern_start_price": c[p],
        "pattern_high": pivot,
        "pattern_low": low,
        "pattern_high_date": day[p + h[p:b].index(pivot)],
        "pattern_low_date": day[p + l[p:b].index(low)],
        "pattern_range_pct": per_cent(pivot - low, low),
        "num_contractions": len(tight),
        "contraction_details": [
            {
                "contraction_number": number,
                "date": day[j],
                "index_in_pattern": j - p,
                "length_days": bars_to_next,
                "price": c[j],
                "high": h[j],
                "low": l[j],
                "volume": v[j],
                "range_pct": per_cent(h[j] - l[j], c[j]),
            }
            for number, (j, bars_to_next) in enumerate(zip(tight, lengths, strict=True), 1)
        ],
        "avg_contraction_length": fmean(lengths),
        "first_contraction_date": day[tight[0]],
        "last_contraction_date": day[tight[-1]],
        "days_since_last_contraction": (bars.days[b] - bars.days[tight[-1]]).days,
        "prior_uptrend_start_date": day[p - m],
        "prior_uptrend_start_price": c[p - m],
        "prior_uptrend_end_price": c[p],
        "prior_uptrend_duration_days": m,
        "prior_uptrend_gain_pct": gain,
        "prior_uptrend_high": max(h[p - m : p]),
        "prior_uptrend_low": min(l[p - m : p]),
        "breakout_date": day[b],
        "breakout_open": o[b],
        "breakout_high": h[b],
        "breakout_low": l[b],
        "breakout_close": close,
        "breakout_volume": v[b],
        "breakout_range_pct": per_cent(h[b] - l[b], close),
        "gap_up_from_prev_close": per_cent(o[b] - c[b - 1], c[b - 1]),
        "breakout_strength_vs_pattern_high": per_cent(h[b] - pivot, pivot),
        "close_strength_vs_pattern_high": per_cent(close - pivot, pivot),
        "breakout_body_pct": per_cent(close - o[b], close),
        "volume_surge_ratio": found["volume_ratio"],
        "avg_volume_10d": fmean(v[b - 10 : b]),
        "avg_volume_20d": fmean(v[b - 20 : b]),
        "pattern_avg_volume": pattern_mean,
        "pattern_max_volume": max(v[p:b]),
        "pattern_min_volume": min(v[p:b]),
        "breakout_vs_pattern_avg_volume": v[b] / pattern_mean if pattern_mean else None,
        "volume_trend_in_pattern": ("increasing" if fmean(v[p:b][-5:]) > fmean(v[p:b][:5]) else "decreasing"),
        "current_price": close,
        **averages,
        **{
            f"price_vs_{name.replace('_', '')}_pct": per_cent(close - average, average)
            for name, average in averages.items()
        },
        "atr_50": atr(bars, b),
        "atr_vs_price_pct": per_cent(atr(bars, b), close),
        **scores,
        "compression_ratio": compression,
        "entry_price": close,
        "suggested_stop_loss": stop,
        "suggested_take_profit": target,
        "stop_loss_pct": per_cent(close - stop, close),
        "take_profit_pct": per_cent(target - close, close),
        "risk_reward_ratio": abs(target - close) / abs(close - stop),
        "max_risk_amount": close - stop,
        "max_reward_amount": target - close,
        "green_breakout_candle": tests["green_breakout_candle"],
        "strong_close": close > pivot * 0.995,
        "good_range": (h[b] - l[b]) / close < 0.12,
        "price_breakout": tests["price_breakout"],
        "volume_surge": tests["volume_surge"],
        "above_sma50": close > averages["sma_50"],
        "above_sma100": close > averages["sma_100"],
        "days_since_pattern_start": (bars.days[b] - bars.days[p]).days,
        "weekday_of_breakout": bars.days[b].strftime("%A"),
        "month_of_breakout": bars.days[b].strftime("%B %Y"),
        "pattern_weekly_breakdown": [
            {
                "week_start_date": day[i],
                "week_end_date": day[min(i + 5, b) - 1],
                "week_high": max(h[i : min(i + 5, b)]),
                "week_low": min(l[i : min(i + 5, b)]),
                "week_close": c[min(i + 5, b) - 1],
                "week_volume": sum(v[i : min(i + 5, b)]),
                "week_avg_volume": fmean(v[i : min(i + 5, b)]),
            }
            for i in range(p, b, 5)
        ],
        "pattern_tightness_score": round(10 - 10 * compression, 1),
        "uptrend_strength": word(gain, ((20, "strong"), (10, "moderate")), "weak"),
        "volatility_compression_quality": (
            "excellent" if compression < 0.5 else "good" if compression < 0.7 else "acceptable"
        ),
        "overall_pattern_grade": word(total + 1, ((7, "A"), (5, "B"), (3, "C")), None),
    }
