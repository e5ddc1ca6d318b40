"""A sweep that this process follows: publishes it step by step, looks after it, and says how it stands.

The work happens between two statuses, so whoever reads them drives the sweep. When nobody does, a node leads.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from celery import Celery

from producer.plan import chunks as chunks_
from producer.plan.chunks import Rule
from producer.run import local, prepare, records
from producer.run.local import PrivateStack
from tasks import progress, registry, store
from tasks.connection import translated
from tasks.errors import ClusterUnavailable, StoreUnavailable
from tasks.heartbeat import live_nodes
from tasks.ledger import Ledger
from tasks.plan import Chunk, SweepSpec
from tasks.progress import TERMINAL, Rate, Status
from tasks.publish import Publisher
from tasks.reconcile import Lead
from tasks.settings import Settings

LEAD_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0
PILOT_SECONDS: Final = (
    60.0  # a pilot that takes longer has told enough: the sweep is slow, chunks will be small
)
NODE_SECONDS: Final = 120.0  # a node that compiles its kernels for the first time


class Session:
    """One sweep as its producer sees it. `close` in any case; the private stack ends with it."""

    def __init__(
        self,
        spec: SweepSpec,
        app: Celery | None,
        ledger: Ledger | None,
        *,
        record: records.SweepRecord,
        settings: Settings,
        url: str = "",
        stack: PrivateStack | None = None,
        final: Status | None = None,
    ) -> None:
        self.spec, self.app, self.ledger, self.stack = spec, app, ledger, stack
        self.record, self.settings = record, settings
        self.url = url
        self.id, self.total = spec.sweep_id, spec.total
        self.folder = Path(spec.results)
        self.private = stack is not None
        self.finished = final is not None
        self._final = final
        self._interrupted = False
        self._holder = f"producer/{socket.gethostname()}/{os.getpid()}"
        self._rate = Rate()

    @property
    def cached(self) -> int:
        return self._final.cached if self._final else 0

    @property
    def securities(self) -> int:
        return len(self.spec.securities)

    @property
    def combinations(self) -> int:
        """Of the security that has most."""
        return max((s.backtests for s in self.spec.securities), default=0)

    @property
    def chunks(self) -> int:
        plan = self.ledger.plan() if self.ledger else None
        return len(plan.chunks) if plan else 0

    def statuses(self, interval: float = 0.25) -> Iterator[Status]:
        """How the sweep stands, until it is over. A Redis that is away is a reason, not an end."""
        if self._final is not None:
            yield self._final
            return
        assert self.app is not None
        assert self.ledger is not None
        lead = Lead(self.app, self.ledger, self._holder, merges=True)
        steps = self._drive(lead)
        last: Status | None = None
        shown_at = -interval
        while last is None or last.state not in TERMINAL:
            try:
                with translated(self.url):
                    pause = next(steps)
                    if due := time.monotonic() - shown_at >= interval:
                        shown_at, last = time.monotonic(), self._status()
            except StoreUnavailable:
                self._check_stack()
                steps = self._drive(lead)  # a generator that has raised is over
                pause, due = RETRY_SECONDS, last is not None
                last = last and replace(last, reason="Redis unreachable", rate_bt_s=None, eta_s=None)
            if due and last is not None:
                yield last
            time.sleep(min(pause, interval))

    def interrupt(self) -> None:
        """Ends after the chunks in hand: what waits is not begun, what is finished is kept."""
        self._interrupted = True
        if self.ledger is not None:
            with suppress(StoreUnavailable), translated(self.url):
                self.ledger.move("cancelling", only_from=("open",))

    def close(self) -> None:
        """Keeps the record true and ends the private stack; its ledger goes when nothing is left to
        resume.
        """
        if self.ledger is not None:
            with suppress(ClusterUnavailable), translated(self.url):
                self._save(self._status())
                self.ledger.release("lead", self._holder)
        if self.stack is not None:
            self.stack.stop()
            if self.record.state in ("done", "failed") and store.marked(self.folder) == self.spec.identity:
                local.forget(self.settings, self.id)

    # --- the producer's work ------------------------------------------------------------------------------

    def _drive(self, lead: Lead) -> Iterator[float]:
        """Pilot, plan, then lead; yields how long nothing needs to be done."""
        assert self.ledger is not None
        if self.ledger.plan() is None and self.ledger.hold("lead", self._holder, NODE_SECONDS):
            yield from self._plan()
        while True:
            lead.step()
            self._check_stack()
            yield LEAD_SECONDS

    def _plan(self) -> Iterator[float]:
        assert self.app is not None
        assert self.ledger is not None
        rule = Rule(**self.spec.chunk)
        slots = yield from self._slots()
        piloted = chunks_.pilot(self.spec, rule, slots)
        if piloted:
            Publisher(self.app, self.spec).chunks(piloted, "pilot")
        measured = yield from self._measure(piloted)
        groups = registry.describe(self.spec.strategy).groups
        plan = chunks_.cut(self.spec, rule, slots, measured, groups)
        if self.ledger.fix_plan(plan):
            prepare.keep_plan(self.spec, plan)

    def _slots(self) -> Generator[float, None, int]:
        """The fleet's cores; waits for the first node, which may be compiling."""
        assert self.ledger is not None
        until = time.monotonic() + NODE_SECONDS
        while True:
            slots = sum(node.slots for node in live_nodes(self.ledger.client))
            if slots or time.monotonic() > until:
                return max(slots, 1)
            self._check_stack()
            yield 0.02

    def _measure(self, piloted: tuple[Chunk, ...]) -> Generator[float, None, dict[Chunk, float]]:
        """Milliseconds of each pilot chunk that has come back; all of them, unless that takes too long."""
        assert self.ledger is not None
        until = time.monotonic() + PILOT_SECONDS
        while True:
            receipts = self.ledger.receipts(c.name for c in piloted)
            if all(receipts) or time.monotonic() > until or self._interrupted:
                return {c: r.compute_ms for c, r in zip(piloted, receipts, strict=True) if r}
            yield 0.02

    def _check_stack(self) -> None:
        if self.stack is not None and self.stack.has_ended():
            raise ClusterUnavailable("the private stack ended", hint=f"see {self.stack.node_log()}")

    def _status(self) -> Status:
        assert self.ledger is not None
        status = progress.read(self.ledger, self.spec, self._rate)
        if status is None:
            raise ClusterUnavailable(
                f"Redis no longer knows sweep {self.id}",
                hint=f"it was emptied or restarted; producer resume {self.id}",
            )
        if self._interrupted and status.state == "cancelled":
            status = progress.interrupted(status)
        self._save(status)
        return status

    def _save(self, status: Status) -> None:
        updated = records.updated(self.record, status)
        if updated != self.record:
            if updated.state != self.record.state or status.state in TERMINAL:
                records.save(self.settings.state_dir, updated)
            self.record = updated
