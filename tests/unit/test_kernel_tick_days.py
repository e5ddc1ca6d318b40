"""Are days cut where the date changes, and is each told apart that only the plain rules can play?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.kernels.market_making.days import BUCKET_BITS, cut_days
from tests.support.tick_streams import Row, long_stream, script, ticks_of


def cut(rows: list[Row], keeps_empty_quotes: bool = False) -> tuple[Any, Any]:
    ticks = ticks_of(rows)
    return cut_days(ticks["timestamp"], ticks["type"], ticks["price"], ticks["volume"], keeps_empty_quotes)


def test_a_date_that_comes_back_makes_another_run_of_the_same_date() -> None:
    days, _ = cut(script("10:00:00 bid 1 1", "+1 10:00:00 bid 1 1", "09:00:00 bid 1 1"))

    np.testing.assert_array_equal(days.first, [0, 1, 2])
    np.testing.assert_array_equal(days.date, [0, 1, 0])


def test_rows_that_cleaning_drops_are_not_counted() -> None:
    rows = script("10:00:00 bid 1 1", "10:00:01 bid 0 1", "10:00:02 trade 0 1", "+1 10:00:00 bid 0 1")

    reference, _ = cut(rows)
    fixed, _ = cut(rows, keeps_empty_quotes=True)

    np.testing.assert_array_equal(reference.rows, [1])
    np.testing.assert_array_equal(fixed.rows, [2, 1])


def test_the_flattening_print_is_the_first_from_the_first_late_row_on() -> None:
    rows = script("14:54:59 trade 1 1", "14:55:00 bid 1 1", "14:54:59 trade 1 1", "14:55:01 trade 1 1")

    days, _ = cut(rows)

    assert days.flatten_row[0] == 2


@pytest.mark.parametrize(
    ("rows", "is_regular"),
    [
        (script("10:00:00 bid 1 1", "10:00:00 trade 1 1", "14:55:00 trade 1 1"), True),
        (script("10:00:00 bid 1 1", "10:00:00 bid 0 1", "10:00:00 trade 1 1"), False),
        (script("14:55:00 trade 1 1", "10:00:00 bid 1 1"), False),
        (script("10:00:00 trade 1 -5"), False),
    ],
)
def test_a_day_is_regular_when_its_session_is_one_piece(rows: list[Row], is_regular: bool) -> None:
    days, _ = cut(rows)

    assert days.is_regular[0] == is_regular


def test_a_stretch_of_time_begins_at_its_first_event() -> None:
    rows = long_stream(11, 500, junk=False)
    ticks = ticks_of(rows)

    days, buckets = cut(rows)

    for day, bucket in zip(days, buckets, strict=True):
        if not day.is_regular or day.session_rows == 0:
            continue
        since_open = ticks["timestamp"][day.session_first : day.session_last] - day.midnight - 36_000 * 10**9
        for number, first in enumerate(bucket[:-1]):
            later = np.flatnonzero(since_open >= number << BUCKET_BITS)
            assert first == (later[0] if later.size else day.session_rows)
