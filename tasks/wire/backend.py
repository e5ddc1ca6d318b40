"""Celery's Redis backend, used for chords alone: nobody here waits for a task's result, the ledger has it."""

from __future__ import annotations

from celery.backends.redis import RedisBackend, ResultConsumer


class NobodyWaits(ResultConsumer):
    """Publishing a chord would else subscribe to a channel for each of its 500 tasks, and keep them all."""

    def consume_from(self, task_id: str) -> None:
        """Nothing to listen for."""


class ChordBackend(RedisBackend):
    ResultConsumer = NobodyWaits
