"""A sweep's status at the moment that ux.md shows, and what differs from it."""

from __future__ import annotations

from typing import Any

from tasks.records.status import Status, Workers

STARTED = 1_795_000_000.0


def a_status(**changes: Any) -> Status:
    values: dict[str, Any] = {
        "id": "vcp-daily-7f3a1c",
        "name": "vcp-daily",
        "state": "running",
        "total": 24096,
        "done": 14880,
        "ok": 14784,
        "failed": 96,
        "empty": 0,
        "cached": 6096,
        "chunks_total": 375,
        "chunks_done": 232,
        "started": STARTED,
        "finished": None,
        "rate_bt_s": 412.3,
        "eta_s": 22.4,
        "chunk_note": "chunk 48 combinations (a whole security)",
        "failing": ("TWTR", "FB"),
        "reason": None,
        "workers": Workers(nodes=2, cores=16, busy=16),
        "results": "results/vcp-daily/7f3a1c",
    }
    return Status(**{**values, **changes})


def a_finished_status(**changes: Any) -> Status:
    done = {
        "state": "done",
        "done": 24096,
        "ok": 24000,
        "finished": STARTED + 58.2,
        "eta_s": None,
        "workers": None,
    }
    return a_status(**{**done, **changes})
