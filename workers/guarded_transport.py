"""kombu's Redis transport, for a queue into which a stranger may push anything.

In the original a message that is not JSON, or not of kombu's shape, ends the node's main process; some are
put back on the way out and end the next node too. Here such a message is dropped, counted and logged. What
it held, if it was work of ours, is missed by the ledger and published again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Channel, Transport

from workers.drops import MALFORMED, drop

UNREADABLE: Final = "unreadable"


class GuardedMessage(Channel.Message):  # type: ignore[misc]  # kombu has no types
    def __init__(self, payload: Any, channel: Any = None, **options: Any) -> None:
        # we send none compressed, and a few kilobytes may unpack to any size
        if payload.get("headers") and payload["headers"].get("compression"):
            raise ValueError("it is compressed")
        super().__init__(payload, channel=channel, **options)


class GuardedQoS(Channel.QoS):  # type: ignore[misc]  # kombu has no types
    def append(self, message: Any, delivery_tag: str) -> None:
        """A full Redis cannot note what this node has in hand. It is worked on all the same, for that is what
        frees memory; where the node dies first, the ledger misses the chunk.
        """
        try:
            super().append(message, delivery_tag)
        except (redis.exceptions.OutOfMemoryError, redis.exceptions.ExecAbortError):
            super(Channel.QoS, self).append(message, delivery_tag)


class GuardedChannel(Channel):  # type: ignore[misc]  # kombu has no types
    Message = GuardedMessage
    QoS = GuardedQoS
    _own: redis.Redis | None = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """One client for what is asked in between. The original makes one for each question, with a table of
        all that Redis can answer.
        """
        if asynchronous:
            return super()._create_client(asynchronous)
        if self._own is None or self._own.connection_pool is not self.pool:
            self._own = super()._create_client()
        return self._own

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Callable[[Any], Any], consumer_tag: str, **options: Any
    ) -> Any:
        """A message that is in hand already is rejected, or it would come back with every lease that ends."""

        def guarded(message: Any) -> Any:
            try:
                return callback(message)
            except MALFORMED as e:
                drop(UNREADABLE, e)
                if not no_ack and not message.acknowledged:
                    message.reject()
                return None

        return super().basic_consume(queue, no_ack, guarded, consumer_tag, **options)

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except MALFORMED as e:
            drop(UNREADABLE, e)
            return True

    def _receive_one(self, client: Any) -> Any:
        try:
            return super()._receive_one(client)
        except MALFORMED as e:
            drop(UNREADABLE, e)
            return True


class GuardedTransport(Transport):  # type: ignore[misc]  # kombu has no types
    Channel = GuardedChannel

    def _deliver(self, message: Any, queue: str) -> None:
        try:
            super()._deliver(message, queue)
        except (*MALFORMED, redis.DataError) as e:  # the latter: a delivery tag that is no name for a key
            drop(UNREADABLE, e)


def install() -> None:
    """Whoever names Redis in this process gets the guarded transport."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:GuardedTransport"))
