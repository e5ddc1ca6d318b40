"""A10, A11: combinations that end, hang, or confuse the process they run in, on nodes as a user has them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import psutil
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from tasks.messages import ChunkReceipt
from tasks.wire import publish
from tests.support import plugin
from tests.support.cluster import Cluster, WorkerNode, a_cluster, wait_until
from tests.support.sweeps import Sweep, a_sweep
from tests.support.tiny_strategy import ENDLESS

CORES: Final = 2
GUILTY: Final = 2
XS: Final = 5
ENDS: Final = {
    "die": "Killed",
    "exit": "Crashed",
    "segfault": "Crashed",
    "abort": "Crashed",
    "sys.exit": "SystemExit",
    "memory": "MemoryError",
    "too much memory": "MemoryError",
}
RAISES: Final = {
    "raise": "ZeroDivisionError",
    "long message": "ValueError",
    "odd error": "Odd",
    "object": "TypeError",
    "recursion": "RecursionError",
    "interrupt": "KeyboardInterrupt",
    "nan": None,
}
HANGS: Final = dict.fromkeys(ENDLESS, "TimeLimit")


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    folder = plugin.install(tmp_path / "plugin")
    with plugin.on_the_path(folder):
        yield folder


@pytest.fixture
def one_poison_a_chunk(
    tmp_path: Path, tiny: Path, redis_url: str, request: pytest.FixtureRequest
) -> tuple[Sweep, dict[str, str | None]]:
    """A chunk a way: five values of x, one of them guilty."""
    ways, timeout = request.param
    axes = {"way": tuple(ways), "only_x": (GUILTY,), "x": range(XS)}
    sweep = a_sweep(tmp_path, redis_url, axes, securities=1, size=XS, timeout_seconds=timeout)
    signed = {"signing_key": SecretStr("a key of thirty-two letters, or more")}
    return replace(sweep, settings=sweep.settings.model_copy(update=signed)), ways


@pytest.fixture
def node(one_poison_a_chunk: tuple[Sweep, object], tmp_path: Path, tiny: Path) -> Iterator[WorkerNode]:
    cluster: Cluster
    with a_cluster(one_poison_a_chunk[0].settings, tmp_path / "nodes") as cluster:
        yield cluster.start(cores=str(CORES), PYTHONPATH=str(tiny))


@pytest.mark.parametrize(
    "one_poison_a_chunk",
    [
        pytest.param((ENDS, 60.0), id="a10"),
        pytest.param((RAISES, 60.0), id="a11-raises"),
        pytest.param((HANGS, 2.0), id="a11-hangs", marks=pytest.mark.fault),
    ],
    indirect=True,
)
def test_a_poison_combination_fails_alone_and_no_node_ends(
    one_poison_a_chunk: tuple[Sweep, dict[str, str | None]],
    node: WorkerNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publish, "GRACE_SECONDS", 1)  # from the soft limit to the hard one
    sweep, ways = one_poison_a_chunk
    rows = pq.read_metadata(sweep.spec.securities[0].path).num_rows

    state = sweep.follow(sweep.lead(), 100)

    assert state == "done"
    table = sweep.table().to_pylist()
    expected = [(w, x, w if x == GUILTY else "count") for w in ways for x in range(XS)]
    for row, (way, x, does) in zip(table, expected, strict=True):
        assert (row["way"], row["x"]) == (way, x)
        if does in ("count", "nan"):
            value = "nan" if does == "nan" else str(float(x * rows))
            assert (row["status"], str(row["y"]), row["n"]) == ("ok", value, rows)
        else:
            assert (row["status"], row["y"], row["n"]) == ("failed", None, None)
    failures = {f["combination"]: f for f in sweep.table("failures").to_pylist()}
    said = {r["way"]: failures[r["combination"]]["error"] for r in table if r["status"] == "failed"}
    assert said == {way: error for way, error in ways.items() if error}
    assert all(len(f["message"].encode()) <= 2_000 for f in failures.values())
    assert all(r and r.outcome != "quarantined" and len(r.to_json()) < 2_000 for r in receipts(sweep))
    assert node.process.poll() is None
    assert sweep.queued() == 0
    wait_until(lambda: processes(node) == CORES, 10, "an end of every process that was started for one chunk")


@pytest.mark.fault
@pytest.mark.parametrize(
    "one_poison_a_chunk", [pytest.param(({"count": None}, 60.0), id="count")], indirect=True
)
def test_a_chunk_whose_third_start_ends_too_is_quarantined_once_nobody_has_it(
    one_poison_a_chunk: tuple[Sweep, object], node: WorkerNode
) -> None:
    sweep, _ = one_poison_a_chunk
    (piece,) = sweep.plan.chunks
    sweep.lose(piece, sweep.spec.retries + 3)
    sweep.ledger.hold(f"lease:{piece.name}", "a process that has ended", sweep.settings.lease_seconds)
    begun = time.monotonic()

    state = sweep.follow(sweep.lead(), 60)

    (receipt,) = receipts(sweep)
    assert receipt is not None
    assert (state, receipt.outcome) == ("failed", "quarantined")
    assert time.monotonic() - begun > sweep.settings.lease_seconds / 2
    assert node.process.poll() is None


def receipts(sweep: Sweep) -> list[ChunkReceipt | None]:
    return sweep.ledger.receipts(c.name for c in sweep.plan.chunks)


def processes(node: WorkerNode) -> int:
    return len(psutil.Process(node.process.pid).children(recursive=True))
