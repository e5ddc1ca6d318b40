"""The Celery task that evaluates a chunk: glue. It never raises for a failure of data or strategy."""

from __future__ import annotations

from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery import Task, shared_task

from tasks import names
from tasks.chunks import chunk, context
from tasks.messages import ChunkRequest
from tasks.wire.publish import GRACE_SECONDS


@shared_task(name=names.EVALUATE_CHUNK, bind=True, acks_late=True, ignore_result=True)
def evaluate_chunk(self: Task, wire: dict[str, Any], alone: bool = False) -> dict[str, Any]:
    """Evaluate one chunk of combinations and keep the result; safe to run twice.

    `alone`: each combination in a process of its own. Lost on its way, such a message needs no other care
    than any: the chunk is published as before, and comes to this again.
    """
    request = ChunkRequest.from_wire(wire)

    def again(seconds: float) -> None:
        self.apply_async(
            args=[wire],
            kwargs={"alone": True},
            queue=(self.request.delivery_info or {}).get("routing_key"),
            task_id=f"{self.request.id}-alone",
            argsrepr=f"{request.label} of {request.sweep_id}, each alone",
            kwargsrepr="",
            soft_time_limit=seconds + GRACE_SECONDS,  # it keeps to its time by itself
            time_limit=seconds + 2 * GRACE_SECONDS,
            headers={"sweep": request.sweep_id, "chunk": request.name},
            ignore_result=True,
        )

    receipt = chunk.evaluate(
        context.current(),
        request,
        self.request.hostname or "?",
        (SoftTimeLimitExceeded,),
        None if alone else again,
        alone=alone,
    )
    return {"chunk": request.name, "outcome": receipt.outcome if receipt else "closed"}
