"""The VCP walk as a strategy: the reference's signals and trades, each way out of a trade, and odd data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tasks.contract import PRICES
from tasks.errors import DataError
from tasks.strategies.vcp import Vcp
from tests.support.daily_frames import SETS, daily_slices
from tests.support.vcp_walks import (
    LOOSE,
    Frame,
    a_breakout,
    a_point,
    combinations_of,
    figures_of,
    first_rows,
    rows_of,
)

SETTINGS = ("base", "next_open", "pivot_stop", "pivot_short", "fixed_8_20")
FLAT = (102.0, 102.5, 101.5, 102.0)


def index_of(shared: Path) -> Any:
    return json.loads((shared / "expected/vcp/index.json").read_text())


def assert_is_expected(found: list[dict[str, Any]], expected: Any) -> None:
    for name in expected.column_names:
        wanted = expected[name].to_numpy(zero_copy_only=False)
        values = np.array([row[name] for row in found])
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(values, wanted, rtol=1e-9, err_msg=name)
        elif wanted.dtype.kind == "M":
            np.testing.assert_array_equal(values.astype("datetime64[D]"), wanted, name)
        else:
            np.testing.assert_array_equal(values, wanted, name)


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_signals_and_trades_are_the_expected_ones(shared: Path, name: str) -> None:
    index = index_of(shared)
    changes = index["trade_settings"]
    points = {s: a_point(**changes["base"]) | changes[s] for s in SETTINGS}
    signals: dict[str, list[dict[str, Any]]] = {setting: [] for setting in SETTINGS}
    trades: dict[str, list[dict[str, Any]]] = {setting: [] for setting in SETTINGS}
    sums = dict.fromkeys(("signals", "trades"), np.zeros(len(SETTINGS), np.int64))
    for data in daily_slices(shared, name):
        prepared = Vcp().prepare(data)
        figures = Vcp().evaluate(prepared, combinations_of([points[s] for s in SETTINGS]))
        sums = {metric: sums[metric] + figures[metric].astype(np.int64) for metric in sums}
        for setting in SETTINGS:
            for table, rows in (("signals", signals), ("trades", trades)):
                own = rows_of(prepared, points[setting], table)
                rows[setting] += [{"symbol": data.security, **row} for row in own]

    all_trades = pq.read_table(shared / f"expected/vcp/{name}.trades.parquet")
    for i, setting in enumerate(SETTINGS):
        expected = all_trades.filter(pc.equal(all_trades["setting"], setting)).drop_columns(["setting"])
        assert_is_expected(signals[setting], pq.read_table(shared / f"expected/vcp/{name}.signals.parquet"))
        assert_is_expected(trades[setting], expected)
        summary = index["sets"][name]["walk_forward"]["summary"][setting]
        assert (sums["signals"][i], sums["trades"][i]) == (len(signals[setting]), summary["trades"])
        returns = np.array([trade["ret"] for trade in trades[setting]])
        assert np.mean(returns > 0) == pytest.approx(summary["win_rate"], abs=5e-5)
        assert returns.mean() == pytest.approx(summary["mean_ret"], abs=5e-7)
        assert np.median([trade["bars_held"] for trade in trades[setting]]) == summary["median_hold"]
        factor = returns[returns > 0].sum() / -returns[returns < 0].sum()
        assert factor == pytest.approx(summary["profit_factor"], abs=5e-5)


def trades_after(*after: tuple[float, float, float, float], **changed: Any) -> list[dict[str, Any]]:
    """Of the one signal, bought at 102 with a stop of 5 % and a target of 10 %."""
    point = a_point(**LOOSE | {"stop_pct": 5.0, "target_pct": 10.0} | changed)
    return rows_of(a_breakout(after), point, "trades")


@pytest.mark.parametrize(
    ("reason", "price", "held", "after"),
    [
        ("stop_gap", 95.0, 2, [FLAT, (95.0, 120.0, 94.0, 96.0)]),
        ("stop", 96.9, 1, [(97.0, 120.0, 96.0, 98.0)]),
        ("target_gap", 113.0, 1, [(113.0, 114.0, 112.0, 112.0)]),
        ("target", 112.2, 1, [(110.0, 112.5, 109.0, 110.0)]),
        ("time", 103.0, 3, [FLAT, FLAT, (102.0, 103.0, 102.0, 103.0), FLAT]),
        ("eod", 101.0, 2, [FLAT, (102.0, 102.0, 101.0, 101.0)]),
        ("eod", 102.0, 0, []),
    ],
)
def test_a_trade_is_left_for_the_first_reason_that_holds(
    reason: str, price: float, held: int, after: list[tuple[float, float, float, float]]
) -> None:
    (trade,) = trades_after(*after, max_hold=3)

    assert (trade["reason"], trade["bars_held"]) == (reason, held)
    assert trade["exit"] == pytest.approx(price)
    assert trade["ret"] == pytest.approx(price / 102 - 1)


def test_a_fill_at_the_open_can_be_stopped_out_on_its_own_day() -> None:
    (trade,) = trades_after((104.0, 104.0, 97.0, 98.0), entry="next_open")

    assert (trade["entry"], trade["reason"], trade["bars_held"]) == (104.0, "stop", 0)
    assert trade["exit"] == pytest.approx(104 * 0.95)


@pytest.mark.parametrize(("levels", "reason"), [({"stop_pct": 0.0}, "stop"), ({"target_pct": 0.0}, "target")])
def test_the_open_of_a_fill_is_no_way_out(levels: dict[str, float], reason: str) -> None:
    (trade,) = trades_after((104.0, 106.0, 102.0, 104.0), entry="next_open", **levels)

    assert (trade["reason"], trade["exit"]) == (reason, 104.0)


def test_a_signal_on_the_last_bar_has_no_next_open() -> None:
    point = a_point(**LOOSE, entry="next_open")

    assert figures_of(a_breakout(), point)[0]["signals"] == 1
    assert trades_after(entry="next_open") == []


def test_a_buy_stop_is_filled_at_the_pivot_or_at_a_higher_open() -> None:
    frame = a_breakout()
    point = a_point(**LOOSE, entry="pivot_stop")
    higher = {**frame, "open": np.where(np.arange(101) == 100, 102.0, frame["open"])}

    assert rows_of(frame, point, "trades")[0]["entry"] == pytest.approx(101 * 1.005)
    assert rows_of(higher, point, "trades")[0]["entry"] == 102.0


def test_a_buy_stop_that_the_day_did_not_reach_is_no_trade() -> None:
    point = a_point(**LOOSE, entry="pivot_stop", require_volume_surge=False, breakout_buffer=1.05)

    figures = figures_of(a_breakout(), point)[0]

    assert figures["signals"] > 0
    assert figures["trades"] == 0


def test_what_one_combination_needs_is_not_asked_of_its_neighbours() -> None:
    """The base of 40 bars has one tight day: a requirement of two is that of the other alone."""
    points = [a_point(**LOOSE | {"min_pattern_duration": 40, "max_contractions": m}) for m in (1, 8, 1)]

    assert [figures["signals"] for figures in figures_of(a_breakout(), *points)] == [1, 0, 1]


def test_costs_are_paid_twice() -> None:
    (free,), (dear,) = trades_after(FLAT), trades_after(FLAT, cost_bps=10.0)

    assert free["ret"] - dear["ret"] == pytest.approx(0.002)


def test_no_trade_leaves_the_figures_of_trades_empty() -> None:
    figures = figures_of(a_breakout(), a_point(**LOOSE, entry="next_open"))[0]

    assert (figures["signals"], figures["trades"]) == (1, 0)
    assert all(np.isnan(figures[name]) for name in Vcp.metrics[2:])


def test_rules_fixed_differ_only_where_the_reference_stops_10_percent_below_for_want_of_a_band() -> None:
    frame = a_breakout([FLAT])
    atr = rows_of(frame, a_point(**LOOSE), "signals")[0]["atr"]

    for percent, differs in ((6.4, False), (6.6, True), (6.9, True), (7.1, False), (10.1, False)):
        point = a_point(**LOOSE, stop_atr=percent / 100 * 102 / atr)
        (reference,) = rows_of(frame, point, "trades")
        (fixed,) = rows_of(frame, point | {"rules": "fixed"}, "trades")
        (named,) = rows_of(frame, point | {"levels": "continuous"}, "trades")
        (kept,) = rows_of(frame, point | {"rules": "fixed", "levels": "reference"}, "trades")

        assert (reference, named) == (kept, fixed)
        assert (reference["stop"] != fixed["stop"]) is differs
        if differs:
            assert reference["stop"] == pytest.approx(102 * 0.9)
            assert fixed["stop"] == pytest.approx(102 * (1 - percent / 100))


def test_the_mask_has_a_bit_for_every_length_tried_and_is_empty_where_they_are_too_many() -> None:
    frame = a_breakout()
    wide = a_point(**LOOSE | {"min_pattern_duration": 18, "max_pattern_duration": 50, "base_step": 1})
    wider = wide | {"min_pattern_duration": 8, "max_pattern_duration": 120}

    (row,), (nameless,) = rows_of(frame, wide, "signals"), rows_of(frame, wider, "signals")

    assert row["mask"] == sum(1 << (length - 18) for length in range(18, 51))
    assert (row["shortest"], row["longest"]) == (18, 50)
    assert (nameless["mask"], nameless["longest"]) == (None, 50)


@pytest.mark.parametrize("bars", [0, 1, 2, 51])
def test_few_bars_make_no_signal(bars: int) -> None:
    frame = first_rows(a_breakout(), bars)

    figures = Vcp().evaluate(Vcp().prepare(frame), combinations_of([a_point(**LOOSE)]))

    assert figures["signals"].tolist() == [0.0]
    assert figures["empty"].tolist() == [bars == 0]


def test_prices_that_never_move_and_volumes_of_zero_make_no_signal() -> None:
    flat: Frame = {**a_breakout(), **dict.fromkeys(PRICES, np.full(101, 0.1))}
    idle: Frame = {**a_breakout(), "volume": np.zeros(101)}
    point = a_point(**LOOSE | {"min_price": 0.0, "min_avg_volume": 0.0})

    assert figures_of(flat, point)[0]["signals"] == 0
    assert figures_of(idle, point)[0]["signals"] == 0


def test_a_price_below_zero_is_refused_with_its_row() -> None:
    frame = a_breakout()
    frame["close"][7] = -1.0

    with pytest.raises(DataError, match="row 8"):
        Vcp().prepare(frame)


def test_prepared_bars_are_taken_as_they_are() -> None:
    prepared = Vcp().prepare(a_breakout())

    assert Vcp().prepare(prepared) is prepared
    assert rows_of(prepared, a_point(**LOOSE), "trades") == trades_after(stop_pct=None, target_pct=None)
