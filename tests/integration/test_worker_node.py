"""A node as a real process: on its cores, one thread each, and nothing is lost with one that dies."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Cluster, a_cluster, is_running, wait_until
from tests.support.sweeps import Sweep, a_sweep, market_making_axes
from tests.support.tiny_strategy import PAUSE, STARTED, THREADS

INTERVALS = 20


@pytest.fixture
def sweep(tmp_path: Path, redis_url: str) -> Sweep:
    """Eighty backtests in forty chunks."""
    return a_sweep(tmp_path, redis_url, market_making_axes(INTERVALS), strategy="market_making", size=2)


@pytest.fixture
def cluster(sweep: Sweep, tmp_path: Path) -> Iterator[Cluster]:
    with a_cluster(sweep.settings, tmp_path / "nodes") as cluster:
        yield cluster


@pytest.fixture
def tiny_sweep(tmp_path: Path, tiny: Path, redis_url: str) -> Sweep:
    """Eighty backtests in sixteen chunks, of a strategy that waits while the file `pause` is there."""
    return a_sweep(tmp_path, redis_url, {"x": range(40)})


def test_a_node_is_pinned_says_so_and_does_a_sweep_to_the_end(sweep: Sweep, cluster: Cluster) -> None:
    cores = sorted(os.sched_getaffinity(0))[:2]
    node = cluster.start(cores=",".join(map(str, cores)), name="tested")

    state = sweep.follow(sweep.lead(), 30)

    assert state == "done"
    assert len(sweep.table()) == 4 * INTERVALS
    (beat,) = cluster.beats()
    assert (beat.name.partition("@")[0], beat.slots, beat.pid) == ("tested", len(cores), node.process.pid)
    assert f"on cores {beat.cores}: ready" in node.text()
    assert sorted(c.cpu_affinity() for c in node.children()) == [[core] for core in cores]


def test_the_bytes_are_those_of_one_process_that_does_it_all(
    sweep: Sweep, cluster: Cluster, tmp_path: Path, redis_url: str
) -> None:
    cluster.start()
    sweep.follow(sweep.lead(), 30)
    alone = a_sweep(
        tmp_path / "alone",
        redis_url,
        market_making_axes(INTERVALS),
        strategy="market_making",
        size=1000,
        seed=1,
    )

    alone.run_all()
    alone.follow(alone.lead(), 10)

    assert sweep.content() == alone.content()


def test_a_process_that_is_killed_in_the_middle_of_a_chunk_loses_nothing(
    tiny_sweep: Sweep, tiny: Path, tmp_path: Path, redis_url: str
) -> None:
    started, pause = tmp_path / "started", tmp_path / "pause"
    pause.touch()
    environment = {"PYTHONPATH": str(tiny), STARTED: str(started), PAUSE: str(pause)}
    undisturbed = a_sweep(tmp_path / "alone", redis_url, {"x": range(40)}, size=1000, seed=1)
    undisturbed.run_all()
    undisturbed.follow(undisturbed.lead(), 10)

    with a_cluster(tiny_sweep.settings, tmp_path / "nodes") as cluster:
        cluster.start(**environment)
        lead = tiny_sweep.lead()
        lead.step()
        wait_until(lambda: len(notes(started)) == 2, 10, "both processes have a chunk")
        os.kill(notes(started)[0]["pid"], signal.SIGKILL)
        pause.unlink()
        state = tiny_sweep.follow(lead, 30)

    assert state == "done"
    assert tiny_sweep.content() == undisturbed.content()
    assert len(notes(started)) == len(tiny_sweep.plan.chunks) + 1
    assert [*lost(tiny_sweep).values()] == [1]
    for note in notes(started):
        assert note["threads"] == {**dict.fromkeys(THREADS, "1"), "arrow": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process does not end with its parent")
def test_a_nodes_processes_end_with_it_and_another_node_takes_their_chunks(
    tiny_sweep: Sweep, tiny: Path, tmp_path: Path
) -> None:
    started, pause = tmp_path / "started", tmp_path / "pause"
    pause.touch()
    environment = {"PYTHONPATH": str(tiny), STARTED: str(started), PAUSE: str(pause)}
    lead = tiny_sweep.lead()

    with a_cluster(tiny_sweep.settings, tmp_path / "nodes") as cluster:
        first = cluster.start(name="first", **environment)
        lead.step()
        wait_until(lambda: len(notes(started)) == 2, 10, "both processes have a chunk")
        os.kill(first.process.pid, signal.SIGKILL)
        held = [note["pid"] for note in notes(started)]
        wait_until(lambda: not any(map(is_running, held)), 2, "its processes have ended")
        pause.unlink()
        cluster.start(name="second", **environment)
        state = tiny_sweep.follow(lead, 30)

    assert state == "done"
    assert tiny_sweep.ledger.totals().ok == 80
    assert lost(tiny_sweep) == {}  # no chunk is to blame


def lost(sweep: Sweep) -> dict[str, int]:
    """Processes that ended while they had the chunk, and their node did not."""
    found = sweep.ledger.client.hgetall(sweep.ledger.key("lost"))
    return {chunk.decode(): int(count) for chunk, count in found.items()}


def notes(started: Path) -> list[dict[str, Any]]:
    """Where the strategy has run so far."""
    return [json.loads(line) for line in started.read_text().splitlines()] if started.exists() else []
