"""What is found in a data folder, and that one bad file costs its own security only."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data.catalog import scan
from tasks.errors import DataNotFound
from tests.support.tick_files import SECOND, TEN, tick_table, write_tick_file

HINT = "set data.source to the folder that holds your data files, or to one of them"


def refusal(source: str | Path) -> DataNotFound:
    with pytest.raises(DataNotFound) as caught:
        scan(source)
    return caught.value


def test_each_file_is_a_security_with_its_rows_and_its_time_range(tmp_path: Path) -> None:
    for name in ("salik", "Aldar"):
        write_tick_file(tmp_path / f"{name}.parquet")

    catalog = scan(tmp_path)

    assert list(catalog.entries) == ["ALDAR", "SALIK"]
    entry = catalog.entries["SALIK"]
    assert entry.path == tmp_path / "salik.parquet"
    assert entry.bytes == entry.path.stat().st_size
    assert (entry.rows, entry.first_ns, entry.last_ns) == (4, TEN, TEN + 3 * SECOND)
    assert entry.problem is None
    assert not catalog.clashes


def test_a_name_is_found_in_any_case(tmp_path: Path) -> None:
    write_tick_file(tmp_path / "salik.parquet")

    catalog = scan(tmp_path)

    assert catalog.get("Salik") is catalog.entries["SALIK"]
    assert catalog.get("salik2") is None


def test_one_file_is_a_source_of_one_security(tmp_path: Path) -> None:
    for name in ("salik", "aldar"):
        write_tick_file(tmp_path / f"{name}.parquet")

    assert list(scan(str(tmp_path / "aldar.parquet")).entries) == ["ALDAR"]


def test_a_file_that_names_itself_is_called_so(tmp_path: Path) -> None:
    pq.write_table(tick_table().replace_schema_metadata({"symbol": "salik"}), tmp_path / "export-7.parquet")

    assert list(scan(tmp_path).entries) == ["SALIK"]


def test_hidden_and_other_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    write_tick_file(tmp_path / "salik.parquet")
    write_tick_file(tmp_path / ".aldar.parquet")
    (tmp_path / "README.md").touch()
    (tmp_path / "old.parquet").mkdir()

    assert list(scan(tmp_path).entries) == ["SALIK"]


def test_a_name_that_two_files_claim_is_a_clash_and_its_entrys_problem(tmp_path: Path) -> None:
    upper, lower = (write_tick_file(tmp_path / f"{name}.parquet") for name in ("SALIK", "salik"))
    write_tick_file(tmp_path / "aldar.parquet")

    catalog = scan(tmp_path)

    assert catalog.clashes == {"SALIK": (upper, lower)}
    assert catalog.entries["SALIK"].problem == f"2 files claim the name SALIK: {upper}, {lower}"
    assert catalog.entries["ALDAR"].problem is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"PAR1 and no more", "not a Parquet file, damaged or cut short"),
    ],
)
def test_a_file_that_cannot_be_opened_is_an_entry_with_a_problem(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    (tmp_path / "salik.parquet").write_bytes(content)
    write_tick_file(tmp_path / "aldar.parquet")

    catalog = scan(tmp_path)

    entry = catalog.entries["SALIK"]
    assert entry.problem == f"{entry.path}: {problem}"
    assert (entry.bytes, entry.rows, entry.first_ns) == (len(content), None, None)
    assert catalog.entries["ALDAR"].problem is None


def test_a_file_with_wrong_columns_is_an_entry_with_a_problem(tmp_path: Path) -> None:
    path = write_tick_file(tmp_path / "salik.parquet", price=None)

    problem = scan(tmp_path).entries["SALIK"].problem

    assert problem == f"{path}: no 'price' column, found 'timestamp', 'type', 'volume'"


def test_a_file_without_rows_has_no_problem_and_no_range(tmp_path: Path) -> None:
    pq.write_table(tick_table().slice(0, 0), tmp_path / "salik.parquet")

    entry = scan(tmp_path).entries["SALIK"]

    assert (entry.rows, entry.first_ns, entry.last_ns, entry.problem) == (0, None, None, None)


@pytest.mark.parametrize(
    "times",
    [
        pa.array([TEN // SECOND + i for i in range(4)], pa.timestamp("s")),
        pa.array([datetime(2025, 4, 14, 6, 0, i) for i in range(4)], pa.timestamp("ms", "Asia/Dubai")),
    ],
    ids=["seconds", "zone"],
)
def test_the_range_is_in_nanoseconds_of_the_wall_whatever_the_unit(tmp_path: Path, times: Any) -> None:
    write_tick_file(tmp_path / "salik.parquet", timestamp=times)

    entry = scan(tmp_path).entries["SALIK"]

    assert (entry.first_ns, entry.last_ns) == (TEN, TEN + 3 * SECOND)


def test_the_range_spans_all_row_groups_and_leaves_out_those_without_a_time(tmp_path: Path) -> None:
    times = pa.array([None, None, TEN + 5, TEN, None, TEN + 2], pa.timestamp("ns"))
    table = pa.concat_tables([tick_table(), tick_table()]).slice(0, 6).set_column(0, "timestamp", times)
    pq.write_table(table, tmp_path / "salik.parquet", row_group_size=2)

    entry = scan(tmp_path).entries["SALIK"]

    assert (entry.first_ns, entry.last_ns) == (TEN, TEN + 5)


@pytest.mark.parametrize("how", ["text", "unstated"])
def test_the_range_is_unknown_where_the_footer_does_not_say(tmp_path: Path, how: str) -> None:
    table = tick_table(timestamp=["2025-04-14 10:00:00"] * 4) if how == "text" else tick_table()
    pq.write_table(table, tmp_path / "salik.parquet", write_statistics=how == "text")

    entry = scan(tmp_path).entries["SALIK"]

    assert (entry.rows, entry.first_ns, entry.problem) == (4, None, None)


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nowhere")

    assert error.message == f"data source {tmp_path / 'nowhere'}: no such file or folder"
    assert error.hint == HINT


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path)

    assert (error.message, error.hint) == (f"data source {tmp_path}: no .parquet or .csv file in it", HINT)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()

    assert (
        refusal(tmp_path / "notes.txt").message
        == f"data source {tmp_path / 'notes.txt'}: not a .parquet or .csv file"
    )


def test_a_folder_of_spreadsheets_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "c.xlsx").touch()

    error = refusal(tmp_path)

    assert error.message == f"data source {tmp_path}: data is read from .parquet and .csv, found only .xlsx"
    assert error.hint == "save each sheet as CSV or Parquet, one file per security"
