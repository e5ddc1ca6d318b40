"""Does `sma_cross` give the original's results, quirks included, and say what it cannot use?"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.api import DataError
from tasks.contract import Strategy
from tasks.grid.parameters import ValueRefused, coerce, declared
from tasks.strategies.sma_cross import SmaCross, SmaCrossParams
from tests.support.expected.bigbar import groups
from tests.support.sma_cross_cases import DEFAULTS, Point, bars, columns_of, differences, read_bars

RISE_AND_FALL = [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0]


def metrics_of(data: Any, **point: Any) -> dict[str, Any]:
    found = SmaCross().evaluate(data, columns_of([{"fast": 1, "slow": 2, **point}]))
    return {name: values[0] for name, values in found.items()}


def tables_of(data: Any, **point: Any) -> Any:
    return SmaCross().trace(data, {**DEFAULTS, "fast": 1, "slow": 2, **point})


def test_the_strategy_meets_the_contract() -> None:
    strategy = SmaCross()

    assert isinstance(strategy, Strategy)
    assert strategy.metric in strategy.metrics
    assert not {field.name for field in fields(strategy.params)} & set(strategy.metrics)


def test_results_have_the_declared_columns_and_types() -> None:
    strategy = SmaCross()
    data = bars(RISE_AND_FALL)

    metrics = strategy.evaluate(data, columns_of([{"fast": 1, "slow": 2}]))
    tables = tables_of(data)

    assert tuple(metrics) == strategy.metrics
    assert metrics["trades"].dtype == np.int64
    assert set(tables) == set(strategy.traces)
    for table, columns in strategy.traces.items():
        assert tuple(tables[table]) == tuple(columns)
        for name, kind in columns.items():
            pa.array(tables[table][name], pa.type_for_alias(kind))


def test_a_crossing_is_traded_at_the_next_open() -> None:
    data = bars(RISE_AND_FALL, [10.0, 10.0, 10.0, 10.0, 20.0, 10.0, 10.0, 30.0, 10.0])

    trades = tables_of(data, cash=101.0)["trades"]

    assert (trades["entry_bar"].tolist(), trades["exit_bar"].tolist()) == ([4], [7])
    assert (trades["entry_price"].tolist(), trades["exit_price"].tolist()) == ([20.0], [30.0])
    assert (trades["size"].tolist(), trades["pnl"].tolist(), trades["return_pct"].tolist()) == (
        [5],
        [50.0],
        [0.5],
    )


def test_equity_before_the_first_bar_that_is_traded_on_is_that_bar_s() -> None:
    equity = tables_of(bars(RISE_AND_FALL), cash=101.0)["equity"]["equity"]

    assert equity[:5].tolist() == [101.0] * 5


@pytest.mark.shared
@pytest.mark.parametrize("name", ["goog", "eurusd"])
def test_every_reference_case_is_met(shared: Path, name: str) -> None:
    (group,) = (g for g in groups(shared) if g.name == f"smacross-{name}")

    assert len(group.cases) == 100
    assert differences(group) == {}


@pytest.mark.shared
def test_the_documented_figures_of_the_library_are_met(shared: Path) -> None:
    data = read_bars(shared / "data/bars/GOOG.csv")

    found = metrics_of(data, fast=10, slow=30, finalize=True)

    assert found["trades"] == 66
    assert round(found["equity_final"], 2) == 51422.99
    assert round(found["return_pct"], 4) == 414.2299
    assert round(found["win_rate_pct"], 8) == 46.96969697
    assert round(found["max_drawdown_pct"], 8) == -47.98012705
    assert round(found["volatility_ann_pct"], 8) == 36.49716091
    assert round(found["sharpe"], 10) == 0.5806232244
    assert round(found["sqn"], 10) == 1.0766187357
    assert round(found["exposure_pct"], 10) == 96.7411545624


# --- quirks (docs/reference/sma_cross.md) ---


def test_averages_that_touch_have_not_crossed() -> None:
    touching = bars([2.0, 1.0, 1.0, 2.0])  # below, equal, above: never from one side to the other at once

    assert len(tables_of(touching, finalize=True)["trades"]["size"]) == 0


def test_a_second_crossing_to_the_same_side_closes_and_opens_anew() -> None:
    close = [2.0, 1.0, 2.0, 2.0, 1.0, 2.0, 3.0]  # up, equal (the way down is no crossing), below, up again
    again = bars(close, [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 6.0])

    trades = tables_of(again, finalize=True, cash=101.0)["trades"]

    assert trades["entry_bar"].tolist() == [3, 6]
    assert trades["exit_bar"].tolist() == [6, 6]
    assert (trades["size"] > 0).all()


@pytest.mark.parametrize("last", [[], [1.0]])
def test_what_is_decided_on_the_last_bar_is_executed_only_when_finalised(last: list[float]) -> None:
    data = bars([3.0, 2.0, 3.0, *last])

    left, closed = (tables_of(data, finalize=finalize, cash=10.0) for finalize in (False, True))

    assert len(left["trades"]["size"]) == 0
    assert len(closed["trades"]["size"]) == len(last)  # and what that opens stays open


def test_an_open_trade_counts_in_equity_but_is_no_trade() -> None:
    found = metrics_of(bars([3.0, 2.0, 3.0, 4.0, 8.0]), cash=9.0)

    assert found["trades"] == 0
    assert found["equity_final"] == 17.0
    assert np.isnan(found["win_rate_pct"])


def test_exclusive_orders_change_nothing() -> None:
    data = bars(np.exp(np.random.default_rng(3).normal(0.0, 0.1, 200)).tolist())

    with_them, without = (metrics_of(data, exclusive=flag, commission=0.002) for flag in (True, False))

    np.testing.assert_equal(with_them, without)


def test_an_average_that_never_begins_has_no_warm_up() -> None:
    """Buy and hold then starts where the other average does."""
    found = metrics_of(bars([1.0, 2.0, 4.0]), fast=2, slow=9)

    assert found["trades"] == 0
    assert found["buy_hold_return_pct"] == 100.0


def test_a_run_without_equity_ends_at_nothing() -> None:
    squeezed = bars([1.0, 2.0, 1.0, 1.0, 90.0, 1.0, 2.0, 1.0], [1.0] * 8)

    found = metrics_of(squeezed, cash=100.0)

    assert (found["equity_final"], found["trades"], found["return_pct"]) == (0.0, 1, -100.0)
    assert found["worst_trade_pct"] == -8900.0


# --- what it cannot use ---


def test_without_a_bar_there_is_nothing_to_evaluate() -> None:
    strategy = SmaCross()

    none = strategy.prepare(bars([]))

    assert strategy.evaluate(none, columns_of([{}, {}]))["empty"].tolist() == [True, True]
    assert [len(values) for table in tables_of(none).values() for values in table.values()] == [0] * 16


def test_one_bar_is_a_run_without_trades() -> None:
    found = metrics_of(bars([5.0]), fast=1, slow=1, finalize=True)

    assert (found["trades"], found["equity_final"], found["buy_hold_return_pct"]) == (0, 10_000.0, 0.0)


def test_equal_prices_never_cross() -> None:
    found = metrics_of(bars([1.1] * 50), fast=3, slow=7)

    assert (found["trades"], found["return_pct"]) == (0, 0.0)


def test_a_price_of_zero_is_refused_by_its_row() -> None:
    with pytest.raises(DataError, match=r"row 2 \(1970-01-02T00:00:00\): the open price is not above zero"):
        SmaCross().prepare(bars([1.0, 2.0], [1.0, 0.0]))


def test_a_trade_too_large_for_a_table_is_an_error_of_the_table_alone() -> None:
    tiny = bars([price * 1e-12 for price in RISE_AND_FALL])

    assert metrics_of(tiny, cash=1e12)["trades"] == 1
    with pytest.raises(DataError, match="more units than a table can hold"):
        tables_of(tiny, cash=1e12)


@pytest.mark.parametrize(
    "wrong", [{"rules": "fixed"}, {"fast": 0}, {"cash": 0.0}, {"commission": -0.1}, {"spread": 1.0}]
)
def test_a_parameter_out_of_bounds_is_refused(wrong: Point) -> None:
    parameters = {parameter.name: parameter for parameter in declared(SmaCrossParams)}

    for name, value in wrong.items():
        with pytest.raises(ValueRefused):
            coerce(parameters[name], value)
