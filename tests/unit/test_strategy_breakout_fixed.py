"""What `rules: fixed` mends, quirk by quirk on hand-made bars, and which quirks stay under both."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.strategies.breakout import Breakout
from tests.support.breakout_bars import Row, bars_at
from tests.support.breakout_cases import a_point

RANGE: Row = ("2024-02-06 07:00", 99.5, 100.0, 99.0, 99.5)  # Tuesday; up 100.25, down 98.75
ENTRY: Row = ("2024-02-06 07:31", 100.25, 100.5, 100.25, 100.5)
SLOT: dict[str, Any] = {"sessions": ["S1"], "slots": {"S1": ["07:30"]}, "target_points": 2.0, "t1_ratio": 0.5}


def under_both(*rows: Row, security: str = "ES", **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first row under `rules: reference`, then under `fixed`."""
    strategy = Breakout()
    bars = strategy.prepare(bars_at(*rows, security=security))
    tables = [
        strategy.trace(bars, a_point(**(SLOT | given), rules=rules))["trades"]
        for rules in ("reference", "fixed")
    ]
    reference, fixed = ({name: values[0] for name, values in table.items()} for table in tables)
    return reference, fixed


def shown(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_q1_an_exact_touch_is_a_break() -> None:
    bars = (("2024-02-06 07:00", 78.5, 78.84, 78.5, 78.6), ("2024-02-06 07:31", 78.6, 78.85, 78.6, 78.8))

    reference, fixed = under_both(*bars, security="CL", target_points=0.5)

    assert reference["Result"] == "NoTrade"  # 7885 * 0.01 is 78.85000000000001
    assert shown(fixed, "EntryTime", "EntryPrice") == ("06/02/24 07:31", 78.85)


@pytest.mark.parametrize(
    ("mode", "sunday", "monday"), [("fixed", "07:29", "07:29"), ("time", "02:00", "02:00")]
)
def test_q2_a_friday_before_autumns_change_expires_on_monday(mode: str, sunday: str, monday: str) -> None:
    friday = [("2024-11-01" + row[0][10:], *row[1:]) for row in (RANGE, ENTRY)]
    evening = [
        ("2024-11-03 17:00", 100.5, 100.75, 100.5, 100.75),
        ("2024-11-04 07:00", 100.5, 100.5, 100.5, 100.5),
    ]

    reference, fixed = under_both(*friday, *evening, target_mode=mode)

    assert shown(reference, "ExitTime", "ExitPrice") == (f"03/11/24 {sunday}", 100.5)
    assert fixed["ExitTime"] == f"04/11/24 {monday}"
    assert fixed["ExitPrice"] == (100.75 if mode == "time" else 100.5)


def test_q3_bars_before_arming_do_not_end_a_trade_afterwards() -> None:
    dips, arms = (
        ("2024-02-06 07:31", 100.0, 100.5, 100.0, 100.5),
        ("2024-02-06 09:00", 100.5, 101.5, 100.5, 101.5),
    )

    reference, fixed = under_both(RANGE, dips, arms)

    assert shown(reference, "Result", "ExitTime", "Profit") == ("BE", "06/02/24 13:31", -0.25)
    assert shown(fixed, "Result", "ExitTime", "Profit") == ("TIME", "07/02/24 07:29", 1.25)


def test_q4_a_peak_of_0_stays_0() -> None:
    stopped = ("2024-02-06 07:31", 100.0, 100.5, 99.25, 99.5)

    reference, fixed = under_both(RANGE, stopped, ("2024-02-06 09:00", 99.5, 103.0, 99.5, 103.0))

    assert shown(reference, "Result", "Peak") == ("Loss", 2.75)
    assert shown(fixed, "Result", "Peak") == ("Loss", 0.0)


def test_q5_a_micros_break_even_is_a_micros_loss() -> None:
    arms, back = (
        ("2024-02-06 07:31", 100.25, 101.5, 100.25, 101.0),
        ("2024-02-06 07:32", 101.0, 101.0, 100.0, 100.0),
    )

    reference, fixed = under_both(RANGE, arms, back, instrument="MES")

    assert shown(reference, "Result", "Profit") == ("BE", -0.25)
    assert shown(fixed, "Result", "Profit") == ("BE", -0.025)


def test_q5_a_micros_profit_keeps_a_digit_more() -> None:
    bars = (
        ("2024-02-06 07:00", 2000.0, 2010.0, 1990.0, 2000.0),
        ("2024-02-06 07:31", 2010.0, 2010.5, 2006.0, 2006.4),
    )

    reference, fixed = under_both(*bars, security="MGC", target_points=5.0)

    assert shown(reference, "Result", "EntryPrice", "Profit") == ("TIME", 2010.1, -0.4)
    assert shown(fixed, "Result", "EntryPrice", "Profit") == ("TIME", 2010.1, -0.37)


def test_q6_the_unused_target_protects_from_no_stop() -> None:
    wide = ("2024-02-06 07:32", 100.5, 102.25, 99.25, 102.0)  # the close is nearer to the target

    reference, fixed = under_both(RANGE, ENTRY, wide, target_mode="time", t1_ratio=2.0)

    assert shown(reference, "Result", "ExitTime") == ("TIME", "07/02/24 02:00")
    assert shown(fixed, "Result", "ExitTime", "ExitPrice") == ("Loss", "06/02/24 07:32", 99.25)


def test_q10_the_bar_that_arms_can_be_stopped_out() -> None:
    wild = ("2024-02-06 07:31", 100.0, 101.5, 99.0, 101.0)

    reference, fixed = under_both(RANGE, wild, ("2024-02-06 07:32", 101.0, 102.25, 101.0, 102.25))

    assert shown(reference, "Result", "Profit") == ("Win", 2.0)
    assert shown(fixed, "Result", "ExitPrice", "Profit") == ("Loss", 99.25, -1.0)


def test_q10_a_bar_that_touches_first_stop_and_target_is_told_by_its_close() -> None:
    near_stop, near_target = (("2024-02-06 07:31", 100.0, 102.25, 99.25, close) for close in (99.5, 102.0))

    assert [row["Result"] for row in under_both(RANGE, near_stop)] == ["Win", "Loss"]
    assert [row["Result"] for row in under_both(RANGE, near_target)] == ["Win", "Win"]


def test_q11_a_bar_that_opens_beyond_the_level_is_entered_at_its_open() -> None:
    gap = ("2024-02-06 07:31", 100.75, 101.0, 100.75, 101.0)

    reference, fixed = under_both(RANGE, gap)

    assert shown(reference, "EntryPrice", "ExitPrice", "Profit") == (100.25, 101.0, 0.75)
    assert shown(fixed, "EntryPrice", "ExitPrice", "Profit") == (100.75, 101.0, 0.25)


def test_q11_a_short_entry_fills_below_the_level() -> None:
    reference, fixed = under_both(RANGE, ("2024-02-06 07:31", 98.5, 98.5, 98.25, 98.25))

    assert shown(reference, "Direction", "EntryPrice") == ("Short", 98.75)
    assert shown(fixed, "Direction", "EntryPrice") == ("Short", 98.5)


def test_q11_a_bar_that_opens_beyond_the_stop_fills_at_its_open() -> None:
    loses = ("2024-02-06 07:32", 98.0, 98.0, 97.0, 97.5)
    arms, falls = (
        ("2024-02-06 07:32", 100.5, 101.5, 100.5, 101.5),
        ("2024-02-06 07:33", 99.5, 99.5, 99.0, 99.0),
    )

    stops, evens = under_both(RANGE, ENTRY, loses), under_both(RANGE, ENTRY, arms, falls)

    assert [shown(row, "Result", "ExitPrice", "Profit") for row in stops] == [
        ("Loss", 99.25, -1.0),
        ("Loss", 98.0, -2.25),
    ]
    assert [shown(row, "Result", "ExitPrice", "Profit") for row in evens] == [
        ("BE", 100.0, -0.25),
        ("BE", 99.5, -0.75),
    ]


def test_q14_a_trade_before_a_holiday_expires_on_the_next_day_of_trading() -> None:
    wednesday_evening: Row = ("2024-02-07 17:00", 100.5, 100.75, 100.5, 100.75)
    thursday: Row = ("2024-02-08 07:00", 100.75, 101.0, 100.75, 101.0)

    reference, fixed = under_both(RANGE, ENTRY, wednesday_evening, thursday)

    assert shown(reference, "ExitTime", "ExitPrice") == ("07/02/24 07:29", 100.5)
    assert shown(fixed, "ExitTime", "ExitPrice") == ("08/02/24 07:29", 101.0)


@pytest.mark.parametrize(
    ("bars", "wanted"),
    [
        pytest.param(
            [RANGE, ("2024-02-06 07:31", 99.5, 100.25, 98.75, 99.5)], "NoTrade", id="Q7: both sides broken"
        ),
        pytest.param(
            [RANGE, ("2024-02-06 07:31", 99.5, 100.25, 99.25, 100.0)], "Loss", id="Q9: the bar's own low"
        ),
        pytest.param(
            [RANGE, ("2024-02-06 16:00", 100.0, 100.25, 100.25 - 0.25, 100.25)], "TIME", id="Q12: the close"
        ),
        pytest.param([RANGE, ENTRY], "TIME", id="Q13: one bar is a range"),
    ],
)
def test_the_other_quirks_stay(bars: list[Row], wanted: str) -> None:
    reference, fixed = under_both(*bars)

    assert reference == fixed
    assert reference["Result"] == wanted


def test_q8_what_is_open_hangs_on_as_of_under_both() -> None:
    reference, fixed = under_both(RANGE, ENTRY, as_of="2024-02-06")

    assert reference == fixed
    assert reference["Result"] == "OPEN"


def test_q13_prices_off_the_grid_are_taken_under_both() -> None:
    off = ("2024-02-06 07:00", 99.5, 100.1, 99.0, 99.5)  # up is 100.25 as before

    reference, fixed = under_both(off, ENTRY)

    assert reference == fixed
    assert shown(fixed, "EntryPrice", "Range") == (100.25, pytest.approx(1.1))
