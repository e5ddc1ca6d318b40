"""The private stack of one `submit`: Valkey from its wheel and one worker node, under a keeper that ends both
when the producer is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from producer.run import launch
from tasks.errors import ClusterUnavailable
from tasks.results.store import write_whole
from tasks.settings import Settings

SOCKET_FILE: Final = "socket"
LOCK_FILE: Final = "lock"
ENDING_SECONDS: Final = 30.0  # a stack whose producer was killed, until it has written down what it knew


class PrivateStack:
    """The stack of one `submit`; a context manager, and gone with this process whatever happens to it."""

    def __init__(self, settings: Settings, sweep_id: str, *, fresh: bool = False) -> None:
        """Raises StackHeld where another producer runs the sweep; `fresh` forgets an earlier ledger."""
        self.settings = settings
        self.folder = ledger_folder(settings, sweep_id)
        self.socket = launch.socket_path(sweep_id)
        self.redis_url = f"unix://{self.socket}"
        with _locked(self.folder) as lock:
            if fresh:
                for file in self.folder.iterdir():
                    if file.name != LOCK_FILE:
                        shutil.rmtree(file) if file.is_dir() else file.unlink()
            self._keeper = launch.start(
                settings, self.folder, self.socket, settings.cores, stay=False, held=(lock,)
            )
        write_whole(self.folder / SOCKET_FILE, str(self.socket).encode())

    def wait_ready(self) -> None:
        """Returns when the server answers; the node may still be warming up."""
        launch.wait_ready(self._keeper, self.folder)

    def has_ended(self) -> bool:
        return self._keeper.poll() is not None

    def check(self) -> None:
        """Raises ClusterUnavailable where the stack has ended, with what its node said last."""
        if self.has_ended():
            raise launch.ended(self.folder)

    def stop(self, *, drain: bool = False) -> None:
        """Ends server and node; the ledger's folder stays until `forget`."""
        keeper = self._keeper
        with contextlib.suppress(OSError), keeper:  # leaving it closes the pipes and waits
            if keeper.stdin is not None and not keeper.stdin.closed:
                keeper.stdin.write(b"drain" if drain else b"stop")
        shutil.rmtree(self.socket.parent, ignore_errors=True)  # left there by a keeper that was killed


class StackHeld(Exception):
    """Another producer runs this sweep on a private stack."""


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The ledger's folder, for one producer at a time: two servers on one append-only file would spoil it.

    A keeper that is given the lock has it until it ends: a producer that was killed is waited for.
    """
    until = time.monotonic() + ENDING_SECONDS
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_nlink:  # else its owner has just removed it, with the folder
                os.ftruncate(lock, 0)
                os.pwrite(lock, str(os.getpid()).encode(), 0)
                yield lock
                return
        except BlockingIOError:
            if _runs(_noted_pid(folder)):
                raise StackHeld from None
            if time.monotonic() > until:
                raise ClusterUnavailable(
                    "the private stack of an earlier run has not ended", hint=f"see {folder}/keeper.log"
                ) from None
        finally:
            os.close(lock)
        time.sleep(0.05)


def owner(settings: Settings, sweep_id: str) -> int | None:
    """The producer that runs the sweep on a private stack, if one does."""
    pid = _noted_pid(ledger_folder(settings, sweep_id))
    return pid if _runs(pid) else None


def _noted_pid(folder: Path) -> int:
    try:
        return int((folder / LOCK_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def _runs(pid: int) -> bool:
    try:
        return pid > 0 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ledger_folder(settings: Settings, sweep_id: str) -> Path:
    return settings.state_dir / "stacks" / sweep_id


def private_url(settings: Settings, sweep_id: str) -> str | None:
    """Where the private stack of a submit that still runs, in another terminal perhaps, is to be reached."""
    try:
        socket = (ledger_folder(settings, sweep_id) / SOCKET_FILE).read_text(encoding="utf-8")
    except OSError:
        return None
    return f"unix://{socket}" if Path(socket).exists() else None


def forget(settings: Settings, sweep_id: str) -> None:
    """The ledger of a sweep that is complete, or is to begin afresh."""
    shutil.rmtree(ledger_folder(settings, sweep_id), ignore_errors=True)
