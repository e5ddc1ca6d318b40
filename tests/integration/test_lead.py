"""Whoever leads a sweep: publishes no more than is needed, finds what was lost, and brings it to its end."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tasks import chunk, names, reconcile, store
from tasks.celery_app import merge_queue
from tasks.heartbeat import beat
from tasks.messages import ChunkRequest
from tasks.reconcile import Lead
from tests.support.builders import a_node
from tests.support.cluster import a_cluster, wait_until
from tests.support.sweeps import Sweep, a_sweep

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of waiting become tenths."""
    monkeypatch.setattr(reconcile, "STILL_SECONDS", 0.4)
    monkeypatch.setattr(reconcile, "HELP_YOURSELF_SECONDS", 0.2)


@pytest.fixture
def sweep(tmp_path: Path, redis_url: str) -> Sweep:
    """Twenty backtests in twenty chunks, in two shards; a node is there, but takes nothing."""
    sweep = a_sweep(tmp_path, redis_url, {"x": range(10)}, size=1, shard=10)
    beat(sweep.ledger.client, a_node())
    return sweep


def delivered(sweep: Sweep, most: int = 1000) -> list[dict[str, Any]]:
    """Takes messages from the queue, the oldest first."""
    found: list[dict[str, Any]] = []
    while len(found) < most and (raw := sweep.ledger.client.rpop(names.PREFIX + sweep.spec.queue)):
        found.append(json.loads(raw))
    return found


def request_in(message: dict[str, Any]) -> ChunkRequest:
    (wire,), _, _ = json.loads(base64.b64decode(message["body"]))
    return ChunkRequest.from_wire(wire)


def work(sweep: Sweep, most: int = 1000) -> int:
    """What a node does with the messages; how many there were."""
    chunks = {c.name: c for c in sweep.plan.chunks}
    messages = delivered(sweep, most)
    for message in messages:
        sweep.run(chunks[request_in(message).name])
    return len(messages)


def led_to_the_end(sweep: Sweep, lead: Lead, seconds: float = 10.0) -> str:
    """Steps and works in turns until the sweep is over."""
    deadline = time.monotonic() + seconds
    while (state := sweep.ledger.meta()["state"]) == "open":
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {sweep.ledger.totals()}"
        lead.step()
        work(sweep)
        time.sleep(0.02)
    return state


# --- publishing ------------------------------------------------------------------------------------------


def test_shards_go_out_as_earlier_ones_drain(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "LEAST_OUTSTANDING", 10)
    lead = sweep.lead()

    lead.step()
    at_first = sweep.queued()
    lead.step()
    unchanged = sweep.queued()
    work(sweep, 3)
    lead.step()

    assert (at_first, unchanged) == (10, 10)
    assert sweep.queued() == 7 + 10
    assert sweep.ledger.meta()["published"] == "2"


def test_messages_are_small_and_readable_and_carry_the_sweep(sweep: Sweep) -> None:
    sweep.lead().step()

    first, *_ = delivered(sweep)

    assert request_in(first).sweep_id == sweep.spec.sweep_id
    assert first["headers"]["task"] == names.EVALUATE_CHUNK
    assert first["headers"]["argsrepr"] == f"SYN1 0-0 of {sweep.spec.sweep_id}"
    assert first["headers"]["timelimit"] == [sweep.spec.timeout_seconds + 30, sweep.spec.timeout_seconds]
    assert len(json.dumps(first)) < 4000


def test_a_shard_that_is_published_again_holds_only_what_is_missing(sweep: Sweep) -> None:
    sweep.lead().step()
    work(sweep, 15)
    delivered(sweep)  # the rest is lost
    sweep.ledger.move("cancelled", only_from=("open",))
    sweep.ledger.reopen()

    sweep.lead().step()

    assert sweep.queued() == 5


def test_who_does_not_hold_the_lead_does_nothing(sweep: Sweep) -> None:
    sweep.ledger.hold("lead", "another", 60)

    led = sweep.lead().step()

    assert not led
    assert sweep.queued() == 0


def test_a_lead_that_falls_silent_is_taken_over_and_nothing_goes_out_twice(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "LEAD_SECONDS", 0.3)
    sweep.lead("producer/here/1").step()
    second = sweep.lead("node@there")
    refused = second.step()

    wait_until(second.step, 5, "the second leads")

    assert not refused
    assert sweep.queued() == 20


# --- what was lost ---------------------------------------------------------------------------------------


def test_lost_messages_go_out_again_and_the_sweep_is_completed(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    delivered(sweep, 5)

    state = led_to_the_end(sweep, lead)

    assert state == "done"
    assert sweep.table()["x"].to_pylist() == [*range(10), *range(10)]
    assert sweep.ledger.totals().backtests == 20


def test_nothing_is_taken_for_lost_while_a_node_has_it_in_hand(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    delivered(sweep, 5)
    sweep.ledger.client.hset(names.PREFIX + "unacked", "a-tag", "a chunk that takes long")
    work(sweep)

    until = time.monotonic() + 3 * reconcile.STILL_SECONDS
    while time.monotonic() < until:
        lead.step()
        time.sleep(0.05)

    assert sweep.queued() == 0
    assert sweep.ledger.totals().chunks == 15


def test_a_part_that_is_lost_before_the_merge_is_computed_again(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    work(sweep)
    sweep.ledger.client.delete(sweep.ledger.key(f"part:{sweep.plan.chunks[3].name}"))

    state = led_to_the_end(sweep, lead)

    assert state == "done"
    assert sweep.table()["x"].to_pylist() == [*range(10), *range(10)]


def test_a_plan_whose_last_publication_was_not_noted_is_published_again_harmlessly(sweep: Sweep) -> None:
    sweep.lead().step()
    sweep.ledger.note_published(1)  # as a kill between the two leaves it

    state = led_to_the_end(sweep, sweep.lead())

    assert state == "done"
    assert sweep.ledger.totals().chunks == 20


# --- merging ---------------------------------------------------------------------------------------------


def test_a_producer_merges_itself_where_no_node_does(sweep: Sweep) -> None:
    state = led_to_the_end(sweep, sweep.lead())

    assert state == "done"
    assert len(sweep.table()) == 20


def test_a_lead_that_does_not_merge_asks_for_it_on_the_merge_queue(sweep: Sweep) -> None:
    lead = sweep.lead("node@here", merges=False)
    lead.step()
    work(sweep)
    queue = names.PREFIX + merge_queue(sweep.spec.queue)

    deadline = time.monotonic() + 5
    while sweep.ledger.client.llen(queue) < 2 and time.monotonic() < deadline:
        lead.step()
        time.sleep(0.05)

    tasks = {json.loads(raw)["headers"]["task"] for raw in sweep.ledger.client.lrange(queue, 0, -1)}
    assert tasks == {names.MERGE_SHARD}
    assert sweep.ledger.meta()["state"] == "open"


def test_a_producer_that_does_not_see_the_folder_leaves_the_merge_to_a_node(sweep: Sweep) -> None:
    store.mark(sweep.results, "another sweep")
    lead = sweep.lead()
    lead.step()
    work(sweep)
    queue = names.PREFIX + merge_queue(sweep.spec.queue)

    wait_until(lambda: lead.step() and sweep.ledger.client.llen(queue) >= 2, 5, "merges are asked for")

    assert sweep.ledger.shard_notes() == {}


# --- the end ---------------------------------------------------------------------------------------------


def test_too_many_failures_end_the_sweep(tmp_path: Path, redis_url: str) -> None:
    axes = {"x": range(5), "way": ("raise",)}
    sweep = a_sweep(tmp_path, redis_url, axes, securities=1, size=1, max_failures=2)
    beat(sweep.ledger.client, a_node())
    lead = sweep.lead()
    lead.step()
    work(sweep, 2)
    lead.step()
    still_open = sweep.ledger.meta()["state"]
    work(sweep, 1)

    lead.step()

    assert (still_open, sweep.ledger.meta()["state"]) == ("open", "failed")
    assert work(sweep) == 2
    assert sweep.ledger.totals().chunks == 3


def test_a_sweep_that_is_cancelled_ends_when_what_was_begun_has_come_back(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    request = request_in(delivered(sweep, 1)[0])
    sweep.ledger.client.hset(names.PREFIX + "unacked", "a-tag", "this chunk")
    sweep.ledger.start(request)
    sweep.ledger.move("cancelling", only_from=("open",))
    lead.step()
    while_in_hand = sweep.ledger.meta()["state"]

    sweep.ledger.client.hdel(sweep.ledger.key("hand"), request.name)
    lead.step()

    assert (while_in_hand, sweep.ledger.meta()["state"]) == ("cancelling", "cancelled")


def test_a_sweep_whose_last_worker_died_under_a_cancel_is_cancelled_all_the_same(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    sweep.ledger.start(request_in(delivered(sweep)[0]))
    sweep.ledger.move("cancelling", only_from=("open",))

    lead.step()

    assert sweep.ledger.meta()["state"] == "cancelled"


# --- planning --------------------------------------------------------------------------------------------


@pytest.fixture
def unplanned(tmp_path: Path, redis_url: str) -> Sweep:
    """A hundred backtests whose chunks are to be sized by a pilot; no node is there yet."""
    rule = {"size": None, "target_seconds": 2.0, "least": 1, "most": None}
    sweep = a_sweep(tmp_path, redis_url, {"x": range(50)}, chunk=rule)
    sweep.ledger.client.delete(sweep.ledger.key("plan"))
    sweep.ledger.client.hdel(sweep.ledger.key("meta"), "chunks", "shards", "cost_ms")
    return sweep


def test_nothing_is_planned_until_a_node_is_there(unplanned: Sweep) -> None:
    unplanned.lead().step()

    assert unplanned.ledger.plan() is None
    assert unplanned.queued() == 0


def test_a_pilot_goes_out_first_and_is_part_of_the_plan(unplanned: Sweep) -> None:
    beat(unplanned.ledger.client, a_node())
    lead = unplanned.lead()
    lead.step()
    pilots = [request_in(message) for message in delivered(unplanned)]
    planned_before = unplanned.ledger.plan()

    piloted = set()
    deadline = time.monotonic() + 10
    while unplanned.ledger.plan() is None:
        assert time.monotonic() < deadline
        for request in pilots:
            piloted.add(request.name)
            chunk.evaluate(unplanned.context, request, "sweepfleet@here")
        lead.step()
        pilots = [] if unplanned.ledger.plan() else [request_in(m) for m in delivered(unplanned)]

    plan = unplanned.ledger.plan()
    assert planned_before is None
    assert plan is not None
    assert piloted
    assert piloted <= {c.name for c in plan.chunks}
    assert sum(c.rows for c in plan.chunks) == 100
    assert (unplanned.work / "plan").is_file()


def test_a_lead_that_takes_over_waits_for_the_pilot_that_is_out(unplanned: Sweep) -> None:
    beat(unplanned.ledger.client, a_node())
    unplanned.lead().step()
    out = unplanned.queued()
    unplanned.ledger.client.delete(unplanned.ledger.key("lead"))

    unplanned.lead("node@there").step()

    assert out > 0
    assert unplanned.queued() == out
    assert unplanned.ledger.plan() is None


def test_a_pilot_that_does_not_come_back_is_waited_for_only_so_long(unplanned: Sweep) -> None:
    beat(unplanned.ledger.client, a_node())
    lead = unplanned.lead()
    lead.step()
    lost = {request_in(message).name for message in delivered(unplanned)}
    unplanned.ledger.client.hset(unplanned.ledger.key("meta"), "piloted", unplanned.ledger.now() - 3600)

    lead.step()

    plan = unplanned.ledger.plan()
    assert plan is not None
    assert lost <= {c.name for c in plan.chunks}
    assert sum(c.rows for c in plan.chunks) == 100


# --- a real node -----------------------------------------------------------------------------------------


def test_a_sweep_that_nobody_follows_is_planned_led_and_finished_by_a_node(
    unplanned: Sweep, tiny: Path, tmp_path: Path
) -> None:
    with a_cluster(unplanned.settings, tmp_path / "nodes") as cluster:
        cluster.start(PYTHONPATH=str(tiny))

        wait_until(lambda: unplanned.ledger.meta()["state"] != "open", 30, "the sweep is over")

    assert unplanned.ledger.meta()["state"] == "done"
    assert unplanned.table()["x"].to_pylist() == [*range(50), *range(50)]
