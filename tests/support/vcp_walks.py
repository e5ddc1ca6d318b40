"""Daily bars made up for the VCP walk: random ones that signal often, and one base with one breakout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tasks.contract import Columns
from tasks.grid.parameters import as_arrays, declared
from tasks.strategies.vcp import Vcp, VcpParams
from tests.support.daily_frames import bars as daily_bars
from tests.support.reference.vcp_screen_stages import Bars

Point = dict[str, Any]
Frame = dict[str, np.ndarray[Any, Any]]
FIRST_DAY = date(2020, 1, 1)
NO_STAGES: Point = {
    f"require_{name}": False for name in ("prior_uptrend", "volume_contraction", "volatility_compression")
}
LOOSE: Point = {
    **NO_STAGES,
    "trend_template": False,
    "min_data_candles": 0,
    "min_contractions": 1,
    "max_contractions": 1,
    "minimum_quality_score": 0,
    "min_pattern_duration": 20,
    "max_pattern_duration": 40,
}


def a_point(**changed: Any) -> Point:
    """The defaults but for what is named."""
    unknown = changed.keys() - vars(VcpParams()).keys()
    assert not unknown, unknown
    return {**vars(VcpParams()), **changed}


def combinations_of(points: Sequence[Mapping[str, Any]]) -> Columns:
    """As a task is given them."""
    columns = {name: [point[name] for point in points] for name in points[0]}
    return as_arrays(declared(VcpParams), columns, len(points))


def figures_of(frame: Columns, *points: Point) -> list[dict[str, Any]]:
    found = Vcp().evaluate(Vcp().prepare(frame), combinations_of(points))
    return [{name: found[name][i].item() for name in Vcp.metrics} for i in range(len(points))]


def rows_of(frame: Columns, point: Point, table: str) -> list[dict[str, Any]]:
    columns = Vcp().trace(Vcp().prepare(frame), point)[table]
    lists = [np.asarray(column).tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def first_rows(frame: Frame, count: int) -> Frame:
    return {name: column[:count] for name, column in frame.items()}


def as_lists(frame: Frame) -> Bars:
    """The same bars as the plain definition takes them."""
    days = [FIRST_DAY + timedelta(days=i) for i in range(len(frame["close"]))]
    o, h, l, c, v = (frame[name].tolist() for name in ("open", "high", "low", "close", "volume"))  # noqa: E741
    return Bars(days, o, h, l, c, v)


def a_frame(open_: Any, high: Any, low: Any, close: Any, volume: Any) -> Frame:
    days = (FIRST_DAY - date(1970, 1, 1)).days + np.arange(len(close))
    return daily_bars(days, open=open_, high=high, low=low, close=close, volume=volume)


def random_bars(seed: int, count: int, drift: float, quiet: bool = False) -> Frame:
    """Prices in quarters and whole volumes, so that sums are exact and no tie hangs on rounding.

    With zeros, gaps and repeated days strewn in; `quiet` days have no range and no volume.
    """
    random = np.random.default_rng(seed)
    steps = drift + random.normal(0, 0.01, count) * random.choice((0.2, 1.0, 3.0), count)
    close = np.round(400 * np.exp(np.cumsum(steps))) / 4
    open_ = np.round(4 * close * np.exp(random.normal(0, 0.01, count))) / 4
    reach = random.integers(0, 5, (2, count)) / 4
    high, low = np.maximum(open_, close) + reach[0], np.maximum(np.minimum(open_, close) - reach[1], 0)
    volume = random.integers(300, 3000, count).astype(np.float64)
    if quiet:
        still = random.random(count) < 0.3
        volume[still] = 0.0
        for column in (open_, high, low):
            column[still] = close[still]
    return a_frame(open_, high, low, close, volume)


frames = st.builds(
    random_bars,
    seed=st.integers(0, 10**6),
    count=st.one_of(st.integers(110, 190), st.integers(110, 190), st.integers(1, 190)),
    drift=st.sampled_from((-0.002, 0.001, 0.004, 0.008)),
    quiet=st.booleans(),
)


def a_breakout(after: Sequence[tuple[float, float, float, float]] = ()) -> Frame:
    """Days at 100 with a range of 2, one of them tight; bar 100 closes at 102, on three times the volume.

    `after` are open, high, low and close of the days that follow. With `LOOSE` it is the only signal.
    """
    count = 101 + len(after)
    open_, close = np.full(count, 100.0), np.full(count, 100.0)
    high, low, volume = open_ + 1, open_ - 1, np.full(count, 1000.0)
    high[88], low[88] = 100.5, 99.5
    open_[100], high[100], low[100], close[100], volume[100] = 100.0, 103.0, 100.0, 102.0, 3000.0
    for i, prices in enumerate(after, start=101):
        open_[i], high[i], low[i], close[i] = prices
    return a_frame(open_, high, low, close, volume)
