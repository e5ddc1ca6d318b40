"""A18, A27: a sweep outlives its keys' life while it runs, and two executions that differ are noticed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tasks import names
from tasks.lead import reconcile
from tasks.messages import ChunkReceipt
from tasks.records import ledger, progress
from tasks.records.heartbeat import beat
from tasks.results import shards
from tests.support import plugin
from tests.support.builders import a_node
from tests.support.cluster import wait_until
from tests.support.sweeps import Sweep, a_sweep

KEEP_SECONDS = 2
GAP_SECONDS = 2.5


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[None]:
    with plugin.on_the_path(plugin.install(tmp_path / "plugin")):
        yield


@pytest.mark.usefixtures("tiny")
def test_a18_keys_live_as_long_as_the_sweep_and_no_longer(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "KEEP_SECONDS", KEEP_SECONDS)
    monkeypatch.setattr(reconcile, "REFRESH_SECONDS", 0.2)
    monkeypatch.setattr(reconcile, "LOOK_SECONDS", 0.0)
    sweep = a_sweep(tmp_path, redis_url, {"x": range(3)}, securities=1, size=1)
    lead = sweep.lead(merges=False)

    for _ in sweep.plan.chunks:
        until = time.monotonic() + GAP_SECONDS
        while time.monotonic() < until:
            beat(sweep.ledger.client, a_node())
            lead.step()
            time.sleep(0.1)
        assert sweep.work_off(1) == 1
    computed = sweep.ledger.totals().chunks
    merged = sweep.merge_all()
    finished = shards.finish(sweep.ledger, "tester")
    keys = sweep.ledger.key("*")
    at_the_end = {*sweep.ledger.client.scan_iter(match=keys)}

    assert GAP_SECONDS > KEEP_SECONDS
    assert (computed, merged, finished) == (3, ["merged"], "merged")
    assert sweep.table()["x"].to_pylist() == [0, 1, 2]
    assert {k for k in at_the_end if sweep.ledger.client.ttl(k) == -1} == set(), "each has its end"
    assert sweep.spec.sweep_id not in ledger.open_sweeps(sweep.ledger.client)
    gone = reconcile.LEAD_SECONDS + KEEP_SECONDS
    wait_until(lambda: not [*sweep.ledger.client.scan_iter(match=keys)], gone, "nothing of it is left")


def executed_again(sweep: Sweep, part: bytes, **differently: object) -> None:
    """A second execution of a chunk that began before the first one ended, with another result."""
    piece = sweep.plan.chunks[1]
    request = sweep.spec.request(piece, time.time())
    (first,) = sweep.ledger.receipts([piece.name])
    assert first is not None
    second: ChunkReceipt = replace(first, sha256="f" * 64, **differently)  # type: ignore[arg-type]
    stands = sweep.ledger.commit(request, second, part)
    assert stands == first, "the first result wins"


@pytest.mark.usefixtures("tiny")
def test_a27_two_executions_that_differ_make_the_sweep_suspect(tmp_path: Path, redis_url: str) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(4)}, securities=1, size=1)
    sweep.run_all()
    sweep.run(sweep.plan.chunks[0])
    before = sweep.ledger.meta().get("mismatch")

    executed_again(sweep, b"other bytes")
    status = progress.read(sweep.ledger, sweep.spec)
    sweep.merge_all()
    shards.finish(sweep.ledger, "tester")

    manifest = json.loads((sweep.results / names.MANIFEST_FILE).read_text())
    assert before is None
    assert status is not None
    assert status.mismatch == 1
    assert (manifest["mismatch"], manifest["suspect"]) == (1, True)
    assert sweep.table()["x"].to_pylist() == [0, 1, 2, 3]


@pytest.mark.usefixtures("tiny")
def test_a27_an_execution_that_ran_out_of_time_is_no_reason_for_doubt(tmp_path: Path, redis_url: str) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(4)}, securities=1, size=1)
    sweep.run_all()

    executed_again(sweep, b"what failed", outcome="failed", ok=0, failed=1)

    assert "mismatch" not in sweep.ledger.meta()
