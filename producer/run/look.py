"""What is known of sweeps and nodes: live from Redis, else from what was recorded. Changes nothing.

Redis and Arrow are loaded where they are needed: a finished sweep is answered from two small files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from producer.run import local, records, standing
from producer.run.records import SweepRecord
from tasks import names
from tasks.errors import ClusterUnavailable
from tasks.records.status import TERMINAL, State, Status
from tasks.settings import Settings

if TYPE_CHECKING:
    from tasks.records.heartbeat import Node
    from tasks.records.progress import Rate


def status(record: SweepRecord, settings: Settings) -> Status:
    """Live from Redis where the sweep is there, else as it was last recorded."""
    url = live_url(record, settings)
    found = _read(record.id, url) if url is not None else None
    if found is None:
        return recorded(record)
    records.save(settings.state_dir, records.updated(record, found))
    return found


def recorded(record: SweepRecord) -> Status:
    """From the record, and from the manifest where the sweep is finished."""
    manifest = _manifest(record)
    counts, times = manifest.get("counts", {}), manifest.get("times", {})
    failed, empty = int(counts.get("failed", record.failed)), int(counts.get("empty", 0))
    state: State = "interrupted" if not record.is_over and record.redis_url is None else record.state
    return Status(
        id=record.id,
        name=record.name,
        state=state,
        total=record.total,
        done=record.done,
        ok=record.done - failed - empty,
        failed=failed,
        empty=empty,
        cached=0,
        chunks_total=int(counts.get("chunks", 0)),
        chunks_done=int(counts.get("chunks", 0)),
        started=float(times.get("created", record.created)),
        finished=float(times["finished"]) if "finished" in times else record.finished,
        mismatch=int(manifest.get("mismatch", 0)),
        results=record.results,
    )


def watch(record: SweepRecord, settings: Settings, interval: float = 1.0) -> Iterator[Status]:
    """Until the sweep is over; looks only, the work is somebody else's."""
    url, last = live_url(record, settings), recorded(record)
    if url is None:
        yield last
        return
    from tasks.records.progress import Rate
    from tasks.wire.connection import in_short

    rate = Rate()
    while True:
        try:
            last = _read(record.id, url, rate) or recorded(
                records.load(settings.state_dir, record.id) or record
            )
        except ClusterUnavailable as e:
            if not e.retryable:
                raise
            if record.redis_url is None:  # the private stack ended with its sweep
                last = recorded(records.load(settings.state_dir, record.id) or record)
            else:
                why = in_short(e.__cause__)
                last = replace(last, reason=why, rate_bt_s=None, eta_s=None, workers=None)
        yield last
        if last.state in TERMINAL:
            if record.redis_url is not None:
                records.save(settings.state_dir, records.updated(record, last))
            return
        time.sleep(interval)


def nodes(settings: Settings) -> list[Node]:
    from tasks.records.heartbeat import live_nodes
    from tasks.wire.connection import connect, translated

    url = shared_url(settings)
    if url is None:
        raise ClusterUnavailable(
            "no Redis is configured and nothing is up", hint="producer up, or give --redis URL"
        )
    with translated(url):
        return live_nodes(connect(url))


def live_url(record: SweepRecord, settings: Settings) -> str | None:
    """Where the sweep runs now; None where it runs nowhere."""
    if record.is_over:
        return None
    if record.redis_url is None:
        return local.private_url(settings, record.id)
    return alive_url(record, settings)


def _read(sweep_id: str, url: str, rate: Rate | None = None) -> Status | None:
    from tasks.records import progress
    from tasks.records.ledger import Ledger
    from tasks.wire.connection import connect, translated

    with translated(url):
        ledger = Ledger(connect(url), sweep_id)
        spec = ledger.spec()
        return progress.read(ledger, spec, rate) if spec else None


def shared_url(settings: Settings) -> str | None:
    """The Redis to use: the configured one, else that of `producer up`; None: a private stack."""
    if settings.redis_url is not None:
        return settings.redis_url
    stack = standing.running(settings)
    return stack.redis_url if stack else None


def alive_url(record: SweepRecord, settings: Settings) -> str:
    """The sweep's own Redis, or what is given now; a record holds no password."""
    assert record.redis_url is not None
    if settings.redis_url is None and records.MASK in record.redis_url:
        raise ClusterUnavailable(
            f"the server of {record.id} wants its password: {record.redis_url}",
            hint="none is kept; give --redis URL or PRODUCER_REDIS_URL",
        )
    return settings.redis_url or record.redis_url


def _manifest(record: SweepRecord) -> dict[str, Any]:
    try:
        document = json.loads((Path(record.results) / names.MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(document) if document.get("id") == record.id and record.is_over else {}
