"""Bars from Parquet: prices of every type, whole numbers by their scale, many securities; what is refused."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data import universe
from tasks.data.bars import decode_bars
from tasks.data.decoded import Decoded
from tasks.errors import DataError
from tests.support.bar_files import FIVE_MINUTES, NINE, bar_table, write_parquet

DAY = 86_400 * 10**9
TICKS = pa.array([41, 42, 43], pa.int32())
WHOLE = {"open": TICKS, "high": TICKS, "low": TICKS, "close": TICKS}
DATES = pa.array([date(2025, 4, 14), date(2025, 4, 15), date(2025, 4, 16)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gold.parquet"


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        decode(path)
    assert caught.value.hint
    return caught.value.message


def decode(path: Path) -> Decoded:
    return decode_bars(path, universe.beside(path).price_scale)


def beside(path: Path, content: Any) -> Path:
    place = path.with_name("gold.universe.json")
    place.write_text(content if isinstance(content, str) else json.dumps(content))
    return place


def test_every_row_is_a_bar_in_the_files_order(path: Path) -> None:
    found = decode(write_parquet(path))

    assert found.columns["timestamp"].tolist() == [NINE + i * FIVE_MINUTES for i in range(3)]
    assert found.columns["low"].tolist() == [10.0, 9.9, 10.0]
    assert found.columns["volume"].tolist() == [700.0, 0.0, 12.0]
    assert {column.dtype.str for name, column in found.columns.items() if name != "timestamp"} == {"<f8"}
    assert (found.zone, found.rows_in_file.tolist()) == ("UTC", [1, 2, 3])


@pytest.mark.parametrize(
    ("times", "zone"),
    [
        (pa.array([NINE], pa.timestamp("ns")).cast(pa.timestamp("s")), None),
        (pa.array([NINE // 1000], pa.timestamp("us", "America/New_York")), "UTC"),
        (pa.array(["2025-04-14 09:00"]), None),
        (pa.array(["2025-04-14 09:00Z"]).dictionary_encode(), "UTC"),
    ],
)
def test_a_time_with_a_zone_is_an_instant_and_else_a_wall_time(
    path: Path, times: Any, zone: str | None
) -> None:
    pq.write_table(bar_table().slice(0, 1).drop_columns("time").append_column("Date", times), path)

    found = decode(path)

    assert (found.columns["timestamp"].tolist(), found.zone) == ([NINE], zone)


def test_a_date_is_its_midnight(path: Path) -> None:
    found = decode(write_parquet(path, time=DATES))

    assert np.diff(found.columns["timestamp"]).tolist() == [DAY, DAY]
    assert (found.columns["timestamp"][0], found.zone) == (NINE - 9 * 3600 * 10**9, None)


def test_the_index_of_a_pandas_table_is_the_time(path: Path) -> None:
    table = bar_table()
    pq.write_table(table.rename_columns(["__index_level_0__", *table.column_names[1:]]), path)

    assert decode(path).columns["timestamp"][0] == NINE


def test_minutes_and_ticks_are_scaled_by_what_the_file_says(path: Path) -> None:
    minutes = pa.array([NINE // (60 * 10**9) + i for i in range(3)], pa.int32())
    facts = {"symbol": "NG", "ticks_per_point": "1000"}
    write_parquet(path, facts, time=None, volume=None, minute_utc=minutes, **WHOLE)

    found = decode(path)

    assert found.columns["timestamp"].tolist() == [NINE, NINE + 60 * 10**9, NINE + 120 * 10**9]
    assert found.columns["close"].tolist() == [0.041, 0.042, 0.043]
    assert found.zone == "UTC"
    assert np.isnan(found.columns["volume"]).all()


@pytest.mark.parametrize(
    ("facts", "scale_beside", "changed", "price"),
    [
        ({"price_scale": "100"}, 10, {}, 0.41),
        (None, 10, {}, 4.1),
        (None, None, {}, 41.0),
        (None, None, {"time": DATES}, 0.0041),
        (None, 10, {"time": DATES}, 4.1),
        (None, None, {"time": DATES, **{name: TICKS.cast(pa.int64()) for name in WHOLE}}, 41.0),
        (None, 10, {name: TICKS.cast(pa.float64()) for name in WHOLE}, 41.0),
    ],
    ids=["the file", "beside", "neither", "int32 and dates", "beside and dates", "int64", "not whole"],
)
def test_a_whole_price_is_divided_by_the_first_scale_that_is_stated(
    path: Path, facts: dict[str, str] | None, scale_beside: int | None, changed: dict[str, Any], price: float
) -> None:
    write_parquet(path, facts, **{**WHOLE, **changed})
    if scale_beside is not None:
        beside(path, {"price_scale": scale_beside})

    assert decode(path).columns["open"][0] == price


def test_prices_are_read_from_every_kind_of_number(path: Path) -> None:
    for prices in (
        pa.array([Decimal("6.7090"), None, Decimal("1234567890.07")]),
        pa.array(["6.709", " ", " 1234567890.07"]),
        pa.array([6.709, None, 1234567890.07]).dictionary_encode(),
    ):
        found = decode(write_parquet(path, close=prices))
        np.testing.assert_array_equal(found.columns["close"], [6.709, np.nan, 1234567890.07])


def test_securities_are_brought_together_in_file_order(path: Path) -> None:
    names = pa.array(["B", "A ", "B", "C", "A", "C"])
    table = pa.concat_tables([bar_table(open=[1.0, 2, 3]), bar_table(open=[4.0, 5, 6])])
    pq.write_table(table.append_column("Symbol", names), path, row_group_size=2)

    found = decode(path)

    assert (found.securities, found.bounds) == (("B", "A", "C"), (0, 2, 4, 6))
    assert found.columns["open"].tolist() == [1.0, 3.0, 2.0, 5.0, 4.0, 6.0]
    assert found.rows_in_file.tolist() == [1, 3, 2, 5, 4, 6]
    columns, rows = found.security("A") or ({}, np.zeros(0, np.int32))
    assert (columns["open"].tolist(), rows.tolist()) == ([2.0, 5.0], [2, 5])
    assert found.security("D") is None


def test_a_file_without_bars_is_no_error(path: Path) -> None:
    pq.write_table(bar_table().slice(0, 0), path)

    assert {column.size for column in decode(path).columns.values()} == {0}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"close": None}, "no 'close' column, found 'time', 'open', 'high', 'low', 'volume'"),
        ({"time": None}, "no column 'time', found 'open', 'high', 'low', 'close', 'volume'"),
        ({"date": DATES}, "2 columns could be the time: 'time', 'date'"),
        ({"time": [1, 2, 3]}, "column 'time' holds int64, wanted dates or times"),
        ({"open": [True, False, True]}, "column 'open' holds bool, wanted numbers"),
        ({"symbol": [1, 2, 3]}, "column 'symbol' holds int64, wanted text"),
        ({"symbol": ["A", None, "A"]}, "row 2: column 'symbol' is missing, wanted the name of a security"),
        ({"symbol": pa.nulls(3)}, "row 1: column 'symbol' is missing, wanted the name of a security"),
        ({"open": [1.0, 2.0, np.inf]}, "row 3: column 'open' is inf, wanted a number"),
        ({"open": ["1", "2", "dear"]}, "row 3: column 'open' is 'dear', wanted a number"),
        (
            {"time": pa.array([NINE, None, NINE], pa.timestamp("ns"))},
            "row 2: column 'time' is missing, wanted a date or a time like 2025-04-14T10:00:00",
        ),
        (
            {"time": pa.array([datetime(2025, 1, 1), datetime(2025, 1, 2), datetime(9999, 1, 1)])},
            "row 3: column 'time' is not between the years 1678 and 2262, "
            "wanted a date or a time like 2025-04-14T10:00:00",
        ),
    ],
)
def test_what_cannot_be_read_is_named(path: Path, changed: dict[str, Any], problem: str) -> None:
    write_parquet(path, **changed)

    assert refusal(path) == f"{path}: {problem}"


def test_rows_are_counted_over_the_whole_file(path: Path) -> None:
    pq.write_table(bar_table(open=["1", "2", "x"]), path, row_group_size=1)

    assert refusal(path) == f"{path}: row 3: column 'open' is 'x', wanted a number"


@pytest.mark.parametrize("scale", ["0", "-4", "many", "inf", ""])
def test_a_scale_that_is_none_is_refused(path: Path, scale: str) -> None:
    write_parquet(path, {"ticks_per_point": scale}, **WHOLE)

    assert refusal(path) == f"{path}: 'ticks_per_point' is {scale!r}, wanted a number above 0"


def test_a_scale_beside_prices_that_are_partly_whole_is_refused(path: Path) -> None:
    write_parquet(path, {"price_scale": "100"}, **{**WHOLE, "open": [1.5, 2.5, 3.5]})

    assert refusal(path) == f"{path}: some prices are whole numbers with a scale of 100, some are not"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"),
        ([], "not a map of keys to values"),
        ({"symbols": {}}, "'symbols' is not a list"),
        ({"symbols": [{"symbol": "A"}, {}]}, "number 2 of 'symbols' has no 'symbol'"),
        ({"symbols": [{"symbol": "A", "segment": None}]}, "the segment of A is not text"),
        (
            {"symbols": [{"symbol": "A", "token": "7"}]},
            "the token of A is '7', wanted a whole number of 64 bits",
        ),
        ({"price_scale": 0}, "'price_scale' is 0, wanted a number above 0"),
        ({"price_scale": True}, "'price_scale' is True, wanted a number above 0"),
    ],
)
def test_a_damaged_universe_file_is_named_itself(path: Path, content: Any, problem: str) -> None:
    write_parquet(path, **WHOLE)
    place = beside(path, content)

    assert refusal(path) == f"{place}: {problem}"


def test_a_universe_file_that_changes_is_read_again(path: Path) -> None:
    beside(path, {"symbols": [{"symbol": "aapl", "segment": 500}]})
    first = universe.beside(path)
    beside(path, {"symbols": []})

    assert first.segment("AAPL") == "500"
    assert universe.beside(path).segment("AAPL") == "ALL"


@pytest.mark.parametrize("keep", [1, 10, 200, -1, -8, -100])
def test_a_file_cut_short_is_called_so(path: Path, keep: int) -> None:
    write_parquet(path)
    path.write_bytes(path.read_bytes()[:keep])

    assert refusal(path) == f"{path}: not a Parquet file, damaged or cut short"


@pytest.mark.shared
def test_the_reference_files_are_read_as_they_are(shared: Path) -> None:
    futures = shared / "data" / "bars" / "futures_CL_10m_stress.parquet"
    daily = shared / "data" / "daily" / "us100.parquet"

    for path, divisor in ((futures, 100.0), (daily, 10_000.0)):
        table, found = pq.read_table(path), decode(path)
        for name in ("open", "high", "low", "close"):
            stored = table[name].to_numpy().astype(np.float64)
            np.testing.assert_array_equal(found.columns[name], stored / divisor)
    assert len(found.securities) == 100
    np.testing.assert_array_equal(found.columns["volume"], table["volume"].to_numpy().astype(np.float64))
