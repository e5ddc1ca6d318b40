"""What the closing auction keeps for all ticks: it is what its plain definition says, and looks back only."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.strategies.market_making import RULES, ClosingParams, MarketMakingClosing
from tests.support.market_making_cases import combinations_of
from tests.support.reference.closing import ClosingBacktest
from tests.support.reference.market_making import Event
from tests.support.tick_streams import DAY, Row, at, fills_of, nanoseconds, ticks_of

Point = dict[str, Any]


@st.composite
def points(draw: st.DrawFn) -> Point:
    point = dict(vars(ClosingParams()))
    point["vwap_preclose_period_min"] = draw(st.sampled_from((1, 15, 300)))
    point["spread_vwap_pct"] = draw(st.sampled_from((0.0, 0.5, 1.0)))
    point["order_notional"] = draw(st.sampled_from((0.4, 100.0, 1500.0)))
    point["stop_loss_threshold_pct"] = draw(st.sampled_from((0.0, 0.5, 2.0)))
    point["trend_filter_buy_enabled"] = draw(st.booleans())
    point["trend_filter_sell_enabled"] = draw(st.booleans())
    point["auction_fill_pct"] = draw(st.sampled_from((10.0, 33.3, 100.0)))
    point["exchange"] = draw(st.sampled_from(("ADX", "DFM")))
    point["sort_kind"] = draw(st.sampled_from(("quicksort", "stable")))
    point["rules"] = draw(st.sampled_from(RULES))
    return point


def auction_days(seed: int, days: int, middle: int) -> list[Row]:
    """A few prints a day in every stretch that counts, sometimes none; words that closing does not know."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    stretches = (
        ("09:58:00", 4),
        ("10:09:50", 14),
        ("14:30:00", 8),
        ("14:44:40", 8),
        ("14:54:58", 6),
        ("15:05:00", 1),
    )
    for day in range(days):
        for clock, most in stretches:
            now = at(clock, DAY + dt.timedelta(days=day))
            for _ in range(int(random.integers(0, most + 1))):
                now += dt.timedelta(seconds=float(random.choice((0, 0, 1, 5, 20, 0.5))))
                kind = str(random.choice(("bid", "ask", "trade", "trade", " trade", "quote")))
                price = max(0, middle + int(random.integers(-2, 3))) / 100
                rows.append(
                    (now, kind, 0.0 if random.random() < 0.05 else price, int(random.integers(0, 300)))
                )
    order = random.permutation(len(rows)) if seed % 3 == 0 else np.arange(len(rows))
    return [rows[i] for i in order]


def defined(rows: list[Row], point: Point) -> ClosingBacktest:
    times = np.array([nanoseconds(row[0]) for row in rows]).view("datetime64[ns]")
    order = np.argsort(times, kind="stable") if point["sort_kind"] == "stable" else np.argsort(times)
    return ClosingBacktest(point).run([Event(*rows[i]) for i in order])


@settings(max_examples=150)
@given(
    seed=st.integers(0, 10**6),
    days=st.integers(1, 6),
    middle=st.sampled_from((100, 113, 1001, 5003, 9999)),
    chunk=st.lists(points(), min_size=1, max_size=4),
)
def test_a_backtest_is_what_its_plain_definition_says(
    seed: int, days: int, middle: int, chunk: list[Point]
) -> None:
    rows = auction_days(seed, days, middle)
    strategy = MarketMakingClosing()
    ticks = strategy.prepare(ticks_of(rows))

    metrics = strategy.evaluate(ticks, combinations_of(chunk))

    for i, point in enumerate(chunk):
        wanted = defined(rows, point)
        fills = [(nanoseconds(time), *rest) for time, *rest in wanted.trades]
        assert fills_of(strategy.trace(ticks, point)["trades"]) == fills, point
        assert metrics["trades"][i] == len(fills)
        assert metrics["final_position"][i] == wanted.position
        assert metrics["filtered_sell_entries"][i] == wanted.filtered["sell"]
        assert metrics["filtered_buy_entries"][i] == wanted.filtered["buy"]
        assert metrics["stop_losses"][i] == sum(fill[5] == "stop_loss" for fill in fills)
        alone = strategy.evaluate(ticks, combinations_of([point]))
        assert all(alone[name][0] == metrics[name][i] for name in strategy.metrics)


@given(seed=st.integers(0, 10**6), days=st.integers(3, 6), point=points(), data=st.data())
def test_changing_later_days_never_changes_the_fills_of_earlier_ones(
    seed: int, days: int, point: Point, data: st.DataObject
) -> None:
    rows = sorted(auction_days(seed, days, 100), key=lambda row: row[0])
    point["sort_kind"] = "stable"  # the other order depends on the whole column, by its nature
    first = DAY + dt.timedelta(days=data.draw(st.integers(1, days - 1)))
    changed = [row if row[0] < first else (row[0], "trade", row[2] * 2, row[3] + 1) for row in rows]
    strategy = MarketMakingClosing()

    before, after = (
        [
            fill
            for fill in fills_of(strategy.trace(ticks_of(some), point)["trades"])
            if fill[0] < nanoseconds(first)
        ]
        for some in (rows, changed)
    )

    assert before == after
