"""Bars in a folder: their names, ranges, periods and segments; mixed formats; one bad file costs its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data.bar_times import bar_seconds, newest_until
from tasks.data.catalog import Catalog, scan
from tests.support.bar_files import FIVE_MINUTES, LINES, NINE, bar_table, write_csv, write_parquet

MINUTE = 60 * 10**9
DAY = 86_400 * 10**9


def daily(path: Path, **securities: list[str]) -> Path:
    """Dates of each security, one security after the other."""
    names = [name for name, dates in securities.items() for _ in dates]
    dates = np.array([d for days in securities.values() for d in days], "datetime64[D]")
    prices = dict.fromkeys(("open", "high", "low", "close"), pa.array([1] * len(names), pa.int32()))
    pq.write_table(pa.table({"symbol": names, "date": dates, **prices}), path)
    return path


def only(catalog: Catalog) -> str:
    [name] = catalog.entries
    return name


def test_a_folder_of_both_formats_is_one_catalog_of_names_as_written(tmp_path: Path) -> None:
    write_csv(tmp_path / "Gold.csv")
    write_parquet(tmp_path / "oil.PARQUET")
    write_parquet(tmp_path / "futures_1m.parquet", {"symbol": "es"})
    (tmp_path / "README.md").touch()
    (tmp_path / "gold.universe.json").write_text("{")
    (tmp_path / ".hidden.csv").touch()

    catalog = scan(tmp_path, "bars")

    assert list(catalog.entries) == ["Gold", "es", "oil"]
    assert catalog.get("ES") is catalog.entries["es"]
    for name, rows in (("Gold", 3), ("es", 3), ("oil", 3)):
        entry = catalog.entries[name]
        assert (entry.rows, entry.first_ns, entry.last_ns) == (rows, NINE, NINE + 2 * FIVE_MINUTES)
        assert (entry.zone, entry.segment, entry.problem) == ("UTC", "ALL", None)
    assert catalog.newest_ns == NINE + 2 * FIVE_MINUTES


def test_each_security_of_a_file_has_its_own_rows_range_and_segment(tmp_path: Path) -> None:
    path = daily(tmp_path / "us.parquet", AAL=["2025-04-15", "2025-04-14"], brk=["2025-04-16"])
    symbols = [{"symbol": "AAL", "segment": "500", "token": 7}, {"symbol": "BRK", "segment": "100"}]
    (tmp_path / "us.universe.json").write_text(json.dumps({"price_scale": 100, "symbols": symbols}))

    catalog = scan(path, "bars")

    midnight = NINE - 9 * 60 * MINUTE
    found = [
        (e.security, e.rows, e.first_ns, e.last_ns, e.segment, e.token) for e in catalog.entries.values()
    ]
    assert found == [
        ("AAL", 2, midnight, midnight + DAY, "500", 7),
        ("brk", 1, midnight + 2 * DAY, midnight + 2 * DAY, "100", None),
    ]
    assert {(e.path, e.bytes, e.price_scale, e.zone) for e in catalog.entries.values()} == {
        (path, path.stat().st_size, 100.0, None)
    }


def test_a_name_that_two_files_claim_in_any_case_is_a_clash_and_the_rest_is_not(tmp_path: Path) -> None:
    files = (
        write_parquet(tmp_path / "es_1m.parquet", {"symbol": "ES"}),
        write_parquet(tmp_path / "es_5m.parquet", {"symbol": "es"}),
    )
    write_csv(tmp_path / "gold.csv")

    catalog = scan(tmp_path, "bars")

    assert catalog.clashes == {"ES": files}
    problem = catalog.entries["ES"].problem or ""
    assert problem == f"2 files claim the name ES: {files[0]}, {files[1]}"
    assert list(catalog.entries) == ["ES", "gold"]
    assert catalog.entries["gold"].problem is None


def test_names_that_differ_in_case_inside_one_file_are_two_securities(tmp_path: Path) -> None:
    catalog = scan(daily(tmp_path / "us.parquet", BACpA=["2025-04-15"], BACPA=["2025-04-15"]), "bars")

    assert [(e.security, e.problem) for e in catalog.entries.values()] == [("BACPA", None), ("BACpA", None)]


@pytest.mark.parametrize("name", ["bad.csv", "bad.parquet"])
def test_a_file_that_cannot_be_read_is_an_entry_with_a_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    write_csv(tmp_path / "gold.csv")

    catalog = scan(tmp_path, "bars")

    assert catalog.entries["bad"].problem == f"{tmp_path / name}: the file is empty"
    assert catalog.entries["gold"].problem is None


def test_a_time_that_cannot_be_read_is_found_before_any_chunk(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "gold.csv", *LINES, "noon,1,1,1,1,1")

    assert (scan(path, "bars").entries["gold"].problem or "").startswith(
        f"{path}: line 5: column 'time' is 'noon'"
    )


def test_a_damaged_universe_file_is_the_problem_of_each_of_its_securities(tmp_path: Path) -> None:
    path = daily(tmp_path / "us.parquet", AAL=["2025-04-14"], AAP=["2025-04-14"])
    (tmp_path / "us.universe.json").write_text("{}]")

    catalog = scan(path, "bars")

    problems = {e.security: e.problem for e in catalog.entries.values()}
    assert list(problems) == ["AAL", "AAP"]
    assert all((p or "").startswith(f"{tmp_path / 'us.universe.json'}: not JSON") for p in problems.values())


def test_a_file_without_bars_has_no_range(tmp_path: Path) -> None:
    for path in (write_csv(tmp_path / "a.csv", LINES[0]), tmp_path / "a.parquet"):
        pq.write_table(bar_table().slice(0, 0), tmp_path / "a.parquet")

        entry = scan(path, "bars").entries["a"]

        assert (entry.rows, entry.first_ns, entry.last_ns, entry.problem) == (0, None, None, None)
        assert bar_seconds(entry) is None


@pytest.mark.parametrize("stated", [True, False])
def test_a_range_does_not_hang_on_what_the_footer_says(tmp_path: Path, stated: bool) -> None:
    table = pa.concat_tables([bar_table().slice(2), bar_table()])
    pq.write_table(table, tmp_path / "a.parquet", write_statistics=stated, row_group_size=1)

    entry = scan(tmp_path, "bars").entries["a"]

    assert (entry.first_ns, entry.last_ns, entry.zone) == (NINE, NINE + 2 * FIVE_MINUTES, "UTC")


@pytest.mark.parametrize(
    ("minutes", "seconds"),
    [
        ([0, 1, 2, 60, 61], 60.0),
        ([10, 5, 0, 0, 20], 300.0),
        ([0, 5, 5, 15], 300.0),
        ([0, 30], 1800.0),
        ([7, 7], None),
        ([7], None),
    ],
)
def test_a_bars_period_is_what_most_often_lies_between_two(
    tmp_path: Path, minutes: list[int], seconds: float | None
) -> None:
    times = np.array([NINE + minute * MINUTE for minute in minutes], "datetime64[ns]")
    prices = {name: [1.0] * len(minutes) for name in ("open", "high", "low", "close")}
    pq.write_table(pa.table({"time": times, **prices}), tmp_path / "a.parquet")

    assert bar_seconds(scan(tmp_path, "bars").entries["a"]) == seconds


def test_days_with_weekends_between_are_days_for_each_security(tmp_path: Path) -> None:
    days = [str(day) for day in np.busday_offset(np.datetime64("2025-04-14"), np.arange(20))]
    catalog = scan(daily(tmp_path / "us.parquet", AAL=days, NEW=days[:1], WEEK=days[::5]), "bars")

    found = {name: bar_seconds(entry) for name, entry in catalog.entries.items()}

    assert found == {"AAL": 86_400.0, "NEW": None, "WEEK": 604_800.0}


def test_the_newest_time_until_a_date_is_one_that_the_data_have(tmp_path: Path) -> None:
    daily(tmp_path / "us.parquet", AAL=["2025-04-10", "2025-04-11"], AAP=["2025-04-08", "2025-04-17"])
    write_csv(tmp_path / "gold.csv")
    catalog = scan(tmp_path, "bars")
    midnight = NINE - 9 * 60 * MINUTE

    def newest(end_ns: int | None, timezone: str | None = None) -> int | None:
        return newest_until(catalog.entries.values(), end_ns, timezone)

    assert newest(None) == catalog.newest_ns == midnight + 3 * DAY
    assert newest(midnight - DAY) == midnight - 3 * DAY
    assert newest(midnight - 4 * DAY - 1) == midnight - 6 * DAY
    assert newest(midnight - 9 * DAY) is None
    assert newest(NINE) == NINE
    new_york_five_o_five = NINE - 4 * 60 * MINUTE + FIVE_MINUTES
    assert newest(new_york_five_o_five, "America/New_York") == NINE + FIVE_MINUTES


@pytest.mark.shared
def test_the_reference_folders_are_scanned_as_they_are(shared: Path) -> None:
    bars = scan(shared / "data" / "bars", "bars")
    days = scan(shared / "data" / "daily", "bars")

    assert sorted(bars.entries) == sorted(
        ["CL", "ES", "EURUSD", "GC", "GOOG", "NG", "NQ", "YM", "example", "gd5m", "oil5min"]
    )
    assert list(bars.clashes) == ["CL", "ES", "GC"]
    assert bars.entries["gd5m"].rows == 20_328
    assert [bar_seconds(bars.entries[name]) for name in ("GOOG", "EURUSD", "NQ")] == [86_400.0, 3_600.0, 60.0]
    assert len(days.entries) == 500
    assert sum(entry.rows or 0 for entry in days.entries.values()) == 121_854 + 383_813
    assert days.entries["SYN0001"].segment == "250"
    assert only(scan(shared / "data" / "bars" / "futures_ES_15m_stress.parquet", "bars")) == "ES"
