"""A12: the producer is killed, or its terminal is gone; what is finished stays finished."""

from __future__ import annotations

import signal
import time

import pytest

from tests.fault.conftest import MakeLab
from tests.support.cluster import wait_until
from tests.support.fault.lab import Lab

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

SLOTS = 4


def done_when_killed(lab: Lab) -> set[tuple[str, int]]:
    """The chunks whose evaluation had ended, by security and first x."""
    return {(n["security"], n["x"][0]) for n in lab.notes("end")}


def test_a12_a_resume_after_a_killed_producer_runs_nothing_twice(make_lab: MakeLab) -> None:
    lab = make_lab(values=80)
    running = lab.submit()
    lab.wait_for(0.3)
    running.kill()
    finished = done_when_killed(lab)
    time.sleep(2)

    again = lab.desk.start("resume", "--redis", lab.url, "--json")
    document = lab.finish(again)
    executions = lab.executions()
    twice = lab.desk.run("resume", document["id"], "--redis", lab.url)

    assert len(finished) >= 0.3 * lab.chunks - SLOTS
    assert all(count == 1 for chunk, count in lab.starts().items() if chunk in finished)
    assert executions == lab.chunks
    assert twice.code == 0, twice.err
    assert twice.err.splitlines()[0] == f"{document['id']} is complete; nothing is left to run"
    assert lab.executions() == executions


def test_without_any_producer_the_nodes_finish_what_was_published_and_what_was_not(
    make_lab: MakeLab,
) -> None:
    lab = make_lab(values=700, pause_ms=10)
    running = lab.submit()
    lab.wait_for(0.05)

    running.kill()
    plan = lab.ledger.plan()
    assert plan is not None
    assert int(lab.ledger.meta()["published"]) < len(plan.shards), "all of it was published already"
    wait_until(lambda: lab.ledger.meta()["state"] == "done", 90, "an end without a producer")
    status = lab.desk.run("status", "--redis", lab.url, "--json")

    assert status.document["state"] == "done"
    lab.assert_exact(status.document)
    assert lab.executions() == lab.chunks


def test_a_closed_terminal_is_no_reason_for_the_sweep_to_end(make_lab: MakeLab) -> None:
    lab = make_lab(values=60)
    running = lab.submit()
    lab.wait_for(0.3)

    running.process.send_signal(signal.SIGHUP)
    running.process.wait(20)
    wait_until(lambda: lab.ledger.meta()["state"] == "done", 90, "an end without a producer")

    lab.assert_exact(lab.desk.run("status", "--redis", lab.url, "--json").document)
    assert lab.executions() == lab.chunks
