"""What a node says of itself, and who is there. Times are the server's clock, seconds since 1970."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

import redis

from tasks import names
from tasks.records import scripts

BEAT_SECONDS: Final = 2.0
GONE_SECONDS: Final = 10.0  # five beats missed
KEPT_SECONDS: Final = 86_400  # a node's counter outlives a restart


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node, as of its last beat."""

    name: str
    cores: str
    """By number: `0-3,8`; or a count where the system cannot pin."""
    slots: int
    busy: int
    rate_bt_s: float
    memory_bytes: int
    memory_total_bytes: int
    version: str
    wire: int
    queue: str
    pid: int
    host: str
    allow: tuple[str, ...] | None = None
    """Packages and folders below which it imports a user's own strategies; None: it does not say."""
    seen: float = 0.0


def beat(client: redis.Redis, node: Node) -> None:
    seconds, micros = client.time()
    now = float(seconds) + float(micros) / 1e6
    document = {k: v for k, v in asdict(node).items() if k != "seen"}
    keys = [names.node_key(node.name), names.NODES]
    client.register_script(scripts.BEAT)(
        keys=keys, args=[json.dumps(document), node.cores, KEPT_SECONDS, node.name, now]
    )


def leave(client: redis.Redis, name: str) -> None:
    client.zrem(names.NODES, name)


def live_nodes(client: redis.Redis) -> list[Node]:
    """Nodes that were heard of in the last seconds, by name."""
    now = float(client.time()[0])
    fresh: list[tuple[bytes, float]] = client.zrangebyscore(
        names.NODES, now - GONE_SECONDS, "+inf", withscores=True
    )
    nodes = []
    for name, seen in sorted(fresh):
        text = client.hget(names.node_key(name.decode()), "beat")
        if text:
            document: dict[str, Any] = json.loads(text)
            nodes.append(
                Node(**{k: v for k, v in document.items() if k in Node.__dataclass_fields__}, seen=seen)
            )
    return nodes


def backtests_done(client: redis.Redis, name: str) -> int:
    """Backtests that the node has ever committed; its rate is this number's slope."""
    return int(client.hget(names.node_key(name), "backtests") or 0)
