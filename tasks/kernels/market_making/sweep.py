"""Many combinations of market making over one security's ticks: settings in, metrics or single fills out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import ASK, BID, Columns, ColumnSet
from tasks.kernels.jit import as_kernel_column, kernel
from tasks.kernels.market_making.days import TICK_COLUMNS, cut_days
from tasks.kernels.market_making.fills import flatten
from tasks.kernels.market_making.groups import play_session_in_lanes
from tasks.kernels.market_making.lanes import blank_lanes
from tasks.kernels.market_making.order_book import open_book, scratch
from tasks.kernels.market_making.play import play_day
from tasks.kernels.market_making.state import (
    FILL,
    SECOND_NS,
    SETTING,
    V1,
    VARIANTS,
    fresh_states,
    no_log,
)
from tasks.kernels.market_making.timed import play_session_by_timer
from tasks.kernels.statistics import fill_statistics

SMALLEST_PRICE: Final = 1e-300  # of a session without events
# Fewer combinations than these are played faster one by one: see tests/benchmarks/test_market_making.py
FEWEST_TIMED: Final = 4
FEWEST_FOLLOWING: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class TickDays(ColumnSet):
    """A slice of ticks with its days cut out once; the columns themselves stay where they are."""

    columns: Columns = field(repr=False)
    cuts: dict[bool, tuple[Any, Any]] = field(default_factory=dict, repr=False)

    @property
    def ticks(self) -> tuple[Any, Any, Any, Any]:
        """The columns as a kernel takes them."""
        return self["timestamp"], self["type"], self["price"], self["volume"]

    def by(self, fixed: bool) -> tuple[Any, Any]:
        """Days and their stretches; under `rules: fixed`, quotes of price 0 are events."""
        if fixed not in self.cuts:
            self.cuts[fixed] = cut_days(*self.ticks, fixed)
        return self.cuts[fixed]


def prepare(data: Columns) -> TickDays:
    if isinstance(data, TickDays):
        return data
    days = TickDays({name: as_kernel_column(data[name], kind) for name, kind in TICK_COLUMNS.items()})
    days.by(False)
    return days


def settings_of(combinations: Columns) -> Any:
    """One record per combination; a side's quote size and the notional cap may be missing."""
    count = len(combinations["quote_size"])
    settings: Any = np.zeros(count, SETTING).view(np.recarray)
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
    for fixed, variant in sorted(set(zip(settings.fixed.tolist(), settings.variant.tolist(), strict=True))):
        chosen = np.flatnonzero((settings.fixed == fixed) & (settings.variant == variant))
        # those that quote equally often side by side: their events fall together more often
        chosen = chosen[np.argsort(settings.interval_ns[chosen], kind="stable")]
        for name, values in _evaluate_alike(data, settings[chosen]).items():
            metrics.setdefault(name, np.zeros(settings.size, values.dtype))[chosen] = values
    return metrics


def _evaluate_alike(data: TickDays, settings: Any) -> dict[str, NDArray[Any]]:
    """All of one variant and one set of rules."""
    days, _ = data.by(bool(settings.fixed[0]))
    states = fresh_states(settings.size)
    day_pnl, day_fills = _play(data, settings, states, no_log())
    open_gain = (states.last_price - states.entry) * states.position
    is_marked = (settings.variant != V1) & (states.position != 0)
    return {
        **fill_statistics(states, day_pnl, day_fills),
        "state_pnl": states.realised + np.where(is_marked, open_gain, 0.0),
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
    log: Any = np.zeros(int(counted.trades[0]), FILL).view(np.recarray)
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
    fixed, variant = bool(settings.fixed[0]), int(settings.variant[0])
    days, buckets = data.by(fixed)
    dates = int(days.date.max(initial=-1)) + 1
    accounts = np.zeros((settings.size, dates)), np.zeros((settings.size, dates), np.int64)
    ticks = data.ticks
    if fixed or (variant != V1 and settings.size < FEWEST_FOLLOWING):
        play_days_event_by_event(*ticks, days, settings, states, log, *accounts)
    elif variant == V1 and settings.size < FEWEST_TIMED:
        room = scratch(int(days.session_rows.max(initial=0)))
        play_days_by_timer(*ticks, days, buckets, *room, settings, states, log, *accounts)
    else:
        play_days_in_lanes(*ticks, days, blank_lanes(settings.size), settings, states, log, *accounts)
    return accounts


@kernel
def play_days_event_by_event(
    timestamp: Any, kinds: Any, prices: Any, volumes: Any, days: Any, settings: Any, states: Any, log: Any,
    day_pnl: Any, day_fills: Any,
) -> None:  # fmt: skip
    """Day by day, all combinations over a day before the next: a day's rows fit the processor's cache."""
    for d in range(days.size):
        day = days[d]
        for c in range(settings.size):
            play_day(
                timestamp,
                kinds,
                prices,
                volumes,
                day.first,
                day.last,
                day.midnight,
                settings[c],
                states[c],
                log,
            )
            _close_accounts(day, c, states[c], day_pnl, day_fills)


@kernel
def play_days_by_timer(
    timestamp: Any, kinds: Any, prices: Any, volumes: Any, days: Any, buckets: Any, quote_at: Any,
    trade_at: Any, settings: Any, states: Any, log: Any, day_pnl: Any, day_fills: Any,
) -> None:  # fmt: skip
    """The same for a few combinations of v1."""
    for d in range(days.size):
        day = days[d]
        if day.is_regular:
            book = open_book(timestamp, kinds, prices, volumes, day, buckets[d], quote_at, trade_at)
        for c in range(settings.size):
            g = settings[c]
            s = states[c]
            if day.is_regular:
                play_session_by_timer(book, _is_capped(day, g), g, s, log)
                _end_day(timestamp, prices, day, s, log)
            else:
                play_day(timestamp, kinds, prices, volumes, day.first, day.last, day.midnight, g, s, log)
            _close_accounts(day, c, s, day_pnl, day_fills)


@kernel
def play_days_in_lanes(
    timestamp: Any, kinds: Any, prices: Any, volumes: Any, days: Any, lanes: Any,
    settings: Any, states: Any, log: Any, day_pnl: Any, day_fills: Any,
) -> None:  # fmt: skip
    """The same for many combinations of one variant."""
    variant = settings[0].variant
    rests = np.zeros(settings.size, np.bool_)
    for d in range(days.size):
        day = days[d]
        for c in range(settings.size):
            rests[c] = not day.is_regular or (variant == V1 and _is_capped(day, settings[c]))
        if day.is_regular:
            session = slice(day.session_first, day.session_last)
            play_session_in_lanes(
                timestamp[session], kinds[session], prices[session], volumes[session], day.midnight, variant,
                rests, lanes, settings, states, log,
            )  # fmt: skip
        for c in range(settings.size):
            s = states[c]
            if rests[c]:
                play_day(
                    timestamp, kinds, prices, volumes, day.first, day.last, day.midnight, settings[c], s, log
                )
            else:
                _end_day(timestamp, prices, day, s, log)
            _close_accounts(day, c, s, day_pnl, day_fills)


@kernel
def _is_capped(day: Any, g: Any) -> bool:
    """May the notional cap bind at some price of this day?"""
    return bool(g.max_notional / max(day.highest_price, SMALLEST_PRICE) < g.max_position)


@kernel
def _end_day(timestamp: Any, prices: Any, day: Any, s: Any, log: Any) -> None:
    s.session_rows += day.session_rows
    if day.last_print >= 0:
        s.last_price = prices[day.last_print]
    if day.flatten_row >= 0 and s.position != 0:
        flatten(s, prices[day.flatten_row], timestamp[day.flatten_row], log)


@kernel
def _close_accounts(day: Any, c: int, s: Any, day_pnl: Any, day_fills: Any) -> None:
    day_pnl[c, day.date] += s.day_pnl
    day_fills[c, day.date] += s.day_fills
    s.day_pnl = 0.0
    s.day_fills = 0
