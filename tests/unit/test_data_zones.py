"""Do whole columns of times turn as the standard library turns each?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.data.zones import MISSING, to_local, to_utc

EPOCH = datetime(1970, 1, 1)
CHICAGO = "America/Chicago"
ZONES = (
    CHICAGO,
    "Europe/London",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "UTC",
    "Asia/Dubai",
)
minutes = st.lists(st.integers(-20_000_000, 70_000_000), max_size=20)


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def at(text: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([ns(text)])


@given(zone=st.sampled_from(ZONES), minutes=minutes)
def test_instants_become_the_wall_times_of_the_standard_library(zone: str, minutes: list[int]) -> None:
    instants = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=m) for m in minutes]
    walls = [i.astimezone(ZoneInfo(zone)).replace(tzinfo=None) - EPOCH for i in instants]

    found = to_local(np.array(minutes, np.int64) * 60 * 10**9, zone)

    assert found.tolist() == [round(w.total_seconds()) * 10**9 for w in walls]


@given(zone=st.sampled_from(ZONES), minutes=minutes)
def test_wall_times_become_the_instants_of_the_standard_library(zone: str, minutes: list[int]) -> None:
    walls = [(EPOCH + timedelta(minutes=m)).replace(tzinfo=ZoneInfo(zone)) for m in minutes]

    found = to_utc(np.array(minutes, np.int64) * 60 * 10**9, zone)

    assert found.tolist() == [round(w.timestamp()) * 10**9 for w in walls]


@pytest.mark.parametrize("year", range(2015, 2030))
def test_every_minute_around_a_change_agrees(year: int) -> None:
    for change in (datetime(year, 3, 8), datetime(year, 11, 1)):
        sunday = change + timedelta(days=(6 - change.weekday()) % 7)
        walls = [sunday + timedelta(minutes=m) for m in range(0, 300, 7)]
        wanted = [round(w.replace(tzinfo=ZoneInfo(CHICAGO)).timestamp()) * 10**9 for w in walls]

        found = to_utc(np.array([(w - EPOCH) // timedelta(seconds=1) * 10**9 for w in walls]), CHICAGO)

        assert found.tolist() == wanted


def test_the_repeated_hour_is_the_first_of_the_two() -> None:
    assert to_utc(at("2024-11-03T01:30"), CHICAGO)[0] == ns("2024-11-03T06:30")


def test_the_hour_left_out_comes_out_an_hour_later() -> None:
    there = to_utc(at("2024-03-10T02:30"), CHICAGO)

    assert there[0] == ns("2024-03-10T08:30")
    assert to_local(there, CHICAGO)[0] == ns("2024-03-10T03:30")


def test_a_nanosecond_before_a_change_still_has_the_old_offset() -> None:
    change = at("2024-03-10T08:00")

    assert to_local(change - 1, CHICAGO)[0] == ns("2024-03-10T02:00") - 1
    assert to_local(change, CHICAGO)[0] == ns("2024-03-10T03:00")


def test_a_missing_time_stays_missing_and_no_times_give_none() -> None:
    times = np.array([MISSING, ns("2024-07-01T12:00")])

    assert to_local(times, CHICAGO).tolist() == [MISSING, ns("2024-07-01T07:00")]
    assert to_utc(times, CHICAGO)[0] == MISSING
    assert to_local(np.array([], np.int64), CHICAGO).size == 0


def test_the_last_days_that_nanoseconds_can_count_do_not_overflow() -> None:
    assert to_local(at("2262-04-10T12:00"), CHICAGO)[0] == ns("2262-04-10T07:00")
    assert to_local(at("1678-01-01T12:00"), "UTC")[0] == ns("1678-01-01T12:00")
