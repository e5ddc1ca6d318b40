"""Are ranges, averages, blocked bars and thresholds those of bigbar.md §2?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.kernels.bigbar.indicators import average_true_range, pairwise_sum, restricted, true_range
from tests.support.bigbar_cases import MINUTE_NS, MONDAY_NS, walk
from tests.support.reference import bigbar as reference_bigbar


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100, 128, 129, 1_000])
def test_sums_are_those_of_numpy(count: int) -> None:
    values = np.random.default_rng(count).lognormal(0.0, 3.0, count)

    assert pairwise_sum(values.tolist()) == np.add.reduce(values)


@pytest.mark.parametrize("period", [1, 2, 14, 99, 200])
def test_the_average_is_smoothed_to_the_last_bit(period: int) -> None:
    data = walk(7, 300)
    high, low, close = data["high"], data["low"], data["close"]

    found = average_true_range(true_range(high, low, close), period)

    wanted = reference_bigbar.average_true_range(high.tolist(), low.tolist(), close.tolist(), period)
    np.testing.assert_array_equal(found, wanted)


def test_there_is_no_average_of_more_bars_than_there_are() -> None:
    assert np.isnan(average_true_range(np.ones(5), 6)).all()


def test_a_single_flat_bar_adds_a_trifle_to_every_range() -> None:
    high, low = np.array([2.0, 1.0, 1.5]), np.array([1.0, 1.0, 0.5])
    close = np.array([1.0, 1.0, 1.0])

    found = true_range(high, low, close)

    assert found.tolist() == [1.0 + 2**-52, 2**-52, 1.0 + 2**-52]


def test_sunday_evening_belongs_to_the_week_before() -> None:
    """Bars from Sunday 22:00 UTC: what is blocked is before and after Monday's midnight."""
    time = MONDAY_NS + (np.arange(600) - 24) * 5 * MINUTE_NS

    blocked = np.flatnonzero(restricted(time))

    assert blocked.tolist() == [*range(6), *range(18, 30), *range(594, 600)]


def test_weeks_are_blocked_as_the_calendar_counts_them() -> None:
    time = MONDAY_NS + np.cumsum(np.random.default_rng(3).integers(1, 30, 900)) * 60 * MINUTE_NS

    assert restricted(time).tolist() == reference_bigbar.restricted(time.tolist())


def test_a_file_without_bars_has_nothing_blocked() -> None:
    assert restricted(np.empty(0, np.int64)).size == 0
    assert math.isclose(pairwise_sum([]), 0.0)
