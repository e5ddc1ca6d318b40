"""The commands as a user types them one after another: a first sweep, then a fleet that others share."""

from __future__ import annotations

import csv
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tasks.records.ledger import Ledger
from tests.e2e.conftest import Fleet
from tests.support.broker import free_port
from tests.support.cli import Desk, a_desk, done_in, the_open_sweep
from tests.support.cluster import wait_until

pytestmark = pytest.mark.timeout(300)


def spec(ticks: Path, *, intervals: int = 3, **more: Any) -> dict[str, Any]:
    return {
        "name": "try",
        "strategy": "market_making",
        "data": {"source": str(ticks), "kind": "ticks"},
        "parameters": {"refill_interval_sec": {"min": 1, "max": intervals}},
        **more,
    }


def long_spec(ticks: Path, **more: Any) -> dict[str, Any]:
    """Six hundred chunks of one backtest each: there is time to look at them."""
    return spec(ticks, intervals=200, execution={"chunk": 1}, **more)


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Desk]:
    """Somebody else's desk, who reaches the same server."""
    with a_desk(tmp_path / "neighbour") as desk:
        yield desk


# --- a first sweep -------------------------------------------------------------------------------------


def test_a_new_users_way_from_init_to_the_first_answers(desk: Desk, ticks: Path) -> None:
    (desk.folder / "ticks").symlink_to(ticks)
    assert desk.run("init", "first").out == "sweep.yaml\n"
    valid = desk.run("validate", "sweep.yaml")
    assert valid.out == "sweep.yaml: ok  3 securities x 1 combination = 3 backtests\n"

    file = desk.folder / "sweep.yaml"
    text = file.read_text()
    file.write_text(text.replace("  refill_interval_sec: 60", "  refil_interval_sec: [30, 60]"))
    number = next(i for i, line in enumerate(file.read_text().splitlines(), 1) if "refil_" in line)
    wrong = desk.run("submit", "sweep.yaml")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.splitlines() == [
        f"sweep.yaml:{number}:3: error: unknown parameter 'refil_interval_sec' of market_making",
        f"{number:>5} |   refil_interval_sec: [30, 60]",
        "      |   ^ did you mean 'refill_interval_sec'?",
        "1 error in sweep.yaml",
    ]

    file.write_text(text.replace("  refill_interval_sec: 60", "  refill_interval_sec: [30, 60]"))
    done = desk.run("submit", "sweep.yaml")
    assert done.code == 0, done.err
    sweep, header, *rows = done.out.splitlines()
    assert header.split()[:3] == ["security", "total_pnl", "trades"]
    assert len(rows) == 5
    assert done.err.splitlines()[-1] == f"next: producer results {sweep}"
    ask_for_the_answers(desk, sweep)


def ask_for_the_answers(desk: Desk, sweep: str) -> None:
    """Everything that can be asked about a sweep that is done, with no server there."""
    folder = desk.folder / "results" / "first" / sweep.rpartition("-")[2]
    table = pq.read_table(folder / "summary.parquet").to_pylist()
    by_trades = sorted(table, key=lambda row: -int(row["trades"]))

    top = desk.run("results", "--by", "trades", "--top", 2, "--json").document
    assert [row["trades"] for row in top["rows"]] == [row["trades"] for row in by_trades[:2]]
    where = desk.run("results", "--where", "refill_interval_sec = 60", "--by", "trades", "--json").document
    wanted = [row["combination"] for row in by_trades if row["refill_interval_sec"] == 60]
    assert [row["combination"] for row in where["rows"]] == wanted
    assert desk.run("results", "--format", "csv", "-o", "all.csv").out == "all.csv\n"
    with (desk.folder / "all.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(table) == 6
    wrong = desk.run("results", "--by", "trads")
    assert (wrong.code, wrong.err) == (2, "error: --by: no column 'trads'\nhint: did you mean 'trades'?\n")

    nothing = desk.run("failures")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", f"no backtest of {sweep} failed\n")
    assert desk.run("ls").out.splitlines()[1].split()[:3] == [sweep, "done", "6/6"]
    status = desk.run("status", "--json").document
    assert (status["schema"], status["id"], status["state"]) == ("producer.status/1", sweep, "done")
    assert (status["total"], status["ok"], status["chunks"]["done"]) == (6, 6, status["chunks"]["total"])
    absent = desk.run("status", "try-nothing")
    assert (absent.code, absent.err.splitlines()[0]) == (6, "error: no sweep 'try-nothing'")


def test_finished_work_is_taken_unless_it_is_asked_for_anew(desk: Desk, ticks: Path) -> None:
    file = desk.write(spec(ticks))
    first = desk.submit(file)
    manifest = Path(first["results"]) / "manifest.json"

    def begun() -> float:
        return float(json.loads(manifest.read_text())["times"]["created"])

    before = begun()
    used = desk.submit(file, "--cache", "use")
    assert (used["cached"], used["done"], begun()) == (9, 9, before)
    assert desk.sockets.exists()
    for mode in ("refresh", "skip"):
        anew = desk.submit(file, "--cache", mode)
        assert (anew["id"], anew["cached"], anew["done"]) == (first["id"], 0, 9)
        assert begun() > before
        before = begun()


def test_flags_change_what_the_file_says_and_a_dry_run_starts_nothing(desk: Desk, ticks: Path) -> None:
    file = desk.write(spec(ticks))
    flags = ["--limit", 2, "--securities", "SYN1,syn3", "-p", "quote_size=[100, 200]", "--name", "other"]

    dry = desk.run("submit", file, *flags, "--dry-run", "--json").document
    assert (dry["securities"], dry["combinations"], dry["backtests"], dry["cached"]) == (2, 2, 4, 0)
    assert not (desk.folder / "results").exists()
    assert not desk.state.exists()
    assert not desk.processes()

    document = desk.submit(file, *flags, "--also", "csv")
    assert document["id"] == dry["id"]
    folder = Path(document["results"])
    assert folder.parent == desk.folder / "results" / "other"
    rows = pq.read_table(folder / "summary.parquet").to_pylist()
    found = [(row["security"], row["refill_interval_sec"], row["quote_size"]) for row in rows]
    assert found == [("SYN1", 1, 100), ("SYN1", 1, 200), ("SYN3", 1, 100), ("SYN3", 1, 200)]
    assert len((folder / "summary.csv").read_text().splitlines()) == 5
    assert "# with " in (folder / "sweep.yaml").read_text()


def test_a_stack_that_is_kept_up_serves_submits_until_it_is_taken_down(desk: Desk, ticks: Path) -> None:
    up = desk.run("up", "--no-flower", "--cores", 1, "--json")
    again = desk.run("up", "--no-flower", "--json")
    assert (up.code, again.document) == (0, up.document)
    nodes = desk.run("worker", "ls", "--json").document["nodes"]
    assert [node["slots" if "slots" in node else "cores"] for node in nodes] != []

    detached = desk.run("submit", desk.write(spec(ticks)), "-d")
    watched = desk.run("watch", detached.out.strip())
    assert (detached.code, watched.code) == (0, 0), detached.err + watched.err
    assert desk.run("status", "--json").document["done"] == 9

    down = desk.run("down")
    assert (down.code, down.out) == (0, "stopped; what was finished is kept\n")
    wait_until(lambda: not desk.processes(), 20, "no process")
    assert list(desk.sockets.iterdir()) == []
    assert desk.run("down").code == 6


# --- a shared server -----------------------------------------------------------------------------------


def test_a_detached_sweep_goes_on_without_its_producer(desk: Desk, ticks: Path, fleet: Fleet) -> None:
    answer = desk.run("submit", desk.write(long_spec(ticks)), "--redis", fleet.url, "-d")

    sweep = answer.out.strip()
    assert answer.code == 0, answer.err
    assert answer.err.splitlines()[-1] == (
        f"submitted; the sweep goes on.  follow: producer watch {sweep}   stop: producer cancel {sweep}"
    )
    assert not desk.processes()
    status = desk.run("status", "--redis", fleet.url, "--json").document
    assert status["state"] in ("planning", "running")
    watched = desk.run("watch", "--redis", fleet.url, "--json", "--interval", "0.2")
    states = [json.loads(line) for line in watched.out.splitlines()]
    assert watched.code == 0
    assert [s["done"] for s in states] == sorted(s["done"] for s in states)
    assert (states[-1]["state"], states[-1]["done"]) == ("done", 600)
    assert (Path(states[-1]["results"]) / "summary.parquet").is_file()


def test_ctrl_c_detaches_from_a_shared_server_and_never_cancels(
    desk: Desk, ticks: Path, fleet: Fleet
) -> None:
    file = desk.write(long_spec(ticks, name="left"))
    running = desk.start("submit", file, "--redis", fleet.url)
    wait_until(lambda: done_in(the_open_sweep(fleet.client)) > 3, 60, "a few chunks that are done")

    running.interrupt()
    left = running.answer()

    sweep = left.out.split()[0]
    assert left.code == 130
    assert left.err.splitlines()[-1] == (
        f"detached; the sweep goes on.  reattach: producer watch {sweep}   stop: producer cancel {sweep}"
    )
    ledger = Ledger(fleet.client, sweep)
    wait_until(lambda: ledger.meta()["state"] == "done", 90, "the end of the sweep, led by the node")


def test_the_same_submit_by_two_producers_is_one_run_and_fills_both_folders(
    desk: Desk, neighbour: Desk, ticks: Path, fleet: Fleet
) -> None:
    whole = long_spec(ticks, name="shared", output={"keep": ["summary", "trades"]})
    first = desk.start("submit", desk.write(whole), "--redis", fleet.url, "--json")
    wait_until(lambda: done_in(the_open_sweep(fleet.client)) > 3, 60, "a few chunks that are done")

    second = neighbour.run("submit", neighbour.write(whole), "--redis", fleet.url, "--json")

    answers = [first.answer(), second]
    assert [a.code for a in answers] == [0, 0], second.err
    documents = [a.document for a in answers]
    assert documents[0]["id"] == documents[1]["id"]
    folders = [Path(d["results"]) for d in documents]
    assert folders[0] != folders[1]
    for file in ("summary.parquet", "trades.parquet", "failures.parquet", "manifest.json"):
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes()
    ledger = Ledger(fleet.client, documents[0]["id"])
    assert (ledger.meta()["epoch"], ledger.totals().chunks) == ("1", 600)


def test_cancelling_asks_for_a_yes_where_nobody_can_give_it(desk: Desk, ticks: Path, fleet: Fleet) -> None:
    file = desk.write(spec(ticks, intervals=1000, name="asked", execution={"chunk": 1}))
    sweep = desk.run("submit", file, "--redis", fleet.url, "-d", "-q").out.strip()

    refused = desk.run("cancel", "--redis", fleet.url)
    cancelled = desk.run("cancel", "--redis", fleet.url, "-y")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        f"error: cancel {sweep}? nobody is there to answer\nhint: add -y to do it without a question\n"
    )
    assert cancelled.code == 0
    assert cancelled.out.startswith(f"cancelling {sweep}: the chunks in hand end first; ")
    ledger = Ledger(fleet.client, sweep)
    wait_until(lambda: ledger.meta()["state"] == "cancelled", 30, "a sweep that is cancelled")
    assert ledger.totals().chunks < 3000


def test_flower_shows_the_sweep_and_its_chunks(desk: Desk, ticks: Path, fleet: Fleet) -> None:
    port = free_port()
    desk.start("flower", "--redis", fleet.url, "--port", port, FLOWER_UNAUTHENTICATED_API="true")
    wait_until(lambda: tasks_of_flower(port) is not None, 60, "Flower to answer")

    document = desk.submit(desk.write({**long_spec(ticks), "name": "seen"}), "--redis", fleet.url)

    def rows(name: str) -> list[dict[str, Any]]:
        found = (tasks_of_flower(port) or {}).values()
        return [row for row in found if row["name"] == name and document["id"] in str(row["args"])]

    wait_until(lambda: any(r["state"] == "SUCCESS" for r in rows("sweepfleet.sweep")), 30, "the sweep's row")
    (row,) = rows("sweepfleet.sweep")
    assert row["args"] == f"{document['id']}: market_making on SYN1, SYN2, SYN3"
    assert row["result"].startswith("done 600/600 100%")
    chunks = rows("sweepfleet.evaluate_chunk")
    assert any(chunk["args"].startswith("SYN1 0-0 of ") for chunk in chunks), chunks[:3]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/tasks", timeout=10) as page:
        assert page.status == 200


def tasks_of_flower(port: int) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/tasks", timeout=10) as answer:
            return dict(json.loads(answer.read()))
    except (urllib.error.URLError, ConnectionError):
        return None
