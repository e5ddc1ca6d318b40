"""Result files hold results and nothing else, in row groups of one size."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.results import tables
from tasks.results.tables import OrderedWriter, schemas
from tests.support.builders import a_spec

SCHEMA = pa.schema([("security", pa.string()), ("x", pa.int64())])


def rows(first: int, last: int) -> pa.Table:
    return pa.table({"security": ["EMAAR"] * (last - first), "x": range(first, last)}, schema=SCHEMA)


def test_a_sweep_leaves_summary_failures_and_the_traces_that_it_keeps() -> None:
    spec = a_spec(traces={"trades": [["time", "timestamp[ns]"], ["price", "float64"]]})

    found = schemas(spec)

    assert list(found) == ["summary", "failures", "trades"]
    assert found["summary"].names == ["security", "combination", "status", "x", "y", "n"]
    assert found["summary"].field("n").type == pa.int64()
    assert found["trades"].names == ["security", "combination", "time", "price"]
    assert found["trades"].field("time").type == pa.timestamp("ns")


def test_row_groups_are_of_one_size_however_rows_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 10)

    with OrderedWriter(tmp_path / "t.parquet", SCHEMA) as writer:
        for first, last in ((0, 3), (3, 3), (3, 25), (25, 34)):
            writer.add(rows(first, last))

    found = pq.read_metadata(tmp_path / "t.parquet")
    assert [found.row_group(i).num_rows for i in range(found.num_row_groups)] == [10, 10, 10, 4]
    assert pq.read_table(tmp_path / "t.parquet")["x"].to_pylist() == list(range(34))


def test_a_wide_table_has_smaller_row_groups(tmp_path: Path) -> None:
    narrow = pa.schema([(f"m{i}", pa.float64()) for i in range(37)])
    wide = pa.schema([(f"m{i}", pa.float64()) for i in range(250)])

    assert tables.group_rows(narrow) == tables.ROW_GROUP_ROWS
    assert tables.group_rows(wide) == 12_582
    with OrderedWriter(tmp_path / "t.parquet", wide) as writer:
        writer.add(pa.table([[0.0] * 13_000] * 250, schema=wide))
    assert pq.read_metadata(tmp_path / "t.parquet").row_group(0).num_rows == 12_582


def test_a_table_without_rows_is_a_file_with_its_columns(tmp_path: Path) -> None:
    with OrderedWriter(tmp_path / "t.parquet", SCHEMA) as writer:
        writer.add(rows(0, 0))

    assert pq.read_table(tmp_path / "t.parquet").schema.equals(SCHEMA)
    assert writer.rows == 0


def test_the_metadata_says_nothing_of_when_where_or_by_whom(tmp_path: Path) -> None:
    with OrderedWriter(tmp_path / "t.parquet", SCHEMA) as writer:
        writer.add(rows(0, 5))

    found = pq.read_metadata(tmp_path / "t.parquet")
    assert set(found.metadata or {}) <= {b"ARROW:schema"}
    said = json.dumps(found.to_dict(), default=str) + str(pq.read_schema(tmp_path / "t.parquet").metadata)
    assert socket.gethostname() not in said
    assert found.created_by.startswith("parquet-cpp-arrow")


def test_a_file_that_is_given_up_is_closed_without_what_was_waiting(tmp_path: Path) -> None:
    with contextlib.suppress(RuntimeError), OrderedWriter(tmp_path / "t.parquet", SCHEMA) as writer:
        writer.add(rows(0, 5))
        raise RuntimeError

    assert pq.read_metadata(tmp_path / "t.parquet").num_rows == 0
