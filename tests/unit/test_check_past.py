"""The check for look-ahead: quiet about honest strategies of many shapes, and every planted leak is found."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.plugins import registry
from tasks.testing import StrategyFaulty, bars, check_strategy, daily
from tasks.trials.examine import examine
from tests.support import trend_strategies as trend

HONEST = (
    trend.Trend, trend.BothWays, trend.ByEntry, trend.OwnNumbers, trend.Open, trend.ForcedOut, trend.Daily,
)  # fmt: skip
LEAKS = (trend.BarOnBar, trend.LeavesInTime, trend.NearTheTop, trend.AboveAverage, trend.Ranked)


def found(strategy: object, **given: Any) -> str:
    with pytest.raises(StrategyFaulty) as refused:
        check_strategy(strategy, **given)
    return refused.value.message


@pytest.mark.parametrize("strategy", HONEST)
def test_an_honest_strategy_passes_with_trades_open_at_the_cut_and_at_the_end(strategy: Any) -> None:
    assert check_strategy(strategy) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("strategy", HONEST)
def test_an_honest_strategy_passes_on_other_data_too(strategy: Any, seed: int) -> None:
    assert check_strategy(strategy, daily(400, seed)) == []


@pytest.mark.parametrize("by_day", [False, True])
@pytest.mark.parametrize("strategy", LEAKS)
def test_a_leak_is_found_and_what_to_do_is_said(strategy: Any, by_day: bool) -> None:
    """A day is a row here: looking at the rest of the day is no excuse."""
    told = found(strategy, data=daily(400, 1), by_day=by_day)

    assert "the future changes the past: with other data from row " in told
    assert "let a decision at a row use that row and those before it alone" in told


@pytest.mark.parametrize("strategy", LEAKS)
def test_a_leak_is_found_on_data_that_are_made_up(strategy: Any) -> None:
    assert "the future changes the past" in found(strategy)


def test_orders_that_wait_for_a_price_are_no_leak_but_worth_a_word() -> None:
    (note,) = check_strategy(trend.Waiting)

    assert note.startswith(
        "rows of trades depend on data behind their signal_time: as it should be for orders"
    )


def test_a_profit_without_the_time_it_was_known_is_told_apart() -> None:
    told = found(trend.NoEnd)

    assert "trades.pnl before it differs" in told
    assert "give the table a time column for that moment too, such as exit_time" in told


def test_a_row_that_waits_for_the_end_of_its_day_passes_by_day_alone() -> None:
    assert "check with by_day=True" in found(trend.WholeDays)
    assert check_strategy(trend.WholeDays, by_day=True) == []


def test_nothing_to_compare_is_said() -> None:
    (note,) = check_strategy(trend.Quiet)

    assert note.startswith(
        "look-ahead is not looked for in trades: on these data nothing in there has a time"
    )
    assert note.endswith("Pass data and combinations with which it trades")


def test_a_strategy_is_tried_on_the_data_that_it_takes() -> None:
    (note,) = check_strategy(trend.DailyByValue)

    assert note.startswith("it fails on five-minute bars of a share, not on daily bars: ValueError: two bars")


def test_the_quick_part_finds_suitable_data_too() -> None:
    report = examine(registry.of_object(trend.Daily), quick=True)

    assert (report.raised, report.findings, report.notes) == (None, [], [])


def test_refusals_of_all_data_are_told_with_what_to_do() -> None:
    told = found(trend.Monthly)

    assert (
        "every combination fails: on five-minute bars of a share: DataError: 300 bars are not monthly" in told
    )
    assert "; on daily bars: DataError: 750 bars are not monthly; give a bar a month (" in told
    assert told.endswith("pass yours: check_strategy(strategy, data=..., combinations=[{...}])")
    assert "Mend that, or pass data and" in found(trend.Monthly, data=bars(50))
