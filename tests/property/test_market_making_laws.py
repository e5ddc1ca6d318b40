"""What market making keeps for all ticks: it is its plain definition, however cut, and looks back only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.kernels.market_making.state import VARIANTS
from tasks.strategies.market_making import RULES, MarketMaking, MarketMakingParams
from tests.support.market_making_cases import combinations_of
from tests.support.tick_streams import Row, defined, fills_of, long_stream, nanoseconds, streams, ticks_of

Point = dict[str, Any]


@st.composite
def points(draw: st.DrawFn, variant: str | None = None, rules: str = "reference") -> Point:
    point = dict(vars(MarketMakingParams()))
    point["variant"] = variant or draw(st.sampled_from(VARIANTS))
    point["rules"] = rules
    point["quote_size"] = draw(st.sampled_from((50, 120, 300)))
    point["quote_size_ask"] = draw(st.sampled_from((None, 30, 0)))
    point["refill_interval_sec"] = draw(st.sampled_from((0, 1, 2, 3, 5, 30, 60, 100_000)))
    point["max_position"] = draw(st.sampled_from((0, 100, 130, 500)))
    point["max_notional"] = draw(st.sampled_from((None, 0.0, 90.5, 260.0, 1e9)))
    point["min_local_currency_before_quote"] = draw(st.sampled_from((0.0, 40.0, 102.0)))
    point["stop_loss_threshold_pct"] = draw(st.sampled_from((0.0, 0.3, 1.0, 2.0)))
    return point


def chunks(rules: str = "reference") -> st.SearchStrategy[list[Point]]:
    """Enough combinations of one variant that they are played side by side, and a few of others."""
    alike = st.sampled_from(VARIANTS).flatmap(lambda v: st.lists(points(v, rules), min_size=4, max_size=6))
    return st.tuples(alike, st.lists(points(None, rules), max_size=2)).map(lambda both: both[0] + both[1])


def assert_as_defined(rows: list[Row], chunk: list[Point]) -> None:
    strategy = MarketMaking()
    days = strategy.prepare(ticks_of(rows))
    metrics = strategy.evaluate(days, combinations_of(chunk))
    for i, point in enumerate(chunk):
        wanted = defined(rows, point)
        fills: list[Any] = [(nanoseconds(time), *rest) for time, *rest in wanted.trades]
        assert fills_of(strategy.trace(days, point)["trades"]) == fills, point
        found = {name: metrics[name][i] for name in metrics}
        assert found["trades"] == len(fills), point
        assert found["final_position"] == wanted.position, point
        assert found["total_pnl"] == wanted.realised, point
        assert found["session_rows"] == wanted.session_rows, point
        assert found["unprinted_flattens"] == wanted.unprinted, point
        assert found["volume"] == sum(fill[3] for fill in fills), point
        marked = wanted.realised
        if wanted.position != 0 and point["variant"] != "v1_baseline" and wanted.last_price is not None:
            marked += (wanted.last_price - wanted.entry) * wanted.position
            assert found["state_pnl"] == marked, point


@given(rows=streams(), chunk=chunks())
def test_a_backtest_is_what_its_plain_definition_says(rows: list[Row], chunk: list[Point]) -> None:
    assert_as_defined(rows, chunk)


@given(rows=streams(), chunk=chunks("fixed"))
def test_a_backtest_by_the_fixed_rules_is_what_its_plain_definition_says(
    rows: list[Row], chunk: list[Point]
) -> None:
    assert_as_defined(rows, chunk)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), junk=st.booleans(), rules=st.sampled_from(RULES), data=st.data())
def test_a_long_backtest_is_what_its_plain_definition_says(
    seed: int, junk: bool, rules: str, data: st.DataObject
) -> None:
    chunk = data.draw(chunks(rules))

    assert_as_defined(long_stream(seed, 600, junk), chunk)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), junk=st.booleans(), chunk=st.lists(points(), min_size=2, max_size=40))
def test_a_combination_does_not_see_which_others_stand_beside_it(
    seed: int, junk: bool, chunk: list[Point]
) -> None:
    strategy = MarketMaking()
    days = strategy.prepare(ticks_of(long_stream(seed, 400, junk)))

    together = strategy.evaluate(days, combinations_of(chunk))
    cut = len(chunk) // 3
    parts = [strategy.evaluate(days, combinations_of(some)) for some in (chunk[:cut], chunk[cut:]) if some]
    alone = [strategy.evaluate(days, combinations_of([point])) for point in chunk]

    for name in strategy.metrics:
        whole = together[name].tobytes()
        assert np.concatenate([part[name] for part in parts]).tobytes() == whole, name
        assert np.concatenate([part[name] for part in alone]).tobytes() == whole, name


def past_of(strategy: MarketMaking, rows: list[Row], point: Point, until: int) -> list[tuple[Any, ...]]:
    """Fills of the events before a row: as many as the rows up to there make by themselves."""
    own = fills_of(strategy.trace(ticks_of(rows[:until]), point)["trades"])
    return fills_of(strategy.trace(ticks_of(rows), point)["trades"])[: len(own)]


@pytest.mark.parametrize("variant", VARIANTS)
@given(seed=st.integers(0, 10**6), data=st.data())
@settings(max_examples=25)
def test_changing_the_future_never_changes_past_fills(variant: str, seed: int, data: st.DataObject) -> None:
    rows = long_stream(seed, 300, junk=False)
    now = data.draw(st.integers(1, len(rows)))
    point = data.draw(points(variant))
    changed = rows[:now] + [(time, "trade", price * 2, volume * 3) for time, _, price, volume in rows[now:]]
    strategy = MarketMaking()

    own = fills_of(strategy.trace(ticks_of(rows[:now]), point)["trades"])

    assert past_of(strategy, rows, point, now) == own
    assert past_of(strategy, changed, point, now) == own
