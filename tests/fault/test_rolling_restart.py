"""A30, A33: what is ended and started again on purpose in the middle of a sweep, nodes and Flower."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fault.conftest import MakeLab
from tests.support import flower
from tests.support.cluster import wait_until
from tests.support.fault.lab import Lab
from tests.support.flower import Page

NODES = 2
DRAIN_SECONDS = 20.0


def test_a30_every_node_is_restarted_in_turn_and_no_chunk_runs_twice(make_lab: MakeLab) -> None:
    lab = make_lab(values=120, pause_ms=200, nodes=NODES)
    producer = lab.submit()
    lab.wait_for(0.1)

    codes = [restarted(lab, number) for number in range(NODES)]
    ran_meanwhile = lab.ledger.totals().chunks
    lab.finish(producer, 90)

    assert codes == [0, 0]
    assert lab.crew.restarts == NODES
    assert ran_meanwhile < lab.chunks  # else it was not in the middle
    assert lab.executions() == lab.chunks


def restarted(lab: Lab, number: int) -> int:
    """The exit code of a busy node that was told to end as by systemd; back when the new one is there."""
    old = lab.crew.nodes[number]
    lab.wait_until_busy(number)
    old.process.terminate()
    code = old.process.wait(DRAIN_SECONDS)
    wait_until(lambda: lab.crew.nodes[number] is not old, 10, "the node is started again")
    lab.crew.wait_ready()
    return code


@pytest.mark.fault
def test_a33_flower_comes_and_goes_and_agrees_with_status_in_the_end(make_lab: MakeLab) -> None:
    lab = make_lab(values=80, pause_ms=200, nodes=NODES)
    producer = lab.submit()
    first = looking_on(lab)
    lab.wait_for(0.2)
    wait_until(lambda: row_of(first), 10, "the sweep's row")

    first.end()
    lab.wait_for(0.4)
    page = looking_on(lab)
    code = producer.process.wait(90)
    wait_until(lambda: row_of(page).get("state") == "SUCCESS", 10, f"the sweep's last row: {row_of(page)}")
    shown, status = row_of(page), lab.desk.run("status", lab.sweep_id, "--redis", lab.url, "--json").document
    page.end()
    lab.finish(producer)

    assert code == 0
    assert (status["state"], status["done"], status["total"]) == ("done", lab.total, lab.total)
    assert shown["result"].startswith(f"done {status['done']}/{status['total']} 100%"), shown["result"]
    assert lab.executions() == lab.chunks


def looking_on(lab: Lab) -> Page:
    return flower.start(lab.desk, lab.url, FLOWER_UNAUTHENTICATED_API="true")


def row_of(page: Page) -> dict[str, Any]:
    """What it shows of the only sweep; nothing where it has heard of none."""
    return next(iter(page.rows("sweepfleet.sweep")), {})
