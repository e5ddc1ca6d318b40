"""`producer resume` as a user types it: after failures, after a lost ledger, at the end, beside another."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tasks.results import kept
from tasks.wire.connection import connect
from tests.e2e.conftest import Fleet
from tests.support import plugin, tiny_strategy
from tests.support.cli import Desk, a_desk, the_open_sweep
from tests.support.cluster import wait_until

pytestmark = pytest.mark.timeout(300)

Bytes = dict[str, bytes]


@pytest.fixture
def tiny_desk(tmp_path: Path, ticks: Path) -> Iterator[Desk]:
    """A desk with the strategy that does as it is told, and with data of its own."""
    shutil.copytree(ticks, tmp_path / "ticks")
    installed = plugin.install(tmp_path / "plugin")
    started = tmp_path / "started"
    told = {"PYTHONPATH": str(installed), "PRODUCER_CORES": "1", tiny_strategy.STARTED: str(started)}
    with a_desk(tmp_path / "desk", **told) as desk:
        yield desk


def spec(source: Path, *, values: int = 12, **more: Any) -> dict[str, Any]:
    return {
        "name": "try",
        "strategy": "tiny",
        "data": {"source": str(source), "kind": "ticks"},
        "parameters": {"x": {"min": 0, "max": values - 1}},
        "execution": {"chunk": 2},
        "output": {"keep": ["summary", "trades"]},
        **more,
    }


def tables(document: dict[str, Any]) -> Bytes:
    folder = Path(document["results"])
    return {name: (folder / f"{name}.parquet").read_bytes() for name in ("summary", "failures", "trades")}


def starts(tmp_path: Path) -> int:
    file = tmp_path / "started"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_data_that_were_mended_run_again_alone_and_the_table_is_as_if_they_never_failed(
    tiny_desk: Desk, tmp_path: Path
) -> None:
    source = tmp_path / "ticks"
    broken = sorted(source.glob("*.parquet"))[1]
    good = broken.read_bytes()
    undisturbed = tables(tiny_desk.submit(tiny_desk.write(spec(source, name="good"))))
    broken.write_bytes(b"PAR1 cut off")
    first = tiny_desk.submit(tiny_desk.write(spec(source)), code=3)
    failures = tiny_desk.run("failures").out
    broken.write_bytes(good)
    before = starts(tmp_path)

    retried = tiny_desk.run("resume", "--failed", "--json")

    assert f"then: producer resume {first['id']} --failed" in failures
    assert retried.code == 0, retried.err
    assert (retried.document["id"], retried.document["failed"]) == (first["id"], 0)
    assert tables(retried.document) == undisturbed
    assert starts(tmp_path) - before == 6  # the six chunks of the security, and no other


def test_what_fails_once_more_is_a_failure_once_more(tiny_desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "ticks"
    text = spec(source, parameters={"x": [1, 2], "way": ["count", "raise"]}, execution={"chunk": 1})
    first = tiny_desk.submit(tiny_desk.write(text), code=3)
    before = tables(first)

    retried = tiny_desk.run("resume", "--failed", "--json")

    assert retried.code == 3, retried.err
    assert retried.document["failed"] == first["failed"] == 6
    assert tables(retried.document) == before


def test_a_resume_of_what_is_complete_does_nothing_and_says_so(tiny_desk: Desk, tmp_path: Path) -> None:
    document = tiny_desk.submit(tiny_desk.write(spec(tmp_path / "ticks")))
    before = starts(tmp_path)

    plain, failed = tiny_desk.run("resume"), tiny_desk.run("resume", "--failed", "--json")

    assert (plain.code, failed.code) == (0, 0), plain.err + failed.err
    said = f"{document['id']} is complete; nothing is left to run"
    assert plain.err.splitlines()[0] == said
    assert failed.document["state"] == "done"
    assert starts(tmp_path) == before


def test_a_resume_refuses_what_has_changed_and_names_it(tiny_desk: Desk, tmp_path: Path) -> None:
    killed_in_the_middle(tiny_desk, tmp_path)
    source = tmp_path / "ticks"
    changed = sorted(source.glob("*.parquet"))
    pq.write_table(pq.read_table(changed[1]).slice(5), changed[1])
    changed[2].unlink()

    refused = tiny_desk.run("resume")

    first, *_ = refused.err.splitlines()
    assert refused.code == 2
    assert first.startswith("error: data of SYN2, SYN3 changed since try-")
    assert first.endswith(" was planned")


@pytest.mark.fault
def test_the_results_folder_alone_is_enough_where_the_private_ledger_was_lost(
    tiny_desk: Desk, tmp_path: Path
) -> None:
    undisturbed = tables(tiny_desk.submit(tiny_desk.write(spec(tmp_path / "ticks", values=800, name="good"))))
    merged = killed_in_the_middle(tiny_desk, tmp_path)
    shutil.rmtree(tiny_desk.state / "stacks")
    before = starts(tmp_path)

    resumed = tiny_desk.run("resume", "--json")

    assert merged >= 1
    assert resumed.code == 0, resumed.err
    assert tables(resumed.document) == undisturbed
    assert starts(tmp_path) - before <= 1200 - 500 * merged


def killed_in_the_middle(desk: Desk, tmp_path: Path) -> int:
    """A submit whose producer was killed; how many of its shards were merged."""
    running = desk.start("submit", desk.write(spec(tmp_path / "ticks", values=800)), "--json")

    def merged() -> int:
        assert running.process.poll() is None, running.text()
        ledger = the_open_sweep(desk.private_client())
        return len(ledger.shard_notes()) if ledger else 0

    wait_until(merged, 120, "a shard that is merged")
    running.process.send_signal(signal.SIGSTOP)  # it cannot end what is about to be killed
    count = merged()
    running.kill()
    wait_until(lambda: not desk.processes(), 20, "the private stack has ended")
    return count


def test_two_producers_of_the_same_file_are_one_run_on_one_private_stack(
    tiny_desk: Desk, tmp_path: Path
) -> None:
    file = tiny_desk.write(spec(tmp_path / "ticks", values=300))
    running = [tiny_desk.start("submit", file, "--json") for _ in range(2)]

    first, second = (r.answer() for r in running)

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert first.document["id"] == second.document["id"]
    assert tables(first.document) == tables(second.document)
    assert starts(tmp_path) == 450


def test_failures_of_a_sweep_that_still_runs_are_not_retried(desk: Desk, ticks: Path, fleet: Fleet) -> None:
    text = spec(ticks, strategy="market_making", parameters={"refill_interval_sec": {"min": 1, "max": 300}})
    text["execution"] = {"chunk": 1}
    document = desk.run("submit", desk.write(text), "--redis", fleet.url, "-d", "--json").document

    refused = desk.run("resume", "--failed", "--redis", fleet.url)
    desk.run("cancel", "--now", "-y", "--redis", fleet.url)

    assert refused.code == 2
    assert f"error: {document['id']} still runs; what fails is known at its end" in refused.err


@pytest.mark.fault
def test_a_shared_server_that_lost_all_is_told_from_the_folder_what_stands(
    tiny_desk: Desk, tmp_path: Path, redis_url: str
) -> None:
    undisturbed = tables(tiny_desk.submit(tiny_desk.write(spec(tmp_path / "ticks", values=800, name="good"))))
    tiny_desk.start_node(redis_url, cores=1, PRODUCER_WARM="tiny")
    file = tiny_desk.write(spec(tmp_path / "ticks", values=800))
    running = tiny_desk.start("submit", file, "--redis", redis_url, "--json")
    client = connect(redis_url)
    wait_until(
        lambda: (ledger := the_open_sweep(client)) and ledger.shard_notes(), 120, "a shard that is merged"
    )
    ledger = the_open_sweep(client)
    assert ledger is not None
    running.kill()
    begun = ledger.spec()
    assert begun is not None
    client.flushdb()
    merged = len(kept.kept_shards(begun))
    before = starts(tmp_path)

    resumed = tiny_desk.run("resume", "--redis", redis_url, "--json")

    assert resumed.code == 0, resumed.err
    assert tables(resumed.document) == undisturbed
    assert starts(tmp_path) - before <= 1200 - 500 * merged + 4
