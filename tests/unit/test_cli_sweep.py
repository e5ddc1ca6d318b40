"""`init`, `validate`, `schema`, `submit --dry-run`, `doctor`: as typed, on files made here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.command_line import Run
from tests.support.tick_files import write_tick_file

SWEEP = """\
name: mm-try
strategy: market_making
data: {source: ticks}
parameters:
  variant: [v1_baseline, v2_1_stop_loss]
  refill_interval_sec: {min: 30, max: 90, step: 30}
"""


@pytest.fixture
def ticks(tmp_path: Path) -> Path:
    (tmp_path / "ticks").mkdir()
    write_tick_file(tmp_path / "ticks" / "emaar.parquet")
    return tmp_path / "ticks"


@pytest.mark.usefixtures("ticks")
def test_what_init_writes_is_valid_as_it_stands(run: Run, tmp_path: Path) -> None:
    assert run("init", "first") == (
        0,
        "sweep.yaml\n",
        "next: edit sweep.yaml, then: producer validate sweep.yaml   producer submit sweep.yaml\n",
    )

    assert "\n  source: ticks " in (tmp_path / "sweep.yaml").read_text()
    assert json.loads((tmp_path / "sweep.schema.json").read_text())["title"] == "A sweep"
    assert run("validate", "sweep.yaml") == (
        0,
        "sweep.yaml: ok  1 security x 1 combination = 1 backtest\n",
        "",
    )


def test_init_overwrites_only_when_told_to(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("mine", encoding="utf-8")

    assert run("init", "-o", "mine.yaml") == (
        2,
        "",
        "error: mine.yaml is there already\nhint: add --force to overwrite it, or -o for another file\n",
    )
    assert (tmp_path / "mine.yaml").read_text() == "mine"
    assert run("init", "-o", "mine.yaml", "--force", "--json")[1] == (
        '{"schema":"producer.init/1","file":"mine.yaml","schema_file":"sweep.schema.json"}\n'
    )


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (
            ["My Sweep"],
            "'My Sweep' cannot be the name of a sweep",
            "small letters, digits, - and _, at most 63: for example my-sweep",
        ),
        (
            ["-o", "no/such/a.yaml"],
            "no/such/a.yaml cannot be written: No such file or directory",
            "choose another place",
        ),
    ],
)
def test_init_says_what_cannot_be(run: Run, words: list[str], error: str, hint: str) -> None:
    assert run("init", *words) == (2, "", f"error: {error}\nhint: {hint}\n")


@pytest.mark.usefixtures("ticks")
def test_validate_prints_counts_or_every_mistake(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(SWEEP, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(SWEEP.replace("variant:", "varient:"), encoding="utf-8")

    code, out, err = run("validate", "good.yaml", "bad.yaml", "none.yaml")

    assert code == 2
    assert out == "good.yaml: ok  1 security x 6 combinations = 6 backtests\n"
    lines = err.splitlines()
    assert lines[0] == "bad.yaml:5:3: error: unknown parameter 'varient' of market_making"
    assert lines[-3:] == [
        "1 error in bad.yaml",
        "error: no such file: none.yaml",
        "hint: producer init writes one to begin with",
    ]


@pytest.mark.usefixtures("ticks")
def test_validate_as_json_has_every_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(SWEEP, encoding="utf-8")

    code, out, _ = run("validate", "good.yaml", "none.yaml", "--json")

    document = json.loads(out)
    assert code == document["exit_code"] == 2
    assert document["files"] == [
        {"file": "good.yaml", "securities": 1, "combinations": 6, "backtests": 6},
        {"file": "none.yaml", "error": "no such file: none.yaml", "report": None},
    ]


def test_offline_looks_at_the_shape_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SWEEP.replace("ticks", "nowhere"), encoding="utf-8")

    assert run("validate", "a.yaml", "--offline") == (
        0,
        "a.yaml: ok  (its shape; strategy and data were not looked at)\n",
        "",
    )
    assert run("validate", "a.yaml")[0] == 2


@pytest.mark.usefixtures("ticks")
def test_a_dry_run_starts_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SWEEP, encoding="utf-8")

    code, out, err = run("submit", "a.yaml", "--dry-run", "-p", "refill_interval_sec=60", "--limit", "1")

    assert (code, err) == (0, "dry run: nothing was started\n")
    assert out.endswith("  1 security x 1 combination = 1 backtest\n")
    assert out.startswith("mm-try-")
    assert not (tmp_path / "results").exists()
    assert run("ls", "-q") == (0, "", "")


@pytest.mark.usefixtures("ticks")
def test_a_mistake_in_submit_is_the_report_and_exit_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SWEEP.replace("name:", "nome:"), encoding="utf-8")

    code, out, err = run("submit", "a.yaml", "--json")

    assert code == 2
    assert json.loads(out)["report"] == err.rstrip("\n")
    assert "unknown key 'nome'" in err


def test_the_schema_is_printed_or_written(run: Run, tmp_path: Path) -> None:
    printed = run("schema")[1]

    assert run("schema", "-o", "s.json") == (0, "s.json\n", "")
    assert json.loads(printed) == json.loads((tmp_path / "s.json").read_text())


def test_doctor_without_redis_starts_the_private_server(run: Run) -> None:
    code, out, err = run("doctor")

    assert (code, err) == (0, "")
    assert [line[6:19].strip() for line in out.splitlines()] == [
        "versions", "pinning", "memory", "state folder", "cache folder", "private stack",
    ]  # fmt: skip
    assert out.splitlines()[-1].startswith("ok    private stack  no Redis is configured; Valkey ")


def test_doctor_of_a_redis_that_is_away_is_exit_7(run: Run) -> None:
    code, out, _ = run("doctor", "--redis", "redis://:secret@127.0.0.1:1/0", "--json")

    document = json.loads(out)
    assert code == document["exit_code"] == 7
    last = document["findings"][-1]
    assert (last["verdict"], last["subject"]) == ("fail", "redis")
    assert last["said"].startswith("Redis at redis://:***@127.0.0.1:1/0 does not answer")
    assert "secret" not in out


def test_doctor_asks_the_server_what_could_lose_work(run: Run, redis_url: str) -> None:
    code, out, _ = run("doctor", "--redis", redis_url)

    said = {line[6:19].strip(): (line[:4].strip(), line[21:]) for line in out.splitlines()}
    assert code == 0
    assert said["redis"][0] == "ok"
    assert said["eviction"] == ("ok", "noeviction")
    assert said["clock"][0] == "ok"
    assert re.fullmatch(r"\d\.\d s between this machine and the server", said["clock"][1])
    assert said["workers"] == ("warn", "none: start one with producer worker start --cores 4")


NO_REDIS = "no Redis is configured, and a single submit brings its own workers"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["worker", "start"], 2, NO_REDIS),
        (["flower"], 2, NO_REDIS),
        (["worker", "ls"], 7, "no Redis is configured and nothing is up"),
        (["down"], 6, "no stack is up on this machine"),
    ],
)
def test_what_needs_a_server_says_so(run: Run, words: list[str], code: int, error: str) -> None:
    found, out, err = run(*words)

    assert (found, out) == (code, "")
    assert err.splitlines()[0] == f"error: {error}"
    assert err.splitlines()[1].startswith("hint: ")
