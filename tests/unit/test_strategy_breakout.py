"""Does the breakout strategy keep its rules where no expected case decides, and refuse what it cannot use?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.data.slices import Slice
from tasks.errors import DataError
from tasks.grid.parameters import ValueRefused, coerce, declared
from tasks.strategies.breakout import Breakout, BreakoutParams
from tests.support.breakout_bars import Row, bars_at
from tests.support.breakout_cases import a_point, combinations_of

RANGE: Row = ("2024-02-06 07:00", 99.5, 100.0, 99.0, 99.5)  # up 100.25, down 98.75
SLOT: dict[str, Any] = {"sessions": ["S1"], "slots": {"S1": ["07:30"]}, "target_points": 2.0}
LOOSE: dict[str, Any] = SLOT | {"t1_ratio": 2.0}  # never armed before the target


def row_of(*rows: Row, security: str = "ES", **given: Any) -> dict[str, Any]:
    """The one row of the slot that ends at 07:30."""
    strategy = Breakout()
    found = strategy.trace(strategy.prepare(bars_at(*rows, security=security)), a_point(**(SLOT | given)))
    assert [len(v) for v in found["trades"].values()] == [1] * 17
    return {name: values[0] for name, values in found["trades"].items()}


def shown(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_the_bar_stamped_at_the_close_may_start_a_trade_and_the_next_may_not() -> None:
    at_close = row_of(RANGE, ("2024-02-06 16:00", 100.0, 100.25, 100.0, 100.25))
    after = row_of(RANGE, ("2024-02-06 16:01", 100.0, 100.25, 100.0, 100.25))

    assert shown(at_close, "EntryTime", "Direction", "Result") == ("06/02/24 16:00", "Long", "TIME")
    assert shown(after, "Result", "EntryTime", "Profit") == ("NoTrade", "", 0.0)


@pytest.mark.parametrize(("close", "result"), [(100.75, "Loss"), (101.0, "Win"), (100.5, "Loss")])
def test_of_two_touches_the_nearer_to_the_close_counts_and_the_stop_when_equal(
    close: float, result: str
) -> None:
    # long at 100.25: target 102.25, first stop 99.25, in the middle 100.75
    row = row_of(RANGE, ("2024-02-06 07:31", 100.0, 102.25, 99.25, close), **LOOSE)

    assert row["Result"] == result


@pytest.mark.parametrize(
    ("as_of", "result"),
    [("2024-02-07T13:29:59", "TIME"), ("2024-02-07T07:29:58-06:00", "OPEN"), (None, "TIME")],
)
def test_a_trade_is_open_only_if_it_expires_after_as_of(as_of: str | None, result: str) -> None:
    row = row_of(RANGE, ("2024-02-06 07:31", 100.0, 100.5, 100.0, 100.5), as_of=as_of)

    wanted = ("", "06/02/24 07:31") if result == "OPEN" else ("07/02/24 07:29", "")
    assert row["Result"] == result
    assert shown(row, "ExitTime", "open_as_of_time") == wanted


def test_open_wins_over_a_break_even_touch_in_the_window() -> None:
    dips_then_arms = (
        ("2024-02-06 07:31", 100.0, 100.5, 100.0, 100.5),  # touches 100.0, a tick under the entry
        ("2024-02-06 09:00", 100.5, 101.75, 100.5, 101.5),  # armed by 1.5 points
    )

    late = row_of(RANGE, *dips_then_arms)
    still_open = row_of(RANGE, *dips_then_arms, as_of="2024-02-06")

    assert shown(late, "Result", "ExitPrice", "ExitTime") == ("BE", 100.0, "06/02/24 13:31")  # in UTC
    assert shown(still_open, "Result", "ExitPrice", "ExitTime", "Profit") == ("OPEN", 101.5, "", 1.25)


def test_the_peak_of_an_open_row_stays_0() -> None:
    bars = (  # arms at once, which saves it from the stop that it touches
        ("2024-02-06 07:31", 100.0, 101.75, 99.0, 101.5),
        ("2024-02-06 09:00", 101.5, 102.0, 101.0, 101.5),
    )

    assert shown(row_of(RANGE, *bars, as_of="2024-02-06"), "Result", "Peak") == ("OPEN", 0.0)
    assert shown(row_of(RANGE, *bars), "Result", "Peak") == ("BE", 1.75)


def test_a_break_of_both_sides_in_one_bar_is_no_trade() -> None:
    row = row_of(
        RANGE, ("2024-02-06 07:31", 99.5, 100.25, 98.75, 99.5), ("2024-02-06 07:32", 99.5, 103.0, 99.5, 103.0)
    )

    assert shown(row, "Result", "Direction", "Range", "EntryPrice") == ("NoTrade", "NA", 1.0, 0.0)


def test_the_first_stop_is_capped_by_a_multiple_of_the_target() -> None:
    wide: Row = ("2024-02-06 07:00", 99.5, 100.0, 44.5, 99.5)

    row = row_of(wide, ("2024-02-06 07:31", 100.0, 100.25, 100.0, 100.25), target_points=10.0)

    assert shown(row, "Range", "StopLoss") == (55.5, 30.0)


def test_one_bar_is_enough_for_a_range_and_none_gives_no_row() -> None:
    strategy = Breakout()

    one = strategy.trace(strategy.prepare(bars_at(RANGE)), a_point())["trades"]
    none = strategy.trace(strategy.prepare(bars_at(("2024-02-06 17:00", 1.0, 1.0, 1.0, 1.0))), a_point())[
        "trades"
    ]

    assert list(zip(one["Time"], one["Result"], strict=True)) == [
        (t, "NoTrade") for t in ("07:30", "08:00", "09:00")
    ]
    assert len(none["Date"]) == 0


def test_without_no_trade_rows_they_are_not_counted_either() -> None:
    strategy = Breakout()
    points = [a_point(write_no_trade_rows=written) for written in (True, False)]

    found = strategy.evaluate(strategy.prepare(bars_at(RANGE)), combinations_of(points))

    assert found["rows"].tolist() == found["no_trade"].tolist() == [3, 0]
    assert np.isnan(found["profit_factor"]).all()
    assert found["sharpe"].tolist() == [0.0, 0.0]


def test_no_bars_at_all_give_no_rows() -> None:
    strategy = Breakout()
    nothing = strategy.prepare(bars_at())

    assert strategy.evaluate(nothing, combinations_of([a_point()] * 5))["rows"].tolist() == [0] * 5
    assert len(strategy.trace(nothing, a_point())["trades"]["Date"]) == 0


def test_prices_that_never_change_start_no_trade() -> None:
    flat = [
        (f"2024-02-06 {hour:02}:{minute:02}", 50.0, 50.0, 50.0, 50.0)
        for hour in range(24)
        for minute in (0, 30)
    ]

    found = Breakout().evaluate(Breakout().prepare(bars_at(*flat)), combinations_of([a_point()]))

    assert (found["rows"][0], found["trades"][0]) == (7, 0)


def test_wall_times_with_a_zone_are_the_same_bars() -> None:
    bars = (RANGE, ("2024-02-06 07:31", 100.25, 102.25, 100.25, 102.0))
    strategy = Breakout()
    instants, walls = (bars_at(*bars, zone=zone) for zone in ("UTC", "America/Chicago"))

    one, other = (strategy.trace(strategy.prepare(b), a_point())["trades"] for b in (instants, walls))

    assert {n: list(v) for n, v in one.items()} == {n: list(v) for n, v in other.items()}


def test_times_that_nobody_gave_a_zone_are_refused() -> None:
    bars = bars_at(RANGE, zone="America/Chicago")

    with pytest.raises(DataError, match="nobody says which zone") as refused:
        Breakout().prepare(Slice(security="ES", columns=bars.columns))

    assert refused.value.hint is not None
    assert "data.timezone" in refused.value.hint


@pytest.mark.parametrize(("security", "is_refused"), [("CL", False), ("MCL", False), ("NG", True)])
def test_only_oil_may_cost_less_than_nothing(security: str, is_refused: bool) -> None:
    strategy = Breakout()
    bars = strategy.prepare(bars_at(("2024-02-06 07:00", -1.0, -1.0, -2.0, -1.0), security=security))

    if is_refused:
        with pytest.raises(DataError, match=r"hand\.csv: row 1 .* below 0"):
            strategy.evaluate(bars, combinations_of([a_point()]))
    else:
        assert strategy.evaluate(bars, combinations_of([a_point()]))["rows"][0] == 3


def test_a_micro_relabels_its_parents_bars_and_scales_profit() -> None:
    win = (RANGE, ("2024-02-06 07:31", 100.25, 102.25, 100.25, 102.0))

    row = row_of(*win, instrument="MES")

    assert shown(row, "Instrument", "Stream", "Profit") == ("MES", "MES1", 0.2)


def test_an_unknown_security_wants_to_be_told_its_instrument() -> None:
    with pytest.raises(DataError, match="nobody says which instrument GOLD is"):
        row_of(RANGE, security="GOLD")

    assert row_of(RANGE, security="GOLD", instrument="GC")["Stream"] == "GC1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"slots": {"S1": ["07:45"]}}, "S1 has no slot 07:45; its slot_ends are 07:30, 08:00, 09:00"),
        (
            {"sessions": ["S1", "S2"], "slots": {}, "slot_ends": {"S1": ["09:30"]}},
            "09:30 ends a slot of both",
        ),
    ],
)
def test_slots_that_do_not_fit_their_ends_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Breakout().trace(Breakout().prepare(bars_at(RANGE)), a_point(**(SLOT | given)))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("instrument", "EX", "has no value 'EX'"),
        ("sessions", ["S3"], "there is no session 'S3'"),
        ("sessions", [], "at least one"),
        ("slots", {"S1": "07:30"}, "a list of times"),
        ("slots", {"S9": []}, "there is no session 'S9'"),
        ("slots", {"S1": ["7:30"]}, "written '07:30'"),
        ("trade_days", [5], "a weekday is 0"),
        ("trade_days", [True], "a weekday is 0"),
        ("trade_days", [], "at least one"),
        ("target_mode", "money", "has no value"),
        ("slot_start", {"S1": 120}, "written '07:30'"),
        ("slot_ends", {"S2": []}, "has no end"),
        ("market_close", "24:00", "written '07:30'"),
        ("target_points", -1.0, "more than 0 points"),
        ("target_points", 0.0, "more than 0 points"),
        ("t1_ratio", -0.1, "at least 0"),
        ("stop_max_multiplier", -0.1, "at least 0"),
        ("as_of", "yesterday", "an instant is written"),
        ("rules", "mended", "has no value"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_runs(name: str, value: Any, message: str) -> None:
    parameter = next(p for p in declared(BreakoutParams) if p.name == name)

    with pytest.raises(ValueRefused, match=message):
        coerce(parameter, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slots", {"S1": ["07:30"], "S2": None}),
        ("slot_ends", {"S2": ["09:15", "12:00"]}),
        ("as_of", "2024-02-14"),
        ("as_of", "2024-02-14T16:13:00Z"),
        ("target_points", None),
        ("instrument", "M2K"),
    ],
)
def test_a_right_value_is_taken(name: str, value: Any) -> None:
    parameter = next(p for p in declared(BreakoutParams) if p.name == name)

    assert coerce(parameter, value) == value


def test_what_the_original_ignores_is_no_parameter() -> None:
    """Q15: same_bar_priority, target and write_setup_rows had no effect on any row."""
    names = {p.name for p in declared(BreakoutParams)}

    assert not names & {"same_bar_priority", "target", "write_setup_rows"}


def test_trades_of_many_schedules_are_found_anew_when_forgotten() -> None:
    strategy = Breakout()
    bars = strategy.prepare(bars_at(RANGE, ("2024-02-06 07:31", 100.25, 102.25, 100.25, 102.0)))
    points = [a_point(market_close=f"{hour:02}:00") for hour in range(24)]

    once, again = (strategy.evaluate(bars, combinations_of(points))["trades"].tolist() for _ in range(2))

    assert once == again == [0] * 8 + [1] * 16
