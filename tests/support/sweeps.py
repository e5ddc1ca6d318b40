"""A sweep on real files, opened in a real ledger: worked through chunk by chunk, or given to nodes."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tasks import names
from tasks.chunks import chunk
from tasks.chunks.context import Context
from tasks.data.digest import file_digest
from tasks.data.synth import write_ticks
from tasks.grid.combinations import Space
from tasks.lead import chunking
from tasks.lead.reconcile import Lead
from tasks.messages import ChunkReceipt, ChunkRequest
from tasks.plan import Chunk, ChunkPlan, SecurityWork, SweepSpec
from tasks.plugins import registry
from tasks.records.ledger import Ledger
from tasks.results import shards, store
from tasks.settings import Settings, load
from tasks.wire.celery_app import make_app
from tasks.wire.connection import connect
from tests.support.builders import a_plan

ALIASES: Final = {"int": "int64", "float": "float64", "bool": "bool", "str": "string"}
VARIANTS: Final = ("v1_baseline", "v2_price_follow_qty_cooldown")
TERMINAL: Final = ("done", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """An open sweep with all that it takes to work on it in this process."""

    spec: SweepSpec
    plan: ChunkPlan
    ledger: Ledger
    settings: Settings
    context: Context

    @property
    def results(self) -> Path:
        return Path(self.spec.results)

    @property
    def work(self) -> Path:
        return store.work_folder(self.results)

    def run(self, piece: Chunk, **options: Any) -> ChunkReceipt | None:
        """What a worker does with the message of this chunk."""
        return chunk.evaluate(
            self.context, self.spec.request(piece, time.time()), "sweepfleet@here", **options
        )

    def lose(self, piece: Chunk, times: int) -> None:
        """So often a process began the chunk and ended in the middle, on a node that lives."""
        request = self.spec.request(piece, 0.0)
        for _ in range(times):
            self.ledger.start(request)
            self.ledger.note_lost(request)

    def run_all(self) -> None:
        for piece in self.plan.chunks:
            self.run(piece)

    def merge_all(self) -> list[str]:
        return [shards.merge(self.ledger, s, f"tester/{s}") for s in range(len(self.plan.shards))]

    def table(self, name: str = "summary") -> pa.Table:
        return pq.read_table(self.results / f"{name}.parquet")

    def content(self, name: str = "summary") -> bytes:
        return (self.results / f"{name}.parquet").read_bytes()

    def part(self, piece: Chunk) -> bytes:
        kept = self.ledger.part(piece.name)
        assert kept is not None
        return kept

    def lead(self, holder: str = "producer/here/1", *, merges: bool = True) -> Lead:
        return Lead(make_app(self.settings), self.ledger, holder, merges=merges)

    def follow(self, lead: Lead, seconds: float, until: Sequence[str] = TERMINAL) -> str:
        """Steps as a producer does until the sweep is over; the state that it ended in."""
        deadline = time.monotonic() + seconds
        while (state := self.ledger.meta()["state"]) not in until:
            assert time.monotonic() < deadline, f"{state} after {seconds:g} s: {self.ledger.totals()}"
            lead.step()
            time.sleep(0.05)
        return state

    def deliver(self, most: int = 1000) -> list[dict[str, Any]]:
        """Takes messages from the queue, the oldest first."""
        found: list[dict[str, Any]] = []
        while len(found) < most and (raw := self.ledger.client.rpop(names.PREFIX + self.spec.queue)):
            found.append(json.loads(raw))
        return found

    def work_off(self, most: int = 1000) -> int:
        """What a node does with the messages; how many there were."""
        chunks = {c.name: c for c in self.plan.chunks}
        messages = self.deliver(most)
        for message in messages:
            self.run(chunks[request_in(message).name])
        return len(messages)

    def queued(self) -> int:
        return int(self.ledger.client.llen(names.PREFIX + self.spec.queue))


def request_in(message: dict[str, Any]) -> ChunkRequest:
    """What a message on the queue asks for."""
    (wire,), _, _ = json.loads(base64.b64decode(message["body"]))
    return ChunkRequest.from_wire(wire)


def a_sweep(
    folder: Path,
    redis_url: str,
    axes: Mapping[str, Sequence[Any]],
    *,
    strategy: str = "tiny",
    securities: int = 2,
    size: int = 5,
    shard: int = 500,
    keep: Sequence[str] = (),
    batched: bool = False,
    events_per_day: int = 300,
    **changed: Any,
) -> Sweep:
    """Invented ticks in `folder`, and a sweep over `axes` on them, opened and planned but not published.

    Chunks of `size` combinations of one security, or, `batched`, of several securities together.
    """
    settings = load(
        {"redis_url": redis_url, "state_dir": folder / "state", "cache_dir": folder / "cache"}
    ).model_copy(update={"beat_seconds": 1.0, "lease_seconds": 4.0, "restore_seconds": 1.0})
    ticks = write_ticks(folder / "ticks", securities, days=2, seed=3, events_per_day=events_per_day)
    spec = _spec(folder, settings, axes, strategy, ticks, keep, changed)
    plan = chunking.cut(replace(spec, chunk={"size": size}), 2, {}) if batched else a_plan(spec, size, shard)
    ledger = Ledger(connect(redis_url), spec.sweep_id)
    ledger.create(spec)
    ledger.fix_plan(plan)
    store.mark(spec.results, spec.identity)
    return Sweep(spec=spec, plan=plan, ledger=ledger, settings=settings, context=Context(settings))


def market_making_axes(intervals: int) -> dict[str, Sequence[Any]]:
    return {"variant": VARIANTS, "refill_interval_sec": tuple(range(5, 5 + intervals))}


def _spec(
    folder: Path,
    settings: Settings,
    axes: Mapping[str, Sequence[Any]],
    strategy: str,
    ticks: Sequence[Path],
    keep: Sequence[str],
    changed: dict[str, Any],
) -> SweepSpec:
    about = registry.describe(strategy)
    types = {p.name: ALIASES[p.type] for p in about.parameters}
    space = Space(axes=tuple((name, tuple(values)) for name, values in axes.items()))
    works = []
    for path in ticks:
        works.append(
            SecurityWork(
                name=path.stem.upper(),
                path=str(path),
                digest=file_digest(path, settings.cache_dir),
                events=pq.read_metadata(path).num_rows,
                space=0,
                last=space.raw_size,
                backtests=space.count(),
            )
        )
    fields: dict[str, Any] = {
        "sweep_id": "",
        "name": "try",
        "strategy": strategy,
        "fingerprint": registry.fingerprint(strategy),
        "kind": "ticks",
        "keep": ("summary", *keep),
        "start_ns": None,
        "end_ns": None,
        "seed": 0,
        "parameters": tuple((name, types[name]) for name in axes),
        "metrics": tuple((m, "int64" if m in about.whole_numbers else "float64") for m in about.metrics),
        "traces": {t: [[n, a] for n, a in about.traces[t].items()] for t in keep},
        "groups": about.groups,
        "spaces": (space.to_wire(),),
        "securities": tuple(works),
        "chunk": {"size": 5, "target_seconds": 2.0, "least": 1, "most": None},
        "results": "",
        "timeout_seconds": 60.0,
        "queue": settings.queue,
        "metric": {"name": about.metric, "goal": about.goal, "min_trades": 0},
        "text": "name: try\n",
        "overrides": {},
    }
    spec = SweepSpec(**{**fields, **changed})
    short = spec.identity[:6]
    return spec.with_id(f"try-{short}", str(folder / "results" / short))
