"""`results`, `failures`, `ls`, `status`, `watch` without a server: which words on which stream."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from producer.run import records
from tests.support.command_line import Run
from tests.support.outcomes import SUMMARY, a_known_sweep, a_record, a_results_folder


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A finished sweep of this machine; the folder of its results."""
    a_known_sweep(tmp_path / "state", tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.usefixtures("finished")
def test_results_are_on_stdout_and_what_is_said_about_them_on_stderr(run: Run) -> None:
    code, out, err = run("results", "--top", "2", "--by", "sharpe", "--where", "trades > 50")

    assert code == 0
    assert out == (
        "security  sharpe   total_pnl  trades  refill  variant  combination\n"
        "EMAAR       2.31  143,058.35      84      30  v1       9c1f04aa\n"
        "EMAAR       1.97      -12.50     102      60  v1       51b77e02\n"
    )
    assert err == "… 2 more, --all\nsorted by sharpe, largest first\n"


def test_a_table_has_twenty_rows_unless_more_are_asked_for(run: Run, tmp_path: Path) -> None:
    columns = {
        "security": ["A"] * 57,
        "combination": [f"{n:08x}00000000" for n in range(57)],
        "status": ["ok"] * 57,
        "trades": list(range(57)),
        "total_pnl": [float(n) for n in range(57)],
    }
    a_results_folder(tmp_path / "r", summary=columns, swept=())
    records.save(tmp_path / "state", a_record(results=str(tmp_path / "r")))

    _, out, err = run("results")

    assert len(out.splitlines()) == 1 + 20
    assert err.splitlines()[0] == "… 37 more, --all"
    assert len(run("results", "--all")[1].splitlines()) == 1 + 57
    assert len(run("results", "--top", "30")[1].splitlines()) == 1 + 30


@pytest.mark.usefixtures("finished")
def test_a_narrow_terminal_drops_columns_and_says_which(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    _, out, err = run("results", "--top", "1")

    assert out == "security   total_pnl  trades  sharpe\nEMAAR     143,058.35      84    2.31\n"
    assert "no room for refill, variant, combination: choose with --columns\n" in err


@pytest.mark.usefixtures("finished")
def test_results_as_json_are_one_document(run: Run) -> None:
    code, out, err = run("results", "--json", "--columns", "security,total_pnl", "--security", "fab")

    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "schema": "producer.results/1",
        "id": "mm-7f3a1c",
        "sorted_by": "total_pnl, largest first",
        "rows": [
            {"security": "FAB", "total_pnl": 99.0},
            {"security": "FAB", "total_pnl": None},
            {"security": "FAB", "total_pnl": None},
        ],
    }


@pytest.mark.usefixtures("finished")
def test_a_wrong_expression_with_json_is_one_document_too(run: Run) -> None:
    code, out, _ = run("results", "--json", "--where", "tradez > 1")

    assert code == 2
    assert json.loads(out)["error"] == "--where: no column 'tradez'"


@pytest.mark.usefixtures("finished")
def test_results_as_csv_have_every_row_and_column(run: Run) -> None:
    code, out, _ = run("results", "--format", "csv")

    lines = out.splitlines()
    assert code == 0
    assert lines[0].replace('"', "") == ",".join(SUMMARY)
    assert len(lines) == 7


@pytest.mark.usefixtures("finished")
def test_a_file_is_written_in_the_format_of_its_ending(run: Run, tmp_path: Path) -> None:
    assert run("results", "-o", "a.parquet")[:2] == (0, "a.parquet\n")
    assert run("results", "-o", "a.json", "--top", "1")[0] == 0
    assert run("results", "-o", "a.csv", "--json")[1] == (
        '{"schema":"producer.results/1","id":"mm-7f3a1c","file":"a.csv"}\n'
    )

    assert pq.read_metadata(tmp_path / "a.parquet").num_rows == 6
    assert len(json.loads((tmp_path / "a.json").read_text())["rows"]) == 1
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 7


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (
            ["-o", "a.txt"],
            "'a.txt' does not say in which format",
            "end it in .csv, .parquet or .json, or add --format",
        ),
        (["--format", "parquet"], "Parquet needs a file", "add -o FILE.parquet"),
        (
            ["--format", "table", "-o", "a.csv"],
            "a table is for the screen",
            "write --format csv, parquet or json to a file",
        ),
        (
            ["-o", "no/such/a.csv"],
            "no/such/a.csv cannot be written: No such file or directory",
            "choose another place",
        ),
    ],
)
@pytest.mark.usefixtures("finished")
def test_an_output_that_cannot_be_is_refused(run: Run, words: list[str], error: str, hint: str) -> None:
    assert run("results", *words) == (2, "", f"error: {error}\nhint: {hint}\n")


def test_results_of_a_sweep_that_runs_are_still_to_come(run: Run, tmp_path: Path) -> None:
    records.save(tmp_path / "state", a_record(state="running", results=str(tmp_path / "r")))

    assert run("results") == (
        2,
        "",
        "error: mm-7f3a1c has no results yet: it is running\nhint: producer watch mm-7f3a1c\n",
    )


@pytest.mark.usefixtures("finished")
def test_failures_are_grouped_by_error(run: Run) -> None:
    code, out, err = run("failures")

    assert (code, err) == (0, "")
    assert out == (
        "FAB   1 backtest   ZeroDivisionError: float division by zero (retries 0)\n"
        "      example: FAB 51b77e0200000002 refill=60 variant=v1\n"
        "      fix the strategy or its parameters, then: producer submit mm.yaml\n"
    )
    assert "ZeroDivisionError" in run("failures", "--traceback")[1].splitlines()[-1]


@pytest.mark.usefixtures("finished")
def test_failures_as_json_and_of_one_security(run: Run) -> None:
    document = json.loads(run("failures", "--json", "--traceback")[1])

    assert document["failures"] == [
        {
            "error": "ZeroDivisionError",
            "message": "float division by zero",
            "securities": ["FAB"],
            "backtests": 1,
            "attempts": 1,
            "example": {
                "security": "FAB",
                "combination": "51b77e0200000002",
                "parameters": {"refill": 60, "variant": "v1"},
            },
            "traceback": "Traceback (most recent call last):\n…\nZeroDivisionError: float division by zero\n",
        }
    ]
    assert run("failures", "--security", "EMAAR") == (0, "", "no failure there\n")


@pytest.mark.usefixtures("finished")
def test_ls_lists_what_this_machine_knows(run: Run, tmp_path: Path) -> None:
    records.save(tmp_path / "state", a_record(id="vcp-1", created=5.0, tags=("nightly",)))

    assert [line.split()[0] for line in run("ls")[1].splitlines()] == ["id", "mm-7f3a1c", "vcp-1"]
    assert run("ls", "-q") == (0, "mm-7f3a1c\nvcp-1\n", "")
    assert run("ls", "-q", "-n", "1")[1] == "mm-7f3a1c\n"
    assert run("ls", "-n", "1")[2] == "… 1 more, --all\n"
    assert run("ls", "-q", "--tag", "nightly")[1] == "vcp-1\n"
    assert run("ls", "--state", "running") == (0, "", "no sweep like that\n")
    assert run("ls", "--state", "runing")[2] == "error: no state 'runing'\nhint: did you mean 'running'?\n"
    assert json.loads(run("ls", "--json")[1])["total"] == 2


@pytest.mark.usefixtures("finished")
def test_the_best_point_of_a_sweep_is_noted_by_the_first_list(run: Run, tmp_path: Path) -> None:
    assert run("ls")[1].splitlines()[1].endswith("EMAAR total_pnl 143,058.35")

    found = records.load(tmp_path / "state", "mm-7f3a1c")
    assert found is not None
    assert found.best == "EMAAR total_pnl 143,058.35"


@pytest.mark.usefixtures("finished")
def test_a_finished_sweep_cannot_be_cancelled(run: Run) -> None:
    assert run("cancel") == (
        0,
        "mm-7f3a1c was done already; nothing to cancel.  next: producer results mm-7f3a1c\n",
        "",
    )


def test_cancel_asks_where_nobody_can_answer(run: Run, tmp_path: Path) -> None:
    records.save(tmp_path / "state", a_record(state="running"))

    assert run("cancel") == (
        2,
        "",
        "error: cancel mm-7f3a1c? nobody is there to answer\nhint: add -y to do it without a question\n",
    )


def test_ls_of_nothing_says_how_to_begin(run: Run) -> None:
    assert run("ls") == (0, "", "no sweep yet; start one with: producer submit sweep.yaml\n")


@pytest.mark.usefixtures("finished")
def test_status_needs_no_server_after_the_end(run: Run) -> None:
    code, out, err = run("status")

    assert code == 0
    assert out.startswith("mm-7f3a1c  done  100%\n  backtests  6/6 · 5 ok · 1 failed\n")
    assert "  best       EMAAR total_pnl 143,058.35\n" in out
    assert err == "next: producer results mm-7f3a1c   producer failures mm-7f3a1c\n"
    assert run("status", "-q")[1] == "done\n"


@pytest.mark.usefixtures("finished")
def test_watch_of_a_finished_sweep_shows_its_summary(run: Run, finished: Path) -> None:
    code, out, err = run("watch")

    assert code == 3
    assert out.splitlines()[0] == "security   total_pnl  trades  sharpe  refill  variant  combination"
    assert len(out.splitlines()) == 6
    assert err.splitlines()[-2:] == [
        f"results: {finished}",
        "next: producer results mm-7f3a1c   producer failures mm-7f3a1c",
    ]
