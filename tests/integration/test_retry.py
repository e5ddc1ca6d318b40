"""`resume --failed`: what failed runs again, nothing else does, and the tables are those of a run without
faults.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from tasks import names
from tasks.chunks.context import Context
from tasks.lead import retry
from tasks.results import kept, shards
from tests.support import tiny_strategy
from tests.support.sweeps import Sweep, a_sweep

pytestmark = pytest.mark.usefixtures("tiny")

TABLES = ("summary", "failures", "trades", "signals")


def swept(folder: Path, redis_url: str, **changed: Any) -> Sweep:
    """Twelve values of x on three securities, with traces: nine chunks in four shards."""
    fields = {"size": 4, "shard": 2, "securities": 3, "keep": ("trades", "signals"), **changed}
    sweep = a_sweep(folder, redis_url, {"x": range(12)}, **fields)
    (sweep.work / kept.PLAN_FILE).write_bytes(sweep.plan.to_bytes())
    return sweep


def run(sweep: Sweep, failing: Collection[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chunk; those named fail."""
    for place, piece in enumerate(sweep.plan.chunks):
        with monkeypatch.context() as patched:
            if place in failing:
                patched.setenv(tiny_strategy.PREPARATION, "raise")
            fresh = Sweep(
                spec=sweep.spec,
                plan=sweep.plan,
                ledger=sweep.ledger,
                settings=sweep.settings,
                context=Context(sweep.settings),
            )
            fresh.run(piece)


def ended(sweep: Sweep) -> None:
    sweep.merge_all()
    assert shards.finish(sweep.ledger, "tester") == "merged"


def bytes_of(sweep: Sweep) -> dict[str, bytes]:
    return {table: sweep.content(table) for table in TABLES}


def missing(sweep: Sweep) -> list[int]:
    return sweep.ledger.missing(c.name for c in sweep.plan.chunks)


@pytest.fixture
def undisturbed(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    sweep = swept(tmp_path / "undisturbed", redis_url, seed=1)
    run(sweep, (), monkeypatch)
    ended(sweep)
    return bytes_of(sweep)


def goes_on(sweep: Sweep) -> None:
    """What a resume does: only what is missing runs."""
    sweep.ledger.reopen()
    for place in missing(sweep):
        sweep.run(sweep.plan.chunks[place])
    ended(sweep)


@pytest.mark.parametrize("redis", ["kept", "lost"])
@pytest.mark.parametrize(
    ("failing", "changed"),
    [
        ((4,), {}),
        ((0, 1, 8), {}),
        ((2, 3), {"shard": 500}),
        ((1, 5), {"shard": 1, "size": 5}),
        ((0,), {"batched": True, "size": 50}),
    ],
)
def test_a_sweep_that_ended_with_failures_runs_them_alone_again(
    tmp_path: Path,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: dict[str, bytes],
    failing: tuple[int, ...],
    changed: dict[str, Any],
    redis: str,
) -> None:
    sweep = swept(tmp_path, redis_url, **changed)
    run(sweep, failing, monkeypatch)
    ended(sweep)
    assert bytes_of(sweep) != undisturbed
    if redis == "lost":
        sweep.ledger.client.flushdb()
        sweep.ledger.create(sweep.spec)
        sweep.ledger.fix_plan(sweep.plan)

    count = retry.again(sweep.ledger, sweep.spec, sweep.plan)
    rerun = missing(sweep)
    goes_on(sweep)

    assert count == len(failing)
    assert rerun == sorted(failing)
    assert bytes_of(sweep) == undisturbed
    totals = sweep.ledger.totals()
    assert (totals.chunks, totals.ok, totals.failed) == (len(sweep.plan.chunks), 36, 0)
    assert sweep.ledger.failing() == {}


@pytest.mark.parametrize("seed", range(6))
def test_a_sweep_that_was_stopped_half_way_keeps_its_innocents_merged_or_not(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, bytes], seed: int
) -> None:
    draw = random.Random(seed)
    sweep = swept(tmp_path, redis_url)
    failing = draw.sample(range(9), draw.randint(1, 5))
    run(sweep, failing, monkeypatch)
    merged = draw.sample(range(len(sweep.plan.shards)), draw.randint(0, 4))
    for shard in merged:
        shards.merge(sweep.ledger, shard, "tester")

    count = retry.again(sweep.ledger, sweep.spec, sweep.plan)
    rerun = missing(sweep)
    goes_on(sweep)

    assert count == len(failing)
    assert rerun == sorted(failing)
    assert bytes_of(sweep) == undisturbed


def test_one_failing_combination_has_its_chunk_run_again(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(4), "way": ("count", "raise")}, size=4, shard=1)
    (sweep.work / kept.PLAN_FILE).write_bytes(sweep.plan.to_bytes())
    sweep.run_all()
    ended(sweep)
    before = sweep.content()

    count = retry.again(sweep.ledger, sweep.spec, sweep.plan)
    goes_on(sweep)

    assert count == 4
    assert sweep.content() == before


def test_results_that_were_damaged_since_run_again_rather_than_be_trusted(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, bytes]
) -> None:
    sweep = swept(tmp_path, redis_url)
    run(sweep, (0,), monkeypatch)
    ended(sweep)
    (sweep.results / "trades.parquet").unlink()

    retry.again(sweep.ledger, sweep.spec, sweep.plan)
    rerun = missing(sweep)
    goes_on(sweep)

    assert rerun == list(range(9))
    assert bytes_of(sweep) == undisturbed


def test_while_it_runs_again_the_folder_does_not_pretend_to_be_finished(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = swept(tmp_path, redis_url)
    run(sweep, (0,), monkeypatch)
    ended(sweep)

    retry.again(sweep.ledger, sweep.spec, sweep.plan)

    assert not (sweep.results / names.MANIFEST_FILE).exists()


def test_a_security_is_free_to_change_when_nothing_of_it_is_kept(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = swept(tmp_path, redis_url)
    run(sweep, (0, 1, 2, 4), monkeypatch)
    ended(sweep)

    notes = kept.notes_of(sweep.spec, sweep.plan)

    assert retry.failing_securities(sweep.spec, sweep.plan, notes) == {"SYN1"}
