"""Bad input: a line that says what is wrong, a line that says what to do, an exit code, no half file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data.synth import write_ticks
from tasks.records.heartbeat import beat
from tasks.wire.connection import WRITTEN_SO, connect
from tests.support.broker import Broker, free_port, running_broker, valkey_program
from tests.support.builders import a_node
from tests.support.cli import Answer, Desk

SWEEP = """name: bad
strategy: market_making
data: {source: ticks, kind: ticks}
parameters: {refill_interval_sec: [1, 2]}
"""


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One security, one short day."""
    return write_ticks(tmp_path_factory.mktemp("day"), ["good"], days=1, seed=3, events_per_day=300)[0]


@pytest.fixture
def table(day: Path) -> pa.Table:
    return pq.read_table(day)


@pytest.fixture
def with_ticks(desk: Desk, day: Path) -> Desk:
    """A desk with `ticks/good.parquet`."""
    (desk.folder / "ticks").mkdir()
    (desk.folder / "ticks" / "good.parquet").write_bytes(day.read_bytes())
    return desk


def refused(desk: Desk, text: str, *words: object) -> tuple[int, str]:
    """Exit code and stderr, with the desk's folder left out; there must be no answer and no file."""
    (desk.folder / "sweep.yaml").write_text(text)
    before = sorted(desk.folder.rglob("*"))
    answer = desk.run("submit", "sweep.yaml", *words)
    assert answer.out == ""
    assert sorted(desk.folder.rglob("*")) == before
    assert [p for p in desk.state.rglob("*") if p.is_file()] == []
    return answer.code, answer.err.replace(f"{desk.folder}/", "")


def lines(*said: str) -> str:
    return "\n".join(said) + "\n"


# --- sweep.yaml and its data ---------------------------------------------------------------------------


def test_a_sweep_file_that_is_not_there(desk: Desk) -> None:
    answer = desk.run("submit", "absent.yaml")

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == lines(
        "error: no such file: absent.yaml", "hint: producer init writes one to begin with"
    )


def test_a_sweep_file_without_content(desk: Desk) -> None:
    code, said = refused(desk, "")

    assert code == 2
    assert said.splitlines()[0] == "sweep.yaml:1:1: error: the file is empty"


def test_data_that_is_not_there(desk: Desk) -> None:
    assert refused(desk, SWEEP) == (
        2,
        lines(
            "sweep.yaml:3:16: error: data source ticks: no such file or folder",
            "    3 | data: {source: ticks, kind: ticks}",
            "      |                ^ set data.source to the folder that holds your data files, "
            "or to one of them",
            "1 error in sweep.yaml",
        ),
    )


def test_a_folder_without_data_files(desk: Desk) -> None:
    (desk.folder / "ticks").mkdir()

    code, said = refused(desk, SWEEP)

    assert code == 2
    assert said.splitlines()[0] == "sweep.yaml:3:16: error: data source ticks: no .parquet or .csv file in it"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--securities", "NOPE"], "--securities NOPE: error: no security 'NOPE' in ticks", "there is GOOD"),
        (
            ["-p", "refil_interval_sec=3"],
            "-p refil_interval_sec=3: error: unknown parameter 'refil_interval_sec' of market_making",
            "did you mean 'refill_interval_sec'?",
        ),
        (
            ["-p", "variant=v1_base"],
            "-p variant=v1_base: error: variant has no value 'v1_base'",
            "did you mean 'v1_baseline'?",
        ),
    ],
)
def test_an_unknown_name_on_the_command_line(
    with_ticks: Desk, words: list[str], message: str, hint: str
) -> None:
    said = lines(message, f"  hint: {hint}", "1 error in sweep.yaml")

    assert refused(with_ticks, SWEEP, *words) == (2, said)


def test_every_mistake_of_a_file_is_told_in_one_run(with_ticks: Desk) -> None:
    text = """name: bad
strategy: market_making
data:
  source: ticks
  securities: [GOOD, GODO]
parameters:
  variant: v4
  refil_interval_sec: [1, 2]
metric: {name: total_pln}
"""

    assert refused(with_ticks, text) == (
        2,
        lines(
            "sweep.yaml:5:22: error: no security 'GODO' in ticks",
            "    5 |   securities: [GOOD, GODO]",
            "      |                      ^ did you mean 'GOOD'?",
            "sweep.yaml:7:12: error: variant has no value 'v4'",
            "    7 |   variant: v4",
            "      |            ^ there is v1_baseline, v2_price_follow_qty_cooldown, v2_1_stop_loss, "
            "v3_liquidity_monitor",
            "sweep.yaml:8:3: error: unknown parameter 'refil_interval_sec' of market_making",
            "    8 |   refil_interval_sec: [1, 2]",
            "      |   ^ did you mean 'refill_interval_sec'?",
            "sweep.yaml:9:16: error: unknown metric 'total_pln' of market_making",
            "    9 | metric: {name: total_pln}",
            "      |                ^ did you mean 'total_pnl'?",
            "4 errors in sweep.yaml",
        ),
    )


def test_a_grid_of_nothing(with_ticks: Desk) -> None:
    assert refused(with_ticks, SWEEP + "constraints: [refill_interval_sec > 5]\n") == (
        2,
        lines(
            "sweep.yaml:5:14: error: the constraints leave no combination",
            "    5 | constraints: [refill_interval_sec > 5]",
            "      |              ^",
            "1 error in sweep.yaml",
        ),
    )


def test_a_grid_of_a_million_millions_is_counted_and_refused_at_once(with_ticks: Desk) -> None:
    grid = "{refill_interval_sec: {min: 1, max: 1000000}, quote_size: {min: 1, max: 1000000}}"
    text = SWEEP.replace("{refill_interval_sec: [1, 2]}", grid)

    assert refused(with_ticks, text) == (
        2,
        lines(
            "sweep.yaml:4:35: error: 1,000,000,000,000 backtests; at most 10,000,000,000 are possible",
            f"    4 | parameters: {grid}",
            "      |                                   ^ 'refill_interval_sec' has most values: 1,000,000",
            "1 error in sweep.yaml",
        ),
    )


# --- one bad security does not stop the others ---------------------------------------------------------


def test_securities_that_cannot_be_used_fail_alone_and_each_says_why(
    with_ticks: Desk, table: pa.Table
) -> None:
    ticks = with_ticks.folder / "ticks"
    (ticks / "cut.parquet").write_bytes((ticks / "good.parquet").read_bytes()[:3000])
    (ticks / "empty.parquet").write_bytes(b"")
    pq.write_table(table.drop_columns(["price"]), ticks / "column.parquet")
    words = pa.array(["dear"] * len(table))
    pq.write_table(table.set_column(2, "price", words), ticks / "text.parquet")
    pq.write_table(table.slice(0, 0), ticks / "norows.parquet")
    priceless = pa.nulls(len(table), pa.float64())
    pq.write_table(table.set_column(2, "price", priceless), ticks / "noprice.parquet")
    (with_ticks.folder / "sweep.yaml").write_text(SWEEP)

    answer = with_ticks.run("submit", "sweep.yaml", "--json")

    assert answer.code == 3, answer.err
    document = answer.document
    counts = {word: document[word] for word in ("state", "total", "done", "ok", "failed", "empty")}
    assert counts == {"state": "done", "total": 14, "done": 14, "ok": 2, "failed": 8, "empty": 4}
    assert document["failing"] == ["COLUMN", "CUT", "EMPTY", "TEXT"]
    assert failures(Path(document["results"])) == {
        ("COLUMN", "DataError", "column.parquet: no 'price' column, found 'timestamp', 'type', 'volume'"),
        ("CUT", "DataError", "cut.parquet: not a Parquet file, damaged or cut short"),
        ("EMPTY", "DataError", "empty.parquet: the file is empty"),
        ("TEXT", "DataError", "text.parquet: column 'price' holds text ('dear' in row 1), wanted numbers"),
    }
    states = {row["security"]: row["status"] for row in summary(Path(document["results"]))}
    assert states == {
        "COLUMN": "failed",
        "CUT": "failed",
        "EMPTY": "failed",
        "GOOD": "ok",
        "NOPRICE": "empty",
        "NOROWS": "empty",
        "TEXT": "failed",
    }
    said = with_ticks.run("failures", "--security", "CUT")
    assert said.code == 0
    assert said.out.splitlines()[0].startswith("CUT   2 backtests   DataError: ")
    assert said.out.splitlines()[1].strip().startswith("fix ")


def test_a_sweep_of_empty_securities_has_no_success(desk: Desk, table: pa.Table) -> None:
    (desk.folder / "ticks").mkdir()
    pq.write_table(table.slice(0, 0), desk.folder / "ticks" / "norows.parquet")
    (desk.folder / "sweep.yaml").write_text(SWEEP)

    document = desk.submit("sweep.yaml", code=4)

    assert (document["state"], document["empty"], document["failed"]) == ("done", 2, 0)
    (first, second) = summary(Path(document["results"]))
    assert (first["status"], first["trades"], second["status"]) == ("empty", None, "empty")


def failures(folder: Path) -> set[tuple[str, str, str]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "failures.parquet").to_pylist()
    return {(r["security"], r["error"], r["message"].rpartition("/")[2]) for r in rows}


def summary(folder: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(folder / "summary.parquet").to_pylist())


# --- the results folder --------------------------------------------------------------------------------


def test_a_results_folder_that_cannot_be_written(with_ticks: Desk) -> None:
    (with_ticks.folder / "taken").write_text("a file, where a folder is wanted")

    assert refused(with_ticks, SWEEP + "output: {dir: taken/results}\n") == (
        2,
        lines(
            "error: results folder taken/results cannot be written: Not a directory",
            "hint: choose another output.dir",
        ),
    )


def test_a_results_folder_that_holds_another_sweep(with_ticks: Desk) -> None:
    file = with_ticks.folder / "sweep.yaml"
    file.write_text(SWEEP + "output: {dir: same}\n")
    first = with_ticks.submit(file)
    before = (with_ticks.folder / "same" / "summary.parquet").read_bytes()

    other = with_ticks.run("submit", file, "-p", "quote_size=7")

    assert first["state"] == "done"
    assert (other.code, other.out) == (2, "")
    assert other.err == lines(
        f"error: results folder {with_ticks.folder}/same holds another sweep",
        "hint: put {id} into output.dir, for example results/{name}/{id}",
    )
    assert (with_ticks.folder / "same" / "summary.parquet").read_bytes() == before


# --- Redis and workers ---------------------------------------------------------------------------------


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A server of this test's own, to be set up badly."""
    with running_broker(valkey_program(), tmp_path) as broker:
        yield broker


def test_no_worker(with_ticks: Desk, redis_url: str) -> None:
    assert refused(with_ticks, SWEEP, "--redis", redis_url) == (
        7,
        lines(
            "error: no worker listens on queue 'sweepfleet'",
            "hint: start one with: producer worker start --cores 4",
        ),
    )


def test_fewer_workers_than_asked_for(with_ticks: Desk, redis_url: str) -> None:
    beat(connect(redis_url), a_node())

    assert refused(with_ticks, SWEEP, "--redis", redis_url, "--require-workers", 2) == (
        7,
        lines(
            "error: 1 of 2 nodes are there",
            "hint: start one with: producer worker start --cores 4",
        ),
    )


def test_an_old_worker(with_ticks: Desk, redis_url: str) -> None:
    beat(connect(redis_url), a_node("old@there", wire=0, version="0.0.1"))

    assert refused(with_ticks, SWEEP, "--redis", redis_url) == (
        7,
        lines(
            "error: node old@there runs release 0.0.1, which speaks another version of messages",
            "hint: install the same release on every node, then restart it",
        ),
    )


def test_a_redis_that_is_not_there(with_ticks: Desk) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"

    code, said = refused(with_ticks, SWEEP, "--redis", url)

    first, second = said.splitlines()
    assert code == 7
    assert first.startswith(f"error: Redis at {url} does not answer: ")
    assert second == "hint: is it running? producer doctor"


@pytest.mark.parametrize(
    ("given", "verdict"), [("", "wants a password"), (":wrong@", "refuses the password")]
)
def test_a_redis_that_wants_another_password(
    with_ticks: Desk, broker: Broker, given: str, verdict: str
) -> None:
    connect(broker.fresh_url()).config_set("requirepass", "right")
    url = f"redis://{given}127.0.0.1:{broker.port}/0"

    code, said = refused(with_ticks, SWEEP, "--redis", url)

    masked = url.replace("wrong", "***")
    assert code == 7
    assert said == lines(f"error: Redis at {masked} {verdict}", f"hint: {WRITTEN_SO}")


def test_a_redis_that_may_forget(with_ticks: Desk, broker: Broker) -> None:
    url = broker.fresh_url()
    connect(url).config_set("maxmemory-policy", "allkeys-lru")

    assert refused(with_ticks, SWEEP, "--redis", url) == (
        7,
        lines(
            "error: Redis may evict keys (maxmemory-policy allkeys-lru): "
            "work and results would vanish silently",
            "hint: set maxmemory-policy noeviction, as deploy/redis.conf does",
        ),
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:6379/0", "redis://127.0.0.1:abc/0", "127.0.0.1:6379"])
def test_an_address_that_is_not_one_of_redis(with_ticks: Desk, url: str) -> None:
    assert refused(with_ticks, SWEEP, "--redis", url) == (
        2,
        lines(
            f"error: '{url}' is not a Redis address",
            "hint: write redis://HOST:6379/0, rediss://… or unix:///PATH",
        ),
    )


def test_with_json_a_refusal_is_one_document(with_ticks: Desk, redis_url: str) -> None:
    (with_ticks.folder / "sweep.yaml").write_text(SWEEP)

    answer: Answer = with_ticks.run("submit", "sweep.yaml", "--redis", redis_url, "--json")

    assert answer.code == 7
    assert json.loads(answer.out) == {
        "schema": "producer.error/1",
        "error": "no worker listens on queue 'sweepfleet'",
        "hint": "start one with: producer worker start --cores 4",
        "exit_code": 7,
    }
