"""Breakouts of a session's range: what can be varied, and what is reported (docs/reference/breakout.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.api import PRICES, Columns, DataError, Slice, refuse_row, to_local, to_utc
from tasks.kernels.breakout import terms
from tasks.kernels.breakout.settings import Settings

if TYPE_CHECKING:
    from tasks.kernels.breakout.sweep import BreakoutBars

LARGEST: Final = 1e9


@dataclass(frozen=True)
class BreakoutParams:
    """Names and defaults of the original's run parameters and constants."""

    instrument: str | None = field(
        default=None,
        metadata={
            "choices": tuple(terms.INSTRUMENTS),
            "doc": "tick, target and scale; null: by the security's name",
        },
    )
    sessions: Sequence[str] = field(
        default=terms.SESSIONS, metadata={"check": terms.check_sessions, "doc": "S1, S2 or both"}
    )
    slots: Mapping[str, Any] = field(
        default_factory=dict,
        metadata={
            "check": terms.check_slots,
            "doc": "per session its slots, such as {S1: ['07:30']}; without: all",
        },
    )
    trade_days: Sequence[int] = field(
        default=(0, 1, 2, 3, 4),
        metadata={"check": terms.check_trade_days, "unit": "weekday", "doc": "0 is Monday, 4 is Friday"},
    )
    target_mode: str = field(
        default="fixed",
        metadata={"choices": terms.MODES, "doc": "fixed: a price target; time: none, and an earlier expiry"},
    )
    write_no_trade_rows: bool = field(
        default=True, metadata={"doc": "whether slots without a trade are rows"}
    )
    slot_start: Mapping[str, Any] = field(
        default_factory=dict,
        metadata={
            "check": terms.check_slot_start,
            "unit": "HH:MM, Chicago",
            "doc": "start of a session's ranges; without: {S1: '02:00', S2: '08:00'}",
        },
    )
    slot_ends: Mapping[str, Any] = field(
        default_factory=dict,
        metadata={
            "check": terms.check_slot_ends,
            "unit": "HH:MM, Chicago",
            "doc": "ends of a session's ranges; without: S1 07:30 08:00 09:00, S2 09:30 10:00 10:30 11:00",
        },
    )
    market_close: str = field(
        default=terms.MARKET_CLOSE,
        metadata={
            "check": terms.check_clock,
            "unit": "HH:MM, Chicago",
            "doc": "last minute in which a break starts a trade",
        },
    )
    target_points: float | None = field(
        default=None,
        metadata={
            "check": terms.check_target_points,
            "max": LARGEST,
            "unit": "points",
            "doc": "profit target; null: the instrument's",
        },
    )
    t1_ratio: float = field(
        default=0.65,
        metadata={
            "min": 0.0,
            "max": LARGEST,
            "unit": "of the target",
            "doc": "favourable move that arms the break-even stop",
        },
    )
    stop_max_multiplier: float = field(
        default=3.0,
        metadata={
            "min": 0.0,
            "max": LARGEST,
            "unit": "× target",
            "doc": "largest distance of the first stop",
        },
    )
    as_of: str | None = field(
        default=None,
        metadata={
            "check": terms.check_as_of,
            "unit": "instant",
            "doc": "trades that expire later are OPEN, such as 2024-02-14T10:13-06:00; null: none is",
        },
    )
    rules: str = field(
        default="reference",
        metadata={"choices": terms.RULES, "doc": "the original's quirks kept, or mended (fixed)"},
    )


class Breakout:
    """First break of each session slot's range by a tick, one trade a slot and day."""

    name: Final = "breakout"
    data: Final = "bars"
    params: Final = BreakoutParams
    timezone: Final = terms.ZONE
    metrics: Final = (
        "rows",
        "trades",
        "wins",
        "losses",
        "break_even",
        "no_trade",
        "time_exits",
        "open",
        "profit",
        "win_rate_pct",
        "profit_factor",
        "max_drawdown",
        "sharpe",
    )
    whole_numbers: Final = metrics[:8]
    metric: Final = "profit"
    goal: Final[Literal["maximize"]] = "maximize"
    groups: Final = (
        "instrument",
        "sessions",
        "slots",
        "trade_days",
        "target_mode",
        "write_no_trade_rows",
        "slot_start",
        "slot_ends",
        "market_close",
        "as_of",
        "rules",
    )
    traces: Final = {
        "trades": {
            "Date": "string",
            "Time": "string",
            "EntryTime": "string",
            "ExitTime": "string",
            "EntryPrice": "double",
            "ExitPrice": "double",
            "StopLoss": "double",
            "Target": "double",
            "Peak": "double",
            "Direction": "string",
            "Result": "string",
            "Range": "double",
            "Stream": "string",
            "Instrument": "string",
            "Session": "string",
            "Profit": "double",
            "open_as_of_time": "string",
        }
    }

    def prepare(self, data: Columns) -> Columns:
        """Bars in order of time, in instants; DataError for one that the rules do not cover."""
        return _prepared(data)

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        from tasks.kernels.breakout import sweep

        bars = _prepared(data)
        found = sweep.evaluate(bars, _groups(bars, combinations), combinations)
        return {name: found[name] for name in self.metrics}

    def trace(self, data: Columns, combination: Mapping[str, Any]) -> Mapping[str, Columns]:
        from tasks.kernels.breakout import rows

        bars = _prepared(data)
        settings = Settings.of(combination, bars.security)
        _refuse_negative(bars, settings)
        return {"trades": rows.table(bars, settings, combination)}

    def warm_up(self) -> None:
        """Compile every kernel, or load it from the disk, on one made-up morning."""
        defaults = vars(BreakoutParams())
        bars = self.prepare(a_few_bars())
        for count in (1, 64):  # one by one, and side by side
            columns = {name: column_of(value, count) for name, value in defaults.items()}
            self.evaluate(bars, columns)
        self.trace(bars, defaults)


def _prepared(data: Columns) -> BreakoutBars:
    from tasks.kernels.breakout import checks, sweep
    from tasks.kernels.breakout.boundaries import Clock
    from tasks.kernels.jit import as_kernel_column

    if isinstance(data, sweep.BreakoutBars):
        return data
    columns = {name: as_kernel_column(data[name], np.float64) for name in PRICES}
    stamps = as_kernel_column(_instants(data), np.int64)
    fault, why, negative = checks.first_fault(stamps, *columns.values())
    if fault >= 0:
        refuse_row(data, fault, checks.FAULTS[why])
    order, repeated = checks.in_order(stamps)
    if repeated >= 0:
        refuse_row(data, repeated, "a bar of this time was there before", "keep one of them")
    if order is not None:
        columns = {name: as_kernel_column(values[order], np.float64) for name, values in columns.items()}
        stamps = as_kernel_column(stamps[order], np.int64)
    clock = Clock(to_local=partial(to_local, zone=terms.ZONE), to_utc=partial(to_utc, zone=terms.ZONE))
    return sweep.BreakoutBars(
        {"timestamp": stamps, **columns}, getattr(data, "security", ""), clock, data, int(negative)
    )


def _instants(data: Columns) -> NDArray[np.int64]:
    zone = getattr(data, "zone", None)
    if zone is None and len(data["timestamp"]):
        raise DataError(
            f"{getattr(data, 'source', '') or 'the bars'}: nobody says which zone the times are in",
            hint=f"set data.timezone, for instance {terms.ZONE}",
        )
    stamps: NDArray[np.int64] = data["timestamp"]
    return stamps if zone in (None, "UTC") else to_utc(stamps, zone)


def _groups(bars: BreakoutBars, combinations: Columns) -> dict[Settings, NDArray[np.int64]]:
    """The rows of combinations that differ in nothing but target, ratio and cap."""
    names = Breakout.groups
    columns = [combinations[name].tolist() for name in names]
    known: dict[tuple[int, ...], Settings] = {}  # values that are one object need no second look
    groups: dict[Settings, list[int]] = {}
    for i, values in enumerate(zip(*columns, strict=True)):
        key = tuple(map(id, values))
        if key not in known:
            known[key] = Settings.of(dict(zip(names, values, strict=True)), bars.security)
            _refuse_negative(bars, known[key])
        groups.setdefault(known[key], []).append(i)
    return {settings: np.array(rows) for settings, rows in groups.items()}


def _refuse_negative(bars: BreakoutBars, settings: Settings) -> None:
    instrument = settings.instrument
    if bars.negative_row >= 0 and not instrument.may_be_negative:
        refuse_row(bars.source, bars.negative_row, f"a price of {instrument.name} is below 0")


def a_few_bars() -> Slice:
    """A quiet night and a rising morning, minute by minute."""
    minutes = np.arange(2 * 60, 12 * 60)
    close = np.where(minutes < 450, 4000.0 + minutes % 5, 3555.0 + minutes)
    columns = {"open": close, "high": close + 0.25, "low": close - 0.25, "close": close}
    start = 1_704_780_000 * 10**9  # Tuesday 2024-01-09, midnight in Chicago is six hours later
    stamps = start + (minutes + 360) * 60 * 10**9
    return Slice(security="ES", columns={"timestamp": stamps, **columns}, zone="UTC")


def column_of(value: Any, count: int) -> NDArray[Any]:
    """One parameter of many combinations that all have it alike."""
    if isinstance(value, bool | float):
        return np.full(count, value)
    column = np.empty(count, object)
    for i in range(count):
        column[i] = value
    return column
