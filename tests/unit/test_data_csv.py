"""CSV bars as users have them: offsets that change, other headers, blank lines; and what is refused, how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.data.bars import decode_bars
from tasks.data.decoded import Decoded
from tasks.data.readers import read_ticks
from tasks.errors import DataError
from tests.support.bar_files import FIVE_MINUTES, LINES, NINE, write_csv
from tests.support.tick_files import SECOND, TEN

PRICES = ",1,1,1,1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gold.csv"


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        decode_bars(path)
    assert caught.value.hint
    return caught.value.message


def moments(found: Decoded) -> list[int]:
    return [int(time) for time in found.columns["timestamp"]]


def test_every_line_is_a_bar_in_the_files_order(path: Path) -> None:
    found = decode_bars(write_csv(path))

    assert list(found.columns) == ["timestamp", "open", "high", "low", "close", "volume"]
    assert moments(found) == [NINE + i * FIVE_MINUTES for i in range(3)]
    assert found.columns["open"].tolist() == [10.1, 10.2, 10.0]
    assert found.columns["close"].tolist() == [10.2, 10.0, 10.5]
    assert found.columns["volume"].tolist() == [700.0, 0.0, 12.0]
    assert (found.zone, found.rows_in_file.tolist()) == ("UTC", [2, 3, 4])


def test_times_step_back_and_double_as_the_file_says(path: Path) -> None:
    found = decode_bars(write_csv(path, LINES[0], LINES[3], LINES[1], LINES[1]))

    assert moments(found) == [NINE + 2 * FIVE_MINUTES, NINE, NINE]


def test_the_offset_may_change_inside_a_file(path: Path) -> None:
    times = ["2025-11-02T01:55:00-04:00", "2025-11-02T01:00:00-05:00", "2025-11-02T06:05:00Z"]
    found = decode_bars(write_csv(path, "time,open,high,low,close", *(t + PRICES for t in times)))

    assert np.diff(moments(found)).tolist() == [FIVE_MINUTES, FIVE_MINUTES]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2025-04-14T09:00:00+00:00", "UTC"),
        ("2025-04-14 09:00:00Z", "UTC"),
        ("2025-04-14 14:30:00.000 +0530", "UTC"),
        ("2025-04-14 13:00+04", "UTC"),
        ("2025-04-14T09:00:00", None),
        (" 2025-04-14 09:00 ", None),
        ('"2025-04-14 09:00:00.000000000"', None),
    ],
)
def test_a_time_with_an_offset_is_an_instant_and_else_a_wall_time(
    path: Path, text: str, zone: str | None
) -> None:
    found = decode_bars(write_csv(path, "time,open,high,low,close", text + PRICES))

    assert (moments(found), found.zone) == ([NINE], zone)


def test_a_bare_date_is_its_midnight(path: Path) -> None:
    found = decode_bars(write_csv(path, "date,open,high,low,close", "2025-04-14" + PRICES))

    assert (moments(found), found.zone) == ([NINE - 9 * 3600 * SECOND], None)


@pytest.mark.parametrize("name", ["Time", "TIMESTAMP", " date ", "DateTime", ""])
def test_the_time_column_is_known_in_any_case_or_as_an_unnamed_first_one(path: Path, name: str) -> None:
    found = decode_bars(write_csv(path, f"{name},Open,HIGH,low,Close", "2025-04-14" + PRICES))

    assert found.columns["high"].tolist() == [1.0]


def test_columns_stand_in_any_order_beside_others(path: Path) -> None:
    lines = ("Close,note,Low,date,High,Adj Close,Open", "4,a,2,2025-04-14,3,9,1")
    found = decode_bars(write_csv(path, *lines))

    assert [found.columns[name].tolist() for name in ("open", "high", "low", "close")] == [[1], [3], [2], [4]]


def test_a_file_without_volume_has_none_on_any_row(path: Path) -> None:
    found = decode_bars(write_csv(path, "time,open,high,low,close", "2025-04-14" + PRICES))

    assert np.isnan(found.columns["volume"]).all()


@pytest.mark.parametrize("cell", ["", " ", "nan", "NaN", '""'])
def test_an_empty_cell_is_a_missing_price(path: Path, cell: str) -> None:
    line = f"2025-04-14T05:00:00-04:00,{cell},10.4,10.0,10.2,700"
    found = decode_bars(write_csv(path, LINES[0], line, *LINES[2:]))

    np.testing.assert_array_equal(found.columns["open"], [np.nan, 10.2, 10.0])


@pytest.mark.parametrize(
    ("cell", "value"), [("1e2", 100.0), ("+1.5", 1.5), (" 1.5 ", 1.5), (".5", 0.5), ("5.", 5.0), ("-0", -0.0)]
)
def test_a_number_is_read_however_it_is_written(path: Path, cell: str, value: float) -> None:
    found = decode_bars(write_csv(path, "time,open,high,low,close", f"2025-04-14,{cell},1,1,1"))

    assert found.columns["open"].tolist() == [value]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them(path: Path, end: str) -> None:
    assert decode_bars(write_csv(path, *LINES, end=end)).rows_in_file.tolist() == [2, 3, 4]
    assert decode_bars(write_csv(path, *LINES, "", end=end)).rows_in_file.tolist() == [2, 3, 4]


def test_a_byte_order_mark_and_blank_lines_are_no_cells(path: Path) -> None:
    write_csv(path, "", LINES[0], "", *LINES[1:], "", "")

    assert decode_bars(path).rows_in_file.tolist() == [4, 5, 6]

    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(LINES).encode())
    assert decode_bars(path).rows_in_file.tolist() == [2, 3, 4]


def test_a_header_alone_is_a_file_without_bars(path: Path) -> None:
    for lines in ((LINES[0],), (LINES[0], "")):
        found = decode_bars(write_csv(path, *lines))

        assert {column.size for column in found.columns.values()} == {0}


def test_many_securities_in_one_file_stand_each_by_itself(path: Path) -> None:
    rows = [("B", 1), ("A", 2), ("B", 3), (" A ", 4)]
    write_csv(path, "Symbol,date,open,high,low,close", *(f"{s},2025-04-1{n},{n},9,1,1" for s, n in rows))

    found = decode_bars(path)

    assert (found.securities, found.bounds) == (("B", "A"), (0, 2, 4))
    assert found.columns["open"].tolist() == [1.0, 3.0, 2.0, 4.0]
    assert found.rows_in_file.tolist() == [2, 4, 3, 5]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2025-04-14T05:05:00-04:00,x,1,1,1,1", "column 'open' is 'x', wanted a number"),
        ("2025-04-14T05:05:00-04:00,1,1,1,1_0,1", "column 'close' is '1_0', wanted a number"),
        ("2025-04-14T05:05:00-04:00,1,inf,1,1,1", "column 'high' is 'inf', wanted a number"),
        ("2025-04-14T05:05:00-04:00,1,1,1,1,many", "column 'volume' is 'many', wanted a number"),
        (",1,1,1,1,1", "column 'time' is missing, wanted a date or a time like 2025-04-14T10:00:00"),
        (
            "14/04/2025 05:05,1,1,1,1,1",
            "column 'time' is '14/04/2025 05:05', wanted a date or a time like 2025-04-14T10:00:00",
        ),
        (
            "2025-02-30T05:05:00Z,1,1,1,1,1",
            "column 'time' is '2025-02-30T05:05:00Z', wanted a date or a time like 2025-04-14T10:00:00",
        ),
        (
            "2025-04-14T05:05:00,1,1,1,1,1",
            "column 'time' is '2025-04-14T05:05:00', "
            "wanted a time with an offset from UTC, like the first one",
        ),
    ],
)
def test_what_cannot_be_read_is_named_by_line_and_column(path: Path, line: str, problem: str) -> None:
    write_csv(path, LINES[0], LINES[1], "", line, LINES[3])

    assert refusal(path) == f"{path}: line 4: {problem}"


def test_an_unnamed_time_column_is_named_by_its_place(path: Path) -> None:
    write_csv(path, ",open,high,low,close", "noon,1,1,1,1")

    assert refusal(path).startswith(f"{path}: line 2: the first column is 'noon', wanted a date or a time")


def test_an_offset_after_times_without_one_is_refused(path: Path) -> None:
    write_csv(path, "time,open,high,low,close", "2025-04-14" + PRICES, "2025-04-14T09:00:00Z" + PRICES)

    assert "line 3: column 'time' is '2025-04-14T09:00:00Z', wanted a time without an offset" in refusal(path)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([LINES[0], LINES[1], "", "2025-04-14T05:05:00-04:00,10.2,10"], "line 4 has 3 cells, wanted 6"),
        ([LINES[0], LINES[1] + ",7"], "line 2 has 7 cells, wanted 6"),
        ([LINES[0], "20"], "line 2 has 1 cell, wanted 6"),
        ([line.replace(",", ";") for line in LINES], "semicolons between the cells, wanted commas"),
        ([line.replace(",", "\t") for line in LINES], "tabs between the cells, wanted commas"),
        (
            ["time,open,high,close", "2025-04-14,1,1,1"],
            "no 'low' column, found 'time', 'open', 'high', 'close'",
        ),
        (["open,high,low,close", "1,1,1,1"], "no column 'time', found 'open', 'high', 'low', 'close'"),
        (["date,time,open,high,low,close"], "2 columns could be the time: 'date', 'time'"),
        (["time,open,high,low,close,Close"], "2 columns could be the close: 'close', 'Close'"),
        (["", "", ""], "only blank lines"),
    ],
)
def test_a_table_that_is_none_is_refused_with_the_reason(path: Path, lines: list[str], problem: str) -> None:
    write_csv(path, *lines)

    assert refusal(path) == f"{path}: {problem}"


def test_a_cell_over_several_lines_is_refused(path: Path) -> None:
    write_csv(path, "time,open,high,low,close,note", '2025-04-14,1,1,1,1,"one', 'two"')

    assert "a cell in quotes over several" in refusal(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        ("\n".join(LINES).encode("utf-16"), "not UTF-8 text"),
        ("\n".join(LINES).encode() + b"\n\xff\xfe,1,1,1,1,1", "not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_text_is_called_so(path: Path, content: bytes, problem: str) -> None:
    path.write_bytes(content)

    assert refusal(path) == f"{path}: {problem}"


def test_ticks_are_read_from_text_too(path: Path) -> None:
    write_csv(path, "Dates,Type,Price,Size", "2025-04-14 10:00:00,BID,1.5,7", "2025-04-14 10:00:01,ASK,,0")

    ticks = read_ticks(path)

    assert ticks["timestamp"].tolist() == [TEN, TEN + SECOND]
    assert ticks["type"].tolist() == [0, 1]
    np.testing.assert_array_equal(ticks["price"], [1.5, np.nan])
    assert ticks["volume"].tolist() == [7, 0]
