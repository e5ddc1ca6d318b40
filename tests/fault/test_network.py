"""A15: connections that are cut, stand still, or are half-open and never answer again."""

from __future__ import annotations

import time

import pytest

from tests.fault.conftest import MakeLab
from tests.support.fault.proxy import a_proxy

SLOTS = 4
SOCKET_SECONDS = 30 + 10  # socket_timeout and health_check_interval of every connection of ours


def test_a15_all_connections_are_cut_three_times(make_lab: MakeLab) -> None:
    lab = make_lab(values=80, pause_ms=150)
    producer = lab.submit()
    dropped = 0

    for share in (0.2, 0.4, 0.6):
        lab.wait_for(share)
        dropped += lab.server.drop_clients()
    lab.finish(producer, 60)

    assert dropped >= 3 * 5
    assert lab.crew.restarts == 0
    assert lab.executions() <= lab.chunks + 3 * SLOTS


def test_a15_a_first_word_that_is_cut_off_is_said_again(make_lab: MakeLab) -> None:
    """Between the producer and the server alone: the answer to its first question is lost."""
    lab = make_lab(values=20)
    with a_proxy(lab.server.host, lab.server.port) as lab.proxy:
        lab.proxy.drop_after, lab.proxy.replies_to_drop = b"INFO", 1

        lab.finish(lab.submit())

        assert lab.proxy.dropped == 1


@pytest.mark.fault
def test_a15_a_network_that_stands_still_for_twenty_seconds(make_lab: MakeLab) -> None:
    lab = make_lab(values=80, pause_ms=150, proxied=True)
    assert lab.proxy is not None
    producer = lab.submit()
    lab.wait_for(0.3)

    lab.proxy.freeze(20)
    thawed_at = time.time()
    lab.finish(producer, 90)

    assert min(n["at"] for n in lab.notes("start") if n["at"] > thawed_at) - thawed_at <= 10
    assert lab.crew.restarts == 0
    assert lab.executions() <= lab.chunks + SLOTS


@pytest.mark.fault
def test_a15_half_open_connections_are_given_up_and_made_anew(make_lab: MakeLab) -> None:
    lab = make_lab(values=80, pause_ms=150, proxied=True)
    assert lab.proxy is not None
    producer = lab.submit()
    lab.wait_for(0.3)

    abandoned = lab.proxy.abandon()
    abandoned_at = time.time()
    document = lab.finish(producer, 150)

    silent_until = min(n["at"] for n in lab.notes("start") if n["at"] > abandoned_at + 5)
    assert abandoned >= 5
    assert silent_until - abandoned_at <= SOCKET_SECONDS + 5
    assert document["failed"] == 0
    assert lab.executions() <= lab.chunks + 2 * SLOTS
