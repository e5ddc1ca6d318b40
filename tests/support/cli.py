"""The real `producer` as a user types it: a process in a folder of its own, with its own state and sockets.

Whatever a call starts inherits a mark in its environment, so that a test can ask what is still running of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import redis

from tasks.records.heartbeat import live_nodes
from tasks.records.ledger import Ledger, open_sweeps
from tasks.wire.connection import connect
from tests.support.cluster import wait_until

PROGRAM: Final = Path(sys.executable).with_name("producer")
MARK: Final = "SWEEPFLEET_TEST_MARK"
SECONDS: Final = 100.0  # with kernels to compile first; below the time limit of a test
OURS: Final = ("PRODUCER_", "XDG_", "SWEEPFLEET_", "CELERY_", "COLUMNS", "NO_COLOR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call gave back."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        (line,) = self.out.splitlines()
        return dict(json.loads(line))


class Running:
    """A call that was not waited for."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process, self._out, self._err = process, out, err

    @property
    def pid(self) -> int:
        return self.process.pid

    def text(self) -> str:
        return self._out.read_text() + self._err.read_text()

    def interrupt(self) -> None:
        """Ctrl-C on a terminal: all processes in its foreground are told, not only the first."""
        os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def answer(self, seconds: float = SECONDS) -> Answer:
        return Answer(code=self.process.wait(seconds), out=self._out.read_text(), err=self._err.read_text())


class Desk:
    """A user's folder, and the program called in it. Everything that it started ends with `close`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder / "work"
        self.state, self.cache = folder / "state", folder / "cache"
        self.folder.mkdir(parents=True)
        self.sockets = Path(tempfile.mkdtemp(prefix="sf-"))  # short: a socket's path holds some 100 bytes
        self.mark = uuid.uuid4().hex
        self.calls: list[Running] = []
        self.prefix: tuple[str, ...] = ()  # words that start a call where it is to run
        kept = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        self.environment = kept | {
            "PRODUCER_STATE_DIR": str(self.state),
            "PRODUCER_CACHE_DIR": str(self.cache),
            "PRODUCER_CONFIG": str(folder / "no-config.toml"),
            "XDG_RUNTIME_DIR": str(self.sockets),
            MARK: self.mark,
            **environment,
        }

    # calls -------------------------------------------------------------------------------------------------

    def run(self, *words: object, seconds: float = SECONDS, **environment: str) -> Answer:
        """One call to its end; stdin is closed, as in a script."""
        done = subprocess.run(
            [str(PROGRAM), *map(str, words)],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Answer(code=done.returncode, out=done.stdout, err=done.stderr)

    def start(self, *words: object, **environment: str) -> Running:
        """A call left to itself, in a session of its own."""
        out, err = (self.folder.parent / f"call-{len(self.calls)}.{end}" for end in ("out", "err"))
        with out.open("wb") as to_out, err.open("wb") as to_err:
            process = subprocess.Popen(
                [*self.prefix, str(PROGRAM), *map(str, words)],
                cwd=self.folder,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                start_new_session=True,
            )
        self.calls.append(Running(process, out, err))
        return self.calls[-1]

    def submit(self, *words: object, code: int = 0, **environment: str) -> dict[str, Any]:
        """A submit that must end with `code`; its JSON document."""
        answer = self.run("submit", *words, "--json", seconds=SECONDS, **environment)
        assert answer.code == code, answer.err
        return answer.document

    def start_node(self, url: str, cores: object = 2, **environment: str) -> Running:
        """`producer worker start`, once it has said that it lives."""
        node = self.start("worker", "start", "--redis", url, "--cores", cores, **environment)

        def lives() -> bool:
            assert node.process.poll() is None, node.text()
            return any(n.pid == node.pid for n in live_nodes(connect(url)))

        wait_until(lives, SECONDS, "a node that beats")
        return node

    # files -------------------------------------------------------------------------------------------------

    def write(self, spec: Mapping[str, Any], name: str = "sweep.yaml") -> Path:
        path = self.folder / name
        path.write_text(json.dumps(spec, indent=1))  # JSON is YAML
        return path

    # what is there -----------------------------------------------------------------------------------------

    def processes(self) -> list[psutil.Process]:
        """Every process that any call of this desk started and that still runs."""
        return [p for p in psutil.process_iter() if self._is_ours(p)]

    def private_client(self) -> redis.Redis | None:
        """A client of the private server, where one listens."""
        for socket in self.sockets.glob("sweepfleet-*/s"):
            return connect(f"unix://{socket}", retries=0)
        return None

    def _is_ours(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == self.mark
        return False

    def close(self) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        for call in self.calls:
            call.process.wait(20)
        shutil.rmtree(self.sockets, ignore_errors=True)


@contextmanager
def a_desk(folder: Path, **environment: str) -> Iterator[Desk]:
    desk = Desk(folder, **environment)
    try:
        yield desk
    finally:
        desk.close()


def the_open_sweep(client: redis.Redis | None) -> Ledger | None:
    """The ledger of the only sweep that is open there; None while there is none, or no server."""
    with contextlib.suppress(redis.RedisError, OSError):
        found = open_sweeps(client) if client is not None else []
        return Ledger(client, found[0]) if client is not None and found else None
    return None


def done_in(ledger: Ledger | None) -> int:
    """Chunks of the sweep that are done."""
    if ledger is None:
        return 0
    with contextlib.suppress(redis.RedisError, OSError):
        return ledger.totals().chunks
    return 0
