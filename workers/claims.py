"""Which node has which name, and which core of a machine, so that no two nodes take the same one.

Containers of one machine see the same cores under different host names; what they share is the kernel's boot
id. A node that is killed loses its claims when they are no longer renewed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import redis

from tasks import names

CLAIM_SECONDS: Final = 120  # longer than compiling every kernel; renewed with each beat
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Claims:
    """The claims of one node."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.holder = f"{socket.gethostname()}/{os.getpid()}"
        self._keys: list[str] = []

    def node_name(self, given: str | None) -> str:
        """`name@host`, with the process id where another node has it: they would answer for each other."""
        host = socket.gethostname()
        name = f"{given or names.DISTRIBUTION}@{host}"
        if self._take(names.claim_key(name)):
            return name
        return f"{given or names.DISTRIBUTION}-{os.getpid()}@{host}"

    def prefer(self, cores: Sequence[int], count: int) -> list[int]:
        """The same cores with `count` that nobody has first, if there are so many; those are now ours."""
        machine, free = _machine(), list[int]()
        for core in cores:
            if len(free) < count and self._take(names.claim_key(f"{machine}/{core}")):
                free.append(core)
        return [*free, *(core for core in cores if core not in free)]

    def renew(self) -> None:
        for key in self._keys:
            if not self.client.expire(key, CLAIM_SECONDS):  # which a full Redis allows
                self.client.set(key, self.holder, ex=CLAIM_SECONDS)

    def release(self) -> None:
        if self._keys:
            self.client.delete(*self._keys)

    def _take(self, key: str) -> bool:
        taken = bool(self.client.set(key, self.holder, nx=True, ex=CLAIM_SECONDS))
        if taken:
            self._keys.append(key)
        return taken


def _machine() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return socket.gethostname()
