"""A13: work that takes longer than a lease is done once, whoever else looks into the same server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kombu import Connection

from tests.fault.conftest import MakeLab
from tests.support.fault.lab import LEASE_SECONDS
from tests.support.fault.node import PROGRAM, SLOW_MERGE

SLOW_SECONDS = 15.0
MERGE_SECONDS = 10.0


@pytest.mark.fault
def test_a13_a_chunk_and_a_merge_of_more_than_a_lease_run_once(make_lab: MakeLab) -> None:
    lab = make_lab(
        values=20,
        slow={3: SLOW_SECONDS, 17: SLOW_SECONDS},
        program=PROGRAM,
        environment={SLOW_MERGE: str(MERGE_SECONDS)},
    )

    with another_application(lab.server.url):
        producer = lab.submit()
        lab.finish(producer, 60)

    assert min(SLOW_SECONDS, MERGE_SECONDS) > LEASE_SECONDS
    assert lab.executions() == lab.chunks
    assert set(lab.server.changes("HSET", lab.ledger.key("shards")).values()) == {1}


@contextmanager
def another_application(url: str, lease_seconds: float = 3) -> Iterator[None]:
    """A stranger on the same server, with a prefix of its own, who takes back what its short lease says."""
    options = {"global_keyprefix": "other:", "visibility_timeout": lease_seconds}
    ends = threading.Event()

    def look() -> None:
        with Connection(url, transport_options=options) as connection, connection.channel() as channel:
            while not ends.wait(0.5):
                channel.qos.restore_visible(num=1000)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join(10)
