"""What `--json` prints: the same facts as the screens, with raw numbers and ISO-8601 times in UTC.

Within a schema number keys are only ever added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from producer.view import words
from producer.view.output import as_json

if TYPE_CHECKING:
    from producer.outcome.failed import FailureGroup
    from producer.run.records import SweepRecord
    from tasks.records.heartbeat import Node
    from tasks.records.status import Status


def status(status: Status, *, best: Mapping[str, Any] | None = None) -> dict[str, Any]:
    workers = status.workers
    return {
        "id": status.id,
        "name": status.name,
        "state": status.state,
        "total": status.total,
        "done": status.done,
        "ok": status.ok,
        "failed": status.failed,
        "empty": status.empty,
        "cached": status.cached,
        "chunks": {"total": status.chunks_total, "done": status.chunks_done},
        "rate_bt_s": _rounded(status.rate_bt_s),
        "eta_s": _rounded(status.eta_s),
        "reason": status.reason,
        "started": words.iso_time(status.started),
        "finished": words.iso_time(status.finished),
        "workers": None
        if workers is None
        else {"nodes": workers.nodes, "cores": workers.cores, "busy": workers.busy},
        "failing": list(status.failing),
        "mismatch": status.mismatch,
        "best": best,
        "results": status.results,
    }


def sweep(record: SweepRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "total": record.total,
        "done": record.done,
        "failed": record.failed,
        "created": words.iso_time(record.created),
        "finished": words.iso_time(record.finished),
        "tags": list(record.tags),
        "best": record.best,
        "results": record.results,
    }


def node(node: Node, now: float) -> dict[str, Any]:
    return {
        "name": node.name,
        "host": node.host,
        "cores": node.cores,
        "slots": node.slots,
        "busy": node.busy,
        "rate_bt_s": _rounded(node.rate_bt_s),
        "memory_bytes": node.memory_bytes,
        "memory_total_bytes": node.memory_total_bytes,
        "queue": node.queue,
        "version": node.version,
        "seen": words.iso_time(node.seen),
        "seen_s": _rounded(max(0.0, now - node.seen)),
    }


def failure(group: FailureGroup, *, traceback: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "error": group.error,
        "message": group.message,
        "securities": list(group.securities),
        "backtests": group.backtests,
        "attempts": group.attempts,
        "example": {
            "security": group.example_security,
            "combination": group.example_combination,
            "parameters": dict(group.example_parameters),
        },
    }
    return {**document, "traceback": group.traceback} if traceback else document


def results(sweep_id: str, sorted_by: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One document in pieces: a million rows are never in memory at once."""
    head = as_json({"schema": "producer.results/1", "id": sweep_id, "sorted_by": sorted_by})
    yield f'{head[:-1]},"rows":['
    for i, row in enumerate(rows):
        yield ("," if i else "") + as_json(row)
    yield "]}\n"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
