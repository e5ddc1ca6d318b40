"""What a node does with a message that it will not take: one line in the log, one more in the count."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Final

import redis

from tasks import settings
from tasks.wire import dropped
from tasks.wire.connection import connect

log = logging.getLogger("sweepfleet.messages")

MALFORMED: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What kombu and Celery raise over a message that somebody else made, not over a Redis that is away."""
MOST_TEXT: Final = 300  # of a stranger's words in our log


def drop(reason: str, detail: object) -> None:
    """Never raises for a Redis that is away: then the log alone has it."""
    said = " ".join(str(detail)[:MOST_TEXT].split())
    log.warning("message dropped, %s: %s", reason, said, extra={"event": "message_dropped", "reason": reason})
    try:
        dropped.count(_client(), reason)
    except redis.RedisError as e:
        log.warning("not counted: %s", e, extra={"event": "message_not_counted"})


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return connect(settings.load().redis_url or "", retries=0)
