"""One decoded copy per node: made once, made again when damaged, never used for another content."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from tasks.contract import MISSING_TIME
from tasks.data import shared
from tasks.data.readers import read_ticks
from tasks.data.shared import open_slice, usable_rows
from tasks.errors import DataChanged, DataError
from tests.support.tick_files import SECOND, TEN, reference, write_tick_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_tick_file(tmp_path / "salik.parquet")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_unshared", {})


def copies(cache: Path) -> list[Path]:
    return [found for found in (cache / "columns").iterdir() if found.is_dir()]


def decodings(caplog: pytest.LogCaptureFixture) -> int:
    return sum(getattr(record, "event", "") == "data_decoded" for record in caplog.records)


def test_a_slice_has_the_files_columns_read_only_and_mapped(path: Path, cache: Path) -> None:
    ticks = open_slice(reference(path, cache), cache)

    assert (ticks.security, ticks.rows) == ("SALIK", 4)
    for name, column in read_ticks(path).items():
        np.testing.assert_array_equal(ticks[name], column)
        assert type(ticks[name]) is np.ndarray
        assert not ticks[name].flags.writeable
        assert isinstance(ticks[name].base, np.memmap)


def test_a_copy_is_made_once(path: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sweepfleet"):
        for _ in range(3):
            open_slice(reference(path, cache), cache)

    assert decodings(caplog) == 1
    [copy] = copies(cache)
    assert sorted(file.name for file in copy.iterdir()) == [
        "about.json",
        "price.npy",
        "rows_in_file.npy",
        "timestamp.npy",
        "type.npy",
        "volume.npy",
    ]


def test_files_of_the_same_content_share_a_copy(path: Path, cache: Path) -> None:
    other = path.with_name("aldar.parquet")
    shutil.copy(path, other)

    open_slice(reference(path, cache), cache)
    ticks = open_slice(reference(other, cache), cache)

    assert ticks.security == "ALDAR"
    assert len(copies(cache)) == 1


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (None, None, [0, 1, 2, 3]),
        (TEN + SECOND, None, [1, 2, 3]),
        (None, TEN + SECOND, [0, 1]),
        (TEN + SECOND, TEN + 2 * SECOND, [1, 2]),
        (TEN + 1, TEN + SECOND - 1, []),
        (TEN + 2 * SECOND, TEN, []),
    ],
)
def test_both_ends_of_a_slice_belong_to_it(
    path: Path, cache: Path, start: int | None, end: int | None, rows: list[int]
) -> None:
    ticks = open_slice(reference(path, cache, start_ns=start, end_ns=end), cache)

    assert ((ticks["timestamp"] - TEN) // SECOND).tolist() == rows
    assert ticks.rows == len(rows)


def test_rows_that_step_back_over_the_end_of_a_slice_are_cut_in_file_order(path: Path, cache: Path) -> None:
    times = np.array([TEN + 1, TEN + 3, TEN + 2, TEN + 4]).astype("datetime64[ns]")
    write_tick_file(path, timestamp=times)

    ticks = open_slice(reference(path, cache, start_ns=TEN + 2, end_ns=TEN + 4), cache)
    gap = open_slice(reference(path, cache, end_ns=TEN + 2), cache)

    assert (ticks["timestamp"] - TEN).tolist() == [3, 2, 4]
    assert (gap["timestamp"] - TEN).tolist() == [1, 2]
    assert gap["volume"].tolist() == [100, 0]
    assert not gap["volume"].flags.writeable


def test_a_row_without_a_time_is_in_the_whole_file_and_in_no_slice_of_it(path: Path, cache: Path) -> None:
    times = np.array([TEN, MISSING_TIME, TEN + 1, TEN + 2]).astype("datetime64[ns]")
    write_tick_file(path, timestamp=times)

    whole = open_slice(reference(path, cache), cache)
    until = open_slice(reference(path, cache, end_ns=TEN + 1), cache)

    assert whole["timestamp"].tolist() == [TEN, MISSING_TIME, TEN + 1, TEN + 2]
    assert until["timestamp"].tolist() == [TEN, TEN + 1]


def test_usable_rows_have_a_time_and_a_price_above_zero(path: Path, cache: Path) -> None:
    times = np.array([TEN, MISSING_TIME, TEN, TEN, TEN]).astype("datetime64[ns]")
    prices = [1.5, 1.5, None, 0.0, -1.0]
    write_tick_file(path, timestamp=times, price=prices, type=["BID"] * 5, volume=[1] * 5)

    assert usable_rows(open_slice(reference(path, cache), cache)) == 1


def test_a_file_without_rows_is_an_empty_slice(path: Path, cache: Path) -> None:
    write_tick_file(path, timestamp=np.empty(0, "datetime64[ns]"), type=[], price=[], volume=[])

    ticks = open_slice(reference(path, cache, start_ns=TEN), cache)

    assert (ticks.rows, usable_rows(ticks)) == (0, 0)


def test_a_changed_file_is_refused(path: Path, cache: Path) -> None:
    planned = reference(path, cache)
    write_tick_file(path, volume=[1, 2, 3, 4])

    with pytest.raises(DataChanged) as caught:
        open_slice(planned, cache)

    found = reference(path, cache).digest
    assert caught.value.message == (
        f"{path}: its content is not what the sweep was planned with "
        f"(SHA-256 {found[:12]}…, was {planned.digest[:12]}…)"
    )
    assert caught.value.hint == "submit the sweep again; on several nodes, check that all have the same file"


def test_a_changed_file_is_refused_even_where_a_copy_of_the_old_one_is_kept(path: Path, cache: Path) -> None:
    planned = reference(path, cache)
    open_slice(planned, cache)
    write_tick_file(path, volume=[1, 2, 3, 4])

    with pytest.raises(DataChanged):
        open_slice(planned, cache)


def test_a_file_that_this_node_does_not_have_is_refused(path: Path, cache: Path) -> None:
    planned = reference(path, cache)
    path.unlink()

    with pytest.raises(DataChanged) as caught:
        open_slice(planned, cache)

    assert caught.value.message == f"{path}: no such file or directory, on this node"
    assert caught.value.hint == "every node needs the data under the same path: check its mount"


def test_a_file_that_cannot_be_decoded_leaves_nothing(path: Path, cache: Path) -> None:
    write_tick_file(path, volume=[1, None, 3, 4])

    with pytest.raises(DataError, match="row 2: column 'volume' is missing"):
        open_slice(reference(path, cache), cache)

    assert copies(cache) == []


@pytest.mark.parametrize(
    "damage", ["gone", "cut", "longer", "header", "empty", "other type", "shorter column"]
)
def test_a_damaged_copy_is_made_again(
    path: Path, cache: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    planned = reference(path, cache)
    open_slice(planned, cache)
    file = copies(cache)[0] / "price.npy"
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "other type":
        np.save(file, np.zeros(4, np.float32))
    elif damage == "shorter column":
        np.save(file, np.zeros(3))
    else:
        spoilt = {"cut": content[:-8], "longer": content + b"x", "header": b"x" + content[1:], "empty": b""}
        file.write_bytes(spoilt[damage])

    with caplog.at_level(logging.INFO, "sweepfleet"):
        ticks = open_slice(planned, cache)

    assert decodings(caplog) == 1
    assert ticks["price"].tolist() == [1.5, 1.52, 0.0, 1.5]
    assert file.read_bytes() == content


def test_what_a_killed_process_left_is_swept_out(path: Path, cache: Path) -> None:
    planned = reference(path, cache)
    open_slice(planned, cache)
    [copy] = copies(cache)
    left = copy.with_name(f".{copy.name}.x7")
    copy.rename(left)

    open_slice(planned, cache)

    assert copies(cache) == [copy]


def test_a_slice_outlives_the_copy_it_was_mapped_from(path: Path, cache: Path) -> None:
    ticks = open_slice(reference(path, cache), cache)
    shutil.rmtree(cache)

    assert ticks["price"].tolist() == [1.5, 1.52, 0.0, 1.5]


def test_a_cache_folder_that_takes_no_files_costs_memory_and_one_warning(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "cache"
    cache.touch()
    planned = reference(path, cache)

    with caplog.at_level(logging.INFO, "sweepfleet"):
        first, second = (open_slice(planned, cache) for _ in range(2))

    assert caplog.messages == [
        f"cannot keep the decoded SALIK in {cache} (not a directory); each process holds its own copy"
    ]
    assert first["price"].tolist() == [1.5, 1.52, 0.0, 1.5]
    assert second["price"] is first["price"]
    assert not first["price"].flags.writeable
