"""`execution.retries`: how often a chunk whose process was lost is run again; only that, and no failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.chunks import apart
from tests.support.cluster import Cluster, a_cluster
from tests.support.sweeps import Sweep, a_sweep
from tests.support.tiny_strategy import STARTED

GUILTY = 2
XS = 5


def one_chunk(folder: Path, redis_url: str, way: str, retries: int) -> Sweep:
    """Five values of x, one of them guilty."""
    axes = {"way": (way,), "only_x": (GUILTY,), "x": range(XS)}
    return a_sweep(folder, redis_url, axes, securities=1, size=XS, retries=retries)


@pytest.fixture(params=[0, 1])
def sweep(tmp_path: Path, tiny: Path, redis_url: str, request: pytest.FixtureRequest) -> Sweep:
    return one_chunk(tmp_path, redis_url, "die", request.param)


@pytest.fixture
def cluster(sweep: Sweep, tmp_path: Path) -> Iterator[Cluster]:
    with a_cluster(sweep.settings, tmp_path / "nodes") as cluster:
        yield cluster


def test_a_process_that_ends_is_tried_as_often_as_the_sweep_says(
    sweep: Sweep, cluster: Cluster, tiny: Path, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    cluster.start(PYTHONPATH=str(tiny), **{STARTED: str(started)})

    state = sweep.follow(sweep.lead(), 60)

    (receipt,) = sweep.ledger.receipts(c.name for c in sweep.plan.chunks)
    assert receipt is not None
    if sweep.spec.retries:  # in the end only the guilty one fails
        assert (state, receipt.outcome, receipt.ok, receipt.failed) == ("done", "ok", XS - 1, 1)
        assert receipt.attempt == 2
        assert receipt.error.startswith("Killed")
    else:
        assert (state, receipt.outcome, receipt.failed) == ("failed", "quarantined", XS)
        assert len(started.read_text().splitlines()) == 1
        assert "ended once" in receipt.error
        assert "execution.retries" in receipt.error


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.usefixtures("tiny")
def test_a_failure_of_the_strategy_is_run_once(tmp_path: Path, redis_url: str, retries: int) -> None:
    sweep = one_chunk(tmp_path, redis_url, "raise", retries)

    receipt = sweep.run(sweep.plan.chunks[0], again=lambda _: None)

    assert receipt is not None
    assert (receipt.outcome, receipt.ok, receipt.failed, receipt.attempt) == ("ok", XS - 1, 1, 1)


@pytest.mark.parametrize("retries", [0, 1, 2])
@pytest.mark.usefixtures("tiny")
def test_a_chunk_that_is_over_its_time_is_tried_apart_whatever_the_retries(
    tmp_path: Path, redis_url: str, retries: int
) -> None:
    sweep, asked = one_chunk(tmp_path, redis_url, "raise", retries), list[float]()
    piece = sweep.plan.chunks[0]

    late = sweep.run(piece, fatal=(ZeroDivisionError,), again=asked.append)  # stands for Celery's own signal
    receipt = sweep.run(piece, alone=True)

    assert (late, asked) == (None, [apart.LIMITS * sweep.spec.timeout_seconds])
    assert receipt is not None
    assert (receipt.outcome, receipt.ok, receipt.failed) == ("ok", XS - 1, 1)


@pytest.mark.usefixtures("tiny")
def test_without_retries_a_second_delivery_does_not_condemn_what_runs(tmp_path: Path, redis_url: str) -> None:
    sweep = one_chunk(tmp_path, redis_url, "count", retries=0)
    piece = sweep.plan.chunks[0]
    sweep.ledger.start(sweep.spec.request(piece, 0.0))
    sweep.ledger.hold(f"lease:{piece.name}", "another process", 60)

    second = sweep.run(piece, again=lambda _: None)

    assert second is None
    assert sweep.ledger.totals().chunks == 0
