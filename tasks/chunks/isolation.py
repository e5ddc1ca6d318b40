"""A piece of work in a process of its own: whatever happens to that process, this one lives and is told why.

A fork, not a program started anew: the child has the data and the compiled kernels already. Its result comes
back through a pipe. It never outlives its parent, holds none of its parent's connections, and runs nothing on
its way out that the parent would run.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from tasks.errors import Crashed, Killed, OutOfMemory, ProcessEnded, TimeLimit

Work = Callable[[], bytes]

SET_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of prctl
WHOLE: Final = b"\x06"  # ends every result: a child may end while it writes
PIPE_BYTES: Final = 2**20
LOOK_SECONDS: Final = 1.0  # how often `meanwhile` is called
_OPEN_FILES: Final = Path("/dev/fd")
_COUNTERS: Final = Path("/proc/vmstat")


def run(work: Work, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> bytes:
    """What `work` returns, worked out in a child; `meanwhile` is called now and then while it runs.

    Raises the ProcessEnded that says how the child ended without a result.
    """
    parent, ends, kills = os.getpid(), os.pipe(), _memory_kills()
    pid = os.fork()
    if pid == 0:
        _as_child(work, parent, *ends)
    reading, writing = ends
    os.close(writing)
    status: int | None = None
    try:
        found = _read(reading, time.monotonic() + seconds, meanwhile)
        if found is None:
            raise _late(seconds)
        status = os.waitpid(pid, 0)[1]
    finally:
        os.close(reading)
        if status is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) == 0 and found.endswith(WHOLE):
        return found[: -len(WHOLE)]
    raise _ended(os.waitstatus_to_exitcode(status), _memory_kills() > kills)


def _read(reading: int, until: float, meanwhile: Callable[[], None]) -> bytes | None:
    """All that is written until nobody can write any more; None where that takes too long."""
    pieces = []
    poll = select.poll()  # not `select`: a node may have more open files than that takes
    poll.register(reading, select.POLLIN | select.POLLHUP)
    while (left := until - time.monotonic()) > 0:
        if not poll.poll(min(left, LOOK_SECONDS) * 1000):
            meanwhile()
        elif piece := os.read(reading, PIPE_BYTES):
            pieces.append(piece)
        else:
            return b"".join(pieces)
    return None


def _as_child(work: Work, parent: int, reading: int, writing: int) -> NoReturn:
    try:
        os.close(reading)
        _end_with(parent)
        _be_killed_first()
        _close_connections()
        left = memoryview(work() + WHOLE)
        while left:
            left = left[os.write(writing, left) :]
        os._exit(0)
    finally:  # nothing that the parent has registered for its own end
        os._exit(1)


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that
        os._exit(1)


def _be_killed_first() -> None:
    """Where memory runs out, the system takes this process rather than one that others depend on."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _close_connections() -> None:
    """Two processes that read from one connection would take each other's answers."""
    for path in [*_OPEN_FILES.iterdir()]:
        number = int(path.name)
        with contextlib.suppress(OSError):  # the listing's own
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                os.close(number)


def _late(seconds: float) -> TimeLimit:
    return TimeLimit(
        f"no result within {seconds:g} s (execution.timeout), in a process of its own",
        hint="raise execution.timeout if it only needs longer, else look for a loop that does not end",
    )


def _ended(code: int, memory_ran_out: bool) -> ProcessEnded:
    """`code` as Python counts: negative for a signal."""
    if code >= 0:
        return Crashed(
            f"its process ended by itself, with exit code {code}, before it had a result",
            hint="look for os._exit or exit() in the strategy or in a library that it calls",
        )
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if code != -signal.SIGKILL:
        return Crashed(
            f"its process crashed with {name}",
            hint="run this combination alone, with python -X faulthandler, to see where",
        )
    if memory_ran_out:
        return OutOfMemory(
            "the system ended its process (SIGKILL), for the machine's memory had run out",
            hint="start nodes with fewer cores: each process then has more memory",
        )
    return Killed(
        "its process was killed (SIGKILL) from outside, or by itself",
        hint="see the system's log (dmesg) for who did it, then: producer resume ID --failed",
    )


def _memory_kills() -> int:
    """How often this system has ended a process for want of memory; 0 where it does not say."""
    with contextlib.suppress(OSError):
        for line in _COUNTERS.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0
