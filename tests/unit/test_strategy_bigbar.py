"""Does `bigbar` give the original's results, trap by trap, and say what it cannot use?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.api import DataError
from tasks.contract import Strategy
from tasks.grid.parameters import ValueRefused, coerce, declared
from tasks.strategies.bigbar import BigBar, BigBarParams
from tests.support.agreement import Answer, Group
from tests.support.bigbar_cases import (
    MONDAY_NS,
    Data,
    bars,
    bits_of_ours,
    columns_of,
    read_bars,
    row_bits,
    trace,
    walk,
)
from tests.support.expected.bigbar import groups

CALM = (100.0, 100.5, 99.5, 100.0)
RISE = (100.0, 103.0, 100.0, 103.0)
UP = (100.0, 100.5, 100.0, 100.5)
POINT: dict[str, Any] = {"window": "single", "atr_period": 2, "k_atr_int": 11, "previous_weight_int": 0}


def story(*rows: tuple[float, float, float, float], calm: int = 10) -> Data:
    """Calm bars, then what is told, then calm enough that the end of the week is out of the way."""
    return bars([CALM] * calm + list(rows) + [CALM] * 12)


def trades_of(data: Data, **point: Any) -> Any:
    return trace(data, **{**POINT, **point})["trades"]


def bigbar_groups(shared: Path) -> Iterator[Group]:
    return (group for group in groups(shared) if group.strategy == "bigbar")


@pytest.mark.shared
def test_every_case_has_the_originals_trades_and_statistics(shared: Path) -> None:
    strategy = BigBar()
    faults = {}
    for group in bigbar_groups(shared):
        data = strategy.prepare(read_bars(Path(group.data["source"])))
        points = [{**group.common, **case.point} for case in group.cases]
        metrics = strategy.evaluate(data, columns_of(points))
        for i, (case, point) in enumerate(zip(group.cases, points, strict=True)):
            traced = trace(data, **point)["trades"]
            types = strategy.traces["trades"]
            table = pa.table({n: pa.array(v, pa.type_for_alias(types[n])) for n, v in traced.items()})
            row = {name: column[i].item() for name, column in metrics.items()}
            if found := list(case.check(Answer(rows=[row], tables={"trades": table}))):
                faults[case.id] = found

    assert faults == {}


def test_the_strategy_meets_the_contract() -> None:
    strategy = BigBar()

    assert isinstance(strategy, Strategy)
    assert strategy.metric in strategy.metrics
    assert not {field.name for field in fields(strategy.params)} & set(strategy.metrics)


def test_results_have_the_declared_columns_and_types() -> None:
    strategy = BigBar()
    data = walk(1, 200)

    metrics = strategy.evaluate(data, columns_of([POINT]))
    tables = trace(data, **POINT)

    assert tuple(metrics) == strategy.metrics
    assert metrics["trades"].dtype == np.int64
    for table, columns in strategy.traces.items():
        assert tuple(tables[table]) == tuple(columns)
        for name, kind in columns.items():
            pa.array(tables[table][name], pa.type_for_alias(kind))


def test_warming_up_leaves_nothing_to_compile() -> None:
    BigBar().warm_up()


def test_a_trade_is_recorded_on_the_bars_of_its_decisions() -> None:
    """Traps 1 and 2; equity of the entry bar does not hold the trade, and shows the spread one bar later."""
    data = story(RISE, (103.0, 104.0, 102.0, 102.5))

    tables = trace(data, **POINT, spread=0.0005)
    trades, equity = tables["trades"], tables["equity"]["equity"]

    entry = 10 - 1  # the window begins at the second bar
    assert (trades["entry_bar"].tolist(), trades["exit_bar"].tolist()) == ([entry], [entry + 1])
    assert trades["entry_price"].tolist() == [103.0 * 1.0005]
    assert trades["exit_price"].tolist() == [102.5]
    assert equity[entry] == 100_000.0 > equity[entry + 1]


def test_units_follow_from_the_close_and_are_dropped_if_the_spread_is_too_much() -> None:
    """Trap 3: 100,000 / 103 is 970.87, and 970 units at 103 x 1.001 cost more than there is."""
    data = story(RISE, (103.0, 104.0, 102.0, 102.5))

    assert trades_of(data, spread=0.0009)["size"].tolist() == [970]
    assert trades_of(data, spread=0.001)["size"].tolist() == []


def test_the_first_bars_of_the_window_do_not_trade() -> None:
    """Trap 7: in the window's numbers; and trap 6: the average has seen the bars before it."""
    rows = [CALM] * 8 + [RISE] + [CALM] * 12
    assert trades_of(bars(rows), atr_period=2)["entry_bar"].tolist() == [7]
    assert trades_of(bars(rows), atr_period=5, k_atr_int=10)["entry_bar"].tolist() == []


def test_the_weight_is_in_tenths_in_one_variant_and_in_hundredths_in_the_other() -> None:
    """Trap 4. Three bars up 0.5 before one up 3: 6 x 0.5 / 3 is 1.0 there; 1.5 - 0.5 x 3 / 3 is 1.0 here."""
    data = story(UP, UP, UP, RISE)
    latest = {"variant": "latest", "atr_period": 1, "k_atr_int": 15, "n_bar_breakout": 1}

    assert trades_of(data, previous_weight_int=10)["entry_bar"].tolist() == [12]
    assert trades_of(data, previous_weight_int=11)["entry_bar"].tolist() == []
    assert trades_of(data, **latest, previous_weight_int=50)["entry_bar"].tolist() == [13]
    assert trades_of(data, **latest, previous_weight_int=49)["entry_bar"].tolist() == []


def test_nulls_mean_the_defaults_of_the_variant() -> None:
    data = BigBar().prepare(walk(5, 900))
    written = [
        {
            "variant": "sweep",
            "window": "sweep",
            "atr_period": 20,
            "k_atr_int": 20,
            "uptail_max_ratio_int": 7,
            "previous_weight_int": 1,
            "buffer_ratio_int": 1,
            "spread": 0.0,
        },
        {
            "variant": "latest",
            "window": "single",
            "atr_period": 39,
            "k_atr_int": 41,
            "uptail_max_ratio_int": 6,
            "previous_weight_int": 41,
            "n_bar_breakout": 16,
            "spread": 0.0001,
        },
    ]

    found = BigBar().evaluate(data, columns_of([*written, {"variant": "sweep"}, {"variant": "latest"}]))

    assert row_bits(found, 0) == row_bits(found, 2) != row_bits(found, 1)
    assert row_bits(found, 1) == row_bits(found, 3)


def test_order_and_doubles_of_the_file_do_not_matter() -> None:
    data = walk(6, 300)
    shuffled = np.random.default_rng(1).permutation(300)
    mixed = {name: np.append(values[shuffled], values[:5] * 2) for name, values in data.items()}
    mixed["timestamp"][300:] = data["timestamp"][:5]

    assert bits_of_ours(trace(mixed, **POINT)) == bits_of_ours(trace(data, **POINT))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_a_price_that_is_none_is_refused_by_its_row(name: str, value: float) -> None:
    data = walk(7, 50)
    data[name][30] = value

    with pytest.raises(DataError, match=r"row 31 .*price"):
        BigBar().prepare(data)


@pytest.mark.parametrize(
    ("window", "period", "count"), [("sweep", 10, 99), ("single", 40, 39), ("sweep", 10, 0)]
)
def test_a_combination_without_a_bar_fails(window: str, period: int, count: int) -> None:
    data = BigBar().prepare({name: values[:count] for name, values in walk(8, 120).items()})

    with pytest.raises(DataError, match="no bar is left"):
        BigBar().evaluate(data, columns_of([{"window": window, "atr_period": period}]))


def test_a_single_bar_is_a_run_without_trades() -> None:
    data = {name: values[:100] for name, values in walk(8, 120).items()}

    found = BigBar().evaluate(data, columns_of([{}]))

    assert (found["trades"][0], found["equity_final"][0]) == (0, 100_000.0)
    assert np.isnan(found["sharpe"][0])


def test_bars_that_are_all_alike_do_not_trade() -> None:
    data = bars([(5.0, 5.0, 5.0, 5.0)] * 200, (MONDAY_NS + np.arange(200) * 60 * 10**9).tolist())

    found = BigBar().evaluate(data, columns_of([{"k_atr_int": 0}, {"variant": "latest", "k_atr_int": 0}]))

    assert found["trades"].tolist() == [0, 0]


def test_a_short_that_loses_everything_ends_the_run() -> None:
    fall = (100.0, 100.0, 97.0, 97.0)
    data = story(fall, (97.0, 97.0, 90.0, 90.5), (300.0, 400.0, 200.0, 300.0))

    tables = trace(data, **POINT)

    assert tables["trades"]["exit_price"].tolist() == [300.0]
    assert tables["equity"]["equity"][-1] == 0.0
    found = BigBar().evaluate(data, columns_of([POINT]))
    assert (found["return_pct"][0], found["max_drawdown_pct"][0]) == (-100.0, -100.0)


def test_a_target_below_zero_fails_the_combination_that_comes_to_it() -> None:
    """A short from 90 to 50 aims at 50 - 2 x 40; it is told to the engine on the first bar that rises."""
    fall = (90.0, 90.0, 50.0, 50.0)
    latest = {**POINT, "variant": "latest", "k_atr_int": 5, "n_bar_breakout": 1}
    rising, stopped = story(fall, (50.0, 52.0, 49.0, 51.0)), story(fall, (50.0, 95.0, 49.0, 51.0))

    with pytest.raises(DataError, match="target below zero"):
        BigBar().evaluate(rising, columns_of([latest]))
    assert trades_of(stopped, **latest)["exit_price"].tolist() == [90.0]


def test_a_target_of_exactly_zero_is_none() -> None:
    fall = (90.0, 90.0, 60.0, 60.0)  # 60 - 2 x 30
    data = story(fall, (60.0, 62.0, 59.0, 61.0), (61.0, 62.0, 58.0, 59.0))

    trades = trades_of(data, variant="latest", k_atr_int=5, n_bar_breakout=1)

    assert trades["size"].tolist()[0] < 0
    assert np.isnan(trades["tp"][0])


def test_only_the_reference_rules_are_offered() -> None:
    parameters = {parameter.name: parameter for parameter in declared(BigBarParams)}

    with pytest.raises(ValueRefused, match="fixed"):
        coerce(parameters["rules"], "fixed")
