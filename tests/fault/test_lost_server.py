"""A04, A05, A06: Redis is killed in mid-sweep, with and without a memory of its own, or is emptied."""

from __future__ import annotations

import time

import pytest

from tests.fault.conftest import MakeLab
from tests.support.fault.lab import Lab

SLOTS = 4


@pytest.mark.parametrize("away_seconds", [3, pytest.param(25, marks=pytest.mark.fault)])
def test_a04_a_server_with_its_log_comes_back_and_everybody_goes_on(
    make_lab: MakeLab, away_seconds: float
) -> None:
    lab = make_lab(values=60, pause_ms=150)
    producer = lab.submit()
    lab.wait_for(0.3)

    restart(lab, away_seconds)
    document = lab.finish(producer, 90)

    assert document["failed"] == 0
    assert lab.crew.restarts == 0, lab.crew.text()[-3000:]
    assert lab.executions() <= lab.chunks + SLOTS


@pytest.mark.fault
def test_a05_a_server_that_forgot_everything_is_told_again_by_the_producer(make_lab: MakeLab) -> None:
    lab = make_lab(values=60, pause_ms=150, remembers=False)
    producer = lab.submit()
    lab.wait_for(0.3)

    restart(lab, 3)
    document = lab.finish(producer, 90)

    assert document["failed"] == 0
    assert lab.executions() < 2 * lab.chunks


def test_a06_a_server_that_was_emptied_is_told_again_by_the_producer(make_lab: MakeLab) -> None:
    lab = make_lab(values=60, pause_ms=150)
    producer = lab.submit()
    lab.wait_for(0.3)

    lab.client.flushall()
    document = lab.finish(producer, 90)

    assert document["failed"] == 0
    assert lab.executions() < 2 * lab.chunks


def restart(lab: Lab, away_seconds: float) -> None:
    lab.server.kill()
    time.sleep(away_seconds)
    lab.server.start()
