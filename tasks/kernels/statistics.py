"""Figures of a finished backtest from its counters: return against risk, drawdown, wins."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.jit import kernel

TRADING_DAYS: Final = 252


@kernel
def sharpe_of_days(day_pnl: Any, day_fills: Any) -> Any:
    """Per combination: mean over sample deviation of days with fills, times sqrt(252); 0 where undefined."""
    out = np.zeros(day_pnl.shape[0])
    for i in range(day_pnl.shape[0]):
        days = 0
        total = 0.0
        for d in range(day_pnl.shape[1]):
            if day_fills[i, d] > 0:
                days += 1
                total += day_pnl[i, d]
        if days < 2:
            continue
        mean = total / days
        squares = 0.0
        for d in range(day_pnl.shape[1]):
            if day_fills[i, d] > 0:
                squares += (day_pnl[i, d] - mean) ** 2
        if squares > 0.0:
            out[i] = mean / np.sqrt(squares / (days - 1)) * np.sqrt(TRADING_DAYS)
    return out


def ratio(
    above: NDArray[Any], below: NDArray[Any], otherwise: NDArray[Any] | float = 0.0
) -> NDArray[np.float64]:
    """above / below, and `otherwise` where below is 0."""
    is_defined = below != 0
    return np.where(is_defined, above / np.where(is_defined, below, 1), otherwise)


def fill_statistics(
    states: NDArray[Any], day_pnl: NDArray[Any], day_fills: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """What every strategy that counts fills into `states` reports of them (market_making.md §9)."""
    pnl, drawdown = states["realised"] + 0.0, states["max_drawdown"] + 0.0
    trades = states["trades"]
    peak = np.where(states["peak"] > 0.0, states["peak"], np.inf)  # never in profit: 0 %
    losses = np.abs(states["losses"])
    return {
        "trades": trades,
        "buys": states["fills"][:, 0],
        "sells": states["fills"][:, 1],
        "volume": states["volume"].sum(axis=1),
        "buy_volume": states["volume"][:, 0],
        "sell_volume": states["volume"][:, 1],
        "turnover": states["turnover"],
        "total_pnl": pnl,
        "final_position": states["position"],
        "highest_position": states["highest_position"],
        "lowest_position": states["lowest_position"],
        "strategy_days": (day_fills > 0).sum(axis=1),
        "win_rate_pct": ratio(states["wins"], trades) * 100.0,
        "max_drawdown": drawdown,
        "max_drawdown_pct": drawdown / peak * 100.0 + 0.0,
        "sharpe": sharpe_of_days(day_pnl, day_fills),
        "calmar": np.where(drawdown < 0.0, ratio(pnl, -drawdown), np.maximum(pnl, 0.0)),
        "profit_factor": np.where(losses > 0.0, ratio(states["gains"], losses), states["gains"]),
        "avg_pnl_per_trade": ratio(pnl, trades),
    }
