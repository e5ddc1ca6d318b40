"""Signed messages: nobody who has no key can give the fleet work, stop it, or change what a message says.

A body is JSON with an HMAC-SHA256 in front. Celery keeps a task's name, id and limits in headers, outside the
body, so the body repeats a digest of the headers (the seal), and a node compares the two. Requests to nodes
(revoke, stop) and the parts of chords are bodies of the same kind.

An old message that somebody sends again is genuine: it asks for a chunk that the ledger has as done. Signing
keeps strangers from commanding; it does not keep anyone who can write to Redis from deleting.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from celery import Celery
from celery.app.amqp import AMQP
from kombu import serialization
from kombu.utils import json
from kombu.utils.objects import cached_property

SERIALIZER: Final = "sweepfleet-signed"
CONTENT_TYPE: Final = "application/x-sweepfleet-signed"
SEAL: Final = "seal"  # in the third part of a task's body, beside Celery's own `chord`
ALTERED: Final = frozenset({"redelivered"})  # by the transport, when it gives a message out again
_DOMAIN: Final = b"sweepfleet message 1\n"
_MAC_DIGITS: Final = 64


class SignatureInvalid(ValueError):
    """A message was not signed with our key, or was changed since."""


def key_id(key: str) -> str:
    """Tells keys apart without giving them away."""
    return hmac.new(key.encode(), b"sweepfleet key id", hashlib.sha256).hexdigest()[:8]


def signed(key: str, content: Any) -> str:
    text: str = json.dumps(content)
    return _mac(key, text) + text


def verified(key: str, text: str | bytes) -> Any:
    """What was signed. Raises SignatureInvalid."""
    whole = text if isinstance(text, str) else text.decode()
    mac, content = whole[:_MAC_DIGITS], whole[_MAC_DIGITS:]
    if not hmac.compare_digest(mac.encode(), _mac(key, content).encode()):
        raise SignatureInvalid("the signature is not that of our key")
    return json.loads(content)


def _mac(key: str, text: str) -> str:
    return hmac.new(key.encode(), _DOMAIN + text.encode(), hashlib.sha256).hexdigest()


def seal(headers: Mapping[str, Any]) -> str:
    """A digest of a task's headers as they are published."""
    kept = {name: value for name, value in headers.items() if name not in ALTERED}
    text: str = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def register(key: str) -> None:
    """Makes the serializer known to this process, with this key."""
    serialization.register(
        SERIALIZER,
        lambda content: signed(key, content),
        lambda text: verified(key, text),
        content_type=CONTENT_TYPE,
        content_encoding="utf-8",
    )


class Sealing(AMQP):  # type: ignore[misc]  # Celery has no types
    """Publishes tasks with the seal of their headers in the body, which is then signed."""

    app: Celery

    @cached_property  # type: ignore[untyped-decorator]  # kombu has no types
    def send_task_message(self) -> Any:
        publish = super()._create_task_sender()

        def send(producer: Any, name: str, message: Any, headers: Any = None, **options: Any) -> Any:
            every = {**message.headers, **(headers or {})}
            arguments, named, embedded = message.body
            body = (arguments, named, {**embedded, SEAL: seal(every)})
            return publish(producer, name, message._replace(headers=every, body=body), **options)

        return send
