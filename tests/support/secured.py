"""A Redis that lets nobody in without a role: the users of `deploy/`, with TLS where a test asks for it."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import redis

from tests.support.broker import free_port
from tests.support.checkout import ROOT

START_SECONDS: Final = 20.0

Role = Literal["admin", "producer", "worker", "flower"]
ROLES: Final[tuple[Role, ...]] = ("admin", "producer", "worker", "flower")


@dataclass(frozen=True, kw_only=True)
class SecuredServer:
    """A running server, and the password of each role."""

    port: int
    passwords: dict[Role, str]
    log: Path
    tls: dict[str, str] = field(default_factory=dict)
    """Parameters of the URL that a client with a good certificate adds."""

    def url(self, role: Role, password: str | None = None) -> str:
        scheme = "rediss" if self.tls else "redis"
        parameters = "&".join(f"{name}={value}" for name, value in self.tls.items())
        known = self.passwords[role] if password is None else password
        address = f"{scheme}://{role}:{known}@127.0.0.1:{self.port}/0"
        return f"{address}?{parameters}" if parameters else address

    def client(self, role: Role, password: str | None = None) -> redis.Redis:
        return redis.Redis.from_url(self.url(role, password), socket_timeout=10)

    def refusals(self) -> list[dict[str, Any]]:
        """What the server has refused to its users, as `ACL LOG` has it."""
        with self.client("admin") as admin:
            found: list[dict[str, Any]] = admin.acl_log()
        return found

    def forget_refusals(self) -> None:
        with self.client("admin") as admin:
            admin.acl_log_reset()


@contextmanager
def secured_server(
    program: Path, folder: Path, *, options: tuple[str, ...] = (), tls: dict[str, str] | None = None
) -> Iterator[SecuredServer]:
    """A server with the users that `deploy/users.sh` prints; with `tls` it has no port without."""
    passwords: dict[Role, str] = {role: secrets.token_hex(16) for role in ROLES}
    users = folder / "users.acl"
    users.write_text(printed_users(passwords), encoding="utf-8")
    port = free_port()
    ports = ["--port", "0", "--tls-port", str(port)] if tls else ["--port", str(port)]
    command = [str(program), *ports, "--bind", "127.0.0.1", "--aclfile", str(users), "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", *options]
    log = folder / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
    server = SecuredServer(port=port, passwords=passwords, log=log, tls=tls or {})
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(10)


def printed_users(passwords: dict[Role, str]) -> str:
    """What `deploy/users.sh` prints for these passwords."""
    given = {f"SWEEPFLEET_{role.upper()}_PASSWORD": password for role, password in passwords.items()}
    done = subprocess.run(
        [str(ROOT / "deploy" / "users.sh")],
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _wait(server: SecuredServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    with server.client("admin") as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                assert process.poll() is None, f"the server ended at once: {server.log.read_text()}"
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
