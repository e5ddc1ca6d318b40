"""A chunk that does not come back takes no combination with it but the guilty one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.chunks import apart
from tasks.messages import ChunkReceipt
from tasks.results import codec
from tests.support.sweeps import Sweep, a_sweep
from tests.support.tiny_strategy import DEADLY, ENDLESS, PREPARATION, RAISING, STARTED

pytestmark = pytest.mark.usefixtures("tiny")

KEEP = ("trades", "signals")
ERRORS = {"die": "Killed", "exit": "Crashed", "segfault": "Crashed", "abort": "Crashed"}
ERRORS |= dict.fromkeys(ENDLESS, "TimeLimit")


def one_chunk(folder: Path, redis_url: str, *ways: str, xs: int = 3, **changed: Any) -> Sweep:
    """Two securities in one chunk; a few values of x, each `count` and then as told."""
    axes = {"x": range(1, xs + 1), "way": ("count", *ways)}
    return a_sweep(folder, redis_url, axes, size=1000, batched=True, keep=KEEP, **changed)


def after_two_deaths(sweep: Sweep, **options: Any) -> ChunkReceipt:
    """Its chunk at the third start; the first two did not come back."""
    sweep.lose(sweep.plan.chunks[0], sweep.spec.retries)
    receipt = sweep.run(sweep.plan.chunks[0], **options)
    assert receipt is not None
    return receipt


def tables(sweep: Sweep) -> dict[str, pa.Table]:
    (receipt,) = sweep.ledger.receipts([sweep.plan.chunks[0].name])
    assert receipt is not None
    file = sweep.work / receipt.file if receipt.file else None
    return codec.decode(file.read_bytes() if file else sweep.part(sweep.plan.chunks[0]), receipt.sha256)


def without(found: dict[str, pa.Table], guilty: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The rows of all combinations but those."""
    return {
        name: table.filter(pc.invert(pc.is_in(table["combination"], pa.array(guilty)))).to_pylist()
        for name, table in found.items()
    }


@pytest.mark.parametrize("ways", [("count",), tuple(w for w in RAISING if w != "interrupt")])
def test_in_pieces_a_chunk_gives_the_same_bytes(
    tmp_path: Path, redis_url: str, ways: tuple[str, ...]
) -> None:
    axes = {"x": range(200), "way": ways} if ways == ("count",) else {"x": (1, 2), "way": ways}
    whole, pieces = (
        a_sweep(tmp_path / str(seed), redis_url, axes, size=1000, batched=True, keep=KEEP, seed=seed)
        for seed in (1, 2)
    )
    undisturbed = whole.run(whole.plan.chunks[0])

    receipt = after_two_deaths(pieces)

    assert undisturbed is not None
    assert receipt.sha256 == undisturbed.sha256
    assert (receipt.attempt, receipt.outcome, receipt.ok) == (3, undisturbed.outcome, undisturbed.ok)


@pytest.mark.parametrize(("ways", "xs", "timeout"), [(tuple(DEADLY), 8, 20.0), (tuple(ENDLESS), 1, 0.3)])
def test_who_ends_the_process_fails_with_the_cause_and_nobody_else(
    tmp_path: Path, redis_url: str, ways: tuple[str, ...], xs: int, timeout: float
) -> None:
    undisturbed = one_chunk(tmp_path / "alone", redis_url, "count", xs=xs, seed=1)
    undisturbed.run(undisturbed.plan.chunks[0])
    sweep = one_chunk(tmp_path, redis_url, *ways, xs=xs, timeout_seconds=timeout)

    receipt = after_two_deaths(sweep)

    assert (receipt.outcome, receipt.ok, receipt.failed) == ("ok", 2 * xs, 2 * xs * len(ways))
    failures = tables(sweep)["failures"].to_pylist()
    assert [f["error"] for f in failures] == [ERRORS[way] for way in ways] * 2 * xs
    summary = tables(sweep)["summary"]
    guilty = summary.filter(pc.equal(summary["status"], "failed"))["combination"].to_pylist()
    assert [f["combination"] for f in failures] == guilty
    innocent = without(tables(sweep), guilty)
    assert [(r["status"], r["y"], r["n"]) for r in innocent["summary"]] == [
        (r["status"], r["y"], r["n"]) for r in tables(undisturbed)["summary"].to_pylist()[::2]
    ]
    assert [len(innocent[name]) for name in KEEP] == [xs * (xs + 1), 2 * xs]


def test_many_that_hang_are_not_waited_for_one_by_one(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "LIMITS", 2)
    sweep = one_chunk(tmp_path, redis_url, "sleep", timeout_seconds=1.0)

    receipt = after_two_deaths(sweep)

    messages = tables(sweep)["failures"]["message"].to_pylist()
    assert receipt.failed >= 6
    assert [m.partition(" ")[0] for m in messages].count("no") in (1, 2)
    assert messages[-1].startswith("not tried: its chunk took 2 times execution.timeout")


@pytest.mark.parametrize(("way", "error"), [("die", "Killed"), ("stuck", "TimeLimit"), ("raise", "Zero")])
def test_data_that_cannot_be_prepared_fails_its_security_and_no_process(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, way: str, error: str
) -> None:
    monkeypatch.setenv(PREPARATION, way)
    sweep = one_chunk(tmp_path, redis_url, timeout_seconds=0.3)

    receipt = after_two_deaths(sweep)

    expected = "ArithmeticError" if way == "raise" else error
    assert (receipt.outcome, receipt.failed) == ("failed", 6)
    assert tables(sweep)["failures"].select(["security", "combination", "error"]).to_pylist() == [
        {"security": place, "combination": None, "error": expected} for place in (0, 1)
    ]


def test_the_third_start_waits_for_a_message_that_allows_more_time(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STARTED, str(tmp_path / "started"))
    sweep, asked = one_chunk(tmp_path, redis_url, "die"), list[float]()
    piece = sweep.plan.chunks[0]
    sweep.lose(piece, sweep.spec.retries)

    for _ in range(3):  # lost on its way, and published again
        assert sweep.run(piece, again=asked.append) is None
    nothing_ran = not (tmp_path / "started").exists()
    receipt = sweep.run(piece, alone=True)

    assert nothing_ran
    assert asked == [apart.LIMITS * sweep.spec.timeout_seconds] * 3
    assert receipt is not None
    assert (receipt.attempt, receipt.ok, receipt.failed) == (3, 6, 6)


def test_a_chunk_whose_time_is_up_is_given_out_again_to_find_the_one_that_hangs(
    tmp_path: Path, redis_url: str
) -> None:
    sweep, asked = one_chunk(tmp_path, redis_url, "raise"), list[float]()
    piece = sweep.plan.chunks[0]

    late = sweep.run(piece, fatal=(ZeroDivisionError,), again=asked.append)  # stands for Celery's own signal
    in_hand = sweep.ledger.in_hand()
    receipt = sweep.run(piece, alone=True)

    assert (late, in_hand, len(asked)) == (None, 0, 1)
    assert receipt is not None
    assert (receipt.attempt, receipt.ok, receipt.failed) == (2, 6, 6)


def test_a_combination_whose_time_is_up_fails_by_its_name(tmp_path: Path, redis_url: str) -> None:
    sweep = a_sweep(tmp_path, redis_url, {"x": (1,), "way": ("raise",)}, securities=1)

    receipt = sweep.run(sweep.plan.chunks[0], fatal=(ZeroDivisionError,), again=lambda _: None)

    assert receipt is not None
    (failure,) = tables(sweep)["failures"].to_pylist()
    assert failure["error"] == "TimeLimit"
    assert failure["combination"] == tables(sweep)["summary"]["combination"][0].as_py()


def test_a_second_delivery_of_a_chunk_that_is_tried_apart_does_not_condemn_it(
    tmp_path: Path, redis_url: str
) -> None:
    sweep = one_chunk(tmp_path, redis_url)
    piece = sweep.plan.chunks[0]
    elsewhere = f"lease:{piece.name}"
    sweep.ledger.hold(elsewhere, "another process", 60)
    sweep.lose(piece, sweep.spec.retries + 3)

    meanwhile = sweep.run(piece)
    in_hand = sweep.ledger.in_hand()
    sweep.ledger.release(elsewhere, "another process")  # it ended without a result
    after = sweep.run(piece)

    assert (meanwhile, in_hand) == (None, 0)
    assert after is not None
    assert after.outcome == "quarantined"


def test_a_chunk_that_is_tried_apart_for_long_stays_in_hand(tmp_path: Path, redis_url: str) -> None:
    sweep = one_chunk(tmp_path, redis_url, "sleep", xs=1, timeout_seconds=1.5)
    piece, seen = sweep.plan.chunks[0], set[float]()

    with ThreadPoolExecutor(1) as worker:
        ended = worker.submit(after_two_deaths, sweep)
        while not ended.done():
            seen.update(since for since, _ in sweep.ledger.hand([piece.name]).values())
            time.sleep(0.02)

    assert ended.result().failed == 2
    assert len(seen) >= 3  # two deaths, the third start, and what it said since
    assert max(seen) - min(seen) > 1
