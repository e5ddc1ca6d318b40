"""Slices of bars: views of one copy per file, cut in the zone that the sweep names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data import copies, shared
from tasks.data.bars import decode_bars
from tasks.data.shared import open_slice, usable_rows
from tasks.data.slices import refuse_row
from tasks.errors import DataError
from tests.support.bar_files import (
    FIVE_MINUTES,
    LINES,
    NINE,
    bar_reference,
    bar_table,
    write_csv,
    write_parquet,
)

HOUR = 3600 * 10**9


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_unshared", {})
    monkeypatch.setattr(copies, "_mapped", type(copies._mapped)())


def two_securities(path: Path) -> Path:
    table = pa.concat_tables([bar_table(), bar_table(open=[1.0, 2.0, 3.0])])
    pq.write_table(table.append_column("symbol", pa.array(["A", "B", "A", "B", "A", "B"])), path)
    return path


def test_a_slice_says_what_is_known_of_its_data(tmp_path: Path, cache: Path) -> None:
    path = write_csv(tmp_path / "gold.csv")

    bars = open_slice(
        bar_reference(path, cache, segment="500", newest_ns=7, timezone="America/Chicago"), cache
    )

    assert (bars.security, bars.zone, bars.segment, bars.newest_ns) == ("gold", "UTC", "500", 7)
    assert bars.source == str(path)
    for name, column in decode_bars(path).columns.items():
        np.testing.assert_array_equal(bars[name], column)
        assert not bars[name].flags.writeable
    assert usable_rows(bars) == 3


def test_wall_times_are_in_the_zone_that_the_sweep_names(tmp_path: Path, cache: Path) -> None:
    path = write_csv(tmp_path / "gold.csv", "date,open,high,low,close", "2025-04-14,1,1,1,1")

    assert open_slice(bar_reference(path, cache), cache).zone is None
    assert open_slice(bar_reference(path, cache, timezone="Asia/Dubai"), cache).zone == "Asia/Dubai"


def test_each_security_is_a_view_of_the_files_one_copy(tmp_path: Path, cache: Path) -> None:
    path = two_securities(tmp_path / "us.parquet")

    a, b = (open_slice(bar_reference(path, cache, security=name), cache) for name in "AB")

    assert (a["open"].tolist(), b["open"].tolist()) == ([10.1, 10.0, 2.0], [10.2, 1.0, 3.0])
    assert a.rows_in_file is not None
    assert b.rows_in_file is not None
    assert (a.rows_in_file.tolist(), b.rows_in_file.tolist()) == ([1, 3, 5], [2, 4, 6])
    assert a["open"].base is b["open"].base
    assert len([found for found in (cache / "columns").iterdir() if found.is_dir()]) == 1


def test_a_security_that_is_not_in_the_file_is_refused(tmp_path: Path, cache: Path) -> None:
    path = two_securities(tmp_path / "us.parquet")

    with pytest.raises(DataError, match=r"us\.parquet: no security 'C' in it"):
        open_slice(bar_reference(path, cache, security="C"), cache)


def test_the_last_files_stay_mapped_and_no_more(tmp_path: Path, cache: Path) -> None:
    for i in range(copies.MAPPED_KEPT + 2):
        path = write_parquet(tmp_path / f"{i}.parquet", open=[1.0, 2.0, float(i)])
        open_slice(bar_reference(path, cache), cache)

    assert len(copies._mapped) == copies.MAPPED_KEPT


@pytest.mark.parametrize("damage", ["gone", "empty", "not a map", "other bounds", "too many"])
def test_a_copy_whose_index_is_damaged_is_made_again(tmp_path: Path, cache: Path, damage: str) -> None:
    planned = bar_reference(two_securities(tmp_path / "us.parquet"), cache, security="B")
    open_slice(planned, cache)
    [index] = (cache / "columns").glob("*/about.json")
    about = json.loads(index.read_bytes())
    if damage == "gone":
        index.unlink()
    else:
        spoilt = {
            "empty": "",
            "not a map": "[]",
            "other bounds": json.dumps({**about, "bounds": [0, 3, 7]}),
            "too many": json.dumps({**about, "securities": ["A", "B", "C"]}),
        }
        index.write_text(spoilt[damage])

    assert open_slice(planned, cache)["open"].tolist() == [10.2, 1.0, 3.0]
    assert json.loads(index.read_bytes()) == about


@pytest.mark.parametrize(
    ("start", "end", "timezone", "rows"),
    [
        (NINE, None, None, [0, 1, 2]),
        (NINE + 1, NINE + FIVE_MINUTES, None, [1]),
        (NINE - 4 * HOUR + 1, NINE - 4 * HOUR + FIVE_MINUTES, "America/New_York", [1]),
        (NINE + 4 * HOUR, None, "Asia/Dubai", [0, 1, 2]),
        (NINE, None, "America/New_York", []),
    ],
)
def test_instants_are_cut_at_wall_times_of_the_sweeps_zone(
    tmp_path: Path, cache: Path, start: int, end: int | None, timezone: str | None, rows: list[int]
) -> None:
    path = write_csv(tmp_path / "gold.csv")

    bars = open_slice(bar_reference(path, cache, start_ns=start, end_ns=end, timezone=timezone), cache)

    assert ((bars["timestamp"] - NINE) // FIVE_MINUTES).tolist() == rows
    assert bars.rows_in_file is not None
    assert bars.rows_in_file.tolist() == [row + 2 for row in rows]


def test_wall_times_are_cut_as_they_are_written(tmp_path: Path, cache: Path) -> None:
    lines = (line.replace("-04:00", "") for line in LINES)
    path = write_csv(tmp_path / "gold.csv", *lines)

    bars = open_slice(
        bar_reference(path, cache, start_ns=NINE - 4 * HOUR + 1, timezone="America/New_York"), cache
    )

    assert bars.rows == 2


def test_a_cut_out_of_order_names_rows_as_the_file_does(tmp_path: Path, cache: Path) -> None:
    path = write_csv(tmp_path / "gold.csv", LINES[0], LINES[3], "", LINES[1], LINES[2])
    bars = open_slice(bar_reference(path, cache, end_ns=NINE + FIVE_MINUTES), cache)

    with pytest.raises(DataError) as caught:
        refuse_row(bars, 1, "no rule says what this is")

    assert caught.value.message == f"{path}: row 5 (2025-04-14T09:05:00): no rule says what this is"


def test_another_scale_beside_the_file_is_another_copy(tmp_path: Path, cache: Path) -> None:
    whole = dict.fromkeys(("open", "high", "low", "close"), pa.array([1, 2, 3], pa.int32()))
    path = write_parquet(tmp_path / "us.parquet", **whole)
    beside = path.with_name("us.universe.json")

    found = [open_slice(bar_reference(path, cache), cache)["open"][0]]
    beside.write_text('{"price_scale": 10}')
    found.append(open_slice(bar_reference(path, cache), cache)["open"][0])
    found.append(open_slice(bar_reference(path, cache, price_scale=100.0), cache)["open"][0])

    assert found == [1.0, 0.1, 0.01]


def test_an_empty_file_is_an_empty_slice(tmp_path: Path, cache: Path) -> None:
    bars = open_slice(bar_reference(write_csv(tmp_path / "gold.csv", LINES[0]), cache), cache)

    assert (bars.rows, usable_rows(bars), bars.zone) == (0, 0, None)


def test_a_cache_folder_that_takes_no_files_costs_memory_only(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.touch()
    planned = bar_reference(two_securities(tmp_path / "us.parquet"), cache, security="B")

    bars = open_slice(planned, cache)

    assert bars["open"].tolist() == [10.2, 1.0, 3.0]
    assert not bars["open"].flags.writeable
