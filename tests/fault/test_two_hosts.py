"""Two hosts with a network between them that is cut, loses packets, is slow, or loses the server's host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.fault.hosts import NotAllowed, TwoHosts, two_hosts
from tests.support.fault.lab import Lab, Setup, a_lab

pytestmark = pytest.mark.fault

SLOTS = 4
DELAY_MS = 50
LOSS_PERCENT = 5


@pytest.fixture
def hosts() -> Iterator[TwoHosts]:
    with ExitStack() as stack:
        try:
            made = stack.enter_context(two_hosts())
        except NotAllowed as e:
            pytest.skip(f"network namespaces are not allowed here: {e}")
        yield made


@pytest.fixture
def make_lab(tmp_path: Path, redis_url: str, hosts: TwoHosts) -> Iterator[Callable[..., Lab]]:
    with ExitStack() as stack:

        def make(**fields: object) -> Lab:
            setup = Setup(**fields)  # type: ignore[arg-type]  # the test names them
            return stack.enter_context(a_lab(tmp_path, redis_url, setup, hosts=hosts))

        yield make


def test_a_partition_of_twenty_seconds(make_lab: Callable[..., Lab], hosts: TwoHosts) -> None:
    lab = make_lab(values=150, pause_ms=250)
    producer = lab.submit()
    lab.wait_for(0.1)
    lab.wait_until_busy(1)
    far = {child.pid for child in lab.crew.nodes[1].children()}

    hosts.two.cut()
    cut_at = time.time()
    time.sleep(20)
    hosts.two.join()
    document = lab.finish(producer, 120)

    meanwhile = [n for n in lab.notes("start") if cut_at + 1 < n["at"] < cut_at + 20]
    assert document["failed"] == 0
    assert meanwhile
    assert not {n["pid"] for n in meanwhile} & far
    assert lab.executions() <= lab.chunks + SLOTS
    assert lab.crew.restarts == 0


def test_five_packets_in_a_hundred_are_lost(make_lab: Callable[..., Lab], hosts: TwoHosts) -> None:
    both = hosts.one.lose(LOSS_PERCENT) and hosts.two.lose(LOSS_PERCENT)
    lab = make_lab(values=60, pause_ms=150, proxied=not both)
    if lab.proxy is not None:
        lab.proxy.cut_probability = 0.002  # a connection that ends is the worst that lost packets come to

    document = lab.finish(lab.submit(), 120)

    assert document["failed"] == 0
    assert lab.executions() <= lab.chunks + 2 * SLOTS


def test_a_delay_of_fifty_milliseconds(make_lab: Callable[..., Lab], hosts: TwoHosts) -> None:
    by_kernel = hosts.two.slow(DELAY_MS)
    lab = make_lab(values=60, pause_ms=150, proxied=not by_kernel)
    if lab.proxy is not None:
        lab.proxy.delay_seconds = DELAY_MS / 1000

    document = lab.finish(lab.submit(), 120)

    assert document["failed"] == 0
    assert lab.executions() == lab.chunks


def test_the_servers_host_is_gone_for_thirty_seconds(make_lab: Callable[..., Lab], hosts: TwoHosts) -> None:
    """Without power: the server and its host's node are killed, the others' packets vanish."""
    lab = make_lab(values=60, pause_ms=150)
    producer = lab.submit()
    lab.wait_for(0.3)

    hosts.one.cut()
    lab.server.kill()
    lab.crew.kill(0)
    time.sleep(30)
    hosts.one.join()
    lab.server.start()
    document = lab.finish(producer, 150)

    assert document["failed"] == 0
    assert lab.executions() <= lab.chunks + 2 * SLOTS
