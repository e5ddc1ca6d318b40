"""Parts to shards to results: in order, complete, the same whoever merges, how often, whatever was lost."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tasks import names
from tasks.data.synth import write_ticks
from tasks.errors import FolderRefused
from tasks.records.ledger import Ledger
from tasks.results import shards, store
from tasks.wire.connection import connect
from tests.support.sweeps import Sweep, a_sweep

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture
def sweep(tmp_path: Path, redis_url: str) -> Sweep:
    """Twelve values of x on two securities, in six chunks, in three shards."""
    return a_sweep(tmp_path, redis_url, {"x": range(12)}, size=4, shard=2)


def ended(sweep: Sweep) -> Sweep:
    """Every chunk computed, every shard merged, the results written."""
    sweep.run_all()
    assert sweep.merge_all() == ["merged"] * len(sweep.plan.shards)
    assert shards.finish(sweep.ledger, "tester") == "merged"
    return sweep


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# --- the result ------------------------------------------------------------------------------------------


def test_rows_are_in_the_order_of_securities_and_combinations_however_chunks_came(sweep: Sweep) -> None:
    for piece in reversed(sweep.plan.chunks):
        sweep.run(piece)
    for shard in (2, 0, 1):
        shards.merge(sweep.ledger, shard, "tester")

    shards.finish(sweep.ledger, "tester")

    summary = sweep.table()
    assert summary.column_names == ["security", "combination", "status", "x", "y", "n"]
    assert summary["security"].to_pylist() == ["SYN1"] * 12 + ["SYN2"] * 12
    assert summary["x"].to_pylist() == [*range(12), *range(12)]
    assert summary["combination"].to_pylist()[:12] == sweep.spec.space(0).block(0, 12).ids()


@pytest.mark.parametrize(("size", "shard"), [(12, 1), (1, 500), (5, 3)])
def test_the_bytes_do_not_depend_on_chunks_or_shards(
    sweep: Sweep, tmp_path: Path, redis_url: str, size: int, shard: int
) -> None:
    other = a_sweep(tmp_path / "other", redis_url, {"x": range(12)}, size=size, shard=shard, seed=1)

    assert ended(other).content() == ended(sweep).content()


@pytest.mark.parametrize("most", [{"ASK_PARTS": 1}, {"ASK_PARTS": 2}, {"ASK_BYTES": 1}, {"ASK_BYTES": 2500}])
def test_the_bytes_do_not_depend_on_how_many_parts_are_asked_for_at_once(
    sweep: Sweep, tmp_path: Path, redis_url: str, most: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = {"x": range(12)}
    whole = ended(sweep).content()
    for name, value in most.items():
        monkeypatch.setattr(shards, name, value)

    assert ended(a_sweep(tmp_path / "other", redis_url, axes, size=1, shard=24, seed=1)).content() == whole


def test_when_it_is_over_only_the_results_the_marker_and_the_notes_are_left(sweep: Sweep) -> None:
    ended(sweep)

    assert files(sweep.results) == [
        *(f".sweepfleet/shards/00000{shard}.json" for shard in range(3)),
        ".sweepfleet/sweep",
        "failures.parquet",
        "manifest.json",
        "summary.parquet",
        "sweep.yaml",
    ]
    left = {key.decode() for key in sweep.ledger.client.scan_iter(match=sweep.ledger.key("*"))}
    assert not [key for key in left if ":part:" in key or ":lease:" in key]
    assert sweep.ledger.meta()["state"] == "done"


def test_the_manifest_counts_and_times_what_was_done(sweep: Sweep) -> None:
    ended(sweep)

    document = json.loads((sweep.results / names.MANIFEST_FILE).read_text())
    assert document["schema"] == names.MANIFEST_SCHEMA
    assert document["identity"] == sweep.spec.identity
    assert document["counts"] == {
        "backtests": 24,
        "computed": 24,
        "cached": 0,
        "failed": 0,
        "empty": 0,
        "chunks": 6,
        "rows": {"summary": 24, "failures": 0},
    }
    assert document["swept"] == ["x"]
    assert document["nodes"]["sweepfleet@here"]["backtests"] == 24
    assert document["times"]["compute_s"] >= 0


def test_overrides_are_noted_above_the_sweep_as_it_was_submitted(tmp_path: Path, redis_url: str) -> None:
    sweep = ended(a_sweep(tmp_path, redis_url, {"x": range(3)}, overrides={"seed": 3}))

    assert (sweep.results / names.SWEEP_FILE).read_text() == "# with seed = 3\nname: try\n"


def test_traces_are_merged_in_order_beside_the_summary(tmp_path: Path, redis_url: str) -> None:
    sweep = ended(a_sweep(tmp_path, redis_url, {"x": range(4)}, size=3, shard=1, keep=("trades", "signals")))

    trades = sweep.table("trades")
    assert trades["security"].to_pylist() == ["SYN1"] * 6 + ["SYN2"] * 6
    assert trades["x"].to_pylist() == [1, 2, 2, 3, 3, 3] * 2
    assert sweep.table("signals")["word"].to_pylist() == [f"x is {x}" for x in range(4)] * 2
    assert "parts" not in {p.name for p in sweep.work.iterdir()}


def test_a_sweep_in_which_all_fails_is_failed_and_still_has_all_its_rows(
    tmp_path: Path, redis_url: str
) -> None:
    sweep = ended(a_sweep(tmp_path, redis_url, {"x": range(3), "way": ("raise",)}))

    assert sweep.ledger.meta()["state"] == "failed"
    assert sweep.table()["status"].to_pylist() == ["failed"] * 6
    assert sweep.table()["y"].null_count == 6
    assert len(sweep.table("failures")) == 6


def test_a_fault_of_a_whole_security_is_one_row_of_failures(sweep: Sweep, tmp_path: Path) -> None:
    write_ticks(tmp_path / "ticks", ["SYN2"], days=2, seed=4, events_per_day=300)

    ended(sweep)

    failures = sweep.table("failures").select(["security", "combination", "error"]).to_pylist()
    assert failures == [{"security": "SYN2", "combination": None, "error": "DataChanged"}]
    assert sweep.table()["status"].to_pylist() == ["ok"] * 12 + ["failed"] * 12


# --- several securities in one chunk ------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 15, 1000])
def test_the_bytes_do_not_depend_on_how_many_securities_share_a_chunk(
    tmp_path: Path, redis_url: str, size: int
) -> None:
    axes = {"x": (1, 2, 3, 4, 5), "way": ("count",)}
    alone = ended(a_sweep(tmp_path / "alone", redis_url, axes, securities=4, keep=("trades", "signals")))
    shared = ended(
        a_sweep(
            tmp_path / "shared",
            redis_url,
            axes,
            securities=4,
            size=size,
            batched=True,
            keep=("trades", "signals"),
            seed=1,  # another sweep by name; this strategy draws nothing
        )
    )

    assert len(shared.plan.chunks) < len(alone.plan.chunks) == 4
    for table in ("summary", "trades", "signals", "failures"):
        assert shared.content(table) == alone.content(table)


def test_a_security_that_fails_takes_none_of_its_chunk_with_it(tmp_path: Path, redis_url: str) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": (1, 2)}, securities=3, size=100, batched=True)
    write_ticks(tmp_path / "ticks", ["SYN2"], days=2, seed=4, events_per_day=300)

    ended(sweep)

    assert len(sweep.plan.chunks) == 1
    assert sweep.table()["status"].to_pylist() == ["ok", "ok", "failed", "failed", "ok", "ok"]
    assert sweep.table()["y"].null_count == 2
    assert sweep.table("failures")["security"].to_pylist() == ["SYN2"]
    assert sweep.ledger.failing() == {"SYN2": 2}


# --- twice, at once, too early ---------------------------------------------------------------------------


def test_a_shard_with_a_chunk_missing_waits(sweep: Sweep) -> None:
    sweep.run(sweep.plan.chunks[0])

    assert shards.merge(sweep.ledger, 0, "tester") == "incomplete"
    assert shards.finish(sweep.ledger, "tester") == "incomplete"
    assert sweep.ledger.shard_notes() == {}


def test_a_shard_is_merged_once_and_its_parts_are_gone(sweep: Sweep) -> None:
    sweep.run_all()

    verdicts = [shards.merge(sweep.ledger, 0, "tester") for _ in range(2)]

    assert verdicts == ["merged", "already"]
    assert sweep.ledger.part(sweep.plan.chunks[0].name) is None
    assert sweep.ledger.part(sweep.plan.chunks[2].name) is not None


def test_finishing_twice_changes_nothing(sweep: Sweep) -> None:
    before = ended(sweep).content()
    manifest = (sweep.results / names.MANIFEST_FILE).read_bytes()

    assert shards.finish(sweep.ledger, "another") == "already"
    assert sweep.content() == before
    assert (sweep.results / names.MANIFEST_FILE).read_bytes() == manifest


def test_a_finish_that_ended_before_it_closed_the_sweep_is_closed_by_the_next(sweep: Sweep) -> None:
    ended(sweep)
    sweep.ledger.client.hset(sweep.ledger.key("meta"), "state", "open")  # as a kill at that point leaves it
    sweep.ledger.client.hdel(sweep.ledger.key("meta"), "finished")

    shards.finish(sweep.ledger, "another")

    assert sweep.ledger.meta()["state"] == "done"
    assert "finished" in sweep.ledger.meta()


def test_of_many_who_merge_and_finish_at_once_there_is_one_result(
    sweep: Sweep, redis_url: str, tmp_path: Path
) -> None:
    sweep.run_all()
    ready = threading.Barrier(4)

    def race(i: int) -> None:
        ledger = Ledger(connect(redis_url), sweep.spec.sweep_id)
        ledger.client.ping()
        ready.wait()
        for shard in (0, 1, 2):
            shards.merge(ledger, shard, f"racer {i}")
        shards.finish(ledger, f"racer {i}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(race, range(4)))
    shards.finish(sweep.ledger, "last")

    assert sweep.ledger.totals().backtests == 24
    assert sweep.table()["x"].to_pylist() == [*range(12), *range(12)]
    assert sweep.ledger.meta()["state"] == "done"


class Slow(Ledger):
    """Before it takes a lease, another process has merged the first shard and let its lease go."""

    def hold(self, lease: str, holder: str, seconds: float, over: str = "") -> bool:
        shards.merge(Ledger(self.client, self.sweep_id), 0, "another")
        return super().hold(lease, holder, seconds, over)


def test_who_comes_late_to_a_merge_takes_no_receipt_back(sweep: Sweep) -> None:
    sweep.run_all()
    slow = Slow(sweep.ledger.client, sweep.spec.sweep_id)

    verdict = shards.merge(slow, 0, "tester")

    assert verdict == "already"
    assert sweep.ledger.totals().chunks == 6


def test_a_merge_that_somebody_else_is_at_is_left_to_him(sweep: Sweep) -> None:
    sweep.run_all()
    sweep.ledger.hold("lease:0", "another", 30)
    sweep.ledger.hold("lease:finish", "another", 30)

    assert shards.merge(sweep.ledger, 0, "tester") == "held"
    sweep.ledger.release("lease:0", "another")
    sweep.merge_all()
    assert shards.finish(sweep.ledger, "tester") == "held"


def test_a_folder_of_another_sweep_is_not_touched(sweep: Sweep) -> None:
    sweep.run_all()
    store.mark(sweep.results, "another")

    assert shards.merge(sweep.ledger, 0, "tester") == "elsewhere"
    assert shards.finish(sweep.ledger, "tester") == "elsewhere"
    assert files(sweep.results) == [".sweepfleet/sweep"]


def test_a_forgotten_sweep_has_nothing_to_merge(sweep: Sweep) -> None:
    sweep.ledger.purge()

    assert shards.merge(sweep.ledger, 0, "tester") == "closed"
    assert shards.finish(sweep.ledger, "tester") == "closed"


# --- lost and damaged ------------------------------------------------------------------------------------


def damage(sweep: Sweep, how: str) -> None:
    key = sweep.ledger.key(f"part:{sweep.plan.chunks[1].name}")
    if how == "missing":
        sweep.ledger.client.delete(key)
    else:
        part = sweep.ledger.client.get(key)
        sweep.ledger.client.set(key, part[: len(part) // 2] if how == "cut" else part[:-1] + b"?")


@pytest.mark.parametrize("how", ["missing", "cut", "changed"])
def test_a_part_that_is_lost_or_damaged_runs_again_and_the_shard_is_merged_at_once(
    sweep: Sweep, how: str
) -> None:
    sweep.run_all()
    damage(sweep, how)

    verdict = shards.merge(sweep.ledger, 0, "tester")
    totals, start = sweep.ledger.totals(), sweep.ledger.receipts([sweep.plan.chunks[1].name])
    sweep.run(sweep.plan.chunks[1])
    again = shards.merge(sweep.ledger, 0, "another")

    assert verdict == "incomplete"
    assert (totals.chunks, totals.backtests, start) == (5, 20, [None])
    assert again == "merged"


def test_a_part_file_that_is_gone_runs_again(tmp_path: Path, redis_url: str) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(4)}, size=2, keep=("trades",))
    sweep.run_all()
    (sweep.work / store.part_path(sweep.plan.chunks[0].name)).unlink()

    assert sweep.merge_all() == ["incomplete"]
    sweep.run(sweep.plan.chunks[0])
    assert sweep.merge_all() == ["merged"]


def test_a_chunk_that_is_lost_again_and_again_is_never_taken_for_one_that_kills(sweep: Sweep) -> None:
    for _ in range(5):
        sweep.run_all()
        damage(sweep, "missing")
        shards.merge(sweep.ledger, 0, "tester")

    receipt = sweep.run(sweep.plan.chunks[1])

    assert receipt is not None
    assert receipt.outcome == "ok"


@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_shards_file_that_is_gone_or_damaged_is_computed_anew(sweep: Sweep, how: str) -> None:
    sweep.run_all()
    sweep.merge_all()
    file = sweep.work / sweep.ledger.shard_notes()[1]["files"]["summary"]["file"]
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"?")

    verdict = shards.finish(sweep.ledger, "tester")
    left = sweep.ledger.totals().chunks
    ended_again = [sweep.run(piece) for piece in sweep.plan.shard(1)]
    shards.merge(sweep.ledger, 1, "another")

    assert (verdict, left) == ("incomplete", 4)
    assert all(ended_again)
    assert shards.finish(sweep.ledger, "another") == "merged"
    assert sweep.table()["x"].to_pylist() == [*range(12), *range(12)]


def test_a_results_folder_that_cannot_be_written_says_how_to_go_on(sweep: Sweep) -> None:
    sweep.run_all()
    sweep.merge_all()
    (sweep.results / "summary.parquet").mkdir()

    with pytest.raises(FolderRefused) as refused:
        shards.finish(sweep.ledger, "tester")
    (sweep.results / "summary.parquet").rmdir()

    assert sweep.spec.sweep_id in (refused.value.hint or "")
    assert sweep.ledger.meta()["state"] == "open"
    assert shards.finish(sweep.ledger, "another") == "merged"
    assert pq.read_metadata(sweep.results / "summary.parquet").num_rows == 24


def test_a_work_folder_that_cannot_be_written_says_how_to_go_on(sweep: Sweep) -> None:
    sweep.run_all()
    (sweep.work / "shards").write_text("not a folder")

    with pytest.raises(FolderRefused):
        shards.merge(sweep.ledger, 0, "tester")
    (sweep.work / "shards").unlink()

    assert shards.merge(sweep.ledger, 0, "another") == "merged"
