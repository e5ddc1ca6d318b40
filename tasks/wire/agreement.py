"""What every process of a fleet must have in common, kept in Redis as long as a node lives.

A node with a shorter lease takes work from one that is still at it; one with another key drops all messages;
another minor release of kombu keeps its messages in another manner. So the first node writes down how it is
set up, and whoever differs is refused before it begins. When no node lives, the next one writes anew: to
change a setting, stop the nodes, then start them with it.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any, Final

import redis

from tasks import names
from tasks.errors import ClusterUnavailable
from tasks.messages import WIRE_VERSION
from tasks.records.heartbeat import live_nodes
from tasks.settings import Settings
from tasks.wire import signing
from tasks.wire.connection import translated

UNSIGNED: Final = "messages are not signed"
SETTINGS: Final = {"lease_seconds": "PRODUCER_LEASE_SECONDS", "signing": "PRODUCER_SIGNING_KEY"}


def document(settings: Settings) -> dict[str, Any]:
    """In words, so that a person who reads the key understands it; no secret is among them."""
    key = settings.signing_key
    return {
        "lease_seconds": float(settings.lease_seconds),
        "signing": f"key {signing.key_id(key.get_secret_value())}" if key else UNSIGNED,
        "wire": WIRE_VERSION,
        "celery": _minor("celery"),
        "kombu": _minor("kombu"),
    }


def agree(client: redis.Redis, settings: Settings) -> None:
    """Raises ClusterUnavailable where the nodes that live are set up otherwise; says what differs."""
    own = document(settings)
    with translated(settings.redis_url or ""):
        if renew(client, own):
            return
        if not live_nodes(client):
            client.set(names.CONFIG, json.dumps(own))
            return
        theirs = _kept(client)
    raise _refusal(own, theirs)


def disagreement(client: redis.Redis, settings: Settings) -> ClusterUnavailable | None:
    """What `agree` would raise; writes nothing."""
    own, theirs = document(settings), _kept(client)
    return _refusal(own, theirs) if theirs and theirs != own and live_nodes(client) else None


def _refusal(own: dict[str, Any], theirs: dict[str, Any]) -> ClusterUnavailable:
    differences = [key for key in own if own[key] != theirs.get(key)]
    told = "; ".join(f"{key}: {theirs.get(key)} there, {own[key]} here" for key in differences)
    variables = [SETTINGS[key] for key in differences if key in SETTINGS]
    change = f"give {' and '.join(variables)} as they have it" if variables else "install the same release"
    return ClusterUnavailable(
        f"the nodes of this Redis are set up otherwise: {told}",
        hint=f"{change}, or stop every node and start all of them anew",
    )


def renew(client: redis.Redis, own: dict[str, Any]) -> bool:
    """Writes it down where nothing is written; False where something else stands there."""
    client.set(names.CONFIG, json.dumps(own), nx=True)
    return _kept(client) == own


def _kept(client: redis.Redis) -> dict[str, Any]:
    try:
        found = json.loads(client.get(names.CONFIG) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _minor(package: str) -> str:
    return ".".join(version(package).split(".")[:2])
