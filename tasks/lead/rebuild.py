"""A ledger that Redis has lost, opened anew from what its lead remembers and from the results folder."""

from __future__ import annotations

import logging
from uuid import uuid4

import redis

from tasks import names
from tasks.plan import ChunkPlan
from tasks.records.ledger import Ledger
from tasks.results import kept, store
from tasks.wire.publish import Publisher

log = logging.getLogger("sweepfleet.lead")


def era(client: redis.Redis) -> str:
    """A word that stays as long as Redis forgets nothing: another one means that it was emptied."""
    found = client.get(names.ERA)
    if found is None:
        client.set(names.ERA, uuid4().hex, nx=True)
        found = client.get(names.ERA)
    return found.decode() if found else ""


def rebuild(ledger: Ledger, publisher: Publisher, plan: ChunkPlan | None, epoch: int) -> None:
    """The same sweep with the same chunks. Shards whose files stand are done, the rest runs again; a higher
    epoch tells its messages from those of before.
    """
    spec = publisher.spec
    ledger.create(spec, epoch)
    if plan is None and store.marked(spec.results) == spec.identity:
        plan = kept.plan_of(spec)
    restored = 0
    if plan is not None:
        ledger.fix_plan(plan)
        restored = kept.restore(ledger, spec, plan)
    publisher.declare()
    log.warning(
        "Redis was emptied: the sweep is opened anew",
        extra={"event": "ledger_rebuilt", "sweep": spec.sweep_id, "count": restored},
    )
