"""Crossings of averages on one security: many combinations in one pass, or one of them with its trades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns, ColumnSet, Refuse
from tasks.errors import DataError
from tasks.kernels.bars.engine import ClosedTrades, room_for
from tasks.kernels.bars.metrics import STATISTICS, as_columns
from tasks.kernels.bars.ordered import Bars, bars_of
from tasks.kernels.bars.periods import BarCalendar, bar_calendar
from tasks.kernels.sma_cross.play import Points, Room, mean_table, room_for_runs, sweep

TABLE_BYTES: Final = 2**26  # rolling means kept at once: a fraction of what a core may have
MOST_UNITS: Final = 2.0**63  # what int64 ends at
ASKED: Final[Mapping[str, Any]] = {
    "fast": np.int64,
    "slow": np.int64,
    "cash": np.float64,
    "spread": np.float64,
    "commission": np.float64,
    "finalize": np.bool_,
}


@dataclass(frozen=True, slots=True, eq=False)
class CrossBars(ColumnSet):
    """A slice in order and checked, with what all runs on it have in common."""

    columns: Columns = field(repr=False)
    bars: Bars
    calendar: BarCalendar | None
    """None where there is no bar."""


def prepare(data: Columns, refuse: Refuse) -> CrossBars:
    if isinstance(data, CrossBars):
        return data
    bars = bars_of(data, refuse, above_zero=("open", "close"))
    calendar = bar_calendar(bars.time, bars.close) if bars.time.size else None
    return CrossBars(data, bars, calendar)


def evaluate(data: CrossBars, combinations: Columns) -> dict[str, NDArray[Any]]:
    """A column per statistic; where there is no bar, `empty` says that there was nothing to evaluate."""
    count = len(combinations["fast"])
    if data.calendar is None:
        return as_columns(np.zeros((count, len(STATISTICS)))) | {"empty": np.ones(count, np.bool_)}
    asked = {name: np.array(combinations[name], kind) for name, kind in ASKED.items()}
    alike = np.lexsort((asked["slow"], asked["fast"]))
    rows = np.empty((count, len(STATISTICS)))
    rows[alike] = _rows(data, data.calendar, {name: values[alike] for name, values in asked.items()})
    return as_columns(rows)


def trace(data: CrossBars, combination: Mapping[str, Any]) -> dict[str, Columns]:
    """The closed trades and the equity of every bar."""
    if data.calendar is None:
        return {"trades": _trades(data, room_for(0)), "equity": _equity(data, np.zeros(0))}
    asked = {name: np.array([combination[name]], kind) for name, kind in ASKED.items()}
    room = room_for_runs(data.bars.time.size)
    (row,) = _rows(data, data.calendar, asked, room)
    count = int(row[STATISTICS.index("trades")])
    closed = ClosedTrades._make(values[:count] for values in room.closed)
    return {"trades": _trades(data, closed), "equity": _equity(data, room.equity)}


def _rows(data: CrossBars, calendar: BarCalendar, asked: Columns, room: Room | None = None) -> NDArray[Any]:
    """A row of statistics for each combination, in their order."""
    bars = data.bars.time.size
    fast, slow = asked["fast"], asked["slow"]
    windows, row_of = np.unique(np.concatenate([fast, slow]), return_inverse=True)
    if windows.size * bars * 8 > TABLE_BYTES and fast.size > 1:
        half = fast.size // 2
        parts = [
            {name: values[cut] for name, values in asked.items()} for cut in (np.s_[:half], np.s_[half:])
        ]
        return np.concatenate([_rows(data, calendar, part) for part in parts])
    undefined = np.where(windows <= bars, windows - 1, 0)[row_of]
    points = Points(
        row_of[: fast.size].astype(np.int64),
        row_of[fast.size :].astype(np.int64),
        np.maximum(undefined[: fast.size], undefined[fast.size :]),
        *(asked[name] for name in ("cash", "spread", "commission", "finalize")),
    )
    table = mean_table(data.bars.close, windows)
    rows: NDArray[Any] = sweep(data.bars, calendar, table, points, room or room_for_runs(bars))
    return rows


def _trades(data: CrossBars, closed: ClosedTrades) -> Columns:
    if np.abs(closed.units).max(initial=0.0) >= MOST_UNITS:
        raise DataError(
            "a trade has more units than a table can hold", hint="the price is very low for so much cash"
        )
    none = np.full(closed.units.size, np.nan)
    return {
        "trade_no": np.arange(closed.units.size),
        "size": closed.units.astype(np.int64),
        "entry_bar": closed.entry_bar,
        "exit_bar": closed.exit_bar,
        "entry_time": data.bars.time[closed.entry_bar],
        "exit_time": data.bars.time[closed.exit_bar],
        "entry_price": closed.entry_price,
        "exit_price": closed.exit_price,
        "sl": none,
        "tp": none,
        "pnl": closed.pnl,
        "commission": closed.commission,
        "return_pct": closed.returns,
    }


def _equity(data: CrossBars, equity: NDArray[Any]) -> Columns:
    return {"bar": np.arange(equity.size), "time": data.bars.time, "equity": equity}
