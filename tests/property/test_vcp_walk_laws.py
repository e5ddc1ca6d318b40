"""What the VCP walk keeps for all bars: it is what its plain definition says, and signals look back only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.strategies.vcp import Vcp
from tests.support.reference import vcp as plain
from tests.support.vcp_walks import (
    Frame,
    Point,
    a_point,
    as_lists,
    combinations_of,
    figures_of,
    first_rows,
    frames,
    rows_of,
)

FLAGS = ("prior_uptrend", "volume_contraction", "sma_position", "volume_surge", "volatility_compression")


@st.composite
def points(draw: st.DrawFn) -> Point:
    """Settings under which random bars signal; thresholds with odd digits, so that no ratio ties with one."""
    shortest = draw(st.integers(8, 30))
    flags = {f"require_{name}": draw(st.integers(0, 2)) > 0 for name in FLAGS}
    return a_point(
        **flags,
        min_price=draw(st.sampled_from((0.0, 0.0, 90.0))),
        max_price=draw(st.sampled_from((1e7, 1e7, 150.0))),
        min_avg_volume=draw(st.sampled_from((0.0, 0.0, 1500.0))),
        exclude_penny_stocks=draw(st.booleans()),
        min_data_candles=draw(st.sampled_from((0, 60, 120))),
        min_pattern_duration=shortest,
        max_pattern_duration=shortest + draw(st.integers(0, 60)),
        base_step=draw(st.sampled_from((1, 2, 5, 9))),
        min_contractions=draw(st.integers(1, 2)),
        max_contractions=draw(st.integers(0, 4)),
        volume_multiplier=draw(st.sampled_from((0.0, 0.51237, 1.01237))),
        compression_threshold=draw(st.sampled_from((0.6123, 1.0123, 3.0123))),
        prior_uptrend_min=draw(st.sampled_from((-50.0123, -2.0123, 3.0123))),
        prior_uptrend_max=draw(st.sampled_from((8.0123, 150.0))),
        minimum_quality_score=draw(st.integers(0, 4)),
        breakout_buffer=draw(st.sampled_from((0.97013, 0.99013, 1.00513))),
        trend_template=draw(st.integers(0, 2)) == 0,
        entry=draw(st.sampled_from(("close", "next_open", "pivot_stop"))),
        pick=draw(st.sampled_from(("longest", "shortest", "best"))),
        max_hold=draw(st.sampled_from((1, 7, 60))),
        levels=draw(st.sampled_from((None, "reference", "continuous"))),
        stop_atr=draw(st.sampled_from((1.0, 2.0123, 3.0123))),
        target_atr=draw(st.sampled_from((2.0123, 6.0123))),
        stop_pct=draw(st.sampled_from((None, 1.0, 5.0123))),
        target_pct=draw(st.sampled_from((None, 2.0123, 8.0123))),
        cost_bps=draw(st.sampled_from((0.0, 10.0))),
        rules=draw(st.sampled_from(("reference", "fixed"))),
    )


def assert_alike(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """Words, dates and whole numbers exactly, others to 1e-9."""
    assert len(found) == len(wanted)
    for row, want in zip(found, wanted, strict=True):
        for name, value in row.items():
            if isinstance(want[name], float):
                both_nan = math.isnan(value) and math.isnan(want[name])
                assert both_nan or math.isclose(value, want[name], rel_tol=1e-9, abs_tol=1e-12), name
            elif name.endswith("date"):
                assert np.datetime64(want[name], "D") == np.datetime64(value, "D"), name
            else:
                assert value == want[name], name


@settings(max_examples=150)
@given(frame=frames, chunk=st.lists(points(), min_size=1, max_size=3))
def test_a_walk_is_what_its_plain_definition_says(frame: Frame, chunk: list[Point]) -> None:
    bars = as_lists(frame)

    figures = figures_of(frame, *chunk)

    for point, found in zip(chunk, figures, strict=True):
        signals = plain.walk(bars, point)
        trades = plain.trades(bars, signals, point)
        assert_alike(rows_of(frame, point, "signals"), [plain.signal_row(bars, s, point) for s in signals])
        assert_alike(rows_of(frame, point, "trades"), trades)
        assert_alike([found], [plain.figures(signals, trades)])


@settings(max_examples=200)
@given(frame=frames, point=points(), data=st.data())
def test_changing_the_future_never_changes_the_past(frame: Frame, point: Point, data: st.DataObject) -> None:
    signals = [signal["bar"] for signal in rows_of(frame, point, "signals")]
    now = data.draw(st.sampled_from(signals) if signals else st.integers(0, len(frame["close"]) - 1))
    changed = {name: column.copy() for name, column in frame.items()}
    for name in ("open", "high", "low", "close"):
        changed[name][now + 1 :] *= data.draw(st.sampled_from((0.5, 1.01, 3.0)))
    changed["volume"][now + 1 :] *= data.draw(st.sampled_from((0.0, 40.0)))

    past, other = rows_of(frame, point, "signals"), rows_of(changed, point, "signals")
    trades, others = rows_of(frame, point, "trades"), rows_of(changed, point, "trades")

    assert [s for s in past if s["bar"] <= now] == [s for s in other if s["bar"] <= now]
    today = (frame["timestamp"][now].astype("datetime64[ns]")).astype("datetime64[D]")
    closed = [t for t in trades if np.datetime64(t["exit_date"], "D") <= today]
    assert closed == [t for t in others if np.datetime64(t["exit_date"], "D") <= today]


@given(frame=frames, point=points(), data=st.data())
def test_cutting_the_end_off_leaves_the_signals_before_it(
    frame: Frame, point: Point, data: st.DataObject
) -> None:
    kept = data.draw(st.integers(0, len(frame["close"])))

    before = [s for s in rows_of(frame, point, "signals") if s["bar"] < kept]

    assert rows_of(first_rows(frame, kept), point, "signals") == before


@given(frame=frames, chunk=st.lists(points(), min_size=2, max_size=8), data=st.data())
def test_combinations_cut_anywhere_give_the_same_rows(
    frame: Frame, chunk: list[Point], data: st.DataObject
) -> None:
    """Half of them alike in structure, so that the search for bases is shared."""
    structure = {name: chunk[0][name] for name in Vcp.groups}
    chunk = [{**p, **structure} if i % 2 else p for i, p in enumerate(chunk)]
    at = data.draw(st.integers(1, len(chunk) - 1))
    prepared = Vcp().prepare(frame)

    whole = Vcp().evaluate(prepared, combinations_of(chunk))
    parts = [Vcp().evaluate(prepared, combinations_of(part)) for part in (chunk[:at], chunk[at:])]

    for name in Vcp.metrics:
        np.testing.assert_array_equal(whole[name], np.concatenate([part[name] for part in parts]))


@given(
    frame=frames,
    column=st.sampled_from(("open", "high", "low", "close", "volume")),
    value=st.sampled_from((0.0, 1e-300, 1e12)),
    where=st.lists(st.integers(0, 189), max_size=40),
    point=points(),
)
def test_odd_prices_and_volumes_never_break_a_walk(
    frame: Frame, column: str, value: float, where: list[int], point: Point
) -> None:
    odd = {name: values.copy() for name, values in frame.items()}
    odd[column][[i for i in where if i < len(frame["close"])]] = value

    figures = figures_of(odd, point)[0]

    trades = rows_of(odd, point, "trades")
    assert figures["signals"] == len(rows_of(odd, point, "signals"))
    assert figures["trades"] == len(trades)
    assert all(t["entry"] > 0 and t["exit"] >= 0 and t["bars_held"] >= 0 for t in trades)
