"""Putting work on the queue: chunks as a chord per shard, single chunks, merges. Safe to repeat: names are
the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

from celery import Celery, chord

from tasks import names
from tasks.celery_app import merge_queue
from tasks.messages import ChunkRequest
from tasks.plan import Chunk, SweepSpec

GRACE_SECONDS: Final = 30  # between asking a chunk to stop and stopping its process


class Publisher:
    """Publishes for one sweep through one application."""

    def __init__(self, app: Celery, spec: SweepSpec) -> None:
        self.app = app
        self.spec = spec

    def shard(self, shard: int, chunks: Iterable[Chunk], epoch: int) -> None:
        """The shard's chunks, longest first, and its merge when they have all come back."""
        header = [self._signature(c, epoch) for c in sorted(chunks, key=lambda c: -c.cost_ms)]
        if not header:
            self.merge(shard)
            return
        chord(header, app=self.app)(self._merge_signature(shard))

    def chunks(self, chunks: Iterable[Chunk], attempt: str) -> None:
        """Single chunks, outside any chord: the pilot, and what was lost."""
        with self.app.producer_pool.acquire(block=True) as producer:
            for chunk in chunks:
                self._signature(chunk, attempt).apply_async(producer=producer)

    def merge(self, shard: int) -> None:
        self.app.send_task(names.MERGE_SHARD, args=[[], self.spec.sweep_id, shard], queue=self._merge_queue)

    def finish(self) -> None:
        self.app.send_task(names.FINISH, args=[self.spec.sweep_id], queue=self._merge_queue)

    @property
    def _merge_queue(self) -> str:
        return merge_queue(self.spec.queue)

    def _merge_signature(self, shard: int) -> Any:
        return self.app.signature(
            names.MERGE_SHARD, args=[self.spec.sweep_id, shard], options={"queue": self._merge_queue}
        )

    def _signature(self, chunk: Chunk, attempt: int | str) -> Any:
        request: ChunkRequest = self.spec.request(chunk, time.time())
        timeout = self.spec.timeout_seconds
        return self.app.signature(
            names.EVALUATE_CHUNK,
            args=[request.to_wire()],
            options={
                "queue": self.spec.queue,
                "task_id": f"{self.spec.sweep_id}-{request.name.replace(':', '-')}-{attempt}",
                "argsrepr": f"{request.label} of {self.spec.sweep_id}",
                "kwargsrepr": "",
                "soft_time_limit": timeout,
                "time_limit": timeout + GRACE_SECONDS,
                "headers": {"sweep": self.spec.sweep_id},
                "ignore_result": True,
            },
        )
