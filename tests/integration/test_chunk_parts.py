"""Where a chunk's result goes: Redis or the work folder, whichever will have it, also when one is away."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.chunks import chunk
from tasks.results import codec, store
from tests.support.broker import free_port, valkey_program, wait_until_it_answers
from tests.support.cluster import wait_until
from tests.support.sweeps import Sweep, a_sweep
from tests.support.tiny_strategy import PAUSE, STARTED

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture
def sweep(tmp_path: Path, redis_url: str) -> Sweep:
    """Ten values of x on two securities, in chunks of five."""
    return a_sweep(tmp_path, redis_url, {"x": range(10)})


def test_a_part_with_traces_is_a_file_and_not_in_redis(tmp_path: Path, redis_url: str) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(5)}, keep=("trades",))

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert receipt.file is not None
    assert sweep.ledger.part(sweep.plan.chunks[0].name) is None
    kept = codec.decode(store.read_part(sweep.results, receipt.file), receipt.sha256)
    assert kept["trades"]["x"].to_pylist() == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4]


def test_a_part_with_traces_goes_to_redis_where_the_folder_is_not_seen(
    tmp_path: Path, redis_url: str
) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(5)}, keep=("trades",))
    store.mark(sweep.results, "another sweep")

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert receipt.file is None
    assert len(codec.decode(sweep.part(sweep.plan.chunks[0]))["trades"]) == 10


def test_a_part_goes_to_redis_where_something_else_stands_in_its_folders_place(
    tmp_path: Path, redis_url: str
) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(5)}, keep=("trades",))
    (sweep.work / "parts").write_text("not a folder")

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert receipt.file is None
    assert receipt.ok == 5


def test_a_result_too_large_for_redis_is_a_failure_that_says_so(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "REDIS_MOST_BYTES", 100)
    store.mark(sweep.results, "another sweep")

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert receipt.error.startswith("PartTooLarge")
    assert receipt.failed == 5


def test_a_trace_that_raises_fails_its_combination_and_leaves_no_row_of_it_in_any_table(
    tmp_path: Path, redis_url: str
) -> None:
    axes = {"x": (1, 2), "way": ("count", "trace raises")}
    sweep = a_sweep(tmp_path, redis_url, axes, securities=1, size=100, keep=("trades", "signals"))

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert receipt.file is not None
    found = codec.decode(store.read_part(sweep.results, receipt.file))
    good = found["summary"]["combination"].to_pylist()[::2]
    assert found["summary"]["status"].to_pylist() == ["ok", "failed"] * 2
    assert found["trades"]["combination"].unique().to_pylist() == good
    assert found["signals"]["combination"].to_pylist() == good


def test_a_result_waits_out_a_redis_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "COMMIT_PAUSE_SECONDS", 0.01)
    monkeypatch.setenv(STARTED, str(tmp_path / "started"))
    monkeypatch.setenv(PAUSE, str(tmp_path / "pause"))
    (tmp_path / "pause").touch()
    port = free_port()

    with ThreadPoolExecutor(1) as pool:
        with a_server_with_memory(tmp_path, port):
            sweep = a_sweep(tmp_path, f"redis://127.0.0.1:{port}/0", {"x": range(5)})
            running = pool.submit(sweep.run, sweep.plan.chunks[0])
            wait_until((tmp_path / "started").exists, 10, "the strategy runs")
        (tmp_path / "pause").unlink()
        with contextlib.suppress(TimeoutError):
            running.result(0.5)
        with a_server_with_memory(tmp_path, port):
            receipt = running.result(20)
            totals = sweep.ledger.totals()

    assert receipt is not None
    assert (receipt.ok, totals.chunks) == (5, 1)


@contextmanager
def a_server_with_memory(folder: Path, port: int) -> Iterator[None]:
    """Valkey on this port, with all that the one before it was told."""
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    command = [str(valkey_program()), *settings, "--appendonly", "yes", "--logfile", "server.log"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as server:
        try:
            wait_until_it_answers(server, port)
            yield
        finally:
            server.terminate()
