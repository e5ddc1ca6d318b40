"""The project's first law: the same sweep, the same bytes, however it was cut, run, stopped or killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tasks.records.ledger import Ledger
from tests.e2e.conftest import Fleet
from tests.support.cli import Desk, Running, a_desk, done_in, the_open_sweep
from tests.support.cluster import wait_until

INTERVALS = 100
TOTAL = 3 * 2 * INTERVALS
A_FEW = 15  # chunks of one backtest: enough to say that the sweep is under way
TABLES = ("summary.parquet", "trades.parquet")

pytestmark = pytest.mark.timeout(300)

Bytes = dict[str, bytes]


def spec(ticks: Path, chunk: int | str) -> dict[str, Any]:
    return {
        "name": "law",
        "strategy": "market_making",
        "data": {"source": str(ticks), "kind": "ticks"},
        "parameters": {
            "variant": ["v1_baseline", "v2_1_stop_loss"],
            "refill_interval_sec": {"min": 1, "max": INTERVALS},
        },
        "execution": {"chunk": chunk},
        "output": {"keep": ["summary", "trades"]},
    }


def tables(document: dict[str, Any]) -> Bytes:
    assert (document["state"], document["done"], document["ok"]) == ("done", TOTAL, TOTAL)
    return {name: (Path(document["results"]) / name).read_bytes() for name in TABLES}


def assert_same(found: Bytes, reference: Bytes) -> None:
    assert [name for name in TABLES if found[name] != reference[name]] == []


def wait_for_the_middle(client_of: Any) -> Ledger:
    """The ledger of the sweep that runs there, once a few of its chunks are done."""
    wait_until(lambda: done_in(the_open_sweep(client_of())) >= A_FEW, 120, "a few chunks that are done")
    ledger = the_open_sweep(client_of())
    assert ledger is not None, "the sweep was over before it could be disturbed"
    return ledger


def assert_in_the_middle(done: int) -> None:
    assert A_FEW <= done < TOTAL - A_FEW, f"{done} of {TOTAL} were done: not in the middle"


@pytest.fixture(scope="module")
def reference(ticks: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bytes]:
    """One worker on a private stack, chunks as the program chooses."""
    with a_desk(tmp_path_factory.mktemp("reference") / "desk", PRODUCER_CORES="1") as desk:
        found = tables(desk.submit(desk.write(spec(ticks, "auto"))))
        assert all(len(content) > 10_000 for content in found.values())
        yield found


@pytest.mark.parametrize(("cores", "chunk"), [("2", "auto"), ("2", 1), ("1", 7)])
def test_any_number_of_workers_and_any_chunk_size_on_a_private_stack(
    desk: Desk, ticks: Path, reference: Bytes, cores: str, chunk: int | str
) -> None:
    document = desk.submit(desk.write(spec(ticks, chunk)), PRODUCER_CORES=cores)

    assert document["workers"]["cores"] == int(cores)
    assert_same(tables(document), reference)


@pytest.mark.parametrize("chunk", ["auto", 1, 7])
def test_any_chunk_size_on_a_shared_server(
    desk: Desk, ticks: Path, reference: Bytes, fleet: Fleet, chunk: int | str
) -> None:
    document = desk.submit(desk.write(spec(ticks, chunk)), "--redis", fleet.url, "--cache", "refresh")

    if chunk != "auto":
        assert document["chunks"]["total"] == -(-2 * INTERVALS // int(chunk)) * 3
    assert_same(tables(document), reference)


def test_debians_redis_server(desk: Desk, ticks: Path, reference: Bytes, redis_server: str) -> None:
    desk.start_node(redis_server, cores=1)

    document = desk.submit(desk.write(spec(ticks, 7)), "--redis", redis_server)

    assert_same(tables(document), reference)


def test_cancelled_in_the_middle_and_resumed_on_a_shared_server(
    desk: Desk, ticks: Path, reference: Bytes, fleet: Fleet
) -> None:
    file = desk.write(spec(ticks, 1))
    running = desk.start("submit", file, "--redis", fleet.url, "--cache", "refresh")
    wait_for_the_middle(lambda: fleet.client)
    cancelled = desk.run("cancel", "--redis", fleet.url, "-y", "--json")
    ended = running.answer()
    kept = desk.run("status", "--redis", fleet.url, "--json").document

    resumed = desk.run("resume", "--redis", fleet.url, "--json")

    assert (cancelled.code, ended.code, kept["state"]) == (0, 5, "cancelled")
    assert_in_the_middle(kept["done"])
    assert resumed.code == 0, resumed.err
    assert_same(tables(resumed.document), reference)


def test_interrupted_in_the_middle_and_resumed_on_a_private_stack(
    desk: Desk, ticks: Path, reference: Bytes
) -> None:
    running = desk.start("submit", desk.write(spec(ticks, 1)), "--json")
    wait_for_the_middle(desk.private_client)
    running.interrupt()
    ended = running.answer()

    resumed = desk.run("resume", "--json")

    assert (ended.code, ended.document["state"]) == (130, "interrupted")
    assert_in_the_middle(ended.document["done"])
    assert resumed.code == 0, resumed.err
    assert_same(tables(resumed.document), reference)


def test_worker_processes_killed_in_the_middle(
    desk: Desk, ticks: Path, reference: Bytes, fleet: Fleet
) -> None:
    file = desk.write(spec(ticks, 1))
    running = desk.start("submit", file, "--redis", fleet.url, "--cache", "refresh", "--json")
    ledger = wait_for_the_middle(lambda: fleet.client)
    children = psutil.Process(fleet.node.pid).children()
    for child in children:
        child.kill()
    done = ledger.totals().chunks

    ended = running.answer()

    assert len(children) == 2
    assert_in_the_middle(done)
    assert ended.code == 0, ended.err
    assert_same(tables(ended.document), reference)


def test_the_producer_killed_in_the_middle_and_the_same_submit_again_on_a_private_stack(
    desk: Desk, ticks: Path, reference: Bytes
) -> None:
    file = desk.write(spec(ticks, 1))
    running = desk.start("submit", file)
    ledger = wait_for_the_middle(desk.private_client)
    os.kill(running.pid, signal.SIGSTOP)  # it cannot publish what would end the sweep meanwhile
    done = ledger.totals().chunks
    running.kill()
    wait_until(lambda: not desk.processes(), 20, "the private stack has ended")

    again = desk.submit(file)

    assert_in_the_middle(done)
    assert_same(tables(again), reference)


def test_the_producer_killed_in_the_middle_and_the_same_submit_again_on_a_shared_server(
    desk: Desk, ticks: Path, reference: Bytes, fleet: Fleet
) -> None:
    file = desk.write(spec(ticks, 1))
    running: Running = desk.start("submit", file, "--redis", fleet.url, "--cache", "refresh")
    ledger = wait_for_the_middle(lambda: fleet.client)
    running.kill()
    done = ledger.totals().chunks

    again = desk.submit(file, "--redis", fleet.url)

    assert_in_the_middle(done)
    assert again["id"] == ledger.sweep_id
    assert_same(tables(again), reference)
