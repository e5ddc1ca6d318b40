"""How a node ends when it is told to: it takes nothing new, finishes what it has in hand, puts back the rest.

SIGTERM, SIGINT and `producer worker stop` drain within the grace time of the settings; a second SIGINT, or
SIGQUIT, puts everything back at once. Celery's own soft shutdown sleeps its whole timeout inside the signal
handler, without a beat, even where the last chunk ends in a second; here the event loop goes on meanwhile.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from typing import Any, Final

import redis
from celery import bootsteps, platforms
from celery.worker import state
from celery.worker.control import Panel

from tasks import names, settings
from tasks.errors import SweepError
from tasks.messages import ChunkRequest
from tasks.records.ledger import Ledger, counted_as
from tasks.wire.connection import connect

log = logging.getLogger("sweepfleet.node")

LOOK_SECONDS: Final = 0.1
ENDED: Final = 0  # the exit code of a node that was told to end


class Told:
    """What the node was told so far; signal handlers write it, the event loop acts on it."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.seconds = 0.0
        self.is_looping = False
        """Somebody looks here: the node has a connection."""

    def drain(self, seconds: float) -> None:
        if self.at is None or seconds == 0:
            self.seconds = seconds
        self.at = self.at or time.monotonic()
        if not self.is_looping:  # Redis is away: nothing can be acknowledged, it all comes back by itself
            state.should_terminate = ENDED

    @property
    def is_late(self) -> bool:
        return self.at is not None and time.monotonic() - self.at >= self.seconds


_told = Told()


class DrainStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Looks several times a second whether the node shall end; the last step before the event loop."""

    requires = ("celery.worker.consumer.tasks:Tasks", "celery.worker.consumer.control:Control")

    def __init__(self, consumer: Any, **_: Any) -> None:
        self.timer: Any = None
        self.stops_taking = False

    def start(self, consumer: Any) -> None:
        grace = settings.load().grace_seconds
        platforms.signals["SIGTERM"] = lambda *_: _told.drain(grace)
        platforms.signals["SIGINT"] = lambda *_: _told.drain(grace if _told.at is None else 0)
        platforms.signals["SIGQUIT"] = lambda *_: _told.drain(0)
        Panel.data["shutdown"] = _told_by_message
        _told.is_looping = True
        self.stops_taking = False
        self.timer = consumer.timer.call_repeatedly(LOOK_SECONDS, self.look, (consumer,), priority=20)

    def stop(self, consumer: Any) -> None:
        _told.is_looping = False
        if self.timer:
            self.timer.cancel()
            self.timer = None
        if _told.at is not None:  # the connection broke while the node drained
            state.should_terminate = ENDED

    def look(self, consumer: Any) -> None:
        if _told.at is None:
            return
        if not self.stops_taking:
            self.stops_taking = True
            _stop_taking(consumer)
        if not state.reserved_requests:
            state.should_stop = ENDED
        elif _told.is_late:
            _put_back(consumer)
            state.should_terminate = ENDED


def _told_by_message(_: Any, now: bool = False, **__: Any) -> None:
    _told.drain(0 if now else settings.load().grace_seconds)


def _stop_taking(consumer: Any) -> None:
    log.info("draining: %d in hand", len(state.reserved_requests), extra={"event": "draining"})
    for queue in tuple(consumer.app.amqp.queues.consume_from):
        consumer.cancel_task_queue(queue)


def _put_back(consumer: Any) -> None:
    """Ends the processes that work; their messages go back with the connection, without counting a start."""
    held = tuple(state.reserved_requests)
    log.warning("%d chunks go back unfinished", len(held), extra={"event": "put_back", "chunks": len(held)})
    for request in held:
        if request.worker_pid:
            with suppress(ProcessLookupError):
                os.kill(request.worker_pid, signal.SIGKILL)  # compiled code listens to nothing less
    try:
        client = connect(settings.load().redis_url or "", retries=0)
        for request in held:
            if request.type == names.EVALUATE_CHUNK:  # not to blame for a node that was told to end
                chunk = ChunkRequest.from_wire(request.args[0])
                counted = counted_as(chunk, alone=bool(request.kwargs.get("alone")))
                Ledger(client, chunk.sweep_id).put_back(chunk, uncounted=counted)
    except (redis.RedisError, SweepError) as e:
        log.warning("starts stay counted: %s", e, extra={"event": "put_back_counted"})
