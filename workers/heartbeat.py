"""What a node's main process does on a timer: renew its leases, say that it lives, lead sweeps that nobody
follows.

Runs in Celery's event loop between messages, so each beat is a few short calls; a Redis that is away is met
again at the next beat.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from importlib.metadata import version
from typing import Any, Final

import psutil
import redis
from celery import bootsteps
from celery.worker import state
from kombu.exceptions import OperationalError

from tasks import names, settings
from tasks.messages import WIRE_VERSION
from tasks.records.heartbeat import BEAT_SECONDS, Node, backtests_done, beat, leave
from tasks.roots import absolute
from tasks.wire import agreement
from tasks.wire.celery_app import merge_queue
from tasks.wire.connection import connect
from workers.claims import Claims
from workers.fleet import Fleet
from workers.pinning import Cores

log = logging.getLogger("sweepfleet.node")

LEAD_SECONDS: Final = 1.0
REJOIN_SECONDS: Final = 60.0  # a node that left the merge queue over one sweep's folder may see another's
AWAY: Final = (redis.RedisError, OperationalError, OSError)

_node: dict[str, Any] = {}


def describe(name: str, cores: Cores, claims: Claims) -> None:
    """Fixes what this node says of itself, before Celery starts."""
    _node.update(name=name, cores=cores.text, slots=cores.count, claims=claims)


class LeaseStep(bootsteps.StartStopStep):
    """Keeps what this node's processes have in hand from being given out again while the node lives.

    Relies on how kombu's Redis transport keeps unacknowledged messages: `~=5.7` in pyproject.toml.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **_: Any) -> None:
        self.timer: Any = None

    def start(self, consumer: Any) -> None:
        seconds = settings.load().beat_seconds
        self.timer = consumer.timer.call_repeatedly(seconds, self.beat, (consumer,), priority=10)

    def stop(self, consumer: Any) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None

    def beat(self, consumer: Any) -> None:
        held = [r for r in tuple(state.reserved_requests) if not r.acknowledged]
        if not held:
            return
        try:
            channel = consumer.task_consumer.channel
            with channel.conn_or_acquire() as client:
                tags = {r.message.delivery_tag: time.time() for r in held}
                client.zadd(
                    channel.unacked_index_key, tags, xx=True
                )  # xx: never revive what was acknowledged
        except AWAY as e:
            log.warning("leases not renewed: %s", e, extra={"event": "lease_late"})


class NodeStep(bootsteps.StartStopStep):
    """Says that the node lives, and lets it lead and speak for the fleet."""

    requires = ("celery.worker.consumer.tasks:Tasks", "celery.worker.consumer.events:Events")

    def __init__(self, consumer: Any, **_: Any) -> None:
        self.timers: list[Any] = []
        self.client: redis.Redis | None = None
        self.fleet: Fleet | None = None
        self.counted = (time.monotonic(), 0)
        self.rate = 0.0
        self.rejoined = time.monotonic()

    def start(self, consumer: Any) -> None:
        current = settings.load()
        self.client = connect(current.redis_url or "", retries=0)
        self.fleet = Fleet(consumer.app, self.client, _node["name"])
        self.beat(consumer)
        call = consumer.timer.call_repeatedly
        self.timers = [
            call(BEAT_SECONDS, self.beat, (consumer,), priority=5),
            call(LEAD_SECONDS, self.lead, (consumer,), priority=1),
        ]

    def stop(self, consumer: Any) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers = []
        if self.client is not None:
            try:
                leave(self.client, _node["name"])
                _node["claims"].release()
                if consumer.event_dispatcher:  # what became of the last chunks
                    consumer.event_dispatcher.flush()
            except AWAY:
                log.info("left without saying so", extra={"event": "left"})

    def beat(self, consumer: Any) -> None:
        if self.client is None:
            return
        try:
            self._measure(self.client)
            beat(self.client, self._describe())
            _node["claims"].renew()
            self._agree(self.client)
        except AWAY as e:
            log.warning("beat not sent: %s", e, extra={"event": "beat_late"})

    def _agree(self, client: redis.Redis) -> None:
        """A Redis that was emptied learns it again. Two nodes that began at once may both have been first."""
        if not agreement.renew(client, agreement.document(settings.load())):
            log.error(
                "another node is set up otherwise (%s says how): stop one of the two",
                names.CONFIG,
                extra={"event": "config_drift"},
            )

    def lead(self, consumer: Any) -> None:
        if self.fleet is None:
            return
        try:
            self.fleet.step(consumer.event_dispatcher)
            if time.monotonic() - self.rejoined >= REJOIN_SECONDS:
                self.rejoined = time.monotonic()
                consumer.add_task_queue(merge_queue(settings.load().queue))
        except AWAY as e:
            log.warning("could not lead: %s", e, extra={"event": "lead_late"})

    def _measure(self, client: redis.Redis) -> None:
        now, count = time.monotonic(), backtests_done(client, _node["name"])
        then, before = self.counted
        if now > then and before:
            self.rate += 0.3 * (max(0, count - before) / (now - then) - self.rate)
        self.counted = (now, count)

    def _describe(self) -> Node:
        main = psutil.Process()
        memory = main.memory_info().rss + sum(c.memory_info().rss for c in main.children(recursive=True))
        return Node(
            name=_node["name"],
            cores=_node["cores"],
            slots=_node["slots"],
            busy=min(len(state.active_requests), _node["slots"]),
            rate_bt_s=round(self.rate, 1),
            memory_bytes=memory,
            memory_total_bytes=psutil.virtual_memory().total,
            version=version(names.DISTRIBUTION),
            wire=WIRE_VERSION,
            queue=settings.load().queue,
            pid=os.getpid(),
            host=socket.gethostname(),
            allow=tuple(map(absolute, settings.load().allow)),
        )
