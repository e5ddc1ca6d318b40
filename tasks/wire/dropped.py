"""How many messages nodes refused, and why: none comes from us, so any is a fault or an intruder."""

from __future__ import annotations

from typing import Final

import redis

from tasks import names

KEPT_SECONDS: Final = 14 * 86_400  # after the last one


def count(client: redis.Redis, reason: str) -> None:
    with client.pipeline() as pipe:
        pipe.hincrby(names.DROPPED, reason, 1)
        pipe.expire(names.DROPPED, KEPT_SECONDS)
        pipe.execute()


def counts(client: redis.Redis) -> dict[str, int]:
    """By reason."""
    found: dict[bytes, bytes] = client.hgetall(names.DROPPED)
    return {reason.decode(): int(number) for reason, number in sorted(found.items())}
