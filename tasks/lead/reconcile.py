"""Plan against ledger: what to publish next, what was forgotten, when it is over. Pure rules, and one thin
actor.

Whoever holds a sweep's lead acts: the producer that follows it, or else a node. All it does may be done
twice.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from celery import Celery
from redis.exceptions import OutOfMemoryError

from tasks.lead import rebuild
from tasks.lead.planning import plan_step
from tasks.lead.rebuild import era
from tasks.plan import Chunk, ChunkPlan, SweepSpec
from tasks.records import lost
from tasks.records.counts import Totals
from tasks.records.heartbeat import live_nodes
from tasks.records.ledger import Ledger
from tasks.records.lost import Begun
from tasks.records.pressure import Gauge
from tasks.results import shards
from tasks.wire.publish import GRACE_SECONDS, Publisher

log = logging.getLogger("sweepfleet.lead")

STEP_SECONDS: Final = 1.0
PLANNING_SECONDS: Final = 0.02
LOOK_SECONDS: Final = 1.0  # a producer steps ten times as often, to see the end; looking costs more
REFRESH_SECONDS: Final = 3600.0
LEAD_SECONDS: Final = 6.0  # a lead that stays silent this long is taken over
CHUNKS_PER_SLOT: Final = 4
LEAST_OUTSTANDING: Final = 500  # one shard
QUIET_SECONDS: Final = 2.0  # a shard of which nothing has come for this long: look for what is missing
AGAIN_SECONDS: Final = 2.0  # between the two looks that must agree, as a message is nowhere for a moment
STILL_SECONDS: Final = 5.0  # a merge that is possible for this long and was not done: ask for it
HELP_YOURSELF_SECONDS: Final = 3.0  # the same for one who sees the folder and does it
SHARDS_LOOKED_AT: Final = 4  # more are hardly ever out at a time
FINISH: Final = -1
NODE: Final = "node/"  # gives way to a producer, who sees the results folder and merges where no node can


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
    """Acts for one sweep while it holds the lead. Made anew after any doubt: all it knows is in the ledger,
    or, for a Redis that is emptied under it, in the spec that it was given and the results folder.
    """

    def __init__(
        self,
        app: Celery,
        ledger: Ledger,
        holder: str,
        *,
        merges: bool = False,
        spec: SweepSpec | None = None,
    ) -> None:
        self.app, self.ledger = app, ledger
        self.holder, self.over = (holder, NODE) if merges else (NODE + holder, "")
        self.merges = merges
        self._given = spec
        self._gauge = Gauge(ledger.client)
        self._era = ""
        self._state, self._epoch = "", 0
        self._refreshed = time.monotonic()
        self._spec: SweepSpec | None = None
        self._plan: ChunkPlan | None = None
        self._looked = -LOOK_SECONDS
        self._quiet: dict[int, tuple[int, float]] = {}
        self._suspects: dict[int, tuple[float, frozenset[str]]] = {}
        self._possible_since: dict[int, float] = {}

    @property
    def is_over(self) -> bool:
        """The last look found the sweep ended, one way or another."""
        return self._state in ("done", "failed", "cancelled")

    @property
    def remembers(self) -> bool:
        """It could open the sweep anew."""
        return (self._spec or self._given) is not None and self._era != "" and not self.is_over

    @property
    def pause_seconds(self) -> float:
        """How long nothing new is to be expected: a pilot is over in moments."""
        return STEP_SECONDS if self._plan is not None else PLANNING_SECONDS

    def step(self) -> bool:
        """One look, and what follows from it; True while this process leads."""
        if not self.ledger.hold("lead", self.holder, LEAD_SECONDS, self.over):
            self._forget()  # another one leads, and may change what we know
            return False
        meta = self.ledger.meta()
        if not meta:
            return self._reopen()
        self._era = self._era or era(self.ledger.client)
        self._spec = self._spec or self.ledger.spec()
        if self._spec is None:
            return True
        self._state, self._epoch = meta.get("state", ""), int(meta.get("epoch", 1))
        if self._state == "cancelling":
            self._settle(self._spec)
        if self._state != "open":
            return True
        self._plan = self._plan or self.ledger.plan() or plan_step(self.app, self.ledger, self._spec, meta)
        if self._plan is not None:
            self._work(self._spec, self._plan, meta, self.ledger.totals())
        return True

    def _work(self, spec: SweepSpec, plan: ChunkPlan, meta: dict[str, str], totals: Totals) -> None:
        failed = totals.failed - int(meta.get("failed_before", 0))
        if spec.max_failures is not None and failed > spec.max_failures:
            self.ledger.move("failed", only_from=("open",))
            return
        reason = self._gauge.reason()
        if (reason or "") != meta.get("waiting", ""):
            self.ledger.note("meta", {"waiting": reason or ""})
        published = int(meta.get("published", 0))
        if published < len(plan.shards) and reason is None:
            self._publish(spec, plan, published, totals.chunks)
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look_after(plan, Publisher(self.app, spec), published, crowded=reason is not None)

    def _publish(self, spec: SweepSpec, plan: ChunkPlan, published: int, done: int) -> None:
        sizes = tuple(last - first for first, last in plan.shards)
        view = View(
            state="open",
            shards=len(sizes),
            published=published,
            planned_in_published=sum(sizes[:published]),
            done_in_published=min(done, sum(sizes[:published])),
            slots=sum(node.slots for node in live_nodes(self.ledger.client)),
        )
        publisher = Publisher(self.app, spec)
        for shard in range(published, published + shards_to_publish(view, sizes)):
            when = self.ledger.now()
            # before: of what has no time nobody could say whether it was lost
            self.ledger.note_sent([shard], when)
            publisher.shard(shard, self._missing(plan, shard), self._epoch, when)
            # after: a shard published twice is harmless, one that never was is not
            self.ledger.note_published(shard + 1)
            if self._gauge.reason():
                return

    def _look_after(self, plan: ChunkPlan, publisher: Publisher, published: int, *, crowded: bool) -> None:
        """What should have happened and has not: merges that nobody did, chunks that nobody has."""
        noted, now = self.ledger.noted_shards(), time.monotonic()
        refresh = now - self._refreshed >= REFRESH_SECONDS
        for shard in [s for s in range(published) if s not in noted][:SHARDS_LOOKED_AT]:
            missing = self._missing(plan, shard)
            if missing:
                with suppress(OutOfMemoryError):  # a merge must come first
                    self._search(shard, missing, publisher, now)
            if crowded or (not missing and self._is_overdue(shard, now)):
                self._merge(shard, publisher)
            if refresh:
                self.ledger.refresh_parts(c.name for c in plan.shard(shard))
        if len(noted) == len(plan.shards) and self._is_overdue(FINISH, now):
            self._finish(publisher)
        if refresh:
            self._refreshed = now
            self.ledger.refresh()

    def _search(self, shard: int, missing: list[Chunk], publisher: Publisher, now: float) -> None:
        """Sends again what was lost of a shard that has come to a halt."""
        count, since = self._quiet.get(shard, (-1, now))
        if count != len(missing):
            self._quiet[shard] = (len(missing), now)
            self._suspects.pop(shard, None)
            return
        looked, before = self._suspects.get(shard, (-AGAIN_SECONDS, frozenset[str]()))
        if now - since < QUIET_SECONDS or now - looked < AGAIN_SECONDS:
            return
        suspects = self._lost(shard, missing, publisher.spec)
        self._suspects[shard] = now, suspects
        certain = [c for c in missing if c.name in suspects & before]
        if certain:
            log.warning("lost chunks go out again", extra={"event": "chunks_lost", "count": len(certain)})
            when = self.ledger.now()
            self.ledger.note_sent((c.name for c in certain), when)
            publisher.declare()  # what was lost may be where the queue's messages go
            publisher.chunks(certain, f"again{int(when)}", when)
            self._suspects.pop(shard)

    def _lost(self, shard: int, missing: list[Chunk], spec: SweepSpec) -> frozenset[str]:
        wanted = [c.name for c in missing]
        sent = self.ledger.sent(shard, wanted)
        sight = lost.look(self.ledger.client, spec.sweep_id, spec.queue)
        if min(sent.values()) >= sight.oldest:
            return frozenset()
        alive = {node.name for node in live_nodes(self.ledger.client)}
        begun = {
            chunk: Begun(seconds=time.time() - when, node_lives=node in alive)
            for chunk, (when, node) in self.ledger.hand(wanted).items()
        }
        return lost.lost(sent, sight, begun, 2 * (spec.timeout_seconds + GRACE_SECONDS))

    def _missing(self, plan: ChunkPlan, shard: int) -> list[Chunk]:
        chunks = plan.shard(shard)
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
            with suppress(OutOfMemoryError):  # asked for again at the next look
                publisher.merge(shard)

    def _finish(self, publisher: Publisher) -> None:
        if not self.merges or shards.finish(self.ledger, self.holder) == "elsewhere":
            publisher.finish()

    def _settle(self, spec: SweepSpec) -> None:
        """Cancelled once nothing of it is in hand. What a dead node began never comes back."""
        if self.ledger.in_hand() == 0 or not lost.look(self.ledger.client, spec.sweep_id, spec.queue).seen:
            self.ledger.move("cancelled", only_from=("cancelling",))

    def _reopen(self) -> bool:
        """The ledger is gone: opened anew where Redis was emptied, left alone where somebody took it away."""
        spec = self._spec or self._given
        if spec is None or not self.remembers or era(self.ledger.client) == self._era:
            self.ledger.release("lead", self.holder)
            return False
        rebuild.rebuild(self.ledger, Publisher(self.app, spec), self._plan, self._epoch + 1)
        if self._state == "cancelling":
            self.ledger.move("cancelled", only_from=("open",))
        self._era = era(self.ledger.client)
        self._forget()
        return True

    def _forget(self) -> None:
        """What the ledger told us, and what we saw."""
        self._spec = self._plan = None
        self._looked = -LOOK_SECONDS
        for seen in (self._quiet, self._suspects, self._possible_since):
            seen.clear()
