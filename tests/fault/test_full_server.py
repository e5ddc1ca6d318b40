"""A20: results of twice what Redis holds. Publishing waits, nobody ends, and the sweep is completed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tasks.records.heartbeat import live_nodes
from tests.fault.conftest import MakeLab
from tests.support.cluster import wait_until
from tests.support.fault.fault_strategy import DEPTH
from tests.support.fault.lab import Lab
from tests.support.fault.points import BLIND, PROGRAM

MIB: Final = 2**20
VALUES: Final = 120  # twice as many chunks, of 100 KB each: 24 MB


@contextmanager
def watched(lab: Lab) -> Iterator[list[int]]:
    """Bytes that the server used, several times a second."""
    used, ends = list[int](), threading.Event()

    def look() -> None:
        while not ends.wait(0.1):
            used.append(int(lab.client.info("memory")["used_memory"]))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield used
    finally:
        ends.set()
        thread.join()


def a20(lab: Lab, limit: int) -> dict[str, bool]:
    """Runs to the end; whether each receipt's part was in a file."""
    with watched(lab) as used:
        producer = lab.submit()
        wait_until(lambda: producer.process.poll() is not None, 240, "the sweep ends")
    document = producer.answer(1).document

    assert document["state"] == "done", producer.text()
    lab.assert_same_bytes(lab.folder / document["results"])
    assert lab.ledger.totals().backtests == lab.total
    assert lab.executions() == lab.chunks
    assert max(used) < limit + 4 * MIB, "buffers of connections come on top"
    assert lab.crew.restarts == 0, lab.crew.text()[-3000:]
    assert len(live_nodes(lab.client)) == 2
    receipts = lab.client.hgetall(lab.ledger.key("done"))
    return {k.decode(): json.loads(v)["file"] is not None for k, v in receipts.items()}


@pytest.mark.fault
def test_a20_results_go_into_files_where_redis_is_full(make_lab: MakeLab) -> None:
    lab = make_lab(
        strategy="wide",
        values=VALUES,
        chunk=DEPTH,
        pause_ms=5,
        options=("--maxmemory", "12mb"),
    )

    in_files = a20(lab, 12 * MIB)

    wait_until(lambda: lab.waiting() == 0, 20, "nothing is left")
    assert len(in_files) == 2 * VALUES
    assert 0 < sum(in_files.values()) < 2 * VALUES


@pytest.mark.fault
def test_a20_nodes_that_see_no_folder_wait_until_the_producer_has_made_room(make_lab: MakeLab) -> None:
    lab = make_lab(
        strategy="wide",
        values=VALUES,
        chunk=DEPTH,
        pause_ms=5,
        options=("--maxmemory", "12mb"),
        program=PROGRAM,
        environment={BLIND: "yes"},
    )

    in_files = a20(lab, 12 * MIB)

    assert sum(in_files.values()) > 0, "it was never full"
