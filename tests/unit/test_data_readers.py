"""Tick files as users have them: other names, other types, text for numbers; and what is refused, how."""

from __future__ import annotations

import logging
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.contract import MISSING_TIME
from tasks.data.readers import read_ticks, reader
from tasks.errors import DataError, UsageError
from tests.support.tick_files import SECOND, TEN, tick_table, write_tick_file

TIMES = "dates with times, like 2025-04-14 10:00:00"
TEXT_TIMES = ["2025-04-14 10:00:00", "2025-04-14T10:00:01", "2025-04-14 10:00:02.000", "2025-04-14 10:00:03"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emaar.parquet"


def refusal(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_ticks(path)
    assert caught.value.hint
    return caught.value


def test_all_rows_come_in_file_order_with_their_types_as_codes(path: Path) -> None:
    write_tick_file(path)

    ticks = read_ticks(path)

    assert list(ticks) == ["timestamp", "type", "price", "volume"]
    assert [column.dtype for column in ticks.values()] == [np.int64, np.int8, np.float64, np.int64]
    assert ticks["timestamp"].tolist() == [TEN + i * SECOND for i in range(4)]
    assert ticks["type"].tolist() == [0, 1, 2, 3]
    assert ticks["price"].tolist() == [1.5, 1.52, 0.0, 1.5]
    assert ticks["volume"].tolist() == [100, 200, 0, 300]


@pytest.mark.parametrize(
    ("word", "code"),
    [("bid", 0), ("Ask", 1), (" BID ", 4), ("\tAsk", 5), ("TRADE\n", 6), ("bids", 3), ("", 3), (None, 3)],
)
def test_a_type_is_known_in_any_case_and_marked_for_blanks(path: Path, word: str | None, code: int) -> None:
    write_tick_file(path, type=["BID", word, "BID", "BID"])

    assert read_ticks(path)["type"].tolist() == [0, code, 0, 0]


@pytest.mark.parametrize(
    "words",
    [
        pa.array(["BID", "ASK", "TRADE", "x"], pa.large_string()),
        pa.array(["BID", "ASK", "TRADE", "x"], pa.string_view()),
        pa.array(["BID", "ASK", "TRADE", "x"]).dictionary_encode(),
        pa.array([b"BID", b"ASK", b"TRADE", b"x"], pa.binary()),
    ],
    ids=["large", "view", "dictionary", "bytes"],
)
def test_types_are_read_however_text_is_stored(path: Path, words: Any) -> None:
    write_tick_file(path, type=words)

    assert read_ticks(path)["type"].tolist() == [0, 1, 2, 3]


def test_columns_are_found_under_the_names_that_exports_use(path: Path) -> None:
    table = tick_table().rename_columns([" Dates ", "TYPE", "Trade Price", " Qty"])
    pq.write_table(table.append_column("venue", pa.array(["x"] * 4)), path)

    assert read_ticks(path)["volume"].tolist() == [100, 200, 0, 300]


def test_of_two_candidates_the_one_with_the_plain_name_is_taken(path: Path) -> None:
    write_tick_file(path, local_time=pa.array([0] * 4, pa.timestamp("ns")))

    assert read_ticks(path)["timestamp"][0] == TEN


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_every_unit_of_time_becomes_nanoseconds(path: Path, unit: str) -> None:
    times = pa.array([TEN, None, TEN, TEN], pa.timestamp("ns")).cast(pa.timestamp(unit))
    write_tick_file(path, timestamp=times)

    assert read_ticks(path)["timestamp"].tolist() == [TEN, MISSING_TIME, TEN, TEN]


def test_a_time_with_a_zone_is_the_time_on_that_zones_wall(path: Path) -> None:
    there = datetime(2025, 4, 14, 10, tzinfo=ZoneInfo("Asia/Dubai"))
    write_tick_file(path, timestamp=pa.array([there] * 4, pa.timestamp("us", "Asia/Dubai")))

    assert read_ticks(path)["timestamp"].tolist() == [TEN] * 4


def test_a_date_is_its_midnight(path: Path) -> None:
    write_tick_file(path, timestamp=pa.array([date(2025, 4, 14)] * 4))

    assert read_ticks(path)["timestamp"].tolist() == [TEN - 10 * 3600 * SECOND] * 4


def test_a_time_beyond_what_nanoseconds_hold_is_missing(path: Path) -> None:
    times = [datetime(2025, 4, 14, 10), datetime(9999, 1, 1), datetime(1, 1, 1), None]
    write_tick_file(path, timestamp=pa.array(times, pa.timestamp("us")))

    assert read_ticks(path)["timestamp"].tolist() == [TEN, MISSING_TIME, MISSING_TIME, MISSING_TIME]


def test_times_are_read_from_text(path: Path) -> None:
    write_tick_file(path, timestamp=TEXT_TIMES)

    assert read_ticks(path)["timestamp"].tolist() == [TEN + i * SECOND for i in range(4)]


@pytest.mark.parametrize(
    "text",
    [
        "2025-04-14 10:00:00+04:00",
        "2025-04-14T10:00:00Z",
        "2025-04-14 10:00:00.000 -0930",
        " 2025-04-14 10:00 ",
    ],
)
def test_a_zone_in_text_leaves_the_wall_time_as_written(path: Path, text: str) -> None:
    write_tick_file(path, timestamp=[text, *TEXT_TIMES[1:]])

    assert read_ticks(path)["timestamp"][0] == TEN


@pytest.mark.parametrize("text", ["2025-02-30 10:00:00", "14/04/2025 10:00", "noon", "", "9999-01-01", None])
def test_a_time_that_cannot_be_read_is_missing(path: Path, text: str | None) -> None:
    write_tick_file(path, timestamp=[TEXT_TIMES[0], text, TEXT_TIMES[2], text])

    found = read_ticks(path)["timestamp"].tolist()

    assert found == [TEN, MISSING_TIME, TEN + 2 * SECOND, MISSING_TIME]


def test_a_price_that_cannot_be_read_is_missing(path: Path) -> None:
    write_tick_file(path, price=[" 1.5 ", "n/a", "-2e-1", "1,5"])

    np.testing.assert_array_equal(read_ticks(path)["price"], [1.5, np.nan, -0.2, np.nan])


def test_prices_are_read_from_every_kind_of_number(path: Path) -> None:
    for prices in (
        pa.array([Decimal("1.50"), None, Decimal("0.25"), Decimal("-1.00")]),
        pa.array([1.5, None, 0.25, -1.0], pa.float32()),
        pa.array([1.5, None, 0.25, -1.0]).dictionary_encode(),
    ):
        write_tick_file(path, price=prices)
        np.testing.assert_array_equal(read_ticks(path)["price"], [1.5, np.nan, 0.25, -1.0])


@pytest.mark.parametrize(
    "volumes",
    [
        pa.array([1, 2, 3, 2**53], pa.uint64()),
        pa.array([1.0, 2.0, 3.0, 2.0**53]),
        pa.array(["1", "2.0", " 3", "9007199254740992"]),
    ],
    ids=["unsigned", "double", "text"],
)
def test_a_volume_is_whole_whatever_it_is_stored_as(path: Path, volumes: Any) -> None:
    write_tick_file(path, volume=volumes)

    assert read_ticks(path)["volume"].tolist() == [1, 2, 3, 2**53]


def test_a_missing_volume_does_no_harm_on_a_row_without_a_price_or_a_time(path: Path) -> None:
    times = pa.array([TEN, None, TEN, TEN], pa.timestamp("ns"))
    write_tick_file(path, timestamp=times, price=[None, 1.5, 1.5, 1.5], volume=[None, None, 3, 4])

    assert read_ticks(path)["volume"].tolist() == [0, 0, 3, 4]


@pytest.mark.parametrize(
    ("volumes", "was"),
    [
        ([100, 200, None, 300], "missing"),
        ([100.0, 200.0, 0.5, 300.0], "0.5"),
        ([100.0, 200.0, float("nan"), 300.0], "missing"),
        ([100.0, 200.0, 1e19, 300.0], "1e+19"),
        ([100.0, 200.0, float("-inf"), 300.0], "-inf"),
        (["100", "200", "many", "300"], "'many'"),
        (pa.array([100, 200, 2**64 - 1, 300], pa.uint64()), "18446744073709551615"),
    ],
)
def test_a_volume_that_is_not_whole_is_refused_with_its_row(path: Path, volumes: Any, was: str) -> None:
    write_tick_file(path, volume=volumes)

    error = refusal(path)

    assert error.message == f"{path}: row 3: column 'volume' is {was}, wanted a whole number"


def test_rows_are_counted_over_the_whole_file(path: Path) -> None:
    table = pa.concat_tables([tick_table(), tick_table(volume=[1, None, 3, 4])])
    pq.write_table(table, path, row_group_size=4)

    assert refusal(path).message == f"{path}: row 6: column 'volume' is missing, wanted a whole number"


def test_values_are_read_across_row_groups_and_slices_of_columns(path: Path) -> None:
    table = pa.concat_tables([tick_table(price=[None, 2.0, None, 4.0]).slice(1), tick_table()])
    pq.write_table(table, path, row_group_size=3)

    np.testing.assert_array_equal(read_ticks(path)["price"], [2.0, np.nan, 4.0, 1.5, 1.52, 0.0, 1.5])
    assert read_ticks(path)["type"].tolist() == [1, 2, 3, 0, 1, 2, 3]


def test_a_file_without_rows_is_no_error(path: Path) -> None:
    pq.write_table(tick_table().slice(0, 0), path)

    assert [column.size for column in read_ticks(path).values()] == [0, 0, 0, 0]


def test_columns_without_a_single_value_are_no_error(path: Path) -> None:
    write_tick_file(path, timestamp=pa.nulls(4), price=pa.nulls(4), volume=pa.nulls(4))

    ticks = read_ticks(path)

    assert (ticks["timestamp"] == MISSING_TIME).all()
    assert np.isnan(ticks["price"]).all()


def test_types_that_mean_nothing_are_warned_of(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tick_file(path, type=["B", "A", "T", "T"])

    with caplog.at_level(logging.WARNING):
        read_ticks(path)

    assert caplog.messages == [f"{path}: no row is a BID, an ASK or a TRADE"]


def test_a_missing_column_is_named_beside_those_found(path: Path) -> None:
    write_tick_file(path, price=None, volume=None, bid=[1, 2, 3, 4])

    error = refusal(path)

    assert error.message == f"{path}: no 'price', 'volume' column, found 'timestamp', 'type', 'bid'"
    assert error.hint == "a tick file has the columns timestamp, type, price and volume"


def test_two_candidates_with_equal_claim_are_refused(path: Path) -> None:
    write_tick_file(path, timestamp=None, date=TEXT_TIMES, time=TEXT_TIMES)

    error = refusal(path)

    assert error.message == f"{path}: 2 columns could be the timestamp: 'date', 'time'"
    assert error.hint == "name one of them 'timestamp'"


def test_the_same_column_twice_is_refused(path: Path) -> None:
    table = tick_table(note=[1.0] * 4)
    pq.write_table(table.rename_columns(["timestamp", "type", "price", "volume", "Price "]), path)

    assert refusal(path).message == f"{path}: 2 columns could be the price: 'price', 'Price '"


def test_a_symbol_column_is_refused(path: Path) -> None:
    write_tick_file(path, Symbol=["A", "A", "B", "B"])

    assert refusal(path).message == f"{path}: a 'symbol' column: several securities in one tick file"


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("timestamp", [1, 2, 3, 4], "holds int64, wanted dates with times"),
        ("timestamp", pa.array([1, 2, 3, 4], pa.time32("ms")), "holds time32[ms], wanted dates with times"),
        ("type", [0, 1, 2, 2], "holds int64, wanted text (BID, ASK or TRADE)"),
        ("price", [[1.0], [], [], []], "holds list<element: double>, wanted numbers"),
        ("volume", [True, False, True, True], "holds bool, wanted numbers"),
        ("price", ["dear", "x", " ", "y"], "holds text ('dear' in row 1), wanted numbers"),
        ("price", [" ", None, "dear", "y"], "holds text ('dear' in row 3), wanted numbers"),
        ("timestamp", ["noon"] * 4, f"holds text ('noon' in row 1), wanted {TIMES}"),
    ],
)
def test_a_column_of_the_wrong_type_is_named_with_what_it_holds(
    path: Path, column: str, values: Any, words: str
) -> None:
    write_tick_file(path, **{column: values})

    error = refusal(path)

    assert error.message == f"{path}: column '{column}' {words}"
    assert error.hint == "convert the column and write the file again"


def test_an_empty_file_is_called_so(path: Path) -> None:
    path.touch()

    error = refusal(path)

    assert (error.message, error.hint) == (f"{path}: the file is empty", "copy or convert it again")


@pytest.mark.parametrize("keep", [1, 3, 10, 200, -1, -8, -100])
def test_a_file_cut_short_is_called_so(path: Path, keep: int) -> None:
    write_tick_file(path)
    path.write_bytes(path.read_bytes()[:keep])

    assert refusal(path).message == f"{path}: not a Parquet file, damaged or cut short"


def test_a_file_damaged_inside_is_called_so(path: Path) -> None:
    write_tick_file(path)
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56
    path.write_bytes(content)

    assert refusal(path).message == f"{path}: not a Parquet file, damaged or cut short"


def test_a_file_that_is_not_there_is_called_so(path: Path) -> None:
    assert refusal(path).message == f"{path}: no such file or directory"


def test_a_kind_of_data_without_a_reader_is_refused() -> None:
    with pytest.raises(UsageError, match="data kind 'news' cannot be read") as caught:
        reader("news")  # type: ignore[arg-type]  # a sweep of a later version may ask for it

    assert caught.value.hint == "this version reads: bars, ticks"


def test_the_reference_files_are_read_whole(shared: Path) -> None:
    for path in sorted((shared / "data" / "ticks").glob("*.parquet"))[-2:]:
        table = pq.read_table(path)
        ticks = read_ticks(path)

        np.testing.assert_array_equal(ticks["timestamp"], table["timestamp"].cast(pa.int64()).to_numpy())
        np.testing.assert_array_equal(ticks["price"], table["price"].to_numpy())
        np.testing.assert_array_equal(ticks["volume"], table["volume"].to_numpy())
        words = np.array(["BID", "ASK", "TRADE"], object)[ticks["type"]]
        np.testing.assert_array_equal(words, table["type"].to_numpy())
