"""`cancel --now`: what runs is killed at once, however long it would have taken; and a resume finishes it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from producer.run import control
from producer.run.records import SweepRecord
from tasks import names
from tests.support.cluster import Cluster, a_cluster, is_running, wait_until
from tests.support.sweeps import Sweep, a_sweep
from tests.support.tiny_strategy import PAUSE, STARTED

SIGNED = {"signing_key": SecretStr("a key of thirty-two letters, or more")}


@pytest.fixture(
    params=[pytest.param({}, id="plain", marks=pytest.mark.fault), pytest.param(SIGNED, id="signed")]
)
def sweep(tmp_path: Path, tiny: Path, redis_url: str, request: pytest.FixtureRequest) -> Sweep:
    """Eighty backtests in sixteen chunks, with and without a signing key."""
    sweep = a_sweep(tmp_path, redis_url, {"x": range(40)})
    return replace(sweep, settings=sweep.settings.model_copy(update=request.param))


@pytest.fixture
def cluster(sweep: Sweep, tmp_path: Path) -> Iterator[Cluster]:
    with a_cluster(sweep.settings, tmp_path / "nodes") as cluster:
        yield cluster


def test_what_runs_is_killed_within_moments_and_a_resume_finishes_on_the_same_node(
    sweep: Sweep, cluster: Cluster, tiny: Path, tmp_path: Path
) -> None:
    pause, started = tmp_path / "pause", tmp_path / "started"
    pause.touch()
    environment = {"PYTHONPATH": str(tiny), PAUSE: str(pause), STARTED: str(started)}
    node = cluster.start(**environment)
    lead = sweep.lead()
    lead.step()
    wait_until(lambda: len(begun(started)) == 2, 20, "both processes are busy")
    busy = begun(started)
    client = sweep.ledger.client

    asked = time.monotonic()
    control.cancel(record_of(sweep), sweep.settings, now=True)
    wait_until(lambda: not any(map(is_running, busy)), 5, "what ran is killed")
    took = time.monotonic() - asked
    wait_until(lambda: not client.exists(names.PREFIX + sweep.spec.queue), 10, "an empty queue")
    wait_until(lambda: not client.exists(names.PREFIX + "unacked"), 10, "nothing in hand")
    committed = sweep.ledger.totals().chunks
    pause.unlink()
    sweep.ledger.reopen()
    state = sweep.follow(sweep.lead(), 60)

    assert took < 2
    assert committed == 0
    assert node.process.poll() is None
    assert state == "done"
    assert sweep.ledger.totals().ok == 80


def begun(started: Path) -> list[int]:
    """The processes in which evaluations have begun."""
    return [json.loads(line)["pid"] for line in started.read_text().splitlines()] if started.exists() else []


def record_of(sweep: Sweep) -> SweepRecord:
    return SweepRecord(
        id=sweep.spec.sweep_id,
        name=sweep.spec.name,
        state="running",
        total=80,
        done=0,
        failed=0,
        created=time.time(),
        finished=None,
        results=sweep.spec.results,
        sweep_file="",
        tags=(),
        redis_url=sweep.settings.redis_url,
        metric="y",
        goal="maximize",
        best=None,
    )
