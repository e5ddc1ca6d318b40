"""Which chunks are nowhere. The queue is first in, first out: what was sent before all that waits, is in no
node's hands and is not done has been lost.

The rule needs no silence: it holds on a queue that other sweeps keep busy, and on an empty one it says that
nothing waits. It reads a few messages and what is in hand, never the whole queue.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import redis

from tasks import names

NEXT: Final = (
    200  # messages looked at where the next is taken: those that a dead node gave back lie there, too
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is seen of one sweep in the broker, at one instant."""

    seen: frozenset[str]
    """Its chunks in nodes' hands, and among those that are taken next."""
    oldest: float
    """When the oldest of those that are taken next was sent, whosever it is; infinite where nothing waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A chunk that was started and has not come back."""

    seconds: float
    node_lives: bool


def look(client: redis.Redis, sweep_id: str, queue: str) -> Sight:
    with client.pipeline() as pipe:  # one instant: a message is in one of the two places
        pipe.lrange(names.PREFIX + queue, -NEXT, -1)
        pipe.hvals(names.PREFIX + "unacked")
        waiting, taken = pipe.execute()
    next_ones = [_headers(raw) for raw in waiting]
    held = [_headers(raw) for raw in taken]
    mine = [h for h in (*next_ones, *held) if h.get("sweep") == sweep_id]
    return Sight(
        seen=frozenset(str(h.get("chunk", "")) for h in mine),
        oldest=min((_sent(h) for h in next_ones), default=math.inf),
    )


def lost(
    sent: Mapping[str, float], sight: Sight, begun: Mapping[str, Begun], patience_seconds: float
) -> frozenset[str]:
    """Of the chunks that are not done, with the time when each was last sent, those that nobody has.

    One that was begun on a node that lives may only have lost its message: it gets the time to come back.
    """

    def may_come(chunk: str) -> bool:
        start = begun.get(chunk)
        return start is not None and start.node_lives and start.seconds <= patience_seconds

    gone = (c for c, when in sent.items() if c not in sight.seen and when < sight.oldest)
    return frozenset(c for c in gone if not may_come(c))


def _headers(raw: bytes) -> dict[str, Any]:
    """Of a message as it waits, or as kombu keeps it while it is in hand; none where it is no message."""
    try:
        message = json.loads(raw)
        found = (message[0] if isinstance(message, list) else message)["headers"]
    except (ValueError, KeyError, IndexError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _sent(headers: Mapping[str, Any]) -> float:
    """0 where the message does not say: nothing that waits behind it is taken for lost."""
    sent = headers.get("sent")
    return float(sent) if isinstance(sent, int | float) else 0.0
