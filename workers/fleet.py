"""What one node does for all: lead sweeps that no producer follows, and tell Flower how each sweep stands."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import redis
from celery import Celery

from tasks import names
from tasks.lead.rebuild import era
from tasks.lead.reconcile import Lead
from tasks.plan import SweepSpec
from tasks.records import progress
from tasks.records.ledger import Ledger, open_sweeps
from tasks.records.progress import Rate
from tasks.records.status import Status

log = logging.getLogger("sweepfleet.node")

SPEAKER_MS: Final = 5_000  # silence after which another node speaks
EVENTS: Final = {"done": "task-succeeded", "failed": "task-failed", "cancelled": "task-revoked"}


class Fleet:
    """Called once a second; each step may be its last."""

    def __init__(self, app: Celery, client: redis.Redis, node: str) -> None:
        self.app, self.client, self.node = app, client, node
        self._leads: dict[str, Lead] = {}
        self._rates: dict[str, Rate] = {}
        self._specs: dict[str, SweepSpec] = {}
        self._era = ""

    def step(self, dispatcher: Any) -> None:
        found = open_sweeps(self.client)
        for sweep_id in found:
            lead = self._leads.setdefault(sweep_id, Lead(self.app, Ledger(self.client, sweep_id), self.node))
            lead.step()
        if self._speaks():
            for sweep_id in sorted({*found, *self._rates}):
                self._tell(sweep_id, dispatcher)
        for sweep_id in self._gone(found):
            self._leads.pop(sweep_id)
            self._specs.pop(sweep_id, None)
            self._rates.pop(sweep_id, None)

    def _gone(self, found: list[str]) -> set[str]:
        """Sweeps that are no longer open. Those that an emptied Redis has lost are opened anew, if this node
        led them.
        """
        gone = set(self._leads) - set(found)
        now = era(self.client)
        if gone and self._era not in ("", now):
            for sweep_id in sorted(gone):
                if self._leads[sweep_id].remembers and self._leads[sweep_id].step():
                    gone.discard(sweep_id)
                else:
                    fields = {"event": "sweep_lost", "sweep": sweep_id}
                    log.warning("Redis lost a sweep that this node did not lead: resume it", extra=fields)
        self._era = now
        return gone

    def _speaks(self) -> bool:
        """One node at a time: Flower would else see each row several times a second."""
        if self.client.get(names.SWEEPER) == self.node.encode():
            self.client.pexpire(names.SWEEPER, SPEAKER_MS)
            return True
        return bool(self.client.set(names.SWEEPER, self.node, nx=True, px=SPEAKER_MS))

    def _tell(self, sweep_id: str, dispatcher: Any) -> None:
        ledger = Ledger(self.client, sweep_id)
        spec = self._specs.get(sweep_id) or ledger.spec()
        if spec is None or dispatcher is None:
            return
        self._specs[sweep_id] = spec
        rate = self._rates.setdefault(sweep_id, Rate())
        status = progress.read(ledger, spec, rate)
        if status is None:
            return
        epoch = ledger.meta().get("epoch", "1")
        dispatcher.send(EVENTS.get(status.state, "task-started"), **_row(spec, status, epoch))
        if status.state in EVENTS:
            self._rates.pop(sweep_id, None)


def _row(spec: SweepSpec, status: Status, epoch: str) -> dict[str, Any]:
    """All columns each time: Flower may start late, and drops its oldest rows."""
    securities = [work.name for work in spec.securities]
    shown = ", ".join(securities[:5]) + (f" … {len(securities) - 5} more" if len(securities) > 5 else "")
    return {
        "uuid": f"sweep-{spec.sweep_id}-{epoch}",
        "name": names.SWEEP_ROW,
        "args": f"{spec.sweep_id}: {spec.strategy} on {shown}",
        "kwargs": "{}",
        "result": progress.line(status),
        "received": time.time(),  # Flower lists the latest first: the sweep stays above its chunks
        "runtime": (status.finished - status.started) if status.finished else None,
    }
