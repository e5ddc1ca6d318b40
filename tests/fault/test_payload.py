"""A26: two thousand results of 100 KB pass through Redis, and neither it nor any process grows by them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.fault.conftest import MakeLab
from tests.support.fault.fault_strategy import DEPTH
from tests.support.fault.lab import Lab

pytestmark = pytest.mark.fault

CHUNKS = 2000
PART_BYTES = 100_000
MEMORY_BYTES = 300 * 2**20
MERGE_SECONDS = 20.0  # a million rows are written twice; 3 s on a quiet machine


def test_a26_results_of_200_mb(make_lab: MakeLab) -> None:
    lab = make_lab(strategy="wide", values=CHUNKS // 2, chunk=DEPTH, pause_ms=0)

    with memory_watched(lab) as peak:
        producer = lab.submit()
        document = lab.finish(producer, 500)

    assert document["failed"] == 0
    report(lab, peak)
    assert lab.sent_bytes() >= CHUNKS * PART_BYTES * 0.9
    assert peak["server"] < 1.5 * lab.sent_bytes()
    assert max(peak["producer"], peak["node"], peak["process"]) < MEMORY_BYTES
    assert peak["finished"] - lab.notes("end")[-1]["at"] < MERGE_SECONDS


@contextmanager
def memory_watched(lab: Lab) -> Iterator[dict[str, float]]:
    """The most that the server, the producer, a node's main process and a process that takes chunks had."""
    peak: dict[str, float] = dict.fromkeys(("server", "producer", "node", "process", "finished"), 0.0)
    ends = threading.Event()

    def look() -> None:
        while not ends.wait(0.2):
            peak["server"] = max(peak["server"], int(lab.client.info("memory")["used_memory"]))
            for call in lab.desk.calls:
                note(peak, "producer", call.pid)
            for node in lab.crew.nodes:
                note(peak, "node", node.process.pid)
                for child in node.children():
                    note(peak, "process", child.pid)
            if not peak["finished"] and lab.sweep_id and lab.ledger.final():
                peak["finished"] = time.time()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        ends.set()
        thread.join(10)


def note(peak: dict[str, float], what: str, pid: int) -> None:
    try:
        memory = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return
    peak[what] = max(peak[what], memory.uss)  # its own: the node's data and code are shared


def report(lab: Lab, peak: dict[str, float]) -> None:
    """For `pytest -s`: what the page about the tests quotes."""
    megabytes = ", ".join(
        f"{name} {size / 2**20:.0f} MiB" for name, size in peak.items() if name != "finished"
    )
    merged = peak["finished"] - lab.notes("end")[-1]["at"]
    sent = lab.sent_bytes() / 2**20
    sys.stdout.write(f"\n{sent:.0f} MiB of parts; peak: {megabytes}; {merged:.2f} s to the result\n")
