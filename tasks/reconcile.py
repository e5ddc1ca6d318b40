"""Plan against ledger: what to publish next, what was forgotten, when it is over. Pure rules, and one thin
actor.

Whoever holds a sweep's lead acts: the producer that follows it, or else a node. All it does may be done
twice.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Final

from celery import Celery

from tasks import names, shards
from tasks.celery_app import merge_queue
from tasks.heartbeat import live_nodes
from tasks.ledger import Ledger
from tasks.plan import Chunk, ChunkPlan, SweepSpec
from tasks.planning import plan_step
from tasks.publish import Publisher

log = logging.getLogger("sweepfleet.lead")

STEP_SECONDS: Final = 1.0
PLANNING_SECONDS: Final = 0.02
LEAD_SECONDS: Final = 6.0  # a lead that stays silent this long is taken over
CHUNKS_PER_SLOT: Final = 4
LEAST_OUTSTANDING: Final = 500  # one shard
STILL_SECONDS: Final = 5.0  # nothing moved and nothing is queued for this long: look what is missing
SHARDS_LOOKED_AT: Final = 4  # more are hardly ever out at a time
FINISH: Final = -1
HELP_YOURSELF_SECONDS: Final = 3.0  # a merge that no node has taken: one who sees the folder does it


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the rules look at."""

    state: str
    shards: int
    published: int
    planned_in_published: int
    done_in_published: int
    slots: int


def shards_to_publish(view: View, sizes: tuple[int, ...]) -> int:
    """How many further shards go out now: enough to keep every core fed, no more than Redis should hold."""
    if view.state != "open":
        return 0
    window = max(CHUNKS_PER_SLOT * view.slots, LEAST_OUTSTANDING)
    outstanding = view.planned_in_published - view.done_in_published
    count = 0
    for size in sizes[view.published :]:
        if outstanding >= window:
            break
        outstanding += size
        count += 1
    return count


class Lead:
    """Acts for one sweep while it holds the lead. Made anew after any doubt: all it knows is in the
    ledger.
    """

    def __init__(self, app: Celery, ledger: Ledger, holder: str, *, merges: bool = False) -> None:
        self.app, self.ledger, self.holder = app, ledger, holder
        self.merges = merges
        self._spec: SweepSpec | None = None
        self._plan: ChunkPlan | None = None
        self._moved = (-1, -1)
        self._moved_at = time.monotonic()
        self._possible_since: dict[int, float] = {}
        self._state = ""

    @property
    def is_over(self) -> bool:
        """The last look found the sweep ended, one way or another."""
        return self._state in ("done", "failed", "cancelled")

    @property
    def pause_seconds(self) -> float:
        """How long nothing new is to be expected: a pilot is over in moments."""
        return STEP_SECONDS if self._plan is not None else PLANNING_SECONDS

    def step(self) -> bool:
        """One look, and what follows from it; True while this process leads."""
        if not self.ledger.hold("lead", self.holder, LEAD_SECONDS):
            return False
        self._spec = self._spec or self.ledger.spec()
        if self._spec is None:
            return True
        meta, totals = self.ledger.meta(), self.ledger.totals()
        state = self._state = meta.get("state", "")
        if state == "cancelling":
            self._settle()
        if state != "open":
            return True
        self._plan = self._plan or self.ledger.plan() or plan_step(self.app, self.ledger, self._spec, meta)
        if self._plan is None:
            return True
        if self._spec.max_failures is not None and totals.failed > self._spec.max_failures:
            self.ledger.move("failed", only_from=("open",))
            return True
        notes = self.ledger.shard_notes()
        self._publish(meta, totals.chunks)
        self._look_after(int(meta.get("published", 0)), totals.chunks, set(notes))
        return True

    def _publish(self, meta: dict[str, str], done: int) -> None:
        assert self._spec is not None
        assert self._plan is not None
        published, epoch = int(meta.get("published", 0)), int(meta.get("epoch", 1))
        sizes = tuple(last - first for first, last in self._plan.shards)
        slots = sum(node.slots for node in live_nodes(self.ledger.client))
        view = View(
            state="open",
            shards=len(sizes),
            published=published,
            planned_in_published=sum(sizes[:published]),
            done_in_published=min(done, sum(sizes[:published])),
            slots=slots,
        )
        publisher = Publisher(self.app, self._spec)
        for shard in range(published, published + shards_to_publish(view, sizes)):
            publisher.shard(shard, self._missing(shard), epoch)
            # after: a shard published twice is harmless, one that never was is not
            self.ledger.note_published(shard + 1)
            self._moved_at = time.monotonic()

    def _look_after(self, published: int, done: int, noted: set[int]) -> None:
        """What should have happened and has not: merges that nobody did, chunks that nobody has."""
        assert self._spec is not None
        assert self._plan is not None
        now = time.monotonic()
        if (done, len(noted)) != self._moved:
            self._moved, self._moved_at = (done, len(noted)), now
        lost = now - self._moved_at >= STILL_SECONDS and self._queue_is_empty()
        publisher = Publisher(self.app, self._spec)
        for shard in [s for s in range(published) if s not in noted][:SHARDS_LOOKED_AT]:
            missing = self._missing(shard)
            if missing and lost:
                log.warning("lost chunks go out again", extra={"event": "chunks_lost", "count": len(missing)})
                publisher.chunks(missing, f"again{int(time.time())}")
                self._moved_at = now
            elif not missing and self._is_overdue(shard, now):
                self._merge(shard, publisher)
        if len(noted) == len(self._plan.shards) and self._is_overdue(FINISH, now):
            self._finish(publisher)

    def _missing(self, shard: int) -> list[Chunk]:
        assert self._plan is not None
        chunks = self._plan.shard(shard)
        return [chunks[i] for i in self.ledger.missing(c.name for c in chunks)]

    def _is_overdue(self, step: int, now: float) -> bool:
        """Whether a merge, or the finish, has been possible for longer than a node would take to begin it."""
        since = self._possible_since.setdefault(step, now)
        if now - since < (HELP_YOURSELF_SECONDS if self.merges else STILL_SECONDS):
            return False
        self._possible_since[step] = now
        return True

    def _merge(self, shard: int, publisher: Publisher) -> None:
        if not self.merges or shards.merge(self.ledger, shard, self.holder) == "elsewhere":
            publisher.merge(shard)

    def _finish(self, publisher: Publisher) -> None:
        if not self.merges or shards.finish(self.ledger, self.holder) == "elsewhere":
            publisher.finish()

    def _queue_is_empty(self) -> bool:
        """Nothing waits and nothing is in a node's hands: what is not done by now is nowhere."""
        client, queue = self.ledger.client, self._spec.queue if self._spec else names.QUEUE
        waiting = client.llen(names.PREFIX + queue) + client.llen(names.PREFIX + merge_queue(queue))
        return int(waiting) + int(client.hlen(names.PREFIX + "unacked")) == 0

    def _settle(self) -> None:
        """Cancelled once nothing of it is in hand."""
        if self.ledger.in_hand() == 0 or self._queue_is_empty():
            self.ledger.move("cancelled", only_from=("cancelling",))
