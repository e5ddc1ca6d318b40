"""The keeper of a private stack: a process that runs one Valkey and one worker node, and ends both with its
owner.

Started by `producer.run.launch` in a session of its own and never imported. It loads the standard library
alone, so that it is there in a few milliseconds. Its owner holds the other end of its standard input: when
that closes, for whatever reason, SIGKILL included, everything ends. With `--stay` it ends on SIGTERM only
(`producer up`).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

SERVER_SECONDS = 60.0  # a server that reads a large ledger
STOP_SECONDS = 10.0
RESTARTS = 20  # of a node that dies under its work; each is counted against the chunk that it ran
REFUSED = (2, 7)  # exit codes of a node that would say the same again: bad cores, a server that is not usable


def main() -> int:
    options = _arguments()
    keeper = Keeper(options)
    signal.signal(signal.SIGTERM, keeper.told_to_stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the owner's to interpret
    try:
        keeper.start()
        keeper.watch()
    finally:
        keeper.end()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--valkey", required=True)
    parser.add_argument("--folder", required=True, help="append-only file and logs")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--cores")
    parser.add_argument("--queue", required=True)
    parser.add_argument("--stay", action="store_true")
    return parser.parse_args()


class Keeper:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder = Path(options.folder)
        self.socket = Path(options.socket)
        self.server: subprocess.Popen[bytes] | None = None
        self.node: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.stopping: str | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.server = self._serve()
        self._wait_for_server()
        self.node = self._work()
        self._say({"ready": True, "pid": os.getpid(), "server": self.server.pid})

    def watch(self) -> None:
        """Until the owner is gone, or says `stop` (now) or `drain` (after the chunks in hand)."""
        selector = selectors.DefaultSelector()
        if not self.options.stay:
            os.set_blocking(sys.stdin.fileno(), False)
            selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while self.stopping is None:
            for _ in selector.select(timeout=0.5) if not self.options.stay else _pause():
                words = os.read(sys.stdin.fileno(), 64)
                self.stopping = words.decode().strip() or "gone"
            if self.stopping is None:
                self._revive()

    def told_to_stop(self, _: int, __: FrameType | None) -> None:
        self.stopping = self.stopping or "drain"

    def end(self) -> None:
        """The node first, then the server, which thus writes down all that the node still had to say."""
        drain = self.stopping == "drain"
        _end(self.node, signal.SIGTERM if drain else signal.SIGKILL, STOP_SECONDS * (60 if drain else 1))
        _end(self.server, signal.SIGTERM, STOP_SECONDS)
        self.socket.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: not ours alone
            self.socket.parent.rmdir()

    def _serve(self) -> subprocess.Popen[bytes]:
        log = (self.folder / "valkey.log").open("ab")
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
        }
        command = [self.options.valkey, *(part for k, v in settings.items() for part in (f"--{k}", v))]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=partial(_die_with_me, signal.SIGTERM),  # it writes down what it knows
        )

    def _work(self) -> subprocess.Popen[bytes]:
        log = (self.folder / "worker.log").open("ab" if self.restarts else "wb")
        command = [sys.executable, "-P", "-m", "workers", "--queue", self.options.queue]
        command += ["--cores", self.options.cores] if self.options.cores else []
        environment = {**os.environ, "PRODUCER_REDIS_URL": f"unix://{self.socket}"}
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=self.folder,
            start_new_session=True,
            preexec_fn=partial(_die_with_me, signal.SIGKILL),
        )

    def _revive(self) -> None:
        """A server or node that died is started again; what it had in hand comes back by itself."""
        if self.server is not None and self.server.poll() is not None:
            self.server = self._serve()
            self._wait_for_server()
        if self.node is not None and self.node.poll() is not None:
            if self.node.returncode in REFUSED or self.restarts >= RESTARTS:
                self.stopping = "refused"
                return
            self.restarts += 1
            time.sleep(0.5)
            self.node = self._work()

    def _wait_for_server(self) -> None:
        """Until it answers: its socket is there before it has read an earlier run's ledger."""
        until = time.monotonic() + SERVER_SECONDS
        while not self._answers():
            if time.monotonic() > until or (self.server and self.server.poll() is not None):
                self._say({"ready": False, "log": str(self.folder / "valkey.log")})
                raise SystemExit(7)
            time.sleep(0.005)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as caller:
                caller.settimeout(1.0)
                caller.connect(str(self.socket))
                caller.sendall(b"PING\r\n")
                return caller.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _say(self, document: dict[str, Any]) -> None:
        try:
            sys.stdout.write(json.dumps(document) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            self.stopping = "gone"


def _pause() -> list[Any]:
    time.sleep(0.5)
    return []


def _die_with_me(how: signal.Signals) -> None:
    """In the child, before it becomes another program: the kernel ends it when the keeper ends, however that
    happens.

    Linux only; elsewhere a keeper killed by SIGKILL leaves its two children to be found by `producer doctor`.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, how)  # PR_SET_PDEATHSIG


def _end(process: subprocess.Popen[bytes] | None, how: signal.Signals, seconds: float) -> None:
    if process is None or process.poll() is not None:
        return
    if how is signal.SIGKILL:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.send_signal(how)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
