"""Laws of the data layer: what was written is what is read, a slice is a mask, many openers decode once."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contract import MISSING_TIME
from tasks.data.readers import read_ticks
from tasks.data.shared import open_slice
from tasks.data.synth import write_ticks
from tests.support.tick_files import TEN, reference

WORDS = ["BID", "ASK", "TRADE", "QUOTE", " bid", "Ask ", "\ttrade\n", None]
CODES = [0, 1, 2, 3, 4, 5, 6, 3]

rows = st.lists(
    st.tuples(
        st.none() | st.integers(TEN - 20, TEN + 20),
        st.sampled_from(range(len(WORDS))),
        st.none() | st.floats(allow_nan=False, width=64),
        st.integers(-(2**63), 2**63 - 1),
    ),
    max_size=40,
)
stored_words = st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])


def table(ticks: list[tuple[Any, ...]], words: Any) -> pa.Table:
    times, kinds, prices, volumes = zip(*ticks, strict=True) if ticks else ((), (), (), ())
    return pa.table(
        {
            "timestamp": pa.array(times, pa.timestamp("ns")),
            "type": pa.array([WORDS[kind] for kind in kinds], pa.string()).cast(words),
            "price": pa.array(prices, pa.float64()),
            "volume": pa.array(volumes, pa.int64()),
        }
    )


@given(ticks=rows, words=stored_words, group=st.integers(1, 50), skip=st.integers(0, 3))
def test_what_was_written_is_read_back_bit_for_bit(
    ticks: list[tuple[Any, ...]], words: Any, group: int, skip: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "salik.parquet"
        pq.write_table(table(ticks, words).slice(skip), path, row_group_size=group)

        found = read_ticks(path)

    wanted = ticks[skip:]
    assert found["timestamp"].tolist() == [MISSING_TIME if row[0] is None else row[0] for row in wanted]
    assert found["type"].tolist() == [CODES[row[1]] for row in wanted]
    prices = np.array([np.nan if row[2] is None else row[2] for row in wanted], np.float64)
    assert found["price"].tobytes() == prices.tobytes()
    assert found["volume"].tolist() == [row[3] for row in wanted]


@given(
    ticks=rows,
    start=st.none() | st.integers(TEN - 22, TEN + 22),
    end=st.none() | st.integers(TEN - 22, TEN + 22),
)
@settings(max_examples=60)
def test_a_slice_is_the_rows_that_a_mask_selects(
    ticks: list[tuple[Any, ...]], start: int | None, end: int | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, cache = Path(folder) / "salik.parquet", Path(folder) / "cache"
        pq.write_table(table(ticks, pa.string()), path)
        whole = open_slice(reference(path, cache), cache)

        cut = open_slice(reference(path, cache, start_ns=start, end_ns=end), cache)

        inside = np.array(
            [
                (start is None and end is None)
                or (
                    time != MISSING_TIME and (start is None or time >= start) and (end is None or time <= end)
                )
                for time in whole["timestamp"].tolist()
            ],
            np.bool_,
        )
        for name, column in whole.items():
            np.testing.assert_array_equal(cut[name], column[inside])


OPENER = """
import logging, sys
from pathlib import Path
from tasks.data.shared import open_slice
from tasks.data.slices import SliceRef
logging.basicConfig(level=logging.INFO, format="%(event)s", stream=sys.stdout, force=True)
path, digest, cache = sys.argv[1:]
ref = SliceRef(security="SYN1", path=path, digest=digest, kind="ticks")
sys.stdin.readline()
print("sum", int(open_slice(ref, Path(cache))["volume"].sum()))
"""


def test_many_processes_that_open_a_file_at_once_decode_it_once(tmp_path: Path) -> None:
    [path] = write_ticks(tmp_path, 1, days=20, seed=3, events_per_day=20_000)
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", OPENER, str(path), reference(path, cache).digest, str(cache)]
    openers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]

    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("go\n")
        opener.stdin.flush()
    said = [opener.communicate(timeout=60)[0].split("\n") for opener in openers]

    assert [opener.returncode for opener in openers] == [0] * 6
    assert sorted(line for lines in said for line in lines if line.startswith("data_")) == ["data_decoded"]
    total = int(read_ticks(path)["volume"].sum())
    assert all(f"sum {total}" in lines for lines in said)


FULL_DISK = """
import resource, sys
from pathlib import Path
from tasks.data.shared import open_slice
from tasks.data.slices import SliceRef
path, digest, cache = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
ref = SliceRef(security="SYN1", path=path, digest=digest, kind="ticks")
print(int(open_slice(ref, Path(cache))["volume"].sum()))
"""


def test_a_disk_that_is_full_costs_memory_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    [path] = write_ticks(tmp_path, 1, days=2, seed=3, events_per_day=5_000)
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", FULL_DISK, str(path), reference(path, cache).digest, str(cache)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert int(done.stdout) == int(read_ticks(path)["volume"].sum())
    assert "cannot keep the decoded SYN1" in done.stderr
    assert [left for left in (cache / "columns").iterdir() if left.is_dir()] == []
