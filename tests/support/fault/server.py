"""A server that is killed, paused and started again on the same port, with or without a memory of its own.

With its append-only file on, what it was ever told can be counted afterwards: which receipts, which results.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tasks.wire.connection import connect
from tests.support.broker import free_port, valkey_program, wait_until_it_answers

Command = list[bytes]


class Server:
    """One Valkey of the wheel in `folder`."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        remembers: bool = True,
        host: str = "127.0.0.1",
        prefix: Sequence[str] = (),
    ) -> None:
        self.folder, self.remembers, self.host, self.prefix = folder, remembers, host, prefix
        self.options = options
        self.port = free_port()
        self.url = f"redis://{host}:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        command = [*self.prefix, str(valkey_program()), "--port", str(self.port), "--bind", self.host]
        command += ["--dir", str(self.folder), "--save", "", "--maxmemory-policy", "noeviction"]
        command += ["--protected-mode", "no", "--auto-aof-rewrite-percentage", "0"]
        command += ["--appendonly", "yes" if self.remembers else "no", *self.options]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until_it_answers(self.process, self.port, self.host)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def pause(self, seconds: float) -> threading.Timer:
        """Stands still for so long, and goes on by itself; the caller may join it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        timer = threading.Timer(seconds, self._go_on, [self.process.pid])
        timer.start()
        return timer

    @staticmethod
    def _go_on(pid: int) -> None:
        os.kill(pid, signal.SIGCONT)

    def drop_clients(self) -> int:
        """Cuts every connection but the one that asks for it."""
        with connect(self.url, retries=0) as client:
            return int(client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(10)

    def said(self) -> Iterator[Command]:
        """Every change that it made, the oldest first."""
        for file in sorted(self.folder.glob("appendonlydir/*.incr.aof")):
            yield from commands(file.read_bytes())

    def changes(self, command: str, key: str) -> Counter[str]:
        """How often that command set the key, or each field of it."""
        found: Counter[str] = Counter()
        for words in self.said():
            if words[0].upper() == command.encode() and words[1] == key.encode():
                fields = words[2::2] if command == "HSET" else words[1:2]
                found.update(field.decode() for field in fields)
            if words[0].upper() == b"FLUSHALL":
                found.clear()
        return found


def commands(log: bytes) -> Iterator[Command]:
    """The commands of an append-only file; a last one that was cut short is left out."""
    at = 0
    while at < len(log):
        end = log.find(b"\r\n", at)
        if log[at : at + 1] == b"#":  # a timestamp
            at = end + 2
            continue
        words: Command = []
        count = int(log[at + 1 : end])
        at = end + 2
        for _ in range(count):
            end = log.find(b"\r\n", at)
            if end < 0:
                return
            size = int(log[at + 1 : end])
            words.append(log[end + 2 : end + 2 + size])
            at = end + 2 + size + 2
        if at > len(log):
            return
        yield words


@contextmanager
def a_server(
    folder: Path,
    *options: str,
    remembers: bool = True,
    host: str = "127.0.0.1",
    prefix: Sequence[str] = (),
) -> Iterator[Server]:
    server = Server(folder, *options, remembers=remembers, host=host, prefix=prefix)
    server.start()
    try:
        yield server
    finally:
        server.stop()
