"""Who is there, what they say of themselves, and how a sweep stands by what they have committed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tasks import names
from tasks.records import progress
from tasks.records.heartbeat import GONE_SECONDS, backtests_done, beat, leave, live_nodes
from tasks.records.progress import Rate
from tasks.wire.celery_app import make_app
from tasks.wire.connection import connect
from tests.support.builders import a_node
from tests.support.cluster import a_cluster, wait_until
from tests.support.sweeps import Sweep, a_sweep
from tests.support.tiny_strategy import PAUSE, STARTED
from workers.fleet import SPEAKER_MS, Fleet


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with connect(redis_url) as client:
        yield client


@pytest.fixture
def sweep(tmp_path: Path, tiny: Path, redis_url: str) -> Sweep:
    """Twenty backtests in four chunks."""
    return a_sweep(tmp_path, redis_url, {"x": range(10)})


# --- nodes -----------------------------------------------------------------------------------------------


def test_a_node_is_listed_as_it_described_itself_and_when(client: redis.Redis) -> None:
    beat(client, a_node())

    (found,) = live_nodes(client)

    assert found == a_node(seen=found.seen)
    assert found.seen == pytest.approx(time.time(), abs=5)


def test_nodes_are_listed_by_name_each_with_its_last_beat(client: redis.Redis) -> None:
    for name, busy in (("b@x", 0), ("a@y", 1), ("b@x", 2)):
        beat(client, a_node(name, busy=busy))

    assert [(node.name, node.busy) for node in live_nodes(client)] == [("a@y", 1), ("b@x", 2)]


def test_a_node_that_leaves_is_gone_at_once(client: redis.Redis) -> None:
    beat(client, a_node("a@x"))
    beat(client, a_node("b@x"))

    leave(client, "a@x")

    assert [node.name for node in live_nodes(client)] == ["b@x"]


def test_a_node_that_is_silent_is_gone_after_a_while(client: redis.Redis) -> None:
    beat(client, a_node("a@x"))
    beat(client, a_node("b@x"))

    client.zincrby(names.NODES, -(GONE_SECONDS + 2), "a@x")

    assert [node.name for node in live_nodes(client)] == ["b@x"]


def test_a_field_that_a_newer_release_added_is_passed_over(client: redis.Redis) -> None:
    beat(client, a_node())
    said = json.loads(client.hget(names.node_key("sweepfleet@here"), "beat"))
    client.hset(names.node_key("sweepfleet@here"), "beat", json.dumps(said | {"mood": "good"}))

    assert [node.name for node in live_nodes(client)] == ["sweepfleet@here"]


def test_what_a_node_has_done_outlives_its_beats(sweep: Sweep) -> None:
    client = sweep.ledger.client
    sweep.run(sweep.plan.chunks[0])
    beat(client, a_node())
    sweep.run(sweep.plan.chunks[1])

    assert backtests_done(client, "sweepfleet@here") == 10
    assert backtests_done(client, "nobody@here") == 0


def test_what_a_node_says_expires(client: redis.Redis) -> None:
    beat(client, a_node())

    assert 0 < client.ttl(names.node_key("sweepfleet@here")) <= 86_400


# --- how a sweep stands ----------------------------------------------------------------------------------


def test_a_sweep_without_a_node_says_that_it_waits_for_one(sweep: Sweep) -> None:
    status = progress.read(sweep.ledger, sweep.spec)

    assert status is not None
    assert (status.state, status.done, status.total) == ("running", 0, 20)
    assert status.reason == "no workers"
    assert status.eta_s is None


def test_progress_counts_backtests_and_estimates_by_planned_cost(sweep: Sweep) -> None:
    beat(sweep.ledger.client, a_node())
    rate = Rate()
    progress.read(sweep.ledger, sweep.spec, rate)
    for piece in sweep.plan.chunks[:2]:
        sweep.run(piece)
        progress.read(sweep.ledger, sweep.spec, rate)
    time.sleep(0.01)
    sweep.run(sweep.plan.chunks[2])

    status = progress.read(sweep.ledger, sweep.spec, rate)

    assert status is not None
    assert (status.done, status.ok, status.chunks_done, status.chunks_total) == (15, 15, 3, 4)
    assert status.rate_bt_s is not None
    assert status.eta_s == pytest.approx(5 / status.rate_bt_s, rel=0.01)
    assert status.reason is None
    assert status.chunk_note == "chunk 5 combinations"


def test_a_sweep_that_is_over_has_no_speed_and_no_reason(sweep: Sweep) -> None:
    sweep.run_all()
    sweep.ledger.move("done", only_from=("open",))

    status = progress.read(sweep.ledger, sweep.spec, Rate())

    assert status is not None
    assert (status.state, status.rate_bt_s, status.eta_s, status.reason) == ("done", None, None, None)
    assert status.finished == pytest.approx(time.time(), abs=10)


def test_a_sweep_that_redis_has_forgotten_has_no_status(sweep: Sweep) -> None:
    sweep.ledger.purge()

    assert progress.read(sweep.ledger, sweep.spec) is None


def test_securities_that_fail_are_named(tmp_path: Path, tiny: Path, redis_url: str) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": (1,), "way": ("count", "raise")})
    sweep.run(sweep.plan.chunks[1])

    status = progress.read(sweep.ledger, sweep.spec)

    assert status is not None
    assert (status.failed, status.failing) == (1, ("SYN2",))


# --- the row in Flower -----------------------------------------------------------------------------------


class Dispatcher:
    """Keeps what would be sent to Flower."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def send(self, kind: str, **fields: Any) -> None:
        self.sent.append((kind, fields))


def a_fleet(sweep: Sweep, node: str) -> Fleet:
    return Fleet(make_app(sweep.settings), sweep.ledger.client, node)


def test_each_open_sweep_is_one_row_that_ends_with_its_last_word(sweep: Sweep) -> None:
    beat(sweep.ledger.client, a_node())
    fleet, flower = a_fleet(sweep, "a@x"), Dispatcher()

    fleet.step(flower)
    sweep.run_all()
    fleet.step(flower)
    sweep.ledger.move("done", only_from=("open",))
    fleet.step(flower)
    fleet.step(flower)

    assert [kind for kind, _ in flower.sent] == ["task-started", "task-started", "task-succeeded"]
    assert {fields["uuid"] for _, fields in flower.sent} == {f"sweep-{sweep.spec.sweep_id}-1"}
    assert [fields["result"].split(" · ")[0] for _, fields in flower.sent] == [
        "running 0/20 0%",
        "running 20/20 100%",
        "done 20/20 100%",
    ]
    assert flower.sent[0][1]["args"] == f"{sweep.spec.sweep_id}: tiny on SYN1, SYN2"
    assert flower.sent[-1][1]["runtime"] > 0


@pytest.mark.parametrize(("state", "event"), [("failed", "task-failed"), ("cancelled", "task-revoked")])
def test_a_sweep_that_ends_badly_is_shown_so(sweep: Sweep, state: Any, event: str) -> None:
    fleet, flower = a_fleet(sweep, "a@x"), Dispatcher()
    fleet.step(flower)
    sweep.ledger.move(state, only_from=("open",))

    fleet.step(flower)

    assert flower.sent[-1][0] == event


def test_one_node_speaks_for_all_until_it_falls_silent(sweep: Sweep) -> None:
    first, second, flower = a_fleet(sweep, "a@x"), a_fleet(sweep, "b@x"), Dispatcher()

    for fleet in (first, second, first, second):
        fleet.step(flower)
    spoken = len(flower.sent)
    assert 0 < sweep.ledger.client.pttl(names.SWEEPER) <= SPEAKER_MS
    sweep.ledger.client.delete(names.SWEEPER)
    second.step(flower)

    assert spoken == 2
    assert len(flower.sent) == 3


def test_a_sweep_that_is_forgotten_is_no_longer_shown(sweep: Sweep) -> None:
    fleet, flower = a_fleet(sweep, "a@x"), Dispatcher()
    fleet.step(flower)
    sweep.ledger.purge()

    fleet.step(flower)
    fleet.step(flower)

    assert len(flower.sent) == 1
    assert list(sweep.ledger.client.scan_iter(match=names.sweep_key(sweep.spec.sweep_id, "*"))) == []


# --- a real node's lease ---------------------------------------------------------------------------------


def test_a_chunk_that_takes_longer_than_the_lease_stays_with_its_node(
    tiny: Path, tmp_path: Path, redis_url: str
) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(10)}, securities=1, size=1000)
    started, pause = tmp_path / "started", tmp_path / "pause"
    pause.touch()
    settings = sweep.settings.model_copy(
        update={"lease_seconds": 1.0, "beat_seconds": 0.3, "restore_seconds": 0.2}
    )
    lead = sweep.lead()

    with a_cluster(settings, tmp_path / "nodes") as cluster:
        cluster.start(cores="2", PYTHONPATH=str(tiny), **{STARTED: str(started), PAUSE: str(pause)})
        lead.step()
        wait_until(started.exists, 10, "a process of the node has the chunk, the other none")
        time.sleep(2.5)  # twice the lease: without renewal the other process would have it too by now
        pause.unlink()
        state = sweep.follow(lead, 20)

    assert state == "done"
    assert len(started.read_text().splitlines()) == 1
