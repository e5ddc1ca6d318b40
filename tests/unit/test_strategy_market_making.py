"""Do both market-making strategies declare what they keep, and read parameters as the configuration did?"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.contract import Strategy
from tasks.strategies.market_making import (
    ClosingParams,
    MarketMaking,
    MarketMakingClosing,
    MarketMakingParams,
)
from tests.support.market_making_cases import combinations_of
from tests.support.tick_streams import long_stream, script, ticks_of

STRATEGIES: tuple[Any, ...] = (MarketMaking(), MarketMakingClosing())


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_a_strategy_meets_the_contract(strategy: Any) -> None:
    parameters = {field.name for field in fields(strategy.params)}

    assert strategy.metric in strategy.metrics
    assert set(strategy.whole_numbers) <= set(strategy.metrics)
    assert len(set(strategy.metrics)) == len(strategy.metrics)
    assert not parameters & set(strategy.metrics)
    assert isinstance(strategy, Strategy)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_results_have_the_declared_columns_and_types(strategy: Any) -> None:
    ticks = ticks_of(long_stream(7, 400, junk=False))
    point = dict(vars(strategy.params()))

    metrics = strategy.evaluate(ticks, combinations_of([point, point]))
    trades = strategy.trace(ticks, point)["trades"]

    assert tuple(metrics) == strategy.metrics
    for name, values in metrics.items():
        assert values.shape == (2,)
        assert values.dtype == (np.int64 if name in strategy.whole_numbers else np.float64), name
    for name, kind in strategy.traces["trades"].items():
        pa.array(trades[name], pa.type_for_alias(kind))
    assert tuple(trades) == tuple(strategy.traces["trades"])


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_a_slice_without_usable_rows_gives_zeros(strategy: Any) -> None:
    rows = script("10:00:00 bid 0.00 0")

    metrics = strategy.evaluate(ticks_of(rows), combinations_of([dict(vars(strategy.params()))]))

    assert metrics["trades"][0] == 0
    assert metrics["max_drawdown_pct"][0] == 0.0


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_prepared_ticks_give_what_raw_ticks_give(strategy: Any) -> None:
    ticks = ticks_of(long_stream(3, 300, junk=True))
    chunk = combinations_of([dict(vars(strategy.params()))] * 5)

    prepared, raw = strategy.evaluate(strategy.prepare(ticks), chunk), strategy.evaluate(ticks, chunk)

    assert all(prepared[name].tobytes() == raw[name].tobytes() for name in strategy.metrics)


def test_a_missing_quote_size_of_a_side_is_the_common_one() -> None:
    rows = script(
        "10:00:00 bid 1.00 50", "10:00:00 ask 1.02 50", "10:00:01 trade 1.02 999", "14:55:00 trade 1.00 10"
    )
    point = vars(MarketMakingParams()) | {"quote_size": 70, "min_local_currency_before_quote": 0.0}
    as_numbers = combinations_of([point | {"quote_size_ask": None}, point | {"quote_size_ask": 30}])
    as_objects = {name: np.array(list(column), object) for name, column in as_numbers.items()}
    as_objects["quote_size_ask"] = np.array([None, 30], object)

    for combinations in (as_numbers, as_objects):
        metrics = MarketMaking().evaluate(ticks_of(rows), combinations)

        np.testing.assert_array_equal(metrics["sell_volume"], [70, 30])


def test_an_order_of_columns_does_not_matter() -> None:
    ticks = ticks_of(long_stream(3, 300, junk=False))
    shuffled = {name: ticks[name] for name in ("volume", "price", "type", "timestamp")}
    chunk = combinations_of([dict(vars(MarketMakingParams()))])
    auction = combinations_of([dict(vars(ClosingParams()))])

    for strategy, combinations in ((MarketMaking(), chunk), (MarketMakingClosing(), auction)):
        expected, found = strategy.evaluate(ticks, combinations), strategy.evaluate(shuffled, combinations)

        assert all(found[name].tobytes() == expected[name].tobytes() for name in strategy.metrics)
