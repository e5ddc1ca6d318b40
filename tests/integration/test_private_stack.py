"""The private stack of one machine: it works, it mends itself, and whatever ends it, nothing of it stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from producer.run import local, standing
from producer.run.local import PrivateStack
from producer.run.standing import Stack
from tasks.errors import NotFound
from tasks.records.heartbeat import live_nodes
from tasks.settings import Settings, load
from tasks.wire.connection import connect
from tests.support.cluster import is_running, wait_until
from tests.support.sweeps import a_sweep, market_making_axes

NODE_SECONDS = 110.0  # kernels that changed are compiled first
OWNER = """
import sys, time
from producer.run.local import PrivateStack
from tasks.settings import load
stack = PrivateStack(load({"state_dir": sys.argv[1], "cores": "1"}), "try-abc123")
stack.wait_ready()
print(stack.socket, flush=True)
time.sleep(600)
"""
UP = """
import sys
from producer.run import standing
from tasks.settings import load
standing.up(load({"state_dir": sys.argv[1], "cache_dir": sys.argv[2]}), cores="1", flower=False)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"state_dir": tmp_path / "state", "cache_dir": tmp_path / "cache", "cores": "1"})


@pytest.fixture
def stack(settings: Settings) -> Iterator[PrivateStack]:
    stack = PrivateStack(settings, "try-abc123")
    try:
        stack.wait_ready()
        yield stack
    finally:
        stack.stop()


def node_lives(url: str) -> bool:
    with contextlib.closing(connect(url)) as client:
        return bool(live_nodes(client))


def processes(keeper: int) -> list[int]:
    """The keeper, the server, the node and its processes."""
    return [keeper, *(c.pid for c in psutil.Process(keeper).children(recursive=True))]


def all_there(url: str, keeper: int) -> list[int]:
    """What runs when the node has begun to work."""
    wait_until(lambda: node_lives(url), NODE_SECONDS, "a node that lives")
    found = processes(keeper)
    assert len(found) >= 4
    return found


def assert_nothing_is_left(pids: list[int], socket: Path, seconds: float = 15.0) -> None:
    wait_until(lambda: not any(map(is_running, pids)), seconds, "all processes have ended")
    wait_until(lambda: not socket.exists(), seconds, "the socket is gone")


def test_a_sweep_runs_on_it_to_the_end_and_nothing_is_left(stack: PrivateStack, tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path, stack.redis_url, market_making_axes(4), strategy="market_making")
    pids = all_there(stack.redis_url, stack._keeper.pid)

    state = sweep.follow(sweep.lead(), 30)
    stack.stop()

    assert state == "done"
    assert len(sweep.table()) == 16
    assert_nothing_is_left(pids, stack.socket, 0.1)
    assert not stack.socket.parent.exists()


def test_stopping_before_the_node_is_there_leaves_nothing(stack: PrivateStack) -> None:
    pids = processes(stack._keeper.pid)

    stack.stop()

    assert_nothing_is_left(pids, stack.socket, 0.1)
    assert not stack.socket.parent.exists()


def test_what_the_ledger_was_told_is_there_at_the_next_start_until_it_is_forgotten(
    stack: PrivateStack, settings: Settings
) -> None:
    connect(stack.redis_url).set("told", "this")
    stack.stop()

    again = PrivateStack(settings, "try-abc123")
    again.wait_ready()
    try:
        remembered = connect(again.redis_url).get("told")
    finally:
        again.stop()
    local.forget(settings, "try-abc123")

    assert remembered == b"this"
    assert not local.ledger_folder(settings, "try-abc123").exists()


def test_it_is_ready_when_a_large_ledger_of_an_earlier_run_has_been_read(
    stack: PrivateStack, settings: Settings
) -> None:
    client = connect(stack.redis_url)
    for i in range(40):
        client.set(f"part {i}", bytes(4 * 2**20))
    stack.stop()

    again = PrivateStack(settings, "try-abc123")
    again.wait_ready()
    try:
        found = connect(again.redis_url, retries=0).exists("part 39")
    finally:
        again.stop()

    assert found == 1


def test_a_server_and_a_node_that_die_are_started_again_with_what_they_knew(stack: PrivateStack) -> None:
    _, *others = all_there(stack.redis_url, stack._keeper.pid)
    client = connect(stack.redis_url)
    client.set("told", "this")
    server = int(client.info("server")["process_id"])

    os.kill(server, signal.SIGKILL)
    (node,) = (pid for pid in others if psutil.Process(pid).ppid() == stack._keeper.pid and pid != server)
    os.kill(node, signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, others)), 10, "the old ones have ended")
    wait_until(lambda: answers(stack.redis_url), 10, "a server that answers")

    assert client.get("told") == b"this"
    wait_until(lambda: len(processes(stack._keeper.pid)) >= 4, NODE_SECONDS, "a node again")


def answers(url: str) -> bool:
    with contextlib.suppress(Exception), contextlib.closing(connect(url, retries=0)) as client:
        return bool(client.ping())
    return False


def test_when_its_owner_is_killed_nothing_is_left(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", OWNER, str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as owner:
        assert owner.stdout is not None
        socket = Path(owner.stdout.readline().strip())
        (keeper,) = psutil.Process(owner.pid).children()
        pids = all_there(f"unix://{socket}", keeper.pid)

        owner.kill()

        assert_nothing_is_left(pids, socket)
        wait_until(lambda: not socket.parent.exists(), 1, "the socket's folder is gone")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process does not end with its parent")
def test_when_its_keeper_is_killed_nothing_is_left(stack: PrivateStack) -> None:
    pids = all_there(stack.redis_url, stack._keeper.pid)

    os.kill(stack._keeper.pid, signal.SIGKILL)

    assert_nothing_is_left(pids, stack.socket)
    assert stack.has_ended()
    stack.stop()
    assert not stack.socket.parent.exists()


def brought_up(settings: Settings) -> Stack:
    """By a process of its own, which ends: as `producer up` does it."""
    command = [sys.executable, "-P", "-c", UP, str(settings.state_dir), str(settings.cache_dir)]
    subprocess.run(command, check=True, timeout=60)
    stack = standing.running(settings)
    assert stack is not None
    return stack


def test_a_stack_that_is_up_is_found_by_others_and_ends_when_told(settings: Settings) -> None:
    up = brought_up(settings)
    try:
        pids = all_there(up.redis_url, up.pid)
        again = brought_up(settings)
        elsewhere = standing.running(settings.model_copy(update={"state_dir": settings.state_dir / "other"}))
    finally:
        standing.down(settings)

    assert again == up
    assert elsewhere is None
    assert standing.running(settings) is None
    assert_nothing_is_left(pids, Path(up.redis_url.removeprefix("unix://")), 0.5)
    with pytest.raises(NotFound, match="no stack is up"):
        standing.down(settings)


def test_a_stack_that_was_killed_is_not_taken_for_one_that_is_up(settings: Settings) -> None:
    up = brought_up(settings)
    pids = processes(up.pid)

    os.kill(up.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, pids)), 15, "all processes have ended")
    found = standing.running(settings)
    again = brought_up(settings)
    standing.down(settings)

    assert found is None
    assert again != up
    assert not Path(up.redis_url.removeprefix("unix://")).parent.exists()
