"""A sweep that this process follows: publishes it step by step, looks after it, and says how it stands.

The work happens between two statuses, so whoever reads them drives the sweep. When nobody does, a node leads.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from celery import Celery

from producer.run import local, prepare, records
from producer.run.local import PrivateStack
from tasks.errors import ClusterUnavailable, StoreUnavailable
from tasks.lead.reconcile import Lead
from tasks.plan import SweepSpec
from tasks.records import progress
from tasks.records.ledger import Ledger
from tasks.records.progress import Rate
from tasks.records.status import TERMINAL, Status
from tasks.results import store
from tasks.settings import Settings
from tasks.wire.connection import in_short, translated

RETRY_SECONDS: Final = 1.0
GLANCE_SECONDS: Final = 0.1  # how late the end of a sweep may be noticed
NOTED_SECONDS: Final = 5.0  # how old the record of a producer may be that was killed, or lost its terminal
REBUILT_SECONDS: Final = 20.0  # whoever leads opens a sweep anew that Redis has lost; later nobody will


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
        self._gone_since: float | None = None
        self._last: Status | None = None
        self._noted_at = 0.0

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
        lead = Lead(self.app, self.ledger, self._holder, merges=True, spec=self.spec)
        last: Status | None = None
        shown_at = -interval
        while last is None or last.state not in TERMINAL:
            try:
                with translated(self.url):
                    lead.step()
                    pause = lead.pause_seconds
                    if due := lead.is_over or time.monotonic() - shown_at >= interval:
                        shown_at, last = time.monotonic(), self._status()
            except StoreUnavailable as e:
                pause, due = RETRY_SECONDS, last is not None
                why = in_short(e.__cause__)
                last = last and replace(last, reason=why, rate_bt_s=None, eta_s=None, workers=None)
            self._check_stack()
            if due and last is not None:
                yield last
            if not lead.is_over:
                time.sleep(min(pause, interval, GLANCE_SECONDS))

    def interrupt(self) -> None:
        """Ends after the chunks in hand: what waits is not begun, what is finished is kept."""
        self._interrupted = True
        if self.ledger is not None:
            with suppress(StoreUnavailable), translated(self.url):
                self.ledger.move("cancelling", only_from=("open",))

    def close(self) -> None:
        """Keeps the record true and ends the private stack, with its ledger where nothing is left to do."""
        if self.ledger is not None:
            with suppress(ClusterUnavailable), translated(self.url):
                self._note(self._status())
                self.ledger.release("lead", self._holder)
        if self.stack is not None:
            self.stack.stop()
            if self.record.state in ("done", "failed") and store.marked(self.folder) == self.spec.identity:
                local.forget(self.settings, self.id)

    def _check_stack(self) -> None:
        if self.stack is not None:
            self.stack.check()

    def _status(self) -> Status:
        assert self.ledger is not None
        status = progress.read(self.ledger, self.spec, self._rate)
        if status is None:
            return self._gone()
        self._gone_since = None
        if self.private and status.reason == "no workers":
            status = replace(status, reason="the worker node is starting")
        if status.state in ("done", "failed"):
            self._fill()
        if self._interrupted and status.state == "cancelled":
            status = progress.interrupted(status)
        self._save(status)
        self._last = status
        return status

    def _gone(self) -> Status:
        """The last status, for a while, where Redis no longer knows the sweep."""
        now = time.monotonic()
        self._gone_since = self._gone_since or now
        if self._last is None or now - self._gone_since > REBUILT_SECONDS:
            raise ClusterUnavailable(
                f"Redis no longer knows sweep {self.id}",
                hint=f"it was emptied or restarted; producer resume {self.id}",
            )
        return replace(self._last, reason="Redis was emptied", rate_bt_s=None, eta_s=None)

    def _fill(self) -> None:
        """A sweep that another producer began ends in that one's folder; this one's gets the same files."""
        assert self.ledger is not None
        begun = self.ledger.spec()
        if begun is not None and begun.results != self.spec.results:
            prepare.fill(self.spec, Path(begun.results))

    def _save(self, status: Status) -> None:
        """Notes a step at once and a count now and then; the last count is noted by `close`."""
        updated = records.updated(self.record, status)
        stale = time.monotonic() - self._noted_at >= NOTED_SECONDS
        if updated.state != self.record.state or status.state in TERMINAL or stale:
            self._note(status)

    def _note(self, status: Status) -> None:
        updated = records.updated(self.record, status)
        if updated != self.record:
            records.save(self.settings.state_dir, updated)
            self.record, self._noted_at = updated, time.monotonic()
