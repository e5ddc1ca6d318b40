"""A09, A28: processes that end at the worst places of a chord, a merge and the finish; several at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.records.ledger import Ledger
from tasks.results import shards
from tasks.wire.connection import connect
from tests.fault.conftest import MakeLab
from tests.support import plugin
from tests.support.cluster import wait_until
from tests.support.fault.points import ONCE, PLACES, POINT, PROGRAM, plant
from tests.support.sweeps import Sweep, a_sweep

CHORD = ("part return", "publishing the merge")
POINTS = [f"{when} {place}" for place in PLACES if place not in CHORD for when in ("before", "after")]


@pytest.mark.fault
@pytest.mark.parametrize("point", [f"before {place}" for place in CHORD])
def test_a09_a_chord_that_can_never_end_delays_the_sweep_and_no_more(
    make_lab: MakeLab, tmp_path: Path, point: str
) -> None:
    once = tmp_path / "died"
    lab = make_lab(values=20, program=PROGRAM, environment={POINT: point, ONCE: str(once)})

    producer = lab.submit()
    lab.finish(producer)

    assert once.exists(), "nobody came to that point"
    assert lab.executions() <= lab.chunks + 1


@pytest.fixture
def computed(tmp_path: Path, redis_url: str) -> Iterator[Sweep]:
    """Every chunk of two shards is done, nothing is merged."""
    folder = plugin.install(tmp_path / "plugin")
    with plugin.on_the_path(folder):
        sweep = a_sweep(tmp_path, redis_url, {"x": range(12)}, size=4, shard=3)
        sweep.run_all()
        yield sweep


def child_that_merges(sweep: Sweep, point: str, once: Path) -> int:
    """The exit status of a process that merges and finishes, and is killed at that point."""
    pid = os.fork()
    if pid == 0:
        try:
            plant(point, once)
            ledger = Ledger(connect(sweep.settings.redis_url or ""), sweep.spec.sweep_id)
            for shard in range(len(sweep.plan.shards)):
                shards.merge(ledger, shard, "child")
            shards.finish(ledger, "child")
        finally:
            os._exit(7)
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("point", POINTS)
def test_a09_a_merge_or_finish_that_is_killed_anywhere_is_done_by_the_next_one(
    computed: Sweep, tmp_path: Path, redis_url: str, point: str
) -> None:
    undisturbed = a_sweep(tmp_path / "other", redis_url, {"x": range(12)}, size=4, shard=3, seed=1)
    undisturbed.run_all()
    undisturbed.merge_all()
    shards.finish(undisturbed.ledger, "tester")

    status = child_that_merges(computed, point, tmp_path / "died")
    for key in computed.ledger.client.scan_iter(match=computed.ledger.key("lease:*")):
        computed.ledger.client.delete(key)  # as after its 30 s
    finals = [computed.ledger.final()]
    computed.run_all()  # whatever was taken back
    computed.merge_all()
    shards.finish(computed.ledger, "tester")

    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert computed.content() == undisturbed.content()
    assert computed.ledger.meta()["state"] == "done"
    assert computed.ledger.totals().chunks == len(computed.plan.chunks)
    assert finals[0] in (None, computed.ledger.final()), "written once"


def test_a28_finalizers_at_once_and_one_that_dies_with_the_lease_give_one_result(
    computed: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "LEASE_SECONDS", 1.0)
    child_that_merges(computed, "before writing the shard", tmp_path / "died")
    held_by_the_dead = computed.ledger.client.exists(computed.ledger.key("lease:0"))

    def finalize(number: int) -> None:
        ledger = Ledger(connect(computed.settings.redis_url or ""), computed.spec.sweep_id)
        deadline = time.monotonic() + 20
        while ledger.meta()["state"] != "done" and time.monotonic() < deadline:
            for shard in range(len(computed.plan.shards)):
                shards.merge(ledger, shard, f"tester/{number}")
            shards.finish(ledger, f"tester/{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(finalize, range(4)))

    assert held_by_the_dead
    wait_until(lambda: computed.ledger.meta()["state"] == "done", 1, "done")
    assert computed.table()["x"].to_pylist() == [*range(12), *range(12)]
    assert (computed.results / "manifest.json").read_text() == computed.ledger.final()
