"""Putting work on the queue: chunks as a chord per shard, single chunks, merges. Safe to repeat: names are
the same.

Messages go out in batches: one round trip for hundreds. What became of a batch that broke off is not known;
whoever leads publishes the shard again, and the ledger makes doubles harmless.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from celery import Celery
from kombu.exceptions import BatchPublishError, OperationalError

from tasks import names
from tasks.messages import ChunkRequest
from tasks.plan import Chunk, SweepSpec
from tasks.wire.celery_app import merge_queue

GRACE_SECONDS: Final = 30  # between asking a chunk to stop and stopping its process
BATCH: Final = 500  # messages a round trip: tests/benchmarks/test_scale.py


class Publisher:
    """Publishes for one sweep through one application."""

    def __init__(self, app: Celery, spec: SweepSpec) -> None:
        self.app = app
        self.spec = spec

    def shard(self, shard: int, chunks: Iterable[Chunk], epoch: int, sent: float = 0.0) -> None:
        """The shard's chunks, longest first, and its merge when they have all come back.

        It is a chord, put together here: Celery's own would publish its header one by one. The size goes
        first, so that a publisher which dies half-way leaves no chord that cannot know its end.
        """
        header = sorted(chunks, key=lambda c: -c.cost_ms)
        if not header:
            self.merge(shard)
            return
        group = str(uuid4())
        body = self._merge_signature(shard)
        body.freeze(str(uuid4()), group_id=group)
        self.app.backend.set_chord_size(group, len(header))
        with self._batch() as producer:
            for place, chunk in enumerate(header):
                place_in_chord = {"chord": body, "group_id": group, "group_index": place}
                self._send(chunk, epoch, sent, producer, place_in_chord)

    def chunks(self, chunks: Iterable[Chunk], attempt: str, sent: float = 0.0) -> None:
        """Single chunks, outside any chord: the pilot, and what was lost."""
        with self._batch() as producer:
            for chunk in chunks:
                self._send(chunk, attempt, sent, producer, {})

    def merge(self, shard: int) -> None:
        self.app.send_task(names.MERGE_SHARD, args=[[], self.spec.sweep_id, shard], queue=self._merge_queue)

    def finish(self) -> None:
        self.app.send_task(names.FINISH, args=[self.spec.sweep_id], queue=self._merge_queue)

    def declare(self) -> None:
        """Tells Redis anew where the queues' messages go. A connection says it once, and a Redis that was
        emptied drops every message from then on.
        """
        with self.app.connection_for_write() as connection, connection.channel() as channel:
            for queue in self.app.amqp.queues.values():
                queue.bind(channel).declare()

    @property
    def _merge_queue(self) -> str:
        return merge_queue(self.spec.queue)

    def _merge_signature(self, shard: int) -> Any:
        return self.app.signature(
            names.MERGE_SHARD, args=[self.spec.sweep_id, shard], options={"queue": self._merge_queue}
        )

    @contextmanager
    def _batch(self) -> Iterator[Any]:
        try:
            with self.app.producer_pool.acquire(block=True) as producer, producer.batch(BATCH):
                yield producer
        except BatchPublishError as e:  # most of them may have gone out: only the next look can tell
            raise OperationalError(f"a batch of messages broke off: {e.__cause__ or e}") from e

    def _send(
        self, chunk: Chunk, attempt: int | str, sent: float, producer: Any, chord: dict[str, Any]
    ) -> None:
        request: ChunkRequest = self.spec.request(chunk, time.time())
        timeout = self.spec.timeout_seconds
        self.app.send_task(
            names.EVALUATE_CHUNK,
            args=[request.to_wire()],
            queue=self.spec.queue,
            task_id=task_id(self.spec.sweep_id, request.name, attempt),
            argsrepr=f"{request.label} of {self.spec.sweep_id}",
            kwargsrepr="",
            soft_time_limit=timeout,
            time_limit=timeout + GRACE_SECONDS,
            headers={"sweep": self.spec.sweep_id, "chunk": request.name, "sent": sent},
            ignore_result=True,
            producer=producer,
            add_to_parent=False,
            **chord,
        )


def task_id(sweep_id: str, chunk: str, attempt: int | str) -> str:
    return f"{sweep_id}-{chunk.replace(':', '-')}-{attempt}"
