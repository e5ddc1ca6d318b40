"""One chunk from request to receipt: what goes wrong with data or code is a result, and it counts once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data.digest import file_digest
from tasks.data.synth import write_ticks
from tasks.records.counts import Totals
from tasks.results import codec
from tests.support.sweeps import Sweep, a_sweep
from tests.support.tiny_strategy import PREPARATION, STARTED

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture
def sweep(tmp_path: Path, redis_url: str) -> Sweep:
    """Ten values of x on two securities, in chunks of five."""
    return a_sweep(tmp_path, redis_url, {"x": range(10)})


def failing(tmp_path: Path, redis_url: str, *ways: str) -> Sweep:
    """One security, three values of x, each `count` and then as told: one chunk."""
    axes = {"x": (1, 2, 3), "way": ("count", *ways)}
    return a_sweep(tmp_path, redis_url, axes, securities=1, size=100)


def tables(sweep: Sweep, number: int = 0) -> dict[str, pa.Table]:
    return codec.decode(sweep.part(sweep.plan.chunks[number]))


def test_a_chunk_is_computed_kept_and_counted(sweep: Sweep) -> None:
    rows = pq.read_metadata(sweep.spec.securities[0].path).num_rows

    receipt = sweep.run(sweep.plan.chunks[1])

    assert receipt is not None
    assert (receipt.outcome, receipt.ok, receipt.failed, receipt.attempt) == ("ok", 5, 0, 1)
    assert codec.checksum(sweep.part(sweep.plan.chunks[1])) == receipt.sha256
    summary = tables(sweep, 1)["summary"]
    assert summary["y"].to_pylist() == [x * float(rows) for x in range(5, 10)]
    assert summary["n"].to_pylist() == [rows] * 5
    assert sweep.ledger.totals().backtests == 5


def test_a_receipt_measures_what_it_took(sweep: Sweep) -> None:
    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert min(receipt.load_ms, receipt.compute_ms, receipt.encode_ms) > 0
    assert receipt.wait_ms >= 0
    assert receipt.peak_bytes > 2**20


def test_a_chunk_delivered_twice_is_computed_and_kept_once(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STARTED, str(tmp_path / "started"))
    first = sweep.run(sweep.plan.chunks[0])

    second = sweep.run(sweep.plan.chunks[0])

    assert second == first
    assert len((tmp_path / "started").read_text().splitlines()) == 1
    assert sweep.ledger.totals().chunks == 1


def test_two_runs_of_a_chunk_give_the_same_bytes(sweep: Sweep) -> None:
    first = sweep.run(sweep.plan.chunks[0])
    assert first is not None
    sweep.ledger.retract(first, sweep.plan.chunks[0].cost_ms)

    second = sweep.run(sweep.plan.chunks[0])

    assert second is not None
    assert second.sha256 == first.sha256


@pytest.mark.parametrize("state", ["cancelling", "cancelled", "done"])
def test_nothing_is_computed_for_a_sweep_that_is_closed(sweep: Sweep, state: str) -> None:
    sweep.ledger.client.hset(sweep.ledger.key("meta"), "state", state)

    assert sweep.run(sweep.plan.chunks[0]) is None
    assert sweep.ledger.totals() == Totals()


def test_nothing_is_computed_for_a_sweep_that_is_forgotten(sweep: Sweep) -> None:
    sweep.ledger.purge()

    assert sweep.run(sweep.plan.chunks[0]) is None


def test_data_that_has_changed_fails_its_own_backtests_only(sweep: Sweep, tmp_path: Path) -> None:
    write_ticks(tmp_path / "ticks", ["SYN1"], days=2, seed=4, events_per_day=300)

    changed, unchanged = sweep.run(sweep.plan.chunks[0]), sweep.run(sweep.plan.chunks[2])

    assert changed is not None
    assert unchanged is not None
    assert (changed.outcome, changed.failed) == ("failed", 5)
    assert (unchanged.outcome, unchanged.ok) == ("ok", 5)
    assert tables(sweep)["failures"].select(["combination", "error"]).to_pylist() == [
        {"combination": None, "error": "DataChanged"}
    ]
    assert sweep.ledger.failing() == {"SYN1": 5}


def test_data_that_changes_between_two_chunks_is_noticed_though_the_first_has_opened_it(
    sweep: Sweep, tmp_path: Path
) -> None:
    sweep.run(sweep.plan.chunks[0])
    write_ticks(tmp_path / "ticks", ["SYN1"], days=2, seed=4, events_per_day=300)

    receipt = sweep.run(sweep.plan.chunks[1])

    assert receipt is not None
    assert receipt.error.startswith("DataChanged")


def test_data_that_is_gone_is_a_failure_with_its_path(sweep: Sweep) -> None:
    Path(sweep.spec.securities[0].path).unlink()

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert receipt.error.startswith("DataChanged")
    assert sweep.spec.securities[0].path in receipt.error


def test_code_that_is_not_the_planners_computes_nothing(tmp_path: Path, redis_url: str) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(3)}, fingerprint="0" * 64)

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert receipt.error.startswith("StrategyDrift")


@pytest.mark.parametrize(("way", "error"), [("raise", "ZeroDivisionError"), ("memory", "MemoryError")])
def test_a_combination_that_fails_fails_alone(tmp_path: Path, redis_url: str, way: str, error: str) -> None:
    sweep = failing(tmp_path, redis_url, way)

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert (receipt.outcome, receipt.ok, receipt.failed) == ("ok", 3, 3)
    summary, failures = tables(sweep)["summary"], tables(sweep)["failures"]
    assert summary["status"].to_pylist() == ["ok", "failed"] * 3
    assert [y is None for y in summary["y"].to_pylist()] == [False, True] * 3
    assert failures["error"].to_pylist() == [error] * 3
    assert failures["combination"].to_pylist() == summary["combination"].to_pylist()[1::2]
    assert "tiny_strategy.py" in failures["traceback"][0].as_py()


def test_nan_is_a_result_and_not_a_failure(tmp_path: Path, redis_url: str) -> None:
    sweep = failing(tmp_path, redis_url, "nan")

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert (receipt.ok, receipt.failed) == (6, 0)
    assert tables(sweep)["summary"]["y"].null_count == 0


@pytest.mark.parametrize(("way", "error"), [("raise", "ArithmeticError"), ("memory", "MemoryError")])
def test_a_fault_in_prepare_is_one_failure_of_the_whole_chunk(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, way: str, error: str
) -> None:
    monkeypatch.setenv(PREPARATION, way)

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert (receipt.outcome, receipt.failed) == ("failed", 5)
    failures = tables(sweep)["failures"].to_pylist()
    assert [(f["combination"], f["error"]) for f in failures] == [(None, error)]
    assert "prepare" in failures[0]["traceback"]


def test_a_security_without_rows_between_the_dates_is_empty_and_no_failure(
    tmp_path: Path, redis_url: str
) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(5)}, start_ns=0, end_ns=1)

    receipt = sweep.run(sweep.plan.chunks[0])

    assert receipt is not None
    assert (receipt.outcome, receipt.empty, receipt.failed) == ("ok", 5, 0)
    assert tables(sweep)["summary"]["status"].to_pylist() == ["empty"] * 5


def test_a_chunk_that_was_started_too_often_is_quarantined_unrun(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STARTED, str(tmp_path / "started"))
    piece = sweep.plan.chunks[0]
    sweep.lose(piece, sweep.spec.retries + 3)

    receipt = sweep.run(piece)

    assert receipt is not None
    assert (receipt.outcome, receipt.failed) == ("quarantined", 5)
    assert "ended 5 times" in receipt.error
    assert not (tmp_path / "started").exists()


def test_a_chunk_whose_time_is_up_fails_as_a_whole_and_says_the_limit(tmp_path: Path, redis_url: str) -> None:
    sweep = failing(tmp_path, redis_url, "raise")

    receipt = sweep.run(sweep.plan.chunks[0], fatal=(ZeroDivisionError,))  # stands for Celery's own signal

    assert receipt is not None
    assert (receipt.outcome, receipt.failed) == ("failed", 6)
    assert receipt.error == "TimeLimit: no result within 60 s (execution.timeout)"


def test_a_worker_computes_on_the_spec_as_it_was_renewed(sweep: Sweep, tmp_path: Path) -> None:
    sweep.run(sweep.plan.chunks[0])
    write_ticks(tmp_path / "ticks", ["SYN1"], days=2, seed=4, events_per_day=300)
    first, *others = sweep.spec.securities
    digest = file_digest(first.path, sweep.settings.cache_dir)
    sweep.ledger.create(replace(sweep.spec, securities=(replace(first, digest=digest), *others)))

    receipt = sweep.run(sweep.plan.chunks[1])

    assert receipt is not None
    assert (receipt.outcome, receipt.ok) == ("ok", 5)
