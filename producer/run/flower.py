"""Flower with the settings that suit us: it looks on, and never takes over a message."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn

from producer.run.local import Stack
from tasks import settings as settings_
from tasks.celery_app import make_app
from tasks.settings import Settings

PORT: Final = 5555
PORTS_TRIED: Final = 20
MOST_TASKS: Final = 20_000
PURGE_SECONDS: Final = 60


def run(settings: Settings, host: str, port: int) -> NoReturn:
    """Serves until it is told to stop."""
    app = make_app(settings, watches_only=True)
    arguments = ["flower", f"--address={host}", f"--port={port}", f"--max_tasks={MOST_TASKS}"]
    arguments += [
        f"--purge_offline_workers={PURGE_SECONDS}",
        "--logging=warning",
        "--read_only=True",  # it shows; what stops a sweep or a node is the producer
        "--tasks_columns=name,state,args,result,received,started,runtime,worker",
    ]
    sys.exit(app.start(arguments))


def beside(settings: Settings, stack: Stack, folder: Path) -> Stack:
    """Flower in the background, for `producer up`; on its usual port if that is free."""
    port = next((p for p in range(PORT, PORT + PORTS_TRIED) if _is_free(p)), PORT)
    environment = settings_.inherited_environment() | settings_.as_environment(
        settings.model_copy(update={"redis_url": stack.redis_url})
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
    return replace(stack, flower_url=f"http://127.0.0.1:{port}", flower_pid=process.pid)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
