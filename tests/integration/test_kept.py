"""What the results folder alone knows of a sweep: with its ledger lost, merged shards need not run again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.records.ledger import Ledger
from tasks.results import kept
from tests.support.sweeps import Sweep, a_sweep

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture
def sweep(tmp_path: Path, redis_url: str) -> Sweep:
    """Six chunks in three shards; the first two shards are merged."""
    sweep = a_sweep(tmp_path, redis_url, {"x": range(12)}, size=4, shard=2)
    (sweep.work / kept.PLAN_FILE).write_bytes(sweep.plan.to_bytes())
    for piece in sweep.plan.chunks[:4]:
        sweep.run(piece)
    sweep.merge_all()
    return sweep


def emptied(sweep: Sweep) -> Ledger:
    """The same ledger after its Redis was lost."""
    sweep.ledger.client.flushdb()
    sweep.ledger.create(sweep.spec)
    sweep.ledger.fix_plan(sweep.plan)
    return sweep.ledger


def test_a_lost_ledger_learns_from_the_folder_what_need_not_run_again(sweep: Sweep) -> None:
    before = sweep.ledger.totals()
    receipts = sweep.ledger.receipts(c.name for c in sweep.plan.chunks)
    notes = sweep.ledger.shard_notes()

    restored = kept.restore(emptied(sweep), sweep.spec, sweep.plan)

    assert restored == 4
    assert sweep.ledger.totals() == before
    assert sweep.ledger.receipts(c.name for c in sweep.plan.chunks) == receipts
    assert sweep.ledger.shard_notes() == notes


def test_the_results_are_the_same_bytes_as_if_nothing_had_been_lost(
    sweep: Sweep, tmp_path: Path, redis_url: str
) -> None:
    other = a_sweep(tmp_path / "other", redis_url, {"x": range(12)}, size=4, shard=2, seed=1)
    other.run_all()
    other.follow(other.lead(), 20)
    kept.restore(emptied(sweep), sweep.spec, sweep.plan)

    for piece in sweep.plan.chunks[4:]:
        sweep.run(piece)
    sweep.follow(sweep.lead(), 20)

    assert sweep.content() == other.content()


def test_restoring_twice_counts_once(sweep: Sweep) -> None:
    ledger = emptied(sweep)
    kept.restore(ledger, sweep.spec, sweep.plan)
    once = ledger.totals()

    assert kept.restore(ledger, sweep.spec, sweep.plan) == 0
    assert ledger.totals() == once


@pytest.mark.parametrize("harm", ["table gone", "table damaged", "note damaged", "note of other chunks"])
def test_a_shard_that_does_not_stand_as_noted_runs_again(sweep: Sweep, harm: str) -> None:
    table, note = sweep.work / kept.piece(1, "summary"), kept.path(sweep.spec, 1)
    match harm:
        case "table gone":
            table.unlink()
        case "table damaged":
            table.write_bytes(table.read_bytes()[:-1])
        case "note damaged":
            note.write_text(note.read_text()[:-5])
        case _:
            note.write_text(kept.path(sweep.spec, 0).read_text())

    assert list(kept.kept_shards(sweep.spec)) == [0]


def test_a_note_makes_nobody_read_a_file_elsewhere(sweep: Sweep, tmp_path: Path) -> None:
    note, foreign = kept.path(sweep.spec, 1), tmp_path / "foreign.parquet"
    document = json.loads(note.read_text())
    foreign.write_bytes((sweep.work / document["files"]["summary"]["file"]).read_bytes())
    document["files"]["summary"]["file"] = "../../../foreign.parquet"
    note.write_text(json.dumps(document))

    assert list(kept.kept_shards(sweep.spec)) == [0]


def test_a_folder_of_another_sweep_is_not_taken_for_this_one_s(sweep: Sweep) -> None:
    (sweep.work / "sweep").write_text("another identity")

    assert kept.kept_shards(sweep.spec) == {}
