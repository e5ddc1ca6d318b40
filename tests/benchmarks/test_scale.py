"""What does a chunk cost that has nothing to compute, and what does a sweep of very many hold in memory?

20,000 chunks of one backtest each (`SCALE_CHUNKS=100000` for more) go through a producer that follows, two
processes of a node, and the merge. The rates are why chunks are planned to last seconds
(`tasks.lead.chunking`), the batch why publishing keeps up (`tasks.wire.publish.BATCH`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import pytest
import redis

from tasks import names
from tasks.lead import reconcile
from tasks.records.heartbeat import beat
from tasks.wire.celery_app import make_app
from tasks.wire.publish import Publisher
from tests.support import plugin
from tests.support.broker import running_broker, valkey_program
from tests.support.builders import a_node
from tests.support.cluster import WorkerNode, a_cluster
from tests.support.sweeps import Sweep, a_sweep

pytestmark = pytest.mark.bench

CHUNKS: Final = int(os.environ.get("SCALE_CHUNKS", "20000"))
SECURITIES: Final = 2
MIB: Final = 2**20


@dataclass
class Peak:
    """The most that was seen, and what was seen at first and last."""

    redis_bytes: int = 0
    queued: int = 0
    process_bytes: int = 0
    """Of a process that takes chunks and merges, without what it shares with its node."""
    resident: list[int] = field(default_factory=list)


@contextmanager
def watched(client: redis.Redis, queue: str, node: WorkerNode) -> Iterator[Peak]:
    """Looks twice a second at the server, the node's processes and this one, which is the producer."""
    peak, ends, me = Peak(), threading.Event(), psutil.Process()

    def look() -> None:
        while not ends.wait(0.5):
            peak.redis_bytes = max(peak.redis_bytes, int(client.info("memory")["used_memory"]))
            peak.queued = max(peak.queued, int(client.llen(names.PREFIX + queue)))
            peak.resident.append(me.memory_info().rss)
            for child in node.children():
                with suppress(psutil.Error):
                    peak.process_bytes = max(peak.process_bytes, child.memory_full_info().uss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        ends.set()
        thread.join()


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Sweep]:
    with (
        running_broker(valkey_program(), tmp_path) as broker,
        plugin.on_the_path(plugin.install(tmp_path / "plugin")),
    ):
        axes = {"x": range(CHUNKS // SECURITIES)}
        yield a_sweep(tmp_path, broker.fresh_url(), axes, securities=SECURITIES, size=1)


def test_publishing(sweep: Sweep) -> None:
    """Messages a second, into chords of 500; durability.md §4.4: 1,954, in batches without chord 7,750."""
    publisher = Publisher(make_app(sweep.settings), sweep.spec)
    begun, cpu = time.perf_counter(), time.process_time()

    for shard in range(len(sweep.plan.shards)):
        publisher.shard(shard, sweep.plan.shard(shard), 1)

    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    assert sweep.queued() == CHUNKS
    held = int(sweep.ledger.client.info("memory")["used_memory"])
    print(f"\nsubmit: {CHUNKS / seconds:,.0f} messages/s (wanted 1,500; §4.4: 1,954)")
    print(f"  {CHUNKS / cpu:,.0f} per CPU second; {held / CHUNKS:,.0f} bytes each in Redis (§4.4: 1,315)")


def test_a_step_of_the_lead(sweep: Sweep) -> None:
    """Milliseconds of a step in the middle of the sweep, with and without the look of once a second."""
    client = sweep.ledger.client
    beat(client, a_node())
    lead = sweep.lead(merges=False)
    lead.step()
    sweep.ledger.note("shards", {str(s): "{}" for s in range(len(sweep.plan.shards) // 2)})
    sweep.ledger.note_published(len(sweep.plan.shards))
    times = {}
    for what, pause in (("quiet", 10**6), ("looking", 0)):
        reconcile.LOOK_SECONDS, kept = pause, reconcile.LOOK_SECONDS  # type: ignore[misc]  # ours to vary
        begun = time.process_time()
        for _ in range(100):
            lead.step()
        times[what] = (time.process_time() - begun) * 10
        reconcile.LOOK_SECONDS = kept  # type: ignore[misc]
    plan = int(client.strlen(sweep.ledger.key("plan")))
    print(
        f"\nlead's step: {times['quiet']:.2f} ms CPU, {times['looking']:.2f} ms when it looks (once a second)"
    )
    print(f"  plan of {CHUNKS:,} chunks in Redis: {plan / MIB:.2f} MiB")
    assert times["quiet"] < 20


def test_chunks_that_do_nothing_from_publishing_to_results(sweep: Sweep, tmp_path: Path) -> None:
    """A24: ≥ 400 chunks/s, Redis < 100 MB, a producer that does not grow, a merge of < 5 s."""
    client = sweep.ledger.client
    with a_cluster(sweep.settings, tmp_path / "nodes") as cluster:
        node = cluster.start(cores="2", PYTHONPATH=str(tmp_path / "plugin"), PRODUCER_WARM="none")
        with watched(client, sweep.spec.queue, node) as peak:
            begun = time.perf_counter()
            lead = sweep.lead()
            all_done = 0.0
            while not lead.is_over:
                lead.step()
                if not all_done and sweep.ledger.totals().chunks >= CHUNKS:
                    all_done = time.perf_counter()
                time.sleep(0.05)
                assert time.perf_counter() - begun < CHUNKS / 10, f"too slow: {sweep.ledger.totals()}"
            ended = time.perf_counter()

    assert sweep.ledger.meta()["state"] == "done"
    assert sweep.table()["x"].to_pylist() == [*range(CHUNKS // SECURITIES)] * SECURITIES
    rate, early, late = CHUNKS / (all_done - begun), peak.resident[len(peak.resident) // 5], peak.resident[-1]
    print(f"\nrun: {rate:,.0f} chunks/s (wanted 400; §4.4: 600, prototype); at most {peak.queued:,} queued")
    print(f"  merge {ended - all_done:.2f} s after the last chunk (wanted < 5; §4.4: 0.2)")
    print(f"  Redis peak {peak.redis_bytes / MIB:.1f} MiB (wanted < 95; §4.4: 18 for 10,000)")
    print(f"  producer {early / MIB:.1f} MiB early, {late / MIB:.1f} MiB at the end")
    print(f"  a process that runs chunks and merges: at most {peak.process_bytes / MIB:.0f} MiB of its own")
    assert peak.redis_bytes < 100e6 * max(1, CHUNKS / 20_000)
    assert late - early < 20 * MIB + CHUNKS * 50
    assert ended - all_done < 5
