"""The statistics of bigbar.md §8 as they are defined there, with pandas where the original had it."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.support.reference.bar_engine import Trade

F8 = NDArray[np.float64]


def gmean(returns: F8) -> float:
    if not returns.size:
        return math.nan
    if (1.0 + returns <= 0.0).any():
        return 0.0
    return float(np.exp(np.log(1.0 + returns).sum() / returns.size) - 1.0)


@np.errstate(all="ignore")
def plain_statistics(
    time: NDArray[np.int64], close: F8, equity: F8, trades: list[Trade], warm_up: int = 0
) -> dict[str, Any]:
    index = pd.DatetimeIndex(time.view("datetime64[ns]"))
    period: Any = pd.Series(index[-100:]).diff().dropna().median()
    whole_days = 0 if period is pd.NaT else period.days
    weekend = float(np.isin(index.day_of_week, (5, 6)).mean()) > 2 / 7 * 0.6
    annual = {7: 52, 31: 12, 365: 1}.get(whole_days, 365 if weekend else 252)
    grid = {7: "W", 31: "ME", 365: "YE"}.get(whole_days, "D")
    ends = pd.Series(equity, index).resample(grid).last().dropna().to_numpy()
    q = ends[1:] / ends[:-1] - 1.0
    growth = 1.0 + gmean(q)
    variance = float(np.var(q, ddof=1)) if q.size > 1 else math.nan
    gain = growth**annual - 1.0
    spread = (variance + growth**2) ** annual - growth ** (2 * annual)
    volatility = 100.0 * math.sqrt(spread) if spread >= 0.0 else math.nan
    below = float(np.mean(np.minimum(q, 0.0) ** 2)) if q.size else math.nan
    span = index[-1] - index[0]
    years = (span.days + span.seconds / 86_400) / 365.25
    e, c = np.log(equity[1:] / equity[:-1]), np.log(close[1:] / close[:-1])
    beta = float(np.cov(e, c)[0, 1] / np.var(c, ddof=1)) if e.size > 1 else math.nan
    final = 100.0 * (equity[-1] - equity[0]) / equity[0]
    buy_hold = 100.0 * (close[-1] - close[warm_up]) / close[warm_up]
    covered = {bar for trade in trades for bar in range(trade.entry_bar, trade.exit_bar + 1)}
    falls = 1.0 - equity / np.maximum.accumulate(equity)
    deepest = falls.max()
    return {
        "exposure_pct": 100.0 * len(covered) / close.size,
        "equity_final": equity[-1],
        "equity_peak": equity.max(),
        "return_pct": final,
        "buy_hold_return_pct": buy_hold,
        "return_ann_pct": 100.0 * gain,
        "volatility_ann_pct": volatility,
        "cagr_pct": 100.0 * ((equity[-1] / equity[0]) ** (1 / years) - 1.0) if years else math.nan,
        "sharpe": 100.0 * gain / volatility if volatility != 0.0 else math.nan,
        "sortino": float(np.float64(gain) / (math.sqrt(below) * math.sqrt(annual))),
        "calmar": gain / deepest if deepest else math.nan,
        "alpha_pct": final - beta * buy_hold,
        "beta": beta,
        "max_drawdown_pct": -100.0 * deepest,
        **_drawdowns(index, falls, period),
        **_of_trades(index, trades, period),
    }


def _drawdowns(index: pd.DatetimeIndex, falls: F8, period: Any) -> dict[str, float]:
    marks = sorted({*np.flatnonzero(falls == 0.0).tolist(), falls.size - 1})
    periods = [(a, b) for a, b in itertools.pairwise(marks) if b > a + 1]
    lengths = pd.Series([index[b] - index[a] for a, b in periods], dtype="timedelta64[ns]")
    depths = [falls[a : b + 1].max() for a, b in periods]
    return {
        "avg_drawdown_pct": -100.0 * float(np.mean(depths)) if depths else math.nan,
        "max_drawdown_s": _rounded_up(lengths, "max", period),
        "avg_drawdown_s": _rounded_up(lengths, "mean", period),
    }


def _of_trades(index: pd.DatetimeIndex, trades: list[Trade], period: Any) -> dict[str, float]:
    x = np.array([trade.pnl for trade in trades])
    r = np.array([trade.return_fraction for trade in trades])
    spans = [index[trade.exit_bar] - index[trade.entry_bar] for trade in trades]
    lengths = pd.Series(spans, dtype="timedelta64[ns]")
    nan, p = math.nan, float((x > 0.0).mean()) if x.size else math.nan
    deviation = float(np.std(x, ddof=1)) if x.size > 1 else nan
    two_sided = (x > 0.0).any() and (x < 0.0).any()
    return {
        "trades": len(trades),
        "win_rate_pct": 100.0 * p,
        "best_trade_pct": 100.0 * r.max() if x.size else nan,
        "worst_trade_pct": 100.0 * r.min() if x.size else nan,
        "avg_trade_pct": 100.0 * gmean(r),
        "max_trade_s": _rounded_up(lengths, "max", period),
        "avg_trade_s": _rounded_up(lengths, "mean", period),
        "profit_factor": r[r > 0.0].sum() / abs(r[r < 0.0].sum()) if (r < 0.0).any() else nan,
        "expectancy_pct": 100.0 * r.mean() if x.size else nan,
        "sqn": math.sqrt(x.size) * x.mean() / deviation if deviation > 0.0 else nan,
        "kelly": p - (1 - p) / (x[x > 0].mean() / -x[x < 0].mean()) if two_sided else nan,
        "commissions": sum(trade.commission for trade in trades),
    }


def _rounded_up(lengths: Any, how: str, period: Any) -> float:
    if lengths.empty:
        return math.nan
    units = (pd.Timedelta(1, "D"), pd.Timedelta(1, "h"), pd.Timedelta(1, "min"), pd.Timedelta(1, "s"))
    unit = next(unit for unit in units if period % unit == pd.Timedelta(0))
    return float(getattr(lengths, how)().ceil(unit).total_seconds())
