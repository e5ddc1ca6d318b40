"""Whose ticks, which order of rows, and which noise: where the closing auction's two rule sets part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.contract import MISSING_TIME
from tasks.kernels.closing.sweep import exchange_of, order_in_time, sort_kind_of
from tasks.strategies.market_making import ClosingParams, MarketMakingClosing
from tests.support.tick_streams import Row, script, ticks_of


def fills(rows: list[Row], security: str = "TEST", **changed: Any) -> list[str]:
    point = vars(ClosingParams()) | {"order_notional": 1000.0, "auction_fill_pct": 100.0} | changed
    trades = MarketMakingClosing().trace(ticks_of(rows, security), point)["trades"]
    columns = (trades[name].tolist() for name in ("trade_type", "side", "price", "quantity"))
    return [f"{kind} {side} {price:.2f} {size}" for kind, side, price, size in zip(*columns, strict=True)]


def test_an_exchange_that_is_given_wins() -> None:
    assert exchange_of("EMAAR", "ADX", "reference") == "ADX"


@pytest.mark.parametrize(
    ("security", "reference", "fixed"),
    [
        ("EMAAR", "DFM", "DFM"),
        ("ALDAR", "ADX", "ADX"),
        ("EMIRATES", "ADX", "DFM"),
        ("unheard of", "ADX", "ADX"),
    ],
)
def test_the_map_of_exchanges_is_completed_by_the_fixed_rules(
    security: str, reference: str, fixed: str
) -> None:  # Q18
    assert exchange_of(security, None, "reference") == reference
    assert exchange_of(security.lower(), None, "fixed") == fixed


def test_an_unmapped_name_of_dubai_rounds_to_its_own_ticks_when_fixed() -> None:  # Q18
    # 12.03 * 0.995 = 11.97: 11.96 in steps of 0.02 (598.5 to even), 11.95 in steps of 0.05
    rows = script(
        "14:40:00 trade 12.03 100",
        "14:45:00 bid 12.00 5",
        "14:55:00 trade 11.96 100",
        "+1 10:00:00 bid 12.00 5",
    )

    assert fills(rows, "EMIRATES", rules="reference") == ["auction_entry buy 11.96 83"]
    assert fills(rows, "EMIRATES", rules="fixed") == []


def test_rows_of_one_instant_keep_their_order_when_fixed() -> None:  # Q16
    assert sort_kind_of(None, "reference") == "quicksort"
    assert sort_kind_of(None, "fixed") == "stable"
    assert sort_kind_of("stable", "reference") == "stable"


def test_quicksort_is_the_order_that_numpy_gives_dates() -> None:  # Q16
    times = np.repeat(np.arange(40, dtype=np.int64) * 10**9, 25)
    times[::7] -= 10**9

    quick, stable = order_in_time(times, "quicksort"), order_in_time(times, "stable")

    np.testing.assert_array_equal(quick, np.argsort(times.view("datetime64[ns]")))
    np.testing.assert_array_equal(stable, np.argsort(times, kind="stable"))
    assert (quick != stable).any()


def test_rows_without_a_time_are_left_out() -> None:
    order = order_in_time(np.array([5, MISSING_TIME, 3], np.int64), "stable")

    np.testing.assert_array_equal(order, [2, 0])


def test_a_limit_meets_a_print_at_its_own_price_when_fixed() -> None:  # Q17
    # the sell limit is 113 ticks of 0.01, which as a product of doubles lies above the double 1.13
    rows = script(
        "14:40:00 trade 1.125 100", "14:45:00 bid 1.12 5", "14:55:00 trade 1.13 100", "+1 10:00:00 bid 1.12 5"
    )

    assert fills(rows, rules="reference") == []
    assert fills(rows, rules="fixed") == ["auction_entry sell 1.13 100"]


def test_a_day_that_ends_before_ten_is_no_session() -> None:
    rows = script("09:30:00 trade 1.00 100", "+1 14:40:00 trade 1.00 100", "+1 14:55:00 trade 1.00 100")

    assert fills(rows) == []
