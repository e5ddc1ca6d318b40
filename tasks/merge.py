"""The chord's callback, and the last step of a sweep, as Celery tasks: glue around `tasks.results.shards`."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task, shared_task

from tasks import names
from tasks.chunks import context
from tasks.records.ledger import Ledger
from tasks.results import shards

log = logging.getLogger("sweepfleet.merge")


@shared_task(name=names.MERGE_SHARD, bind=True, acks_late=True, ignore_result=True)
def merge_shard(self: Task, _receipts: list[Any], sweep_id: str, shard: int) -> str:
    """Merge one shard, and the whole sweep where it was the last one. The receipts only say that it is
    time.
    """
    ledger = context.current().ledger(sweep_id)
    verdict = shards.merge(ledger, shard, _holder(self))
    if verdict == "elsewhere":
        _leave_queue(self, ledger)
        self.app.send_task(names.MERGE_SHARD, args=[[], sweep_id, shard], countdown=1)
    if verdict in ("merged", "already"):
        shards.finish(ledger, _holder(self))
    return verdict


@shared_task(name=names.FINISH, bind=True, acks_late=True, ignore_result=True)
def finish(self: Task, sweep_id: str) -> str:
    """Put the merged shards into the results folder."""
    ledger = context.current().ledger(sweep_id)
    verdict = shards.finish(ledger, _holder(self))
    if verdict == "elsewhere":
        _leave_queue(self, ledger)
        self.app.send_task(names.FINISH, args=[sweep_id], countdown=1)
    return verdict


def _holder(task: Task) -> str:
    return f"{task.request.hostname}/{task.request.id}"


def _leave_queue(task: Task, ledger: Ledger) -> None:
    """This node does not see the results folder: another one, or the producer itself, merges."""
    queue = (task.request.delivery_info or {}).get("routing_key")
    log.warning(
        "results folder is not seen here; leaving the merge queue",
        extra={"event": "merge_elsewhere", "sweep": ledger.sweep_id},
    )
    task.app.control.cancel_consumer(queue, destination=[task.request.hostname])
