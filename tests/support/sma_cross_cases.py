"""Bars and combinations for tests of `sma_cross`, and what its plain definition makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.grid.parameters import as_arrays, declared
from tasks.kernels.bars.metrics import STATISTICS
from tasks.strategies.sma_cross import SmaCross, SmaCrossParams
from tests.support.agreement import Answer, Group
from tests.support.reference.bar_engine import Engine, cross_step

Point = dict[str, Any]
Bits = tuple[bytes, ...]

DEFAULTS: Point = dict(vars(SmaCrossParams()))
TRADE_FIELDS = (
    "size",
    "entry_bar",
    "exit_bar",
    "entry_price",
    "exit_price",
    "pnl",
    "commission",
    "return_pct",
)
DAY_NS = 86_400 * 10**9


def bars(
    close: Sequence[float], opening: Sequence[float] | None = None, time: Sequence[int] | None = None
) -> dict[str, NDArray[Any]]:
    """Daily bars, open and close the same where nothing else is said."""
    prices = {"close": np.array(close, np.float64)}
    prices["open"] = prices["close"] if opening is None else np.array(opening, np.float64)
    prices["high"] = np.maximum(prices["open"], prices["close"])
    prices["low"] = np.minimum(prices["open"], prices["close"])
    times = np.arange(len(close)) * DAY_NS if time is None else np.array(time, np.int64)
    return {"timestamp": times, **prices}


def read_bars(path: Path) -> dict[str, NDArray[Any]]:
    """A file whose first column is the time."""
    frame = pd.read_csv(path, index_col=0, parse_dates=True)
    times = np.array(frame.index, "datetime64[ns]").astype(np.int64)
    return {"timestamp": times, **{str(name).lower(): np.array(frame[name], float) for name in frame}}


def columns_of(points: Sequence[Mapping[str, Any]]) -> Columns:
    """As the runner gives combinations to `evaluate`; what a point leaves out is the default."""
    full = [{**DEFAULTS, **point} for point in points]
    columns = {name: [point[name] for point in full] for name in DEFAULTS}
    return as_arrays(declared(SmaCrossParams), columns, len(points))


def plain_run(data: Columns, point: Point) -> Engine:
    """The definition: pandas' averages, the engine bar by bar."""
    point = {**DEFAULTS, **point}
    close = pd.Series(data["close"])
    fast, slow = (close.rolling(point[name]).mean() for name in ("fast", "slow"))
    # of an average that never begins the original counts no undefined values (docs/reference/sma_cross.md)
    warm_up = max(int(mean.isna().sum()) % len(close) for mean in (fast, slow))
    engine = Engine(
        open=np.array(data["open"]).tolist(),
        high=np.array(data["high"]).tolist(),
        low=np.array(data["low"]).tolist(),
        close_price=close.tolist(),
        **{name: point[name] for name in ("cash", "spread", "commission", "exclusive", "finalize")},
    )
    return engine.run(cross_step(fast.tolist(), slow.tolist()), warm_up)


def bits_of_plain(engine: Engine) -> Bits:
    trades = [
        (t.size, t.entry_bar, t.exit_bar, t.entry, t.exit, t.pnl, t.commission, t.return_fraction)
        for t in engine.closed
    ]
    table = np.array(trades, np.float64).reshape(len(trades), len(TRADE_FIELDS))
    return table.tobytes(), np.array(engine.equity, np.float64).tobytes()


def bits_of_ours(data: Columns, point: Point) -> Bits:
    """Closed trades and the equity of every bar, as `trace` gives them."""
    tables = SmaCross().trace(data, {**DEFAULTS, **point})
    table = np.column_stack([np.array(tables["trades"][name], np.float64) for name in TRADE_FIELDS])
    return table.tobytes(), tables["equity"]["equity"].tobytes()


def row_bits(metrics: Columns, row: int) -> Bits:
    return tuple(np.asarray(metrics[name])[row : row + 1].tobytes() for name in STATISTICS)


def differences(group: Group) -> dict[str, list[str]]:
    """The expected cases of one file that are not met, and in what."""
    strategy = SmaCross()
    data = strategy.prepare(read_bars(Path(group.data["source"])))
    metrics = strategy.evaluate(data, columns_of([case.point for case in group.cases]))
    wrong: dict[str, list[str]] = {}
    for i, case in enumerate(group.cases):
        row = {name: values[i] for name, values in metrics.items()}
        trades = strategy.trace(data, {**DEFAULTS, **case.point})["trades"]
        kinds = strategy.traces["trades"].items()
        table = pa.table({name: pa.array(trades[name], pa.type_for_alias(kind)) for name, kind in kinds})
        wrong[case.id] = list(case.check(Answer(rows=[row], tables={"trades": table})))
    return {name: found for name, found in wrong.items() if found}
