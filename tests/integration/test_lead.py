"""Whoever leads a sweep: publishes no more than is needed, finds what was lost, and brings it to its end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tasks import names
from tasks.lead import reconcile
from tasks.lead.reconcile import Lead
from tasks.records.heartbeat import beat
from tasks.results import store
from tasks.wire.celery_app import merge_queue
from tests.support.builders import a_node
from tests.support.cluster import wait_until
from tests.support.sweeps import Sweep, a_sweep, request_in

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of waiting become tenths."""
    for word in ("LOOK", "QUIET", "AGAIN", "HELP_YOURSELF"):
        monkeypatch.setattr(reconcile, f"{word}_SECONDS", 0.1)
    monkeypatch.setattr(reconcile, "STILL_SECONDS", 0.4)


@pytest.fixture
def sweep(tmp_path: Path, redis_url: str) -> Sweep:
    """Twenty backtests in twenty chunks, in two shards; a node is there, but takes nothing."""
    sweep = a_sweep(tmp_path, redis_url, {"x": range(10)}, size=1, shard=10)
    beat(sweep.ledger.client, a_node())
    return sweep


def led_to_the_end(sweep: Sweep, lead: Lead, seconds: float = 10.0) -> str:
    """Steps and works in turns until the sweep is over."""
    deadline = time.monotonic() + seconds
    while (state := sweep.ledger.meta()["state"]) == "open":
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {sweep.ledger.totals()}"
        lead.step()
        sweep.work_off()
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
    sweep.work_off(3)
    lead.step()

    assert (at_first, unchanged) == (10, 10)
    assert sweep.queued() == 7 + 10
    assert sweep.ledger.meta()["published"] == "2"


def test_messages_are_small_and_readable_and_carry_the_sweep(sweep: Sweep) -> None:
    sweep.lead().step()

    first, *_ = sweep.deliver()

    assert request_in(first).sweep_id == sweep.spec.sweep_id
    assert first["headers"]["task"] == names.EVALUATE_CHUNK
    assert first["headers"]["argsrepr"] == f"SYN1 0-0 of {sweep.spec.sweep_id}"
    assert first["headers"]["timelimit"] == [sweep.spec.timeout_seconds + 30, sweep.spec.timeout_seconds]
    assert len(json.dumps(first)) < 4000


def test_a_shard_that_is_published_again_holds_only_what_is_missing(sweep: Sweep) -> None:
    sweep.lead().step()
    sweep.work_off(15)
    sweep.deliver()  # the rest is lost
    sweep.ledger.move("cancelled", only_from=("open",))
    sweep.ledger.reopen()

    sweep.lead().step()

    assert sweep.queued() == 5


def test_who_does_not_hold_the_lead_does_nothing(sweep: Sweep) -> None:
    sweep.ledger.hold("lead", "another", 60)

    led = sweep.lead().step()

    assert not led
    assert sweep.queued() == 0


def test_a_producer_takes_the_lead_from_a_node(sweep: Sweep) -> None:
    """It sees the results folder, and perhaps no node does."""
    node = sweep.lead("sweepfleet@there", merges=False)
    node.step()

    led = sweep.lead().step()

    assert led
    assert not node.step()
    assert sweep.queued() == 20


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
    sweep.deliver(5)

    state = led_to_the_end(sweep, lead)

    assert state == "done"
    assert sweep.table()["x"].to_pylist() == [*range(10), *range(10)]
    assert sweep.ledger.totals().backtests == 20


def steps(lead: Lead, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        lead.step()
        time.sleep(0.02)


def take(sweep: Sweep, most: int) -> list[str]:
    """What a node does with a message before anything else, and the chunks that it has in hand then."""
    taken = sweep.deliver(most)
    for message in taken:
        tag = message["properties"]["delivery_tag"]
        kept = json.dumps([message, sweep.spec.queue, sweep.spec.queue])
        sweep.ledger.client.hset(names.PREFIX + "unacked", tag, kept)
    return [request_in(message).name for message in taken]


def test_nothing_is_taken_for_lost_while_a_node_has_it_in_hand(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    take(sweep, 5)
    sweep.work_off()

    steps(lead, 1)

    assert sweep.queued() == 0
    assert sweep.ledger.totals().chunks == 15


def test_what_is_lost_is_found_on_a_queue_that_never_runs_empty(
    sweep: Sweep, tmp_path: Path, redis_url: str
) -> None:
    lead = sweep.lead()
    lead.step()
    stolen = {request_in(m).name for m in sweep.deliver(5)}
    sweep.work_off()
    other = a_sweep(tmp_path / "other", redis_url, {"x": range(40)}, size=1, seed=1)
    other.lead().step()
    behind = sweep.queued()

    wait_until(lambda: lead.step() and sweep.queued() > behind, 5, "what is lost goes out again")

    assert {request_in(m).name for m in sweep.deliver()[behind:]} == stolen


def test_what_still_waits_behind_other_work_is_not_taken_for_lost(
    sweep: Sweep, tmp_path: Path, redis_url: str
) -> None:
    other = a_sweep(tmp_path / "other", redis_url, {"x": range(40)}, size=1, seed=1)
    other.lead().step()
    lead = sweep.lead()
    lead.step()
    both = sweep.queued()

    steps(lead, 1)

    assert sweep.queued() == both


def test_what_a_dead_node_gave_back_is_not_taken_for_lost(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    returned = [json.dumps(m) for m in sweep.deliver(3)]
    sweep.deliver(17)
    sweep.ledger.client.rpush(names.PREFIX + sweep.spec.queue, *returned)

    steps(lead, 1)

    assert sweep.queued() == 3, "the others wait until those that are next have been taken"


def test_a_chunk_that_was_begun_gets_time_to_come_back_though_its_message_is_gone(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    here, gone = (request_in(m) for m in sweep.deliver(2))
    sweep.ledger.start(here, node=a_node().name)
    sweep.ledger.start(gone, node="sweepfleet@a-machine-that-burnt")
    sweep.work_off()

    wait_until(lambda: lead.step() and sweep.queued(), 5, "the one on the dead node goes out again")
    steps(lead, 0.5)

    assert [request_in(m).name for m in sweep.deliver()] == [gone.name]


def test_a_chunk_that_was_begun_and_is_long_overdue_goes_out_again(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    request = request_in(sweep.deliver(1)[0])
    sweep.ledger.start(request)
    long_ago = time.time() - 2 * (sweep.spec.timeout_seconds + 30) - 1
    sweep.ledger.client.hset(sweep.ledger.key("hand"), request.name, f"{long_ago} {a_node().name}")
    sweep.work_off()

    wait_until(lambda: lead.step() and sweep.queued(), 5, "it goes out again")

    assert [request_in(m).name for m in sweep.deliver()] == [request.name]


def test_what_went_out_again_is_not_sent_a_third_time_while_it_waits(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    sweep.deliver(5)
    sweep.work_off()
    wait_until(lambda: lead.step() and sweep.queued(), 5, "it goes out again")

    steps(lead, 1)

    assert sweep.queued() == 5


def test_a_part_that_is_lost_before_the_merge_is_computed_again(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    sweep.work_off()
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
    sweep.work_off()
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
    sweep.work_off()
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
    sweep.work_off(2)
    lead.step()
    still_open = sweep.ledger.meta()["state"]
    sweep.work_off(1)

    lead.step()

    assert (still_open, sweep.ledger.meta()["state"]) == ("open", "failed")
    assert sweep.work_off() == 2
    assert sweep.ledger.totals().chunks == 3


def test_a_sweep_that_is_cancelled_ends_when_what_was_begun_has_come_back(sweep: Sweep) -> None:
    lead = sweep.lead()
    lead.step()
    request = request_in(sweep.deliver(1)[0])
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
    sweep.ledger.start(request_in(sweep.deliver()[0]))
    sweep.ledger.move("cancelling", only_from=("open",))

    lead.step()

    assert sweep.ledger.meta()["state"] == "cancelled"


def test_after_a_resume_only_new_failures_count_against_the_limit(tmp_path: Path, redis_url: str) -> None:
    axes = {"x": range(5), "way": ("raise",)}
    sweep = a_sweep(tmp_path, redis_url, axes, securities=1, size=1, max_failures=2)
    beat(sweep.ledger.client, a_node())
    lead = sweep.lead()
    lead.step()
    sweep.work_off(3)
    lead.step()
    stopped = sweep.ledger.meta()["state"]
    sweep.deliver()

    sweep.ledger.reopen()
    again = sweep.lead()
    again.step()
    sweep.work_off(2)
    again.step()

    assert (stopped, sweep.ledger.meta()["state"]) == ("failed", "open")
    assert sweep.ledger.totals().failed == 5
