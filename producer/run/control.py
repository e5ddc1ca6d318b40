"""Sweeps and nodes that run already: how they stand, stop them, go on with them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import redis

from producer.run import prepare, records
from producer.run.records import SweepRecord
from producer.run.session import Session
from producer.run.submit import open_session, shared_url
from tasks import names, progress, registry, store
from tasks.celery_app import make_app
from tasks.connection import connect, translated
from tasks.data.digest import file_digest
from tasks.errors import ClusterUnavailable, NotFound, PlanChanged, UsageError
from tasks.heartbeat import Node, live_nodes
from tasks.ledger import Ledger
from tasks.plan import SweepSpec
from tasks.progress import TERMINAL, Rate, Status
from tasks.settings import Settings

SETTLE_SECONDS: Final = 660.0  # the longest chunk and then some


def status(record: SweepRecord, settings: Settings) -> Status:
    """Live from Redis where the sweep is there, else as it was last recorded."""
    if record.redis_url is not None and not record.is_over:
        client = _client(record, settings)
        with translated(record.redis_url):
            ledger = Ledger(client, record.id)
            spec = ledger.spec()
            found = progress.read(ledger, spec) if spec else None
        if found is not None:
            records.save(settings.state_dir, records.updated(record, found))
            return found
    return recorded(record)


def recorded(record: SweepRecord) -> Status:
    """From the record, and from the manifest where the sweep is finished."""
    counts = _counts(record)
    failed, empty = counts.get("failed", record.failed), counts.get("empty", 0)
    over: progress.State = "interrupted" if not record.is_over and record.redis_url is None else record.state
    return Status(
        id=record.id,
        name=record.name,
        state=over,
        total=record.total,
        done=record.done,
        ok=record.done - failed - empty,
        failed=failed,
        empty=empty,
        cached=0,
        chunks_total=counts.get("chunks", 0),
        chunks_done=counts.get("chunks", 0),
        started=record.created,
        finished=record.finished,
        results=record.results,
    )


def watch(record: SweepRecord, settings: Settings, interval: float = 1.0) -> Iterator[Status]:
    """Until the sweep is over; looks only, the work is somebody else's."""
    if record.redis_url is None or record.is_over:
        yield recorded(record)
        return
    client, rate, last = _client(record, settings), Rate(), recorded(record)
    ledger = Ledger(client, record.id)
    while True:
        try:
            with translated(record.redis_url):
                spec = ledger.spec()
                found = progress.read(ledger, spec, rate) if spec else None
            last = found or recorded(record)
        except ClusterUnavailable as e:
            if not e.retryable:
                raise
            last = replace(last, reason="Redis unreachable", rate_bt_s=None, eta_s=None)
        yield last
        if last.state in TERMINAL:
            records.save(settings.state_dir, records.updated(record, last))
            return
        time.sleep(interval)


def cancel(record: SweepRecord, settings: Settings, *, now: bool) -> Status:
    """What waits is not begun. What runs ends and is kept; with `now` it is killed and its result refused."""
    if record.redis_url is None:
        raise UsageError(
            f"{record.id} runs on the private stack of its own submit", hint="press Ctrl-C where it runs"
        )
    client = _client(record, settings)
    ledger = Ledger(client, record.id)
    with translated(record.redis_url):
        spec = ledger.spec()
        if spec is None:
            raise NotFound(f"Redis does not know sweep {record.id}", hint="producer ls shows what is there")
        ledger.move("cancelled" if now else "cancelling", only_from=("open", "cancelling"))
        if now:
            app = make_app(settings.model_copy(update={"redis_url": record.redis_url}))
            app.control.revoke_by_stamped_headers({"sweep": [record.id]}, terminate=True, signal="SIGKILL")
        found = progress.read(ledger, spec)
    if found is None:
        raise NotFound(f"Redis does not know sweep {record.id}")
    records.save(settings.state_dir, records.updated(record, found))
    return found


def resume(record: SweepRecord, settings: Settings, *, force: bool) -> Session:
    """A session on what is missing. Refuses where code or data have changed; `force` takes them as they are
    now.
    """
    spec = _kept_spec(record)
    changes = changed(spec, settings)
    if changes and not force:
        raise PlanChanged(
            f"{record.id} was planned with other {' and '.join(changes)}",
            hint=f"producer submit {record.sweep_file} runs it as it is now; --force mixes old and new",
        )
    if prepare.finished(spec):
        raise UsageError(f"{record.id} is complete", hint="producer results shows it")
    if changes:
        spec = prepare.renewed(spec, settings)
    prepare.claim(spec)
    url = record.redis_url if record.redis_url is None else _alive_url(record, settings)
    record = replace(record, state="planning", redis_url=url, finished=None)
    return open_session(spec, settings, record, url, fresh=False)


def changed(spec: SweepSpec, settings: Settings) -> list[str]:
    """What is no longer as it was planned, in words: `code of market_making`, `data of EMAAR`."""
    found = []
    if registry.fingerprint(spec.strategy) != spec.fingerprint:
        found.append(f"code of {spec.strategy}")
    for work in spec.securities:
        try:
            same = file_digest(work.path, settings.cache_dir) == work.digest
        except OSError:
            same = False
        if not same:
            found.append(f"data of {work.name}")
    return found


def nodes(settings: Settings) -> list[Node]:
    url = shared_url(settings)
    if url is None:
        raise ClusterUnavailable(
            "no Redis is configured and nothing is up", hint="producer up, or give --redis URL"
        )
    with translated(url):
        return live_nodes(connect(url))


def stop_node(name: str, settings: Settings, *, now: bool) -> Node:
    """Asks a node to end: after what it has in hand, or `now`, when that goes back to the queue."""
    found = [n for n in nodes(settings) if name in (n.name, n.host, n.name.partition("@")[0])]
    if len(found) != 1:
        said = f"no node '{name}'" if not found else f"'{name}' means {len(found)} nodes"
        raise NotFound(said, hint="producer worker ls lists them by their full names")
    url = shared_url(settings)
    app = make_app(settings.model_copy(update={"redis_url": url}))
    with translated(url or ""):
        if now:
            app.control.broadcast("pool_restart", arguments={"reload": False}, destination=[found[0].name])
        app.control.shutdown(destination=[found[0].name])
    return found[0]


def _client(record: SweepRecord, settings: Settings) -> redis.Redis:
    assert record.redis_url is not None
    return connect(_alive_url(record, settings))


def _alive_url(record: SweepRecord, settings: Settings) -> str:
    """The sweep's own Redis; the password may have been given on another way since."""
    assert record.redis_url is not None
    return settings.redis_url or record.redis_url


def _kept_spec(record: SweepRecord) -> SweepSpec:
    try:
        return SweepSpec.from_bytes((store.work_folder(record.results) / prepare.SPEC_FILE).read_bytes())
    except OSError as e:
        raise NotFound(
            f"the results folder of {record.id} is gone: {record.results}",
            hint=f"producer submit {record.sweep_file}",
        ) from e


def _counts(record: SweepRecord) -> dict[str, int]:
    try:
        document = json.loads((Path(record.results) / names.MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    counts = document.get("counts", {}) if document.get("id") == record.id else {}
    return {k: v for k, v in counts.items() if isinstance(v, int)}
