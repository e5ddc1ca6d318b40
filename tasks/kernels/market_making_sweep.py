"""Many combinations of market making over one security's ticks: settings in, metrics or single fills out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract import ASK, BID
from tasks.kernels.jit import kernel
from tasks.kernels.market_making import play_day
from tasks.kernels.market_making_fills import flatten
from tasks.kernels.market_making_state import (
    FILL,
    SECOND_NS,
    SETTING,
    V1,
    VARIANTS,
    fresh_states,
    no_log,
)
from tasks.kernels.market_making_timed import play_session_by_timer
from tasks.kernels.order_book import open_book, scratch
from tasks.kernels.statistics import fill_statistics
from tasks.kernels.tick_days import TICK_COLUMNS, as_kernel_column, cut_days

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class TickDays(Mapping[str, NDArray[Any]]):
    """A slice of ticks with its days cut out once; the columns themselves stay where they are."""

    columns: Columns = field(repr=False)
    cuts: dict[bool, tuple[Any, NDArray[np.int32]]] = field(default_factory=dict, repr=False)

    def by(self, fixed: bool) -> tuple[Any, NDArray[np.int32]]:
        """Days and their stretches; under `rules: fixed`, quotes of price 0 are events."""
        if fixed not in self.cuts:
            self.cuts[fixed] = cut_days(*self.columns.values(), fixed)
        return self.cuts[fixed]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def cut(data: Columns) -> TickDays:
    days = TickDays({name: as_kernel_column(data[name], kind) for name, kind in TICK_COLUMNS.items()})
    days.by(False)
    return days


def settings_of(combinations: Columns) -> NDArray[Any]:
    """One record per combination; a side's quote size and the notional cap may be missing."""
    count = len(combinations["quote_size"])
    settings: NDArray[Any] = np.zeros(count, SETTING).view(np.recarray)
    settings.variant = [VARIANTS.index(name) for name in combinations["variant"]]
    settings.fixed = [rules == "fixed" for rules in combinations["rules"]]
    sizes = combinations["quote_size"].astype(np.int64)
    for side, name in ((BID, "quote_size_bid"), (ASK, "quote_size_ask")):
        own = numbers(combinations[name])
        settings.quote_size[:, side] = np.where(np.isnan(own), sizes, np.nan_to_num(own)).astype(np.int64)
    settings.interval_ns = combinations["refill_interval_sec"].astype(np.int64) * SECOND_NS
    settings.max_position = combinations["max_position"]
    notional = numbers(combinations["max_notional"])
    settings.max_notional = np.where(np.isnan(notional), np.inf, notional)
    settings.min_value = combinations["min_local_currency_before_quote"]
    settings.stop_loss_pct = combinations["stop_loss_threshold_pct"]
    return settings


def numbers(column: NDArray[Any]) -> NDArray[np.float64]:
    """As float64, a missing value as NaN, whether it comes as NaN or as None."""
    if column.dtype == object:
        return np.array([np.nan if value is None else float(value) for value in column])
    return column.astype(np.float64)


def evaluate(data: TickDays, combinations: Columns) -> dict[str, NDArray[Any]]:
    """One row of metrics per combination; rows do not depend on which others stand beside them."""
    settings = settings_of(combinations)
    metrics: dict[str, NDArray[Any]] = {}
    for fixed in (False, True):
        chosen = np.flatnonzero(settings.fixed == fixed)
        if chosen.size:
            for name, values in _evaluate_alike(data, settings[chosen], fixed).items():
                metrics.setdefault(name, np.zeros(settings.size, values.dtype))[chosen] = values
    return metrics


def _evaluate_alike(data: TickDays, settings: NDArray[Any], fixed: bool) -> dict[str, NDArray[Any]]:
    days, _ = data.by(fixed)
    states = fresh_states(settings.size)
    day_pnl, day_fills = _play(data, settings, states, no_log())
    open_gain = (states.last_price - states.entry) * states.position
    marked = (settings.variant != V1) & (states.position != 0)
    return {
        **fill_statistics(states, day_pnl, day_fills),
        "state_pnl": states.realised + np.where(marked, open_gain, 0.0),
        "market_days": np.full(settings.size, np.unique(days.date[days.has_print]).size),
        "rows": np.full(settings.size, days.rows.sum()),
        "session_rows": states.session_rows,
        "unprinted_flattens": states.unprinted_flattens,
    }


def trace(data: TickDays, combination: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The fills of one combination, in event order."""
    settings = settings_of({name: np.array([value], object) for name, value in combination.items()})
    counted = fresh_states(1)
    _play(data, settings, counted, no_log())
    log: NDArray[Any] = np.zeros(int(counted.trades[0]), FILL).view(np.recarray)
    if log.size:
        _play(data, settings, fresh_states(1), log)
    return {
        "timestamp": log.timestamp.astype("datetime64[ns]"),
        "side": np.where(log.side > 0, "buy", "sell").astype(object),
        "fill_price": log.price.copy(),
        "fill_qty": log.quantity.copy(),
        "realized_pnl": log.realised + 0.0,
        "position": log.position.copy(),
        "pnl": log.pnl + 0.0,
    }


def _play(data: TickDays, settings: Any, states: Any, log: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    days, buckets = data.by(bool(settings.fixed[0]))
    dates = int(days.date.max(initial=-1)) + 1
    day_pnl, day_fills = np.zeros((settings.size, dates)), np.zeros((settings.size, dates), np.int64)
    room = scratch(int(days.session_rows.max(initial=0)))
    play_days(*data.columns.values(), days, buckets, *room, settings, states, log, day_pnl, day_fills)
    return day_pnl, day_fills


@kernel
def play_days(
    timestamp: Any, kinds: Any, prices: Any, volumes: Any, days: Any, buckets: Any, quote_at: Any, trade_at: Any,
    settings: Any, states: Any, log: Any, day_pnl: Any, day_fills: Any,
) -> None:  # fmt: skip
    """Day by day, all combinations over a day before the next: a day's book fits the processor's cache.

    All combinations follow the same rules, reference or fixed.
    """
    for d in range(days.size):
        day = days[d]
        jumps = day.is_regular and not settings[0].fixed
        if jumps:
            book = open_book(timestamp, kinds, prices, volumes, day, buckets[d], quote_at, trade_at)
        for c in range(settings.size):
            g = settings[c]
            s = states[c]
            s.day_pnl = 0.0
            s.day_fills = 0
            if jumps and g.variant == V1:
                is_capped = g.max_notional < g.max_position * day.highest_price
                play_session_by_timer(book, is_capped, g, s, log)
                _end_day(timestamp, prices, day, book, s, log)
            else:
                play_day(timestamp, kinds, prices, volumes, day.first, day.last, day.midnight, g, s, log)
            day_pnl[c, day.date] += s.day_pnl
            day_fills[c, day.date] += s.day_fills


@kernel
def _end_day(timestamp: Any, prices: Any, day: Any, book: Any, s: Any, log: Any) -> None:
    s.session_rows += book.events
    if book.trades > 0:
        s.last_price = book.price[book.trade_at[book.trades - 1]]
    if day.flatten_row >= 0 and s.position != 0:
        flatten(s, prices[day.flatten_row], timestamp[day.flatten_row], log)
