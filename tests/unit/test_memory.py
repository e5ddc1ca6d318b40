"""How much memory a process of a node may take, and that more of it is an error where it is asked for."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
from billiard import pool

from tasks.chunks import isolation
from workers import memory, pinning

GIB = 2**30
MIB = 2**20


@pytest.mark.parametrize(
    ("total", "processes", "share"),
    [(64 * GIB, 1, 64), (64 * GIB, 2, 48), (64 * GIB, 16, 6), (2 * GIB, 4, 1), (GIB // 2, 1, 0.5)],
)
def test_a_share_is_generous_and_never_more_than_there_is(
    monkeypatch: pytest.MonkeyPatch, total: int, processes: int, share: float
) -> None:
    monkeypatch.setattr(pinning, "memory_bytes", lambda: total)

    assert memory.share(processes) == share * GIB


def own_data_bytes() -> int:
    """What this process, which has run many tests, counts as its data already."""
    pages = Path("/proc/self/statm").read_text().split()[5]
    return int(pages) * resource.getpagesize()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a process has for itself")
def test_more_than_the_share_is_an_error_and_mapped_data_is_not_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(memory.VARIABLE, str(GIB + own_data_bytes()))
    (tmp_path / "data").touch()
    os.truncate(tmp_path / "data", 2 * GIB)

    def work() -> bytes:
        memory.limit()
        mapped = np.memmap(tmp_path / "data", np.int64, "r")
        fits = np.empty(GIB // 4, np.int8)
        try:
            np.empty(GIB, np.int8)
        except MemoryError:
            return f"{len(mapped) == GIB // 4} {len(fits)}".encode()
        return b"it had more"

    assert isolation.run(work, 20) == f"True {GIB // 4}".encode()


def test_a_lower_limit_that_somebody_set_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, str(GIB))

    def work() -> bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (GIB // 2, GIB))
        memory.limit()
        return str(resource.getrlimit(resource.RLIMIT_DATA)).encode()

    assert isolation.run(work, 20) == str((GIB // 2, GIB)).encode()


def test_a_process_that_nobody_told_a_share_is_not_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)

    def work() -> bytes:
        before = resource.getrlimit(resource.RLIMIT_DATA)
        memory.limit()
        return str(resource.getrlimit(resource.RLIMIT_DATA) == before).encode()

    assert isolation.run(work, 20) == b"True"


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="this system has no such choice")
def test_the_system_takes_a_worker_process_before_the_nodes_main_process() -> None:
    def work() -> bytes:
        Path("/proc/self/oom_score_adj").write_text("0") if os.geteuid() == 0 else None
        memory.limit()
        return Path("/proc/self/oom_score_adj").read_bytes().strip()

    chosen = int(isolation.run(work, 20))

    assert chosen >= memory.FIRST_CHOICE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a process has for itself")
def test_a_process_is_replaced_for_what_it_keeps_and_not_for_what_it_has_mapped(tmp_path: Path) -> None:
    noise = tmp_path / "data"
    noise.write_bytes(b"x" * (192 * MIB))

    def work() -> bytes:
        memory.count_own_alone()
        measured = pool.mem_rss  # what billiard compares between two tasks
        before = measured()
        mapped = np.memmap(noise, np.int8, "r")
        mapped.sum()
        with_mapped = measured() - before
        kept = np.ones(64 * MIB, np.int8)
        return f"{with_mapped * 1024 < 16 * MIB} {(measured() - before) * 1024 // len(kept)}".encode()

    assert isolation.run(work, 20) == b"True 1"


def test_a_process_may_keep_half_of_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinning, "memory_bytes", lambda: 64 * GIB)

    assert memory.most_kept_kib(16) == 3 * GIB // 1024
