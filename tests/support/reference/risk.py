"""Risk scores and daily columns written down from vcp.md sections 2 and 5 as they read, with pandas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

BOUNDS: Final[Mapping[str, Mapping[str, Sequence[float]]]] = {
    "optimised": {
        "volatility": (0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.60),
        "atr_risk": (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8),
        "drawdown_risk": (10, 15, 20, 25, 30, 40, 50, 60, 75),
        "gap_risk": (2, 4, 6, 8, 10, 12, 15, 18, 22),
        "volume_consistency": (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5),
        "trend_stability": (5, 8, 12, 16, 20, 25, 30, 35, 42),
    },
    "classic": {
        "volatility": (0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.60),
        "atr_risk": (1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6),
        "drawdown_risk": (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.50),
        "gap_risk": (0.005, 0.010, 0.015, 0.020, 0.025, 0.030, 0.035, 0.040, 0.050),
        "volume_consistency": (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5),
        "trend_stability": (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.50),
    },
}
WEIGHTS: Final = (0.30, 0.20, 0.10, 0.25, 0.10, 0.05)


def loaded(bars: Mapping[str, Any]) -> pd.DataFrame:
    """One row a date, the last received; by date; complete."""
    rows = pd.DataFrame({name: np.asarray(column) for name, column in bars.items()})
    rows["date"] = rows.pop("timestamp") // (86_400 * 10**9)
    return rows.drop_duplicates("date", keep="last").sort_values("date").dropna().reset_index(drop=True)


def true_range(rows: pd.DataFrame) -> pd.Series:
    before = rows["close"].shift()
    spans = [rows["high"] - rows["low"], rows["high"] - before, before - rows["low"]]
    widest = pd.concat(spans, axis=1).abs().max(axis=1)
    return widest.where(rows.index > 0)


def columns(rows: pd.DataFrame, version: str = "screener") -> pd.DataFrame:
    """The columns of section 2 for a frame that ends with its last row."""
    n = len(rows)
    out = pd.DataFrame(index=rows.index)
    if version == "screener" and n < 50:
        return out
    for length in (20, 50, 100, 200) if version == "screener" else (50, 100, 200):
        k = min(length, n)
        used = version == "screener" or k > 10
        out[f"sma_{length}"] = rows["close"].rolling(k).mean() if used else 0.0
    k = min(50, n)
    used = version == "screener" or k > 10
    mean = true_range(rows).ewm(alpha=1 / k, adjust=True, min_periods=k).mean() if used else 0.0
    out["atr"] = mean
    k = min(252, n)
    used = version == "screener" or k > 10
    high = rows["high"].rolling(k, min_periods=1).max() if used else rows["high"]
    low = rows["low"].rolling(k, min_periods=1).min() if used else rows["low"]
    out["52_week_high"], out["52_week_low"] = high, low
    out["away_from_high"] = (high - rows["close"]) / high * 100
    out["away_from_low"] = (rows["close"] - low) / low * 100
    return out.replace([np.inf, -np.inf], np.nan).fillna(0.0)


def measures(rows: pd.DataFrame, variant: str) -> dict[str, float]:
    """Of a window that has its `atr`."""
    n = len(rows)
    close, volume = rows["close"], rows["volume"]
    fall = (close.cummax() - close) / close.cummax()
    gap = ((rows["open"] - close.shift()) / close.shift()).fillna(0.0)
    wide = (gap.abs() > 0.03).sum() / n
    short, long = close.rolling(20).mean(), close.rolling(50).mean()
    up = short > long if variant == "optimised" else close > short
    turns = (up != up.shift()).sum() / n
    spread = 0.7 * volume.std() / volume.mean() + 0.3 * (volume > 2 * volume.mean()).sum() / n
    common = {"volatility": close.pct_change().std() * math.sqrt(252), "volume_consistency": spread}
    if variant == "optimised":
        return common | {
            "atr_risk": rows["atr"].tail(50).mean() / close.tail(50).mean() * 100,
            "drawdown_risk": fall.max() * 100,
            "gap_risk": wide * 100,
            "trend_stability": turns * 100,
        }
    falls = fall[fall > 0]
    return common | {
        "atr_risk": (rows["atr"] / close * 100).mean(),
        "drawdown_risk": 0.7 * fall.max() + 0.3 * (falls.mean() if len(falls) else 0.0),
        "gap_risk": 0.6 * gap.std() + 0.4 * wide,
        "trend_stability": turns,
    }


def score(measure: float, bounds: Sequence[float]) -> int:
    return 10 if math.isnan(measure) else 1 + sum(bool(measure > bound) for bound in bounds)


def risk(bars: Mapping[str, Any], as_of: int, window: str, variant: str) -> dict[str, Any] | None:
    """The record, with its `measures`; None where there is no bar up to `as_of` (days since 1970)."""
    rows = loaded(bars)
    rows = rows[rows["date"] <= as_of]
    if rows.empty:
        return None
    rows = rows.assign(atr=columns(rows, "collector")["atr"])
    rows = rows[rows["date"] > as_of - 252] if window == "calendar252" else rows.tail(252)
    if len(rows) < 50:
        return {"overall": 5.0, **dict.fromkeys(BOUNDS[variant], 5), "data_points": 0, "measures": {}}
    found = measures(rows, variant)
    scores = {name: score(found[name], bounds) for name, bounds in BOUNDS[variant].items()}
    overall = round(sum(s * w for s, w in zip(scores.values(), WEIGHTS, strict=True)), 1)
    return {"overall": overall, **scores, "data_points": len(rows), "measures": found}
