"""What data costs: memory of one more process on the same slice, time from a file to arrays.

Held to design.md §6: the memory of all processes grows by under 5 % of the data's size for each further one.
`DECODE_SECONDS` is what reading a file of half a million ticks may take.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data.catalog import scan
from tasks.data.digest import SETTLED_SECONDS
from tasks.data.readers import read_ticks
from tasks.data.shared import open_slice
from tasks.data.synth import write_daily, write_ticks
from tests.support.bar_files import bar_reference
from tests.support.tick_files import reference

DECODE_SECONDS: Final = 0.3
SHARE_OF_DATA: Final = 0.05
PROCESSES: Final = 4

FILE_SECONDS: Final = 0.05  # to open each of 400 securities of one file once more

READER = """
import sys
from pathlib import Path
from tasks.data.shared import open_slice
from tasks.data.slices import SliceRef
path, digest, cache, kind = sys.argv[1:]
if path:
    ref = SliceRef(security="SYN1", path=path, digest=digest, kind=kind)
    ticks = open_slice(ref, Path(cache))
    for column in ticks.values():
        column.max()
print("ready", flush=True)
sys.stdin.readline()
"""

pytestmark = pytest.mark.bench


def proportional_set_size(processes: list[subprocess.Popen[str]]) -> int:
    return sum(psutil.Process(process.pid).memory_full_info().pss for process in processes)


def readers(path: str, digest: str, cache: Path, kind: str, count: int) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-c", READER, path, digest, str(cache), kind]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    return started


def growth(path: str, digest: str, cache: Path, kind: str = "ticks") -> float:
    """Bytes that each process after the first adds to the memory of all."""
    first = readers(path, digest, cache, kind, 1)
    further = []
    try:
        alone = proportional_set_size(first)
        further = readers(path, digest, cache, kind, PROCESSES - 1)
        return (proportional_set_size(first + further) - alone) / (PROCESSES - 1)
    finally:
        for process in first + further:
            process.communicate("stop\n", timeout=10)


@pytest.mark.skipif(sys.platform != "linux", reason="the proportional set size is Linux's")
def test_a_further_process_on_the_same_slice_costs_next_to_no_memory(tmp_path: Path) -> None:
    [path] = write_ticks(tmp_path, 1, days=250, seed=1, events_per_day=20_000)
    cache = tmp_path / "cache"
    ref = reference(path, cache)
    ticks = open_slice(ref, cache)
    size = sum(column.nbytes for column in ticks.values())

    without_data = growth("", "", cache)
    with_data = growth(str(path), ref.digest, cache)

    share = (with_data - without_data) / size
    print(f"\n{ticks.rows:,} rows, {size / 1e6:.0f} MB; a further process adds {100 * share:.2f} % of it")
    assert ticks.rows > 5_000_000
    assert share < SHARE_OF_DATA


@pytest.mark.skipif(sys.platform != "linux", reason="the proportional set size is Linux's")
def test_a_further_process_on_the_same_bars_costs_next_to_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "SYN1.parquet"
    rows = 2_000_000
    times = np.arange(rows) * 60 * 10**9
    prices = {name: np.linspace(1.0, 2.0, rows) for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"time": times.astype("datetime64[ns]"), **prices}), path)
    cache = tmp_path / "cache"
    ref = bar_reference(path, cache)
    size = sum(column.nbytes for column in open_slice(ref, cache).values())

    without_data = growth("", "", cache)
    with_data = growth(str(path), ref.digest, cache, "bars")

    share = (with_data - without_data) / size
    print(f"\n{rows:,} bars, {size / 1e6:.0f} MB; a further process adds {100 * share:.2f} % of it")
    assert share < SHARE_OF_DATA


def test_the_securities_of_one_file_are_opened_quickly(tmp_path: Path) -> None:
    path, _ = write_daily(tmp_path, 400, days=1000, seed=1)
    cache = tmp_path / "cache"
    time.sleep(SETTLED_SECONDS + 0.1)  # a file of this moment is read anew each time
    refs = [bar_reference(path, cache, security=name) for name in scan(path, "bars").entries]
    start = time.perf_counter()
    assert open_slice(refs[0], cache).rows == 1000
    cold = time.perf_counter() - start
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        for ref in refs:
            open_slice(ref, cache)
        seconds.append(time.perf_counter() - start)

    print(f"\n400 securities, 400,000 bars; first {cold:.3f} s, then all {min(seconds) * 1e3:.1f} ms")
    assert min(seconds) < FILE_SECONDS


def test_half_a_million_ticks_are_read_quickly(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "ticks" / "emirates.parquet"
    assert read_ticks(path)["volume"].size == 518_590
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        read_ticks(path)
        seconds.append(time.perf_counter() - start)
    ref = reference(path, tmp_path)
    start = time.perf_counter()
    open_slice(ref, tmp_path)
    cold = time.perf_counter() - start
    start = time.perf_counter()
    open_slice(ref, tmp_path)
    warm = time.perf_counter() - start

    print(f"\nread {min(seconds):.3f} s; open: first {cold:.3f} s, again {warm * 1e3:.2f} ms")
    assert min(seconds) < DECODE_SECONDS
