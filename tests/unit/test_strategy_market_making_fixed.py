"""What `rules: fixed` changes, one quirk at a time, on events made by hand: both answers side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.strategies.market_making import MarketMaking, MarketMakingParams
from tests.support.market_making_cases import combinations_of
from tests.support.tick_streams import Row, script, ticks_of

V1, V2, V2_1 = "v1_baseline", "v2_price_follow_qty_cooldown", "v2_1_stop_loss"
SMALL = {"quote_size": 100, "max_position": 1_000, "min_local_currency_before_quote": 0.0}
LATE = "14:55:00 trade 1.00 10"


def a_point(**changed: Any) -> dict[str, Any]:
    return vars(MarketMakingParams()) | SMALL | changed


def fills(rows: list[Row], **changed: Any) -> list[str]:
    trades = MarketMaking().trace(ticks_of(rows), a_point(**changed))["trades"]
    clocks = [str(time)[11:19] for time in trades["timestamp"]]
    columns = (trades[name].tolist() for name in ("side", "fill_price", "fill_qty"))
    return [
        f"{clock} {side} {price:.2f} {size}"
        for clock, side, price, size in zip(clocks, *columns, strict=True)
    ]


def both(rows: list[Row], **changed: Any) -> tuple[list[str], list[str]]:
    return fills(rows, **changed, rules="reference"), fills(rows, **changed, rules="fixed")


def test_a_quote_of_price_zero_empties_its_side() -> None:  # Q2
    rows = script(
        "10:00:00 bid 1.00 50",
        "10:00:01 trade 1.00 150",
        "10:00:02 bid 0.00 0",
        "10:00:07 ask 1.02 50",
        "10:00:08 trade 1.00 150",
        LATE,
    )

    reference, fixed = both(rows, variant=V1, refill_interval_sec=5)

    assert reference == ["10:00:01 buy 1.00 100", "10:00:08 buy 1.00 100", "14:55:00 sell 1.00 200"]
    assert fixed == ["10:00:01 buy 1.00 100", "14:55:00 sell 1.00 100"]


def test_a_new_day_forgets_the_quotes_of_the_last() -> None:  # Q4
    rows = script("10:00:00 ask 1.02 50", LATE, "+1 10:00:00 trade 1.05 200", "+1 14:55:00 trade 1.00 10")

    reference, fixed = both(rows, variant=V1)

    assert reference == ["10:00:00 sell 1.05 100", "14:55:00 buy 1.00 100"]
    assert fixed == []


def test_one_print_has_one_volume() -> None:  # Q5
    rows = script("10:00:00 ask 1.00 10", "10:00:01 bid 1.00 10", "10:00:02 trade 1.00 115", LATE)

    reference, fixed = both(rows, variant=V1)

    assert reference == ["10:00:02 sell 1.00 100", "10:00:02 buy 1.00 100"]
    assert fixed == ["10:00:02 sell 1.00 100", "14:55:00 buy 1.00 100"]


def test_a_fill_is_at_our_limit() -> None:  # Q6
    rows = script("10:00:00 ask 1.02 50", "10:00:01 trade 1.05 150", LATE)

    reference, fixed = both(rows, variant=V1)

    assert reference == ["10:00:01 sell 1.05 100", "14:55:00 buy 1.00 100"]
    assert fixed == ["10:00:01 sell 1.02 100", "14:55:00 buy 1.00 100"]


def test_suppression_in_a_cooldown_keeps_what_is_left_to_fill() -> None:  # Q9
    rows = script(
        "10:00:00 bid 1.00 50",
        "10:00:01 trade 1.00 90",
        "10:00:02 bid 1.00 5",
        "10:00:03 bid 1.00 50",
        "10:00:04 trade 1.00 200",
        LATE,
    )

    reference, fixed = both(rows, variant=V2, min_local_currency_before_quote=20.0)

    assert reference == ["10:00:01 buy 1.00 40", "14:55:00 sell 1.00 40"]
    assert fixed == ["10:00:01 buy 1.00 40", "10:00:04 buy 1.00 60", "14:55:00 sell 1.00 100"]


def test_a_quote_that_comes_back_stands_behind_what_is_displayed_now() -> None:  # Q10
    rows = script(
        "10:00:00 bid 1.00 50",
        "10:00:01 trade 1.00 150",
        "10:00:05 bid 1.00 80",
        "10:00:12 bid 1.00 200",
        "10:00:13 trade 1.00 250",
        LATE,
    )

    reference, fixed = both(rows, variant=V2, refill_interval_sec=10)

    assert reference == ["10:00:01 buy 1.00 100", "10:00:13 buy 1.00 100", "14:55:00 sell 1.00 200"]
    assert fixed == ["10:00:01 buy 1.00 100", "10:00:13 buy 1.00 50", "14:55:00 sell 1.00 150"]


def test_the_notional_cap_binds_the_followers_too() -> None:  # Q11
    rows = script("10:00:00 bid 1.00 50", "10:00:00 ask 1.02 50", "10:00:01 trade 1.00 500", LATE)

    reference, fixed = both(rows, variant=V2, max_notional=50.0)

    assert reference == ["10:00:01 buy 1.00 100", "14:55:00 sell 1.00 100"]
    assert fixed == ["10:00:01 buy 1.00 49", "14:55:00 sell 1.00 49"]


def test_a_liquidation_uses_the_displayed_depth_up() -> None:  # Q13
    rows = script(
        "10:00:00 bid 1.00 50",
        "10:00:00 ask 1.02 50",
        "10:00:01 trade 1.00 150",
        "10:00:02 bid 0.90 30",
        "10:00:03 ask 1.02 60",
        "10:00:04 bid 0.90 200",
        LATE,
    )

    reference, fixed = both(rows, variant=V2_1)

    assert reference[1:] == ["10:00:02 sell 0.90 30", "10:00:03 sell 0.90 30", "10:00:04 sell 0.90 40"]
    assert fixed[1:] == ["10:00:02 sell 0.90 30", "10:00:04 sell 0.90 70"]


def test_a_flatten_ends_the_liquidation() -> None:  # Q13
    rows = script(
        "10:00:00 bid 1.00 50",
        "10:00:00 ask 1.02 50",
        "10:00:01 trade 1.00 150",
        "10:00:02 bid 0.90 30",
        LATE,
        "+1 10:00:00 bid 0.90 100",
        "+1 14:55:00 trade 1.00 10",
    )

    reference, fixed = both(rows, variant=V2_1)

    assert reference[2:] == ["14:55:00 sell 1.00 70", "10:00:00 sell 0.90 70", "14:55:00 buy 1.00 70"]
    assert fixed[2:] == ["14:55:00 sell 1.00 70"]


def test_a_print_without_volume_flattens_nothing() -> None:  # Q14
    rows = script(
        "10:00:00 ask 1.02 50", "10:00:01 trade 1.02 150", "14:55:00 trade 9.99 0", "14:55:01 trade 1.00 10"
    )

    reference, fixed = both(rows, variant=V1)

    assert reference[1:] == ["14:55:00 buy 9.99 100"]
    assert fixed[1:] == ["14:55:01 buy 1.00 100"]


def test_a_day_without_a_late_print_ends_flat_and_says_so() -> None:  # Q15
    rows = script(
        "10:00:00 ask 1.02 50",
        "10:00:01 trade 1.02 150",
        "14:50:00 trade 1.01 20",
        "14:56:00 bid 1.00 10",
        "+1 10:00:00 bid 1.00 10",
    )

    reference, fixed = both(rows, variant=V1)
    columns = combinations_of([a_point(rules=rules) for rules in ("reference", "fixed")])
    metrics = MarketMaking().evaluate(ticks_of(rows), columns)

    assert reference == ["10:00:01 sell 1.02 100"]
    assert fixed == ["10:00:01 sell 1.02 100", "14:56:00 buy 1.01 100"]
    np.testing.assert_array_equal(metrics["final_position"], [-100, 0])
    np.testing.assert_array_equal(metrics["unprinted_flattens"], [0, 1])
