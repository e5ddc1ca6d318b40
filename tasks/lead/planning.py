"""From an open sweep to its fixed plan: pilots go out and are measured, then chunks and shards are cut.

One step a call. Everything that the next one needs is in the ledger, so another process may take it.
"""

from __future__ import annotations

import json
from typing import Final

from celery import Celery

from tasks.lead import chunking
from tasks.plan import Chunk, ChunkPlan, SweepSpec
from tasks.records.heartbeat import live_nodes
from tasks.records.ledger import Ledger
from tasks.results import kept, store
from tasks.wire.publish import Publisher

PATIENCE_SECONDS: Final = (
    60.0  # pilots that take longer have told enough: backtests are slow, chunks will be small
)


def plan_step(app: Celery, ledger: Ledger, spec: SweepSpec, meta: dict[str, str]) -> ChunkPlan | None:
    """The plan, once it is fixed; None while a node or a pilot is waited for."""
    slots = sum(node.slots for node in live_nodes(ledger.client))
    if not slots:
        return None
    pilots = [Chunk.from_wire(wire) for wire in json.loads(meta.get("pilots", "[]"))]
    receipts = ledger.receipts(c.name for c in pilots)
    measured = {c: r.compute_ms if r else None for c, r in zip(pilots, receipts, strict=True)}
    waits = pilots and not all(receipts)
    if waits and ledger.now() - float(meta.get("piloted", 0)) < PATIENCE_SECONDS:
        return None
    if not waits and (more := chunking.pilot(spec, slots, measured)):
        ledger.note_pilots([*pilots, *more])
        now = ledger.now()
        Publisher(app, spec).chunks(more, f"pilot{int(now)}", now)
        return None
    plan = chunking.cut(spec, slots, measured)
    if not ledger.fix_plan(plan):
        return ledger.plan()
    keep(spec, plan)
    return plan


def keep(spec: SweepSpec, plan: ChunkPlan) -> None:
    """In the results folder too, where it is seen from here: for a Redis that is lost."""
    if store.marked(spec.results) == spec.identity:
        try:
            store.write_whole(store.work_folder(spec.results) / kept.PLAN_FILE, plan.to_bytes())
        except OSError as e:
            raise store.refused(spec.results, spec.sweep_id, e) from e
