"""Worker nodes as processes in sessions of their own, against a given Redis; all end with the block."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from tasks.records.heartbeat import Node, live_nodes
from tasks.settings import Settings, as_environment
from tasks.wire.connection import connect

READY_SECONDS: Final = 110.0  # kernels that changed are compiled first


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Fails with `what` where the condition does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """A process that has ended but was not waited for does not run."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class WorkerNode:
    """One node: its main process, and what it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def children(self) -> list[psutil.Process]:
        """The processes that take chunks, the longest-lived first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return sorted(psutil.Process(self.process.pid).children(), key=lambda c: c.create_time())
        return []

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """The node and all its processes."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
            self.process.wait(20)


class Cluster:
    def __init__(self, settings: Settings, folder: Path, program: Sequence[str] = ("-m", "workers")) -> None:
        self.settings = settings
        self.program = program
        self.folder = folder
        self.client = connect(settings.redis_url or "")
        self.nodes: list[WorkerNode] = []

    def start(self, cores: str = "2", name: str | None = None, **environment: str) -> WorkerNode:
        """A node that has said that it lives."""
        node = self.launch(cores, name, (), **environment)
        wait_until(lambda: self._lives(node), READY_SECONDS, f"a node that beats; it wrote: {node.text()}")
        return node

    def launch(
        self, cores: str = "2", name: str | None = None, prefix: Sequence[str] = (), **environment: str
    ) -> WorkerNode:
        """A node that is about to begin; the words of `prefix` start it where it is to run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / f"node-{len(self.nodes)}.log"
        command = [*prefix, sys.executable, "-P", *self.program, "--cores", cores]
        command += ["--name", name] if name else []
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **as_environment(self.settings), **environment},
                cwd=self.folder,
                start_new_session=True,
            )
        node = WorkerNode(process, log)
        self.nodes.append(node)
        return node

    def beats(self) -> list[Node]:
        return live_nodes(self.client)

    def _lives(self, node: WorkerNode) -> bool:
        assert node.process.poll() is None, f"the node ended at once: {node.text()}"
        return any(n.pid == node.process.pid for n in self.beats())


@contextmanager
def a_cluster(settings: Settings, folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(settings, folder)
    try:
        yield cluster
    finally:
        for node in cluster.nodes:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(node.process.pid, signal.SIGKILL)
            node.process.wait(20)
