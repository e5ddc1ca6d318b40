"""Worker nodes as a supervisor keeps them: one that ends is started again, each in a session of its own."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from tasks.settings import Settings
from tests.support.cluster import Cluster, WorkerNode

RESTART_SECONDS: Final = 1.0


class Crew:
    """Some nodes and who looks after them."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        environment: dict[str, str],
        *,
        nodes: int = 2,
        cores: str = "2",
        program: Sequence[str] = ("-m", "workers"),
        prefixes: Sequence[Sequence[str]] = (),
        urls: Sequence[str] = (),
    ) -> None:
        self.cluster = Cluster(settings, folder, program)
        self.environment, self.cores = environment, cores
        self.prefixes = prefixes or [()] * nodes  # of each: what starts it where it is to run
        self.urls = urls or [settings.redis_url or ""] * nodes
        self.restarts = 0
        self.nodes: list[WorkerNode] = [self._launch(i) for i in range(nodes)]
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def _launch(self, number: int) -> WorkerNode:
        told = self.environment | {"PRODUCER_REDIS_URL": self.urls[number]}
        return self.cluster.launch(self.cores, f"node{number}", self.prefixes[number], **told)

    def _supervise(self) -> None:
        while not self._ends.wait(0.1):
            for i, node in enumerate(self.nodes):
                if node.process.poll() is not None and not self._ends.wait(RESTART_SECONDS):
                    with self._lock:
                        self.nodes[i] = self._launch(i)
                        self.restarts += 1

    # what a test does to them ------------------------------------------------------------------------------

    def kill(self, number: int) -> WorkerNode:
        """The node with all its processes, as when its machine loses power."""
        node = self.nodes[number]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(node.process.pid, signal.SIGKILL)
        node.process.wait(20)
        return node

    def kill_all(self) -> None:
        for node in [*self.nodes]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(node.process.pid, signal.SIGKILL)

    def signal(self, number: int, what: signal.Signals) -> None:
        """To a node and all its processes."""
        os.killpg(self.nodes[number].process.pid, what)

    def kill_child(self, number: int, chance: random.Random | None = None) -> int | None:
        """One process that takes chunks; which one, or none where the node has none yet."""
        children = self.nodes[number].children()
        if not children:
            return None
        child = (chance or random.Random(0)).choice(children)
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
        return int(child.pid)

    def pids(self) -> list[int]:
        return [node.process.pid for node in self.nodes]

    def text(self) -> str:
        return "".join(node.text() for node in self.cluster.nodes)

    def wait_ready(self, seconds: float = 60) -> None:
        """Every node beats."""
        deadline = time.monotonic() + seconds
        while set(self.pids()) - {n.pid for n in self.cluster.beats()}:
            assert time.monotonic() < deadline, self.text()[-3000:]
            time.sleep(0.1)

    def stop(self) -> None:
        self._ends.set()
        self._thread.join(10)
        with self._lock:
            for node in self.cluster.nodes:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(node.process.pid, signal.SIGKILL)
                node.process.wait(20)


@contextmanager
def a_crew(settings: Settings, folder: Path, environment: dict[str, str], **options: Any) -> Iterator[Crew]:
    crew = Crew(settings, folder, environment, **options)
    try:
        yield crew
    finally:
        crew.stop()
