"""The stack that `producer up` keeps running on this machine until `producer down`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import psutil
import redis

from producer.run import launch
from tasks import names
from tasks.errors import NotFound
from tasks.records.heartbeat import live_nodes
from tasks.results.store import write_whole
from tasks.settings import Settings
from tasks.wire.connection import connect, translated

UP_FILE: Final = "up.json"
NODE_SECONDS: Final = 300.0  # a node that compiles its kernels for the first time, on a busy machine
DRAIN_SECONDS: Final = 660.0  # the longest chunk and then some


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running stack of this machine."""

    redis_url: str
    pid: int
    """The keeper's."""
    flower_url: str | None = None
    flower_pid: int | None = None


def up(settings: Settings, *, cores: str | None, flower: bool) -> Stack:
    """Keeps a stack running in the background; the one that runs already, where there is one."""
    if stack := running(settings):
        return stack
    _clear_up(settings)
    folder, socket = settings.state_dir / "stacks" / "up", launch.socket_path("up-" + str(settings.state_dir))
    keeper = launch.start(settings, folder, socket, cores or settings.cores, stay=True)
    launch.wait_ready(keeper, folder)
    stack = Stack(redis_url=f"unix://{socket}", pid=keeper.pid)
    _wait_for_node(keeper, stack.redis_url, folder)
    if flower:
        from producer.run import flower as flower_  # Celery with it, which commands that only look do without

        port, pid = flower_.beside(settings, stack.redis_url, folder)
        stack = replace(stack, flower_url=f"http://127.0.0.1:{port}", flower_pid=pid)
    write_whole(settings.state_dir / UP_FILE, json.dumps(asdict(stack)).encode())
    return stack


def running(settings: Settings) -> Stack | None:
    """The stack that `producer up` started, if it is still there."""
    stack = _noted(settings)
    return stack if stack is not None and _is_keeper(stack.pid) else None


def _noted(settings: Settings) -> Stack | None:
    try:
        return Stack(**json.loads((settings.state_dir / UP_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _clear_up(settings: Settings) -> None:
    """What a stack left whose keeper was killed: its socket's folder."""
    if stack := _noted(settings):
        folder = Path(stack.redis_url.removeprefix("unix://")).parent
        if folder.name.startswith(f"{names.DISTRIBUTION}-{os.getuid()}-"):
            shutil.rmtree(folder, ignore_errors=True)
        (settings.state_dir / UP_FILE).unlink(missing_ok=True)


def down(settings: Settings, now: bool = False) -> None:
    """Drains the stack of `producer up` and ends it; `now` ends it at once, chunks in hand run again
    later.
    """
    stack = running(settings)
    if stack is None:
        raise NotFound("no stack is up on this machine", hint="start one with: producer up")
    if stack.flower_pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(stack.flower_pid, signal.SIGTERM)
    keeper = psutil.Process(stack.pid)
    if now:
        for child in keeper.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "workers" in child.cmdline():
                    child.kill()
    keeper.terminate()
    keeper.wait(DRAIN_SECONDS)
    (settings.state_dir / UP_FILE).unlink(missing_ok=True)


def _wait_for_node(keeper: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    """Until the node takes work, so that a submit right after finds it."""
    until = time.monotonic() + NODE_SECONDS
    with connect(url, retries=0) as client, translated(url):
        while keeper.poll() is None and time.monotonic() < until:
            with contextlib.suppress(redis.ConnectionError):  # the keeper is about to end, and says why
                if live_nodes(client):
                    return
            time.sleep(0.05)
    if keeper.poll() is not None:
        raise launch.ended(folder)


def _is_keeper(pid: int) -> bool:
    try:
        return "producer.run.keeper" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
