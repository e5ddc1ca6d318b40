"""Daily bars are put into order by rule, and what no rule covers is refused by file and row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.api import DataError, Slice, refuse_row
from tasks.contract import MISSING_TIME
from tasks.kernels.daily.frame import DAY_NS, frame_of
from tests.support.daily_frames import bars, days


def a_slice(columns: dict[str, Any], **about: Any) -> Slice:
    return Slice(security="AAPL", columns=columns, source="aapl.csv", **about)


def test_bars_come_out_by_date_whatever_their_order() -> None:
    frame = frame_of(bars([12, 10, 11], close=[3.0, 1.0, 2.0]), refuse_row)

    assert frame["date"].tolist() == [10, 11, 12]
    assert frame["close"].tolist() == [1.0, 2.0, 3.0]


def test_of_two_rows_of_a_date_the_later_in_the_file_is_kept() -> None:
    frame = frame_of(bars([11, 10, 11, 10], close=[1.0, 2.0, 3.0, 4.0]), refuse_row)

    assert frame["close"].tolist() == [4.0, 3.0]


def test_columns_are_read_only_and_the_given_arrays_stay_as_they_are() -> None:
    given = bars([10, 11], close=[1.0, 2.0])

    frame = frame_of(given, refuse_row)

    assert not any(column.flags.writeable for column in frame.values())
    assert given["close"].flags.writeable


def test_no_bar_at_all_is_a_frame_of_none() -> None:
    frame = frame_of(bars([], close=[]), refuse_row)

    assert (frame.bars, frame.today, frame.until(20_000)) == (0, None, 0)


def test_a_slice_tells_its_segment_and_the_newest_date_of_its_set() -> None:
    data = a_slice(bars([10], close=[1.0]), segment="IPO", newest_ns=12 * DAY_NS + 5)

    frame = frame_of(data, refuse_row)

    assert (frame.security, frame.segment, frame.newest, frame.today) == ("AAPL", "IPO", 12, 12)


def test_bars_up_to_a_date_are_counted() -> None:
    frame = frame_of(bars([10, 12, 13], close=[1.0, 2.0, 3.0]), refuse_row)

    assert [frame.until(day) for day in (9, 10, 11, 12, 99)] == [0, 1, 1, 2, 3]


def test_a_missing_volume_is_none_traded() -> None:
    frame = frame_of(bars([10, 11], close=[1.0, 2.0], volume=[np.nan, 5.0]), refuse_row)

    assert frame["volume"].tolist() == [0.0, 5.0]


def test_rows_with_a_missing_value_are_dropped_on_demand() -> None:
    given = bars(range(4), close=[1.0, np.nan, 3.0, 4.0], volume=[1.0, 1.0, np.nan, 1.0])

    frame = frame_of(given, refuse_row, missing="drop")

    assert frame["date"].tolist() == [0, 3]


def test_a_date_whose_last_row_is_incomplete_is_dropped_whole() -> None:
    frame = frame_of(bars([10, 11, 10], close=[1.0, 2.0, np.nan]), refuse_row, missing="drop")

    assert frame["date"].tolist() == [11]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("close", np.nan, "close is missing, wanted a number from 0 up"),
        ("low", -0.5, "low is -0.5, wanted a number from 0 up"),
        ("high", np.inf, "high is inf, wanted a number from 0 up"),
        ("volume", -1.0, "volume is -1.0, wanted a number from 0 up"),
    ],
)
def test_a_value_without_a_rule_is_refused_by_file_and_row(column: str, value: float, message: str) -> None:
    given = bars([10, 11, 12], close=[1.0, 2.0, 3.0])
    given[column][1] = value

    with pytest.raises(DataError) as refused:
        frame_of(a_slice(given, rows_in_file=np.array([7, 8, 9])), refuse_row)

    assert refused.value.message == f"aapl.csv: row 8 (1970-01-12T00:00:00): {message}"
    assert refused.value.hint == "correct that row or leave it out"


def test_a_price_of_zero_is_left_to_the_arithmetic() -> None:
    assert frame_of(bars([10], close=[0.0]), refuse_row)["close"].tolist() == [0.0]


def test_a_bar_without_a_date_is_refused() -> None:
    given = bars([10, 11], close=[1.0, 2.0])
    given["timestamp"][1] = MISSING_TIME

    with pytest.raises(DataError, match=r"row 2 .*a bar without a date"):
        frame_of(given, refuse_row)


def test_a_file_without_volumes_is_refused() -> None:
    with pytest.raises(DataError, match="no bar has a volume"):
        frame_of(bars([10, 11], close=[1.0, 2.0], volume=[np.nan, np.nan]), refuse_row)


def test_an_instant_within_a_day_has_a_date_only_where_its_zone_is_known() -> None:
    given = bars(days("2018-02-06"), close=[1.0])
    given["timestamp"] += 18 * 3600 * 10**9 + 1800 * 10**9  # midnight of the 7th in Kolkata

    here = frame_of(a_slice(given, zone="Asia/Kolkata"), refuse_row)
    with pytest.raises(DataError, match="its date depends on the zone"):
        frame_of(a_slice(given, zone="UTC"), refuse_row)

    assert here["date"].tolist() == days("2018-02-06").tolist()


def test_bars_within_a_day_are_not_daily_bars() -> None:
    given = bars([10, 10], close=[1.0, 2.0])
    given["timestamp"][1] += 60 * 10**9

    with pytest.raises(DataError, match=r"row 2 \(1970-01-11T00:01:00\): a second bar of one date"):
        frame_of(given, refuse_row)


def test_enormous_numbers_are_kept_without_a_warning() -> None:
    frame = frame_of(bars([10], close=[1e308], volume=[1e308]), refuse_row, missing="drop")

    assert frame.bars == 1
