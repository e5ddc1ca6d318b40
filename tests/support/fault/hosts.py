"""Two hosts on one machine: network namespaces on a bridge, whose links can be cut, lose packets and be slow.

Needs the right to make namespaces (root in a container that has it, or a virtual machine). Everything is
named after this process and ends with the block.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

RULES: Final = "table inet lossy { chain in { type filter hook input priority 0; %s }; }"
LOSS: Final = "meta l4proto tcp numgen random mod 100 < %d drop;"


class NotAllowed(Exception):
    """This machine makes no network namespaces for us; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A namespace with one link to the bridge."""

    name: str
    address: str
    port: str
    """Of the bridge: the other end of the host's link."""

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Packets vanish; nobody is told."""
        run("ip", "link", "set", self.port, "down")

    def join(self) -> None:
        run("ip", "link", "set", self.port, "up")

    def slow(self, delay_ms: int) -> bool:
        """Each packet to the host, and each from it, is late by so much; False where the kernel lacks it."""
        ours = ("tc", "qdisc", "add", "dev", self.port, "root", "netem", "delay", f"{delay_ms}ms")
        theirs = (*self.prefix, "tc", "qdisc", "add", "dev", "uplink", "root", "netem", "delay")
        return shutil.which("tc") is not None and works(*ours) and works(*theirs, f"{delay_ms}ms")

    def lose(self, percent: int) -> bool:
        """So many of the packets that come in are dropped; False where this machine has no means for it."""
        if shutil.which("nft") is None:
            netem = ("tc", "qdisc", "add", "dev", self.port, "root", "netem", "loss", f"{percent}%")
            return shutil.which("tc") is not None and works(*netem)
        return works(*self.prefix, "nft", RULES % (LOSS % percent))


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoHosts:
    one: Host
    two: Host
    between: str
    """The bridge's own address: where something between the two may listen."""


@contextmanager
def two_hosts() -> Iterator[TwoHosts]:
    """Raises NotAllowed where namespaces cannot be made."""
    if shutil.which("ip") is None:
        raise NotAllowed("`ip` is not installed (apt-get install iproute2)")
    mark = os.getpid() % 10_000
    bridge, net = f"sfbr{mark}", f"10.{77 + mark // 250}.{mark % 250}"
    try:
        run("ip", "link", "add", bridge, "type", "bridge")
        run("ip", "address", "add", f"{net}.1/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
        one = _host(f"sfone{mark}", f"{net}.2", bridge)
        two = _host(f"sftwo{mark}", f"{net}.3", bridge)
        yield TwoHosts(one=one, two=two, between=f"{net}.1")
    finally:
        for name in (f"sfone{mark}", f"sftwo{mark}"):
            works("ip", "netns", "delete", name)
            works("ip", "link", "delete", name)
        works("ip", "link", "delete", bridge)


def _host(name: str, address: str, bridge: str) -> Host:
    run("ip", "netns", "add", name)
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "uplink", "netns", name)
    run("ip", "link", "set", name, "master", bridge, "up")
    for words in (
        ("address", "add", f"{address}/24", "dev", "uplink"),
        ("link", "set", "uplink", "up"),
        ("link", "set", "lo", "up"),
    ):
        run("ip", "-n", name, *words)
    return Host(name=name, address=address, port=name)


def works(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotAllowed(f"{' '.join(words)}: {done.stderr.strip()}")
