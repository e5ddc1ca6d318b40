"""A disk that fills up: a clear word with the path and what to do, nothing half-written, and a resume that
completes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.data.synth import write_ticks
from tests.support import plugin, tiny_strategy
from tests.support.cli import Desk, a_desk
from tests.support.fault.disk import SmallDisk, a_small_disk

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

TABLES = ("summary.parquet", "failures.parquet", "trades.parquet")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with a_small_disk(tmp_path / "small", 2048) as disk:
        yield disk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    write_ticks(tmp_path / "ticks", 2, days=1, seed=5)
    told = {
        "PYTHONPATH": str(plugin.install(tmp_path / "plugin")),
        "PRODUCER_CORES": "1",
        tiny_strategy.STARTED: str(tmp_path / "started"),
    }
    with a_desk(tmp_path / "desk", **told) as desk:
        yield desk


def spec(tmp_path: Path, results: Path | str, **more: Any) -> dict[str, Any]:
    return {
        "name": "full",
        "strategy": "tiny",
        "data": {"source": str(tmp_path / "ticks"), "kind": "ticks"},
        "parameters": {"x": {"min": 0, "max": 19}},
        "execution": {"chunk": 5},
        "output": {"keep": ["summary", "trades"], "dir": str(results)},
        **more,
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


def starts(tmp_path: Path) -> int:
    return len((tmp_path / "started").read_text().splitlines())


def half_written(folder: Path) -> list[str]:
    return [p.name for p in folder.rglob(".*") if p.is_file()]


@pytest.fixture
def undisturbed(desk: Desk, tmp_path: Path) -> dict[str, bytes]:
    document = desk.submit(desk.write(spec(tmp_path, tmp_path / "good" / "{id}", name="good")))
    (tmp_path / "started").unlink()
    return contents(Path(document["results"]))


@pytest.mark.parametrize("left", [0, 16 * 1024, 40 * 1024])
def test_a_full_results_folder_is_told_with_its_path_and_resumed_when_there_is_space(
    desk: Desk, disk: SmallDisk, tmp_path: Path, undisturbed: dict[str, bytes], left: int
) -> None:
    disk.fill(left)
    file = desk.write(spec(tmp_path, disk.path / "results"))

    refused = desk.run("submit", file)
    lines = refused.err.splitlines()
    leftover = half_written(disk.path)
    ran = starts(tmp_path) if (tmp_path / "started").exists() else 0
    disk.free()
    done = desk.run("resume" if left else "submit", *([] if left else [file]), "--json")

    assert refused.code == 2, refused.err
    (error,) = (line for line in lines if line.startswith("error: "))
    assert error == f"error: results folder {disk.path}/results cannot be written: No space left on device"
    assert "hint: free some space" in refused.err
    assert "Traceback" not in refused.err
    assert leftover == []
    assert not (disk.path / "results" / "manifest.json").exists() or done.code == 0
    assert done.code == 0, done.err
    assert contents(disk.path / "results") == undisturbed
    assert ran in (0, 8)
    assert starts(tmp_path) == 8  # no chunk twice


def test_a_full_cache_costs_time_and_nothing_else(
    desk: Desk, disk: SmallDisk, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    disk.fill()
    file = desk.write(spec(tmp_path, tmp_path / "results"))

    answer = desk.run("submit", file, "--json", PRODUCER_CACHE_DIR=str(disk.path / "cache"))

    assert answer.code == 0, answer.err
    assert contents(tmp_path / "results") == undisturbed
    assert half_written(disk.path) == []
