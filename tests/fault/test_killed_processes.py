"""A01, A02, A32: processes that are killed or stand still in the middle of a chunk."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.fault.conftest import MakeLab
from tests.support.cluster import is_running, wait_until
from tests.support.fault.lab import LEASE_SECONDS

SLOTS = 4


def test_a01_a_process_of_each_node_that_is_killed_costs_one_more_execution_each(make_lab: MakeLab) -> None:
    lab = make_lab(values=60)
    producer = lab.submit()
    lab.wait_for(0.2)
    lab.wait_until_busy(0)
    lab.wait_until_busy(1)

    killed = [lab.crew.kill_child(0), lab.crew.kill_child(1)]
    lab.finish(producer, 30)

    assert None not in killed
    assert lab.chunks < lab.executions() <= lab.chunks + 2
    assert lab.crew.restarts == 0


def test_a02_the_chunks_of_a_killed_node_are_given_out_again_within_a_lease(make_lab: MakeLab) -> None:
    lab = make_lab(values=100, pause_ms=150)
    producer = lab.submit()
    lab.wait_for(0.2)
    lab.wait_until_busy(0)

    node = lab.crew.kill(0)
    killed_at = time.time()
    held = lost_with(lab.in_hand(), {node.process.pid})
    lab.finish(producer, 60)

    again = [lab.second_start(note) for note in held]
    assert lab.executions() <= lab.chunks + SLOTS // 2
    assert again
    assert max(again) - killed_at <= LEASE_SECONDS + 2 + 1  # and the next look for leases


@pytest.mark.fault
def test_a02_all_nodes_are_killed_and_started_again(make_lab: MakeLab) -> None:
    lab = make_lab(values=60, pause_ms=150)
    producer = lab.submit()
    lab.wait_for(0.3)

    lab.crew.kill_all()
    lab.finish(producer, 90)

    assert lab.crew.restarts == 2
    assert lab.executions() <= lab.chunks + SLOTS


@pytest.mark.fault
def test_a32_a_node_that_stands_still_is_overtaken_and_adds_nothing_later(make_lab: MakeLab) -> None:
    lab = make_lab(values=60, pause_ms=150)
    producer = lab.submit()
    lab.wait_for(0.2)
    lab.wait_until_busy(0)

    lab.crew.signal(0, signal.SIGSTOP)
    stopped_at = time.time()
    held = [n for n in lab.in_hand() if n["pid"] in {c.pid for c in lab.crew.nodes[0].children()}]
    again = [lab.second_start(note, 25) for note in held]
    time.sleep(max(0.0, 30 - (time.time() - stopped_at)))
    lab.crew.signal(0, signal.SIGCONT)
    lab.finish(producer, 60)

    assert again
    assert max(again) - stopped_at <= LEASE_SECONDS + 3
    assert lab.executions() <= lab.chunks + SLOTS // 2
    assert lab.crew.restarts == 0


def lost_with(notes: list[dict[str, Any]], nodes: set[int]) -> list[dict[str, Any]]:
    """The evaluations that ended with a node: their processes are gone."""
    wait_until(lambda: not any(map(is_running, nodes)), 5, "the node has ended")
    return [note for note in notes if not is_running(note["pid"])]
