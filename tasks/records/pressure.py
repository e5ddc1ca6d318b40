"""Whether Redis has room: how full it is, and whether it can write its log."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import redis

FULL_SHARE: Final = 0.6  # of `maxmemory`: what is on its way when it is noticed must still fit
LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What Redis says of itself."""

    used_bytes: int
    limit_bytes: int
    """0: no limit is set."""
    log_is_kept: bool = True

    @property
    def reason(self) -> str | None:
        """Why nothing more should be put there, in words; None where something may."""
        if self.limit_bytes and self.used_bytes > FULL_SHARE * self.limit_bytes:
            return f"Redis is {self.used_bytes / self.limit_bytes:.0%} full".replace("%", " %")
        if not self.log_is_kept:
            return "Redis cannot write its log"
        return None


def room(client: redis.Redis) -> Room:
    with client.pipeline(transaction=False) as pipe:
        pipe.info("memory")
        pipe.info("persistence")
        memory, log = pipe.execute()
    return Room(
        used_bytes=int(memory.get("used_memory", 0)),
        limit_bytes=int(memory.get("maxmemory", 0)),
        log_is_kept=not int(log.get("aof_enabled", 0)) or _log_is_kept(log),
    )


def _log_is_kept(log: dict[str, Any]) -> bool:
    return all(log.get(f"aof_last_{what}_status", "ok") == "ok" for what in ("write", "bgrewrite"))


class Gauge:
    """Looks once a second, however often it is asked."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._looked = -LOOK_SECONDS
        self._reason: str | None = None

    def reason(self) -> str | None:
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked, self._reason = now, room(self.client).reason
        return self._reason
