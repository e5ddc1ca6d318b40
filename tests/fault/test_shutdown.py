"""A17: a node that is told to end finishes what it can within its grace time, and puts the rest back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tasks import names
from tasks.wire.celery_app import make_app
from tests.support import plugin
from tests.support.broker import running_broker, valkey_program
from tests.support.cluster import WorkerNode, a_cluster, is_running, wait_until
from tests.support.sweeps import Sweep, a_sweep
from tests.support.tiny_strategy import PAUSE, STARTED

GRACE_SECONDS: Final = 1.5
SPARE_SECONDS: Final = 5.0  # takes 1 to 2 s on a quiet machine
NEVER_SECONDS: Final = 600.0  # a lease that does not end within a test: what comes back was put back


def sent(*signals: signal.Signals) -> Callable[[WorkerNode, Sweep], None]:
    def tell(node: WorkerNode, _: Sweep) -> None:
        for number in signals:
            os.kill(node.process.pid, number)
            time.sleep(0.2)  # two of one kind at once are one to the kernel

    return tell


def asked(node: WorkerNode, sweep: Sweep) -> None:
    make_app(sweep.settings).control.shutdown()


def asked_now(node: WorkerNode, sweep: Sweep) -> None:
    make_app(sweep.settings).control.broadcast("shutdown", arguments={"now": True})


DRAINS: Final = {"SIGTERM": sent(signal.SIGTERM), "SIGINT": sent(signal.SIGINT), "stop": asked}
ENDS: Final = {
    "SIGQUIT": sent(signal.SIGQUIT),
    "SIGINT twice": sent(signal.SIGINT, signal.SIGINT),
    "SIGTERM and SIGQUIT": sent(signal.SIGTERM, signal.SIGQUIT),
    "stop --now": asked_now,
}


def one_quick(ways: Iterable[str]) -> list[Any]:
    """SIGTERM in every run, the others with the faults."""
    return [pytest.param(w, marks=() if w == "SIGTERM" else pytest.mark.fault) for w in ways]


class Scene:
    """A node with a chunk in each of its two processes, which wait for the file `pause` to go."""

    def __init__(self, folder: Path, tiny: Path, sweep: Sweep) -> None:
        self.sweep = sweep
        self.started, self.pause = folder / "started", folder / "pause"
        self.environment = {"PYTHONPATH": str(tiny), STARTED: str(self.started), PAUSE: str(self.pause)}

    def begin(self, node: WorkerNode) -> None:
        self.pause.touch()
        self.sweep.lead().step()
        wait_until(lambda: self.starts() >= 2 and len(self.counted()) >= 2, 10, "two chunks in hand")
        assert node.process.poll() is None

    def starts(self) -> int:
        return len(self.started.read_text().splitlines()) if self.started.exists() else 0

    def counted(self) -> dict[bytes, bytes]:
        """Starts by chunk, where there are any."""
        found = self.sweep.ledger.client.hgetall(self.sweep.ledger.key("att"))
        return {chunk: starts for chunk, starts in found.items() if starts != b"0"}

    def held(self) -> int:
        return int(self.sweep.ledger.client.hlen(names.PREFIX + "unacked"))


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    folder = plugin.install(tmp_path / "plugin")
    with plugin.on_the_path(folder):
        yield folder


@pytest.fixture
def scene(tmp_path: Path, tiny: Path, redis_url: str) -> Scene:
    return a_scene(tmp_path, tiny, redis_url)


def a_scene(tmp_path: Path, tiny: Path, redis_url: str, way: str = "count") -> Scene:
    """Eighty backtests in sixteen chunks."""
    sweep = a_sweep(tmp_path, redis_url, {"x": range(40), "way": (way,)})
    changed = {"grace_seconds": GRACE_SECONDS, "lease_seconds": NEVER_SECONDS, "warm": "tiny"}
    return Scene(tmp_path, tiny, replace(sweep, settings=sweep.settings.model_copy(update=changed)))


@pytest.mark.parametrize("how", one_quick(DRAINS))
def test_chunks_that_end_within_the_grace_time_are_kept(scene: Scene, how: str, tmp_path: Path) -> None:
    with a_cluster(scene.sweep.settings, tmp_path / "nodes") as cluster:
        node = cluster.start(**scene.environment)
        scene.begin(node)

        DRAINS[how](node, scene.sweep)
        time.sleep(0.3)
        scene.pause.unlink()
        wait_until(lambda: node.process.poll() is not None, GRACE_SECONDS + SPARE_SECONDS, "the node's end")

        assert node.process.returncode == 0
        assert scene.sweep.ledger.totals().chunks == scene.starts() == 2
        assert (scene.sweep.queued(), scene.held()) == (14, 0)
        assert cluster.beats() == []
        cluster.start(**scene.environment)
        assert scene.sweep.follow(scene.sweep.lead(), 30) == "done"
    assert scene.starts() == 16


@pytest.mark.parametrize("how", one_quick([*DRAINS, *ENDS]))
def test_chunks_that_do_not_end_are_back_in_the_queue_and_count_no_start(
    scene: Scene, how: str, tmp_path: Path
) -> None:
    grace = GRACE_SECONDS if how in DRAINS else 0.0

    with a_cluster(scene.sweep.settings, tmp_path / "nodes") as cluster:
        node = cluster.start(**scene.environment)
        scene.begin(node)
        workers = [child.pid for child in node.children()]

        told = time.monotonic()
        (DRAINS | ENDS)[how](node, scene.sweep)
        wait_until(lambda: node.process.poll() is not None, grace + SPARE_SECONDS, "the node's end")
        took = time.monotonic() - told

        assert took >= grace
        assert node.process.returncode == 0
        assert not any(map(is_running, workers))
        assert (scene.sweep.queued(), scene.held()) == (16, 0)
        assert scene.counted() == {}
        scene.pause.unlink()
        cluster.start(**scene.environment)
        assert scene.sweep.follow(scene.sweep.lead(), 30) == "done"
    assert scene.starts() == 18
    assert scene.sweep.ledger.totals().ok == 80


@pytest.mark.fault
def test_chunks_in_code_that_hears_no_signal_are_put_back_too(
    tmp_path: Path, tiny: Path, redis_url: str
) -> None:
    scene = a_scene(tmp_path, tiny, redis_url, way="stuck")
    with a_cluster(scene.sweep.settings, tmp_path / "nodes") as cluster:
        node = cluster.start(**scene.environment)
        scene.begin(node)
        scene.pause.unlink()
        time.sleep(0.2)  # they look every 10 ms; then they are stuck
        workers = [child.pid for child in node.children()]

        os.kill(node.process.pid, signal.SIGQUIT)
        wait_until(lambda: node.process.poll() is not None, SPARE_SECONDS, "the node's end")

        assert not any(map(is_running, workers))
        assert (scene.sweep.queued(), scene.held()) == (16, 0)
        assert scene.counted() == {}


def test_an_idle_node_ends_at_once(scene: Scene, tmp_path: Path) -> None:
    with a_cluster(scene.sweep.settings, tmp_path / "nodes") as cluster:
        node = cluster.start(**scene.environment)

        os.kill(node.process.pid, signal.SIGTERM)

        wait_until(lambda: node.process.poll() is not None, SPARE_SECONDS, "the node's end")
        assert node.process.returncode == 0


def test_a_node_whose_server_is_away_ends_too(tmp_path: Path, tiny: Path) -> None:
    with ExitStack() as server:
        broker = server.enter_context(running_broker(valkey_program(), tmp_path))
        scene = a_scene(tmp_path, tiny, broker.fresh_url())
        with a_cluster(scene.sweep.settings, tmp_path / "nodes") as cluster:
            node = cluster.start(**scene.environment)
            scene.begin(node)
            workers = [child.pid for child in node.children()]
            server.close()
            wait_until(lambda: "Trying again" in node.text(), 15, "a node that looks for its server")

            os.kill(node.process.pid, signal.SIGTERM)

            wait_until(lambda: node.process.poll() is not None, GRACE_SECONDS + SPARE_SECONDS, "its end")
            assert not any(map(is_running, workers))
