"""`producer submit`: finds out whether the sweep is new, running, interrupted or finished, and gives a
session on it.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from producer.run import local, prepare, ready, records
from producer.run.follower import Follower
from producer.run.local import PrivateStack, StackHeld
from producer.run.look import shared_url
from producer.run.session import Session
from producer.spec.check import CheckedSweep
from tasks import names
from tasks.errors import UsageError
from tasks.lead import planning, retry
from tasks.plan import SweepSpec
from tasks.records.heartbeat import live_nodes
from tasks.records.ledger import Ledger
from tasks.records.status import Status
from tasks.results import kept
from tasks.settings import Settings, allowing
from tasks.wire import agreement
from tasks.wire.celery_app import make_app, merge_queue
from tasks.wire.connection import check_server, connect, masked, translated


def submit(
    checked: CheckedSweep, settings: Settings, *, require_workers: int = 1, detach: bool = False
) -> Session | Follower:
    """A session on the sweep, whatever state it is in. Nothing is on the queue yet: `statuses` does the
    work.
    """
    settings = allowing(settings, checked.path.parent)
    spec = prepare.spec_of(checked, settings)
    if checked.cache == "use" and (manifest := prepare.finished(spec)):
        return finished_session(spec, new_record(spec, checked, None), settings, manifest)
    url = shared_url(settings)
    if url is None and detach:
        raise UsageError(
            "a detached sweep needs a server that stays when this command ends",
            hint="start one with: producer up    or give --redis URL",
        )
    record = new_record(spec, checked, url)
    return open_session(
        spec, settings, record, url, fresh=checked.cache != "use", require_workers=require_workers
    )


def open_session(
    spec: SweepSpec,
    settings: Settings,
    record: records.SweepRecord,
    url: str | None,
    *,
    fresh: bool,
    failed: bool = False,
    require_workers: int = 1,
) -> Session | Follower:
    """Connects, or starts the private stack, and opens the ledger of the sweep; `fresh` forgets what is
    there, `failed` what failed. A sweep that another producer runs on its private stack is followed.
    """
    stack = None
    if url is None:
        prepare.claim(spec)
        try:
            stack = _private_stack(settings, spec, fresh=fresh)
        except StackHeld:
            if failed:
                raise _runs_still(spec) from None
            return Follower(spec, settings, record)
        url = stack.redis_url
    with ExitStack() as undone:  # a stack that nobody will use does not stay
        if stack is not None:
            undone.callback(stack.stop)
            stack.wait_ready()
        client = connect(url)
        if stack is None:
            check_server(connect(url, retries=1), url)  # what refuses is said soon; one cut is no refusal
            with translated(url):
                ready.check(live_nodes(client), require_workers, spec)
            agreement.agree(client, settings)
            prepare.claim(spec)  # last, so that a submit that is refused leaves no folder behind
        with translated(url):
            ledger = Ledger(client, spec.sweep_id)
            _open(ledger, spec, alone=stack is not None, fresh=fresh, failed=failed)
        undone.pop_all()
    if record.redis_url is not None:
        record = replace(record, redis_url=masked(record.redis_url))  # no password lies in a file
    records.save(settings.state_dir, record)
    app = make_app(settings.model_copy(update={"redis_url": url}))
    return Session(spec, app, ledger, record=record, settings=settings, url=url, stack=stack)


def _private_stack(settings: Settings, spec: SweepSpec, *, fresh: bool = False) -> PrivateStack:
    """For this sweep alone, so that no kernel of another strategy is compiled or loaded."""
    own = {"queue": spec.queue, "warm": spec.strategy}
    return PrivateStack(settings.model_copy(update=own), spec.sweep_id, fresh=fresh)


def _open(ledger: Ledger, spec: SweepSpec, *, alone: bool, fresh: bool, failed: bool) -> None:
    """The ledger of a new sweep, or of one that goes on; then chunks may start."""
    if fresh:
        ledger.purge()
        prepare.clear(spec)
    new = ledger.create(spec)
    if failed and not alone and not new and ledger.meta().get("state") in ("open", "cancelling"):
        raise _runs_still(spec)
    plan = None if fresh else kept.plan_of(spec)
    if new and plan is not None:  # a Redis that was emptied: the same chunks, as far as they are missing
        ledger.fix_plan(plan)
        kept.restore(ledger, spec, plan)
    elif plan is None and not fresh and (fixed := ledger.plan()):
        planning.keep(spec, fixed)  # which a full disk refused
    if failed and (plan := ledger.plan() or plan):
        with prepare.writing(spec):
            retry.again(ledger, spec, plan)
    if failed or not new:
        _go_on(ledger, spec, alone=alone)


def _runs_still(spec: SweepSpec) -> UsageError:
    return UsageError(
        f"{spec.sweep_id} still runs; what fails is known at its end",
        hint=f"producer watch {spec.sweep_id}   producer cancel {spec.sweep_id}",
    )


def _go_on(ledger: Ledger, spec: SweepSpec, *, alone: bool) -> None:
    """With a sweep that was begun before. On a stack of our own nobody else has its chunks in hand."""
    if alone:
        queues = (spec.queue, merge_queue(spec.queue), "unacked", "unacked_index", "unacked_mutex")
        ledger.client.delete(*(names.PREFIX + key for key in queues))
        ledger.reopen()
    elif ledger.meta().get("state") != "open":  # `done` too: here its results are not, or no longer
        ledger.reopen()


def dry_run(checked: CheckedSweep, settings: Settings) -> dict[str, Any]:
    """What would be run: counts, and what is finished already. Reads the data's checksums, starts nothing."""
    return _counts(prepare.spec_of(checked, settings), checked)


def _counts(spec: SweepSpec, checked: CheckedSweep) -> dict[str, Any]:
    manifest = prepare.finished(spec) if checked.cache == "use" else None
    return {
        "id": spec.sweep_id,
        "securities": len(spec.securities),
        "combinations": max((s.backtests for s in spec.securities), default=0),
        "backtests": spec.total,
        "cached": spec.total if manifest else 0,
        "results": spec.results,
    }


def estimate(checked: CheckedSweep, settings: Settings) -> dict[str, Any]:
    """The counts of `dry_run`, with chunks and core-hours, from a pilot on a private stack."""
    settings = allowing(settings, checked.path.parent)
    spec = prepare.spec_of(checked, settings)
    counts = _counts(spec, checked)
    if counts["cached"]:
        return {**counts, "chunks": 0, "core_hours": 0.0}
    spec = spec.with_id(f"{spec.sweep_id}-estimate", spec.results)
    stack = _private_stack(settings, spec)
    try:
        stack.wait_ready()
        ledger = Ledger(connect(stack.redis_url), spec.sweep_id)
        ledger.create(spec)
        app = make_app(settings.model_copy(update={"redis_url": stack.redis_url}))
        while (plan := planning.plan_step(app, ledger, spec, ledger.meta())) is None:
            stack.check()
            time.sleep(0.02)
    finally:
        stack.stop()
        local.forget(settings, spec.sweep_id)
    return {**counts, "chunks": len(plan.chunks), "core_hours": plan.cost_ms / 3_600_000}


def new_record(spec: SweepSpec, checked: CheckedSweep, url: str | None) -> records.SweepRecord:
    return records.SweepRecord(
        id=spec.sweep_id,
        name=spec.name,
        state="planning",
        total=spec.total,
        done=0,
        failed=0,
        created=time.time(),
        finished=None,
        results=spec.results,
        sweep_file=str(Path(checked.path).absolute()),
        tags=tuple(checked.tags),
        redis_url=url,
        metric=checked.metric,
        goal=checked.goal,
        best=None,
    )


def finished_session(
    spec: SweepSpec, record: records.SweepRecord, settings: Settings, manifest: dict[str, Any]
) -> Session:
    """On a sweep that is complete: nothing runs, and its only status says so."""
    counts, times = manifest["counts"], manifest["times"]
    failed, empty = int(counts["failed"]), int(counts["empty"])
    status = Status(
        id=spec.sweep_id,
        name=spec.name,
        state=manifest["state"],
        total=spec.total,
        done=spec.total,
        ok=spec.total - failed - empty,
        failed=failed,
        empty=empty,
        cached=spec.total,
        chunks_total=int(counts["chunks"]),
        chunks_done=int(counts["chunks"]),
        started=float(times["created"]),
        finished=float(times["finished"]),
        mismatch=int(manifest.get("mismatch", 0)),
        results=spec.results,
    )
    record = records.updated(record, status)
    records.save(settings.state_dir, record)
    return Session(spec, None, None, record=record, settings=settings, final=status)
