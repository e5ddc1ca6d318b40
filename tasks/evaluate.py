"""The Celery task that evaluates a chunk: glue. It never raises for a failure of data or strategy."""

from __future__ import annotations

from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery import Task, shared_task

from tasks import chunk, context, names
from tasks.messages import ChunkRequest


@shared_task(name=names.EVALUATE_CHUNK, bind=True, acks_late=True, ignore_result=True)
def evaluate_chunk(self: Task, wire: dict[str, Any]) -> dict[str, Any]:
    """Evaluate one chunk of combinations and keep the result; safe to run twice."""
    request = ChunkRequest.from_wire(wire)
    receipt = chunk.evaluate(
        context.current(), request, self.request.hostname or "?", (SoftTimeLimitExceeded,)
    )
    return {"chunk": request.name, "outcome": receipt.outcome if receipt else "closed"}
