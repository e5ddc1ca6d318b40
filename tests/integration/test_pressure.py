"""A Redis that is full: nothing more is published, what is there goes into files, and nobody ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from kombu import Connection, Consumer, Producer, Queue

from tasks.lead import reconcile
from tasks.records import progress
from tasks.records.heartbeat import beat, live_nodes
from tasks.records.ledger import Ledger
from tasks.records.pressure import FULL_SHARE, Gauge, Room, room
from tasks.results import shards
from tasks.wire.connection import TRANSIENT, connect
from tests.support.broker import running_broker, valkey_program
from tests.support.builders import a_node, a_receipt, a_request, a_spec
from tests.support.cluster import wait_until
from tests.support.sweeps import Sweep, a_sweep, request_in
from workers.guarded_transport import GuardedTransport

LIMIT = 12 * 2**20


@pytest.fixture
def small_url(tmp_path: Path) -> Iterator[str]:
    """A server of this test's own, which will hold 12 MiB."""
    with running_broker(valkey_program(), tmp_path) as broker:
        url = broker.fresh_url()
        connect(url).config_set("maxmemory", LIMIT)
        yield url


def fill(client: redis.Redis, share: float) -> None:
    """Until that share of the memory is used, or nothing more is taken."""
    noise, number = np.random.default_rng(1), 0
    while room(client).used_bytes < share * LIMIT:
        try:
            client.set(f"ballast:{number}", noise.bytes(20_000))
        except redis.exceptions.OutOfMemoryError:
            return
        number += 1


def empty(client: redis.Redis) -> None:
    client.unlink(*client.scan_iter(match="ballast:*", count=1000))


@pytest.mark.parametrize(
    ("used", "limit", "log_is_kept", "reason"),
    [
        (61, 100, True, "Redis is 61 % full"),
        (60, 100, True, None),
        (10**12, 0, True, None),
        (1, 100, False, "Redis cannot write its log"),
    ],
)
def test_why_redis_takes_no_more_is_said_in_words(
    used: int, limit: int, log_is_kept: bool, reason: str | None
) -> None:
    assert Room(used_bytes=used, limit_bytes=limit, log_is_kept=log_is_kept).reason == reason


def test_a_gauge_asks_once_a_second(small_url: str) -> None:
    client = connect(small_url)
    gauge = Gauge(client)
    before = gauge.reason()
    fill(client, FULL_SHARE + 0.1)

    assert (before, gauge.reason()) == (None, None)
    wait_until(gauge.reason, 3, "it looks again")


@pytest.mark.usefixtures("tiny")
def test_a_lead_stops_publishing_says_why_and_goes_on_when_there_is_room(
    tmp_path: Path, small_url: str
) -> None:
    sweep = a_sweep(tmp_path, small_url, {"x": range(10)}, size=1, shard=10)
    client = sweep.ledger.client
    beat(client, a_node())
    fill(client, FULL_SHARE + 0.1)

    lead = sweep.lead()
    lead.step()
    status = progress.read(sweep.ledger, sweep.spec)
    held_back = sweep.queued()
    empty(client)
    wait_until(lambda: lead.step() and sweep.queued(), 5, "chunks go out")
    after = progress.read(sweep.ledger, sweep.spec)

    assert held_back == 0
    assert status is not None
    assert status.reason is not None
    assert status.reason.startswith("Redis is 7")
    assert after is not None
    assert after.reason is None


def test_a_full_redis_refuses_parts_and_takes_what_leads_to_a_merge(small_url: str) -> None:
    client = connect(small_url)
    ledger, request = Ledger(client, "try-abc123"), a_request()
    ledger.create(a_spec())
    client.config_set("maxmemory", room(client).used_bytes // 2)
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        client.set("anything", "more")

    start = ledger.start(request)
    with pytest.raises(TRANSIENT):
        ledger.commit(request, a_receipt(request), b"part" * 1000)
    after_refusal = ledger.totals().chunks
    kept = ledger.commit(request, a_receipt(request, file="parts/a.part"), b"")
    ledger.note_shard(0, {"files": {}})
    beat(client, a_node())

    assert start.verdict == "start"
    assert after_refusal == 0, "nothing of a refused commit stands"
    assert kept is not None
    assert ledger.totals().chunks == 1
    assert ledger.hold("lease:0", "me", 5)
    assert ledger.noted_shards() == {0}
    assert [n.name for n in live_nodes(client)] == [a_node().name]
    assert ledger.move("cancelled", only_from=("open",))


def test_a_message_that_a_full_redis_cannot_note_is_worked_on_all_the_same(small_url: str) -> None:
    client, taken, queue = connect(small_url), [], Queue("some")
    with Connection(small_url, transport=GuardedTransport) as connection, connection.channel() as channel:
        Producer(channel).publish("work", routing_key=queue.name, declare=[queue(channel)])

        def take(body: str, message: Any) -> None:
            message.ack()
            taken.append(body)

        with Consumer(channel, [queue], callbacks=[take]):
            client.config_set("maxmemory", room(client).used_bytes // 2)
            connection.drain_events(timeout=5)

    assert taken == ["work"]


@pytest.mark.usefixtures("tiny")
def test_a_part_that_finds_redis_full_goes_into_a_file(
    tmp_path: Path, small_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.chunks.chunk.SMALL_BYTES", 0)
    sweep = a_sweep(tmp_path, small_url, {"x": range(5)}, securities=1, size=1)
    fill(sweep.ledger.client, 2)

    receipts = [sweep.run(piece) for piece in sweep.plan.chunks]
    merged = sweep.merge_all()

    assert all(r and r.file for r in receipts)
    assert merged == ["merged"]


@pytest.mark.usefixtures("tiny")
def test_parts_of_an_unfinished_shard_are_moved_out_of_the_way(
    tmp_path: Path, small_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shard cannot be merged before its last chunk has come, and that one may wait for memory."""
    monkeypatch.setattr(reconcile, "LOOK_SECONDS", 0.0)
    sweep = a_sweep(tmp_path, small_url, {"x": range(6)}, securities=1, size=1)
    client = sweep.ledger.client
    beat(client, a_node())
    lead = sweep.lead()
    lead.step()
    last = request_in(sweep.deliver(1)[0])
    sweep.work_off()
    in_redis = [*client.scan_iter(match=sweep.ledger.key("part:*"))]
    fill(client, FULL_SHARE + 0.1)

    wait_until(
        lambda: lead.step() and not [*client.scan_iter(match=sweep.ledger.key("part:*"))], 5, "they moved"
    )
    sweep.run(next(c for c in sweep.plan.chunks if c.name == last.name))
    merged = sweep.merge_all()

    assert len(in_redis) == 5
    assert merged == ["merged"]
    assert sweep.queued() == 0
    _ended_with(sweep, 6)


def _ended_with(sweep: Sweep, rows: int) -> None:
    assert shards.finish(sweep.ledger, "tester") == "merged"
    assert len(sweep.table()) == rows
