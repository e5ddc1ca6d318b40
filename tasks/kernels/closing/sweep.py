"""Many combinations of the closing auction over one security's ticks: settings in, metrics or fills out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import ASK, BID, MISSING_TIME, Columns, ColumnSet
from tasks.kernels.closing.days import MINUTE_NS, closing_days, preclose_vwap
from tasks.kernels.closing.play import play_days
from tasks.kernels.closing.state import (
    ENTRY,
    EXCHANGES,
    EXIT,
    FILL,
    FLATTENED,
    SETTING,
    STOPPED,
    TRADE_TYPES,
    fresh_states,
)
from tasks.kernels.jit import as_kernel_column
from tasks.kernels.market_making.days import TICK_COLUMNS
from tasks.kernels.statistics import fill_statistics

# The map that came with the original, and what it lacks: unmapped names get the ticks of ADX.
MAPPED: Final = {
    **dict.fromkeys(("EMAAR", "DIB", "DEWA"), "DFM"),
    **dict.fromkeys(
        ("ALDAR", "ADNOCDRI", "ADNOCGAS", "ADNOCLS", "ADCB", "ADIB", "FAB", "IHC", "ETISALAT"), "ADX"
    ),
    **dict.fromkeys(("TAQA", "MULTIPLY", "PRESIGHT", "ADPORTS"), "ADX"),
}
UNMAPPED_DFM: Final = dict.fromkeys(("EMIRATES", "PARKIN", "SALIK", "SPINNEYS", "TALABAT"), "DFM")


@dataclass(frozen=True, slots=True, eq=False)
class SortedTicks(ColumnSet):
    """A slice of ticks with its rows' order in time and its days, found once for each way to sort."""

    security: str
    columns: Columns = field(repr=False)
    sorted: dict[str, tuple[Any, Any]] = field(default_factory=dict, repr=False)

    @property
    def ticks(self) -> tuple[Any, Any, Any, Any]:
        """The columns as a kernel takes them."""
        return self["timestamp"], self["type"], self["price"], self["volume"]

    def by(self, sort_kind: str) -> tuple[Any, Any]:
        """The rows' order, and the days in it."""
        if sort_kind not in self.sorted:
            order = order_in_time(self["timestamp"], sort_kind)
            self.sorted[sort_kind] = order, closing_days(order, *self.ticks)
        return self.sorted[sort_kind]


def order_in_time(timestamp: NDArray[np.int64], sort_kind: str) -> NDArray[np.int32]:
    """Rows by time, those without one left out.

    `quicksort` leaves ties in an order of its own, on which the original's results depend. It is that of an
    array of datetime64: the same numbers as int64 are sorted by other code, with ties in another order.
    """
    times = timestamp.view("datetime64[ns]")
    order = np.argsort(times, kind="stable") if sort_kind == "stable" else np.argsort(times)
    return np.asarray(order[timestamp[order] != MISSING_TIME], np.int32)


def prepare(data: Columns) -> SortedTicks:
    if isinstance(data, SortedTicks):
        return data
    columns = {name: as_kernel_column(data[name], kind) for name, kind in TICK_COLUMNS.items()}
    return SortedTicks(getattr(data, "security", ""), columns)


def exchange_of(security: str, given: Any, rules: str) -> str:
    known = MAPPED | UNMAPPED_DFM if rules == "fixed" else MAPPED  # Q18
    return str(given) if given is not None else known.get(security.upper(), "ADX")


def sort_kind_of(given: Any, rules: str) -> str:
    return str(given) if given is not None else "stable" if rules == "fixed" else "quicksort"  # Q16


def settings_of(security: str, combinations: Columns) -> tuple[Any, NDArray[np.int64]]:
    """One record per combination, and the pre-close periods (ns) that the records point into."""
    settings: Any = np.zeros(len(combinations["rules"]), SETTING).view(np.recarray)
    rules = combinations["rules"]
    settings.fixed = [word == "fixed" for word in rules]
    exchanges = map(partial(exchange_of, security), combinations["exchange"], rules)
    settings.exchange = [EXCHANGES.index(name) for name in exchanges]
    periods, settings.period = np.unique(
        combinations["vwap_preclose_period_min"].astype(np.int64), return_inverse=True
    )
    settings.spread = combinations["spread_vwap_pct"].astype(np.float64) / 100.0
    settings.fill_fraction = combinations["auction_fill_pct"].astype(np.float64) / 100.0
    settings.notional = combinations["order_notional"]
    settings.stop_loss_pct = combinations["stop_loss_threshold_pct"]
    settings.filters_sell = combinations["trend_filter_sell_enabled"]
    settings.filters_buy = combinations["trend_filter_buy_enabled"]
    settings.sell_slope = combinations["trend_filter_sell_threshold_bps_hr"]
    settings.buy_slope = combinations["trend_filter_buy_threshold_bps_hr"]
    return settings, periods * MINUTE_NS


def evaluate(data: SortedTicks, combinations: Columns) -> dict[str, NDArray[Any]]:
    """One row of metrics per combination; rows do not depend on which others stand beside them."""
    kinds = list(map(sort_kind_of, combinations["sort_kind"], combinations["rules"]))
    metrics: dict[str, NDArray[Any]] = {}
    for sort_kind in sorted(set(kinds)):
        chosen = np.flatnonzero([kind == sort_kind for kind in kinds])
        those = {name: column[chosen] for name, column in combinations.items()}
        for name, values in _evaluate_alike(data, sort_kind, those).items():
            metrics.setdefault(name, np.zeros(len(kinds), values.dtype))[chosen] = values
    return metrics


def _evaluate_alike(data: SortedTicks, sort_kind: str, combinations: Columns) -> dict[str, NDArray[Any]]:
    states, day_pnl, day_fills = _play(data, sort_kind, combinations, np.zeros(0, FILL).view(np.recarray))
    _, days = data.by(sort_kind)
    return {
        **fill_statistics(states, day_pnl, day_fills),
        "market_days": np.full(states.size, days.has_print.sum()),
        "rows": np.full(states.size, len(data["timestamp"])),
        "auction_entries": states.of_type[:, ENTRY],
        "buy_entries": states.entries[:, BID],
        "sell_entries": states.entries[:, ASK],
        "vwap_exits": states.of_type[:, EXIT],
        "stop_losses": states.of_type[:, STOPPED],
        "eod_flattens": states.of_type[:, FLATTENED],
        "filtered_sell_entries": states.filtered[:, ASK],
        "filtered_buy_entries": states.filtered[:, BID],
    }


def trace(data: SortedTicks, combination: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The fills of one combination, in the order in which they were made."""
    sort_kind = sort_kind_of(combination["sort_kind"], combination["rules"])
    columns = {name: np.array([value], object) for name, value in combination.items()}
    counted, _, _ = _play(data, sort_kind, columns, np.zeros(0, FILL).view(np.recarray))
    log: Any = np.zeros(int(counted.trades[0]), FILL).view(np.recarray)
    if log.size:
        _play(data, sort_kind, columns, log)
    return {
        "timestamp": log.timestamp.astype("datetime64[ns]"),
        "side": np.where(log.side > 0, "buy", "sell").astype(object),
        "price": log.price.copy(),
        "quantity": log.quantity.copy(),
        "realized_pnl": log.realised + 0.0,
        "trade_type": np.array(TRADE_TYPES, object)[log.trade_type],
        "vwap_reference": log.reference.copy(),
    }


def _play(
    data: SortedTicks, sort_kind: str, combinations: Columns, log: Any
) -> tuple[Any, NDArray[Any], NDArray[Any]]:
    order, days = data.by(sort_kind)
    settings, periods = settings_of(data.security, combinations)
    ticks = data.ticks
    averages = np.array([preclose_vwap(order, *ticks, days, period) for period in periods])
    states = fresh_states(settings.size)
    day_pnl, day_fills = np.zeros((settings.size, days.size)), np.zeros((settings.size, days.size), np.int64)
    play_days(order, *ticks, days, averages, settings, states, log, day_pnl, day_fills)
    return states, day_pnl, day_fills
