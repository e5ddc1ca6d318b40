"""Celery's consumer, which says in one line what it refuses and counts it, and tells Flower in batches.

The original writes a stranger's message into the log at length, and for a task that it does not know a result
into Redis under a name of the stranger's choice. It publishes the events of each turn of its loop at once,
which took two fifths of a node's main process where chunks were short.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from celery.worker.consumer import Consumer
from kombu.exceptions import ContentDisallowed

from tasks.wire.signing import SignatureInvalid
from workers.drops import drop

log = logging.getLogger("sweepfleet.messages")

EVENTS_SECONDS: Final = 0.5  # how late Flower may hear of a chunk


class GuardedConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    flushes_at = 0.0

    def on_send_event_buffered(self) -> None:
        now = time.monotonic()
        if self.hub and now >= self.flushes_at:  # by the clock: a lost connection clears the timers
            self.flushes_at = now + EVENTS_SECONDS
            self.hub.call_later(EVENTS_SECONDS, self._flush_events)

    def on_unknown_message(self, body: Any, message: Any) -> None:
        drop("unreadable", "it names no task")
        message.reject_log_error(log, self.connection_errors)

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        drop("unknown task", exc)
        message.reject_log_error(log, self.connection_errors)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        drop(_reason(exc, "invalid"), exc)
        message.reject_log_error(log, self.connection_errors)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        drop(_reason(exc, "unreadable"), exc)
        message.ack()


def _reason(error: Exception, otherwise: str) -> str:
    """kombu wraps what a serializer raises, with the original as its argument."""
    if any(isinstance(e, SignatureInvalid) for e in error.args):
        return "forged"
    return "content not accepted" if isinstance(error, ContentDisallowed) else otherwise
