"""Statistics and tables of bar strategies, by name (design.md §4). No compiler: declarations import this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

STATISTICS: Final = (
    "exposure_pct",
    "equity_final",
    "equity_peak",
    "return_pct",
    "buy_hold_return_pct",
    "return_ann_pct",
    "volatility_ann_pct",
    "cagr_pct",
    "sharpe",
    "sortino",
    "calmar",
    "alpha_pct",
    "beta",
    "max_drawdown_pct",
    "avg_drawdown_pct",
    "max_drawdown_s",
    "avg_drawdown_s",
    "trades",
    "win_rate_pct",
    "best_trade_pct",
    "worst_trade_pct",
    "avg_trade_pct",
    "max_trade_s",
    "avg_trade_s",
    "profit_factor",
    "expectancy_pct",
    "sqn",
    "kelly",
    "commissions",
)
WHOLE_STATISTICS: Final = ("trades",)
TRACES: Final[Mapping[str, Mapping[str, str]]] = {
    "trades": {
        "trade_no": "int64",
        "size": "int64",
        "entry_bar": "int64",
        "exit_bar": "int64",
        "entry_time": "timestamp[ns]",
        "exit_time": "timestamp[ns]",
        "entry_price": "double",
        "exit_price": "double",
        "sl": "double",
        "tp": "double",
        "pnl": "double",
        "commission": "double",
        "return_pct": "double",
    },
    "equity": {"bar": "int64", "time": "timestamp[ns]", "equity": "double"},
}
"""What a run on bars can show: its closed trades, and its worth at every bar."""


def as_columns(rows: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """Rows of statistics, one a combination, as the columns that `evaluate` returns."""
    columns: dict[str, NDArray[Any]] = {name: rows[:, i] for i, name in enumerate(STATISTICS)}
    return columns | {name: columns[name].astype(np.int64) for name in WHOLE_STATISTICS}
