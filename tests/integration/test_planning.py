"""From an open sweep to its fixed plan: by whoever leads, after a pilot, and with a node to measure it on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tasks.chunks import chunk
from tasks.records.heartbeat import beat
from tests.support.builders import a_node
from tests.support.cluster import a_cluster, wait_until
from tests.support.sweeps import Sweep, a_sweep, request_in

pytestmark = pytest.mark.usefixtures("tiny")


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
    pilots = [request_in(message) for message in unplanned.deliver()]
    planned_before = unplanned.ledger.plan()

    piloted = set()
    deadline = time.monotonic() + 10
    while unplanned.ledger.plan() is None:
        assert time.monotonic() < deadline
        for request in pilots:
            piloted.add(request.name)
            chunk.evaluate(unplanned.context, request, "sweepfleet@here")
        lead.step()
        pilots = [] if unplanned.ledger.plan() else [request_in(m) for m in unplanned.deliver()]

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
    lost = {request_in(message).name for message in unplanned.deliver()}
    unplanned.ledger.client.hset(unplanned.ledger.key("meta"), "piloted", unplanned.ledger.now() - 3600)

    lead.step()

    plan = unplanned.ledger.plan()
    assert plan is not None
    assert lost <= {c.name for c in plan.chunks}
    assert sum(c.rows for c in plan.chunks) == 100


def test_a_sweep_that_nobody_follows_is_planned_led_and_finished_by_a_node(
    unplanned: Sweep, tiny: Path, tmp_path: Path
) -> None:
    with a_cluster(unplanned.settings, tmp_path / "nodes") as cluster:
        cluster.start(PYTHONPATH=str(tiny))

        wait_until(lambda: unplanned.ledger.meta()["state"] != "open", 30, "the sweep is over")

    assert unplanned.ledger.meta()["state"] == "done"
    assert unplanned.table()["x"].to_pylist() == [*range(50), *range(50)]
