"""A process of its own for a piece of work: its result comes back, and its end is told apart by its cause."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tasks.chunks import isolation
from tasks.errors import Crashed, Killed, ProcessEnded, TimeLimit
from tests.support.cluster import is_running, wait_until
from tests.support.tiny_strategy import DEADLY, ENDLESS, FAULTS

PLENTY = 20.0
ENDED = {
    "die": (Killed, "SIGKILL"),
    "exit": (Crashed, "exit code 0"),
    "segfault": (Crashed, "SIGSEGV"),
    "abort": (Crashed, "SIGABRT"),
}
PARENT = """
import os, sys, time
from pathlib import Path
from tasks.chunks import isolation

def work():
    Path(sys.argv[1]).write_text(str(os.getpid()))
    time.sleep(1000)
    return b""

isolation.run(work, 1000)
"""


def doing(way: str) -> isolation.Work:
    def work() -> bytes:
        FAULTS[way]()
        return b"nothing happened"

    return work


@pytest.mark.parametrize("result", [b"", b"short", b"\x06", bytes(5_000_000)])
def test_a_result_of_any_length_comes_back(result: bytes) -> None:
    assert isolation.run(lambda: result, PLENTY) == result


@pytest.mark.parametrize("way", DEADLY)
def test_a_process_that_ends_without_a_result_says_how(way: str) -> None:
    kind, word = ENDED[way]

    with pytest.raises(kind, match=word) as error:
        isolation.run(doing(way), PLENTY)

    assert error.value.hint


@pytest.mark.parametrize("way", ENDLESS)
def test_a_process_that_does_not_end_is_ended(way: str) -> None:
    before, begun = psutil.Process().children(), time.monotonic()

    with pytest.raises(TimeLimit, match=r"within 0\.1 s"):
        isolation.run(doing(way), 0.1)

    assert time.monotonic() - begun < 5
    assert psutil.Process().children() == before


def test_half_a_result_is_none() -> None:
    def work() -> bytes:
        for number in range(3, 100):  # the pipe is among them
            with contextlib.suppress(OSError):
                os.write(number, b"half")
        os._exit(0)

    with pytest.raises(ProcessEnded):
        isolation.run(work, PLENTY)


def test_a_process_has_none_of_the_connections_of_its_parent() -> None:
    ours, theirs = socket.socketpair()

    def work() -> bytes:
        try:
            os.fstat(ours.fileno())
        except OSError:
            return b"closed"
        return b"open"

    with ours, theirs:
        assert isolation.run(work, PLENTY) == b"closed"
        ours.sendall(b"still here")
        assert theirs.recv(100) == b"still here"


def test_nothing_that_is_due_at_the_parents_end_is_done(tmp_path: Path) -> None:
    atexit.register((tmp_path / "ended").touch)
    try:
        isolation.run(lambda: b"", PLENTY)
    finally:
        atexit.unregister((tmp_path / "ended").touch)

    assert not (tmp_path / "ended").exists()


def test_a_process_does_not_outlive_its_parent(tmp_path: Path) -> None:
    told = tmp_path / "child"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(told)], cwd=Path(__file__).parents[2])
    try:
        wait_until(lambda: told.exists() and told.read_text(), 20, "a child")
        child = int(told.read_text())
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)

    wait_until(lambda: not is_running(child), 5, "the end of the child")


def test_the_parent_is_heard_of_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "LOOK_SECONDS", 0.01)
    heard: list[None] = []

    with pytest.raises(TimeLimit):
        isolation.run(doing("sleep"), 0.1, lambda: heard.append(None))

    assert heard
