"""Flower with the settings that suit us: it looks on, and never takes over a message."""

from __future__ import annotations

import errno
import ipaddress
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final, NoReturn

from tasks import settings as settings_
from tasks.errors import UsageError
from tasks.settings import Settings
from tasks.wire.celery_app import make_app

PORT: Final = 5555
PORTS_TRIED: Final = 20
MOST_TASKS: Final = 20_000
PURGE_SECONDS: Final = 60
USER: Final = "sweepfleet"  # whose password is made where none is configured


def run(settings: Settings, host: str, port: int, login: str | None) -> NoReturn:
    """Serves until it is told to stop; `login` as `made_login` gave it."""
    app = make_app(settings, watches_only=True)
    arguments = ["flower", f"--address={host}", f"--port={port}", f"--max_tasks={MOST_TASKS}"]
    arguments += [f"--basic_auth={login}"] if login else []  # read in this process: no process list shows it
    arguments += [
        f"--conf={os.devnull}",  # else a flowerconfig.py that lies in the folder would be run as code
        f"--purge_offline_workers={PURGE_SECONDS}",
        "--logging=warning",
        "--read_only=True",  # it shows; what stops a sweep or a node is the producer
        "--tasks_columns=name,state,args,result,received,started,runtime,worker",
    ]
    try:
        sys.exit(app.start(arguments))
    except OSError as e:
        if e.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise UsageError(f"cannot listen on {host} port {port}: {e.strerror}", hint="--port N") from e


def made_login(host: str) -> str | None:
    """`name:password` made for this run, where others can reach the page and no login is configured.

    Raises UsageError for a FLOWER_BASIC_AUTH that nobody could sign in with.
    """
    environment = settings_.inherited_environment()
    configured = environment.get("FLOWER_BASIC_AUTH", "")
    for login in configured.split(",") if configured else ():
        name, _, password = login.partition(":")
        if not name or not password:
            raise UsageError(
                "FLOWER_BASIC_AUTH is not NAME:PASSWORD", hint="write FLOWER_BASIC_AUTH=NAME:PASSWORD"
            )
    if configured or environment.get("FLOWER_AUTH") or is_loopback(host):
        return None
    return f"{USER}:{secrets.token_urlsafe(18)}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a page on that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def beside(settings: Settings, redis_url: str, folder: Path) -> tuple[int, int]:
    """Flower in the background, for `producer up`; its port, the usual one if that is free, and process."""
    port = next((p for p in range(PORT, PORT + PORTS_TRIED) if _is_free(p)), PORT)
    environment = settings_.inherited_environment() | settings_.as_environment(
        settings.model_copy(update={"redis_url": redis_url})
    )
    with (folder / "flower.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "producer", "flower", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    return port, process.pid


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
