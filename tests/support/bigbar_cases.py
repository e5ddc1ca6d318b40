"""Bars and combinations for tests of `bigbar`, and what its plain definition makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.grid.parameters import as_arrays, declared
from tasks.kernels.bars.metrics import STATISTICS
from tasks.kernels.bigbar.settings import DEFAULTS as BY_VARIANT
from tasks.kernels.bigbar.settings import WINDOWS
from tasks.strategies.bigbar import BigBar, BigBarParams
from tests.support.reference.bar_engine import Engine
from tests.support.reference.bigbar import Bars

Point = dict[str, Any]
Data = dict[str, NDArray[Any]]
Bits = tuple[bytes, ...]

DEFAULTS: Point = dict(vars(BigBarParams()))
TRADE_FIELDS = (
    "size",
    "entry_bar",
    "exit_bar",
    "entry_price",
    "exit_price",
    "sl",
    "tp",
    "pnl",
    "commission",
    "return_pct",
)
MINUTE_NS = 60 * 10**9
MONDAY_NS = 1_704_067_200 * 10**9  # 2024-01-01 00:00


def bars(rows: Sequence[tuple[float, float, float, float]], times: Sequence[int] | None = None) -> Data:
    """Open, high, low, close; every five minutes from a Monday's midnight where nothing else is said."""
    prices = np.array(rows, np.float64).reshape(len(rows), 4)
    ticks = MONDAY_NS + 5 * MINUTE_NS * np.arange(len(rows)) if times is None else np.array(times, np.int64)
    names = ("open", "high", "low", "close")
    return {"timestamp": ticks, **{name: prices[:, i].copy() for i, name in enumerate(names)}}


def read_bars(path: Path) -> Data:
    frame = pd.read_csv(path).rename(columns=str.lower)
    times = pd.to_datetime(frame["time"], utc=True).to_numpy("datetime64[ns]").astype(np.int64)
    return {"timestamp": times, **{n: frame[n].to_numpy(float) for n in ("open", "high", "low", "close")}}


def walk(seed: int, count: int, jumps: float = 0.002) -> Data:
    """A made-up price with trends, so that all kinds of exit occur."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.normal(0.0, jumps, count // 5 + 1), 5)[:count]
    close = (100.0 * np.exp(np.cumsum(drift + random.normal(0.0, jumps, count)))).round(2) + 0.01
    opening = np.append(100.0, close[:-1])
    high = np.maximum(opening, close) + random.exponential(jumps * 30, count).round(2)
    low = np.maximum(np.minimum(opening, close) - random.exponential(jumps * 30, count).round(2), 0.01)
    return bars(list(zip(opening, high, low, close, strict=True)))


def columns_of(points: Sequence[Mapping[str, Any]]) -> Columns:
    """As the runner gives combinations to `evaluate`; what a point leaves out is the default."""
    full = [{**DEFAULTS, **point} for point in points]
    columns = {name: [point[name] for point in full] for name in DEFAULTS}
    return as_arrays(declared(BigBarParams), columns, len(points))


def spelled_out(point: Mapping[str, Any]) -> Point:
    """With the defaults of its variant in the place of nulls."""
    full = {**DEFAULTS, **{name: value for name, value in point.items() if value is not None}}
    own = BY_VARIANT[full["variant"]]
    named = {name: value for name, value in full.items() if value is not None}
    return {**own, "window": WINDOWS[int(own["window"])], **named}


def bits_of_plain(engine: Engine) -> Bits:
    nan = float("nan")
    trades = [
        (
            t.size,
            t.entry_bar,
            t.exit_bar,
            t.entry,
            t.exit,
            nan if t.stop is None else t.stop,
            nan if t.target is None else t.target,
            t.pnl,
            t.commission,
            t.return_fraction,
        )
        for t in engine.closed
    ]
    table = np.array(trades, np.float64).reshape(len(trades), len(TRADE_FIELDS))
    return (table + 0.0).tobytes(), np.array(engine.equity, np.float64).tobytes()


def bits_of_ours(tables: Mapping[str, Columns]) -> Bits:
    table = np.column_stack([np.array(tables["trades"][name], np.float64) for name in TRADE_FIELDS])
    return (table + 0.0).tobytes(), np.asarray(tables["equity"]["equity"]).tobytes()


def row_bits(metrics: Columns, row: int) -> Bits:
    return tuple(np.asarray(metrics[name])[row : row + 1].tobytes() for name in STATISTICS)


def trace(data: Columns, **point: Any) -> Mapping[str, Columns]:
    return BigBar().trace(data, {**DEFAULTS, **point})


def times_of(window: Bars) -> NDArray[np.int64]:
    return np.array(window.time, np.int64)
