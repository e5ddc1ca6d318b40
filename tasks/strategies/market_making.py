"""Market making on ticks: what can be varied, and what is reported (docs/reference/market_making.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from tasks.api import ASK, BID, TRADE, Columns
from tasks.kernels.closing.state import EXCHANGES
from tasks.kernels.market_making.state import VARIANTS

RULES: Final = ("reference", "fixed")

FILL_METRICS: Final = (
    "trades",
    "buys",
    "sells",
    "volume",
    "buy_volume",
    "sell_volume",
    "turnover",
    "total_pnl",
    "final_position",
    "highest_position",
    "lowest_position",
    "market_days",
    "strategy_days",
    "win_rate_pct",
    "max_drawdown",
    "max_drawdown_pct",
    "sharpe",
    "calmar",
    "profit_factor",
    "avg_pnl_per_trade",
)
FILL_COUNTS: Final = (
    "trades",
    "buys",
    "sells",
    "volume",
    "buy_volume",
    "sell_volume",
    "final_position",
    "highest_position",
    "lowest_position",
    "market_days",
    "strategy_days",
)

CLOSING_COUNTS: Final = (
    "auction_entries",
    "buy_entries",
    "sell_entries",
    "vwap_exits",
    "stop_losses",
    "eod_flattens",
    "filtered_sell_entries",
    "filtered_buy_entries",
)


@dataclass(frozen=True)
class MarketMakingParams:
    """Names and defaults of the original's configuration files, per security."""

    variant: str = field(
        default="v1_baseline",
        metadata={"choices": VARIANTS, "doc": "which of the four quoting rules is played"},
    )
    quote_size: int = field(
        default=50_000,
        metadata={
            "min": 0,
            "max": 10**12,
            "unit": "shares",
            "doc": "size of each quote where its side has no own",
        },
    )
    quote_size_bid: int | None = field(
        default=None,
        metadata={"min": 0, "max": 10**12, "unit": "shares", "doc": "size of the bid; null: quote_size"},
    )
    quote_size_ask: int | None = field(
        default=None,
        metadata={"min": 0, "max": 10**12, "unit": "shares", "doc": "size of the ask; null: quote_size"},
    )
    refill_interval_sec: int = field(
        default=60,
        metadata={
            "min": 0,
            "max": 10**6,
            "unit": "s",
            "doc": "v1: life of a quote; others: cooldown after a fill",
        },
    )
    max_position: int = field(
        default=2_000_000,
        metadata={"min": 0, "max": 10**12, "unit": "shares", "doc": "largest position on either side"},
    )
    max_notional: float | None = field(
        default=None,
        metadata={
            "min": 0.0,
            "max": 1e15,
            "unit": "currency",
            "doc": "largest position by value, null: no cap; heeded by v1, and by all under `rules: fixed`",
        },
    )
    min_local_currency_before_quote: float = field(
        default=25_000.0,
        metadata={
            "min": 0.0,
            "max": 1e15,
            "unit": "currency",
            "doc": "least value of the best level that is joined",
        },
    )
    stop_loss_threshold_pct: float = field(
        default=2.0,
        metadata={
            "min": 0.0,
            "max": 100.0,
            "unit": "percent",
            "doc": "v2.1: loss on the open position that ends it",
        },
    )
    rules: str = field(
        default="reference",
        metadata={"choices": RULES, "doc": "the original's quirks kept, or mended (fixed)"},
    )


class MarketMaking:
    """Quotes on both sides of the book, four variants."""

    name: Final = "market_making"
    data: Final = "ticks"
    params: Final = MarketMakingParams
    metrics: Final = (*FILL_METRICS, "state_pnl", "rows", "session_rows", "unprinted_flattens")
    whole_numbers: Final = (*FILL_COUNTS, "rows", "session_rows", "unprinted_flattens")
    metric: Final = "total_pnl"
    goal: Final[Literal["maximize"]] = "maximize"
    groups: Final = ("variant", "rules")
    traces: Final = {
        "trades": {
            "timestamp": "timestamp[ns]",
            "side": "string",
            "fill_price": "double",
            "fill_qty": "int64",
            "realized_pnl": "double",
            "position": "int64",
            "pnl": "double",
        }
    }

    def prepare(self, data: Columns) -> Columns:
        from tasks.kernels.market_making import sweep

        return sweep.prepare(data)

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        from tasks.kernels.market_making import sweep

        found = sweep.evaluate(sweep.prepare(data), combinations)
        return {name: found[name] for name in self.metrics}

    def trace(self, data: Columns, combination: Mapping[str, Any]) -> Mapping[str, Columns]:
        from tasks.kernels.market_making import sweep

        return {"trades": sweep.trace(sweep.prepare(data), combination)}

    def warm_up(self) -> None:
        """Compile every kernel, or load it from the disk, on a few made-up ticks."""
        defaults = vars(MarketMakingParams())
        days = self.prepare(a_few_ticks())
        side_by_side = {name: np.array([value] * 4, object) for name, value in defaults.items()}
        self.evaluate(days, side_by_side)
        for variant in VARIANTS[:2]:  # single ones: by jumps, and event by event
            self.trace(days, defaults | {"variant": variant})


@dataclass(frozen=True)
class ClosingParams:
    """Names and defaults of the original's configuration files, per security, and of its command line."""

    vwap_preclose_period_min: int = field(
        default=15,
        metadata={"min": 1, "max": 885, "unit": "minutes", "doc": "the average is that of the last minutes"},
    )
    spread_vwap_pct: float = field(
        default=0.5,
        metadata={"min": 0.0, "max": 100.0, "unit": "percent", "doc": "limits' distance from the average"},
    )
    order_notional: float = field(
        default=250_000.0,
        metadata={"min": 0.0, "max": 1e15, "unit": "currency", "doc": "value of each auction order"},
    )
    stop_loss_threshold_pct: float = field(
        default=2.0,
        metadata={"min": 0.0, "max": 100.0, "unit": "percent", "doc": "loss on the entry price that ends it"},
    )
    trend_filter_sell_enabled: bool = field(
        default=True, metadata={"doc": "no sell order in a rising market"}
    )
    trend_filter_sell_threshold_bps_hr: float = field(
        default=10.0, metadata={"min": 0.0, "max": 1e6, "unit": "bps/h", "doc": "what counts as rising"}
    )
    trend_filter_buy_enabled: bool = field(
        default=False, metadata={"doc": "no buy order in a falling market"}
    )
    trend_filter_buy_threshold_bps_hr: float = field(
        default=10.0, metadata={"min": 0.0, "max": 1e6, "unit": "bps/h", "doc": "what counts as falling"}
    )
    auction_fill_pct: float = field(
        default=10.0,
        metadata={"min": 0.0, "max": 100.0, "unit": "percent", "doc": "our part of the auction's volume"},
    )
    exchange: str | None = field(
        default=None,
        metadata={"choices": EXCHANGES, "doc": "whose tick sizes hold; null: by the security"},
    )
    sort_kind: str | None = field(
        default=None,
        metadata={
            "choices": ("quicksort", "stable"),
            "doc": "order of rows of one instant; null: quicksort as the original had it, stable if fixed",
        },
    )
    rules: str = field(
        default="reference",
        metadata={"choices": RULES, "doc": "the original's quirks kept, or mended (fixed)"},
    )


class MarketMakingClosing:
    """Orders around the pre-close average into the closing auction, unwound on the next day."""

    name: Final = "market_making_closing"
    data: Final = "ticks"
    params: Final = ClosingParams
    metrics: Final = (*FILL_METRICS, "rows", *CLOSING_COUNTS)
    whole_numbers: Final = (*FILL_COUNTS, "rows", *CLOSING_COUNTS)
    metric: Final = "total_pnl"
    goal: Final[Literal["maximize"]] = "maximize"
    traces: Final = {
        "trades": {
            "timestamp": "timestamp[ns]",
            "side": "string",
            "price": "double",
            "quantity": "int64",
            "realized_pnl": "double",
            "trade_type": "string",
            "vwap_reference": "double",
        }
    }

    def prepare(self, data: Columns) -> Columns:
        from tasks.kernels.closing import sweep

        return sweep.prepare(data)

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        from tasks.kernels.closing import sweep

        found = sweep.evaluate(sweep.prepare(data), combinations)
        return {name: found[name] for name in self.metrics}

    def trace(self, data: Columns, combination: Mapping[str, Any]) -> Mapping[str, Columns]:
        from tasks.kernels.closing import sweep

        return {"trades": sweep.trace(sweep.prepare(data), combination)}

    def warm_up(self) -> None:
        """Compile every kernel, or load it from the disk, on a few made-up ticks."""
        defaults = vars(ClosingParams())
        ticks = self.prepare(a_few_ticks())
        self.evaluate(ticks, {name: np.array([value], object) for name, value in defaults.items()})
        self.trace(ticks, defaults)


def a_few_ticks() -> Columns:
    """Two quotes and two prints on one morning: enough to compile a kernel with, too little to learn from."""
    ten = 1_700_042_400 * 10**9  # 2023-11-15 10:00:00
    return {
        "timestamp": np.array([ten, ten + 10**9, ten + 2 * 10**9, ten + 20_000 * 10**9]),
        "type": np.array([BID, ASK, TRADE, TRADE], np.int8),
        "price": np.array([9.99, 10.01, 10.0, 10.0]),
        "volume": np.array([5_000, 5_000, 100, 100]),
    }
