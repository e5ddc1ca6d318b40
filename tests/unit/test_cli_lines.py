"""The command line itself: flags on either side, streams, mistakes in two lines, exit codes, completion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from producer import cli
from producer.cli import COMMANDS, root
from tasks.errors import ClusterUnavailable, SpecInvalid
from tests.support.command_line import Run
from tests.support.outcomes import a_known_sweep


def test_every_command_is_found_and_described_in_the_same_words() -> None:
    context = click.Context(root)
    for name, (_, sentence) in COMMANDS.items():
        command = root.get_command(context, name)
        assert command is not None
        assert (command.help or "").splitlines()[0].partition(". ")[0].rstrip(".") + "." == sentence


def test_every_command_has_an_example_in_its_help() -> None:
    context = click.Context(root)
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        own = command.commands.values() if isinstance(command, click.Group) else [command]
        assert all("Example:" in (each.epilog or "") for each in own), name


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["submitt"], "no command 'submitt'", "did you mean 'submit'?"),
        (["frobnicate"], "no command 'frobnicate'", "producer --help"),
        (["worker", "strat"], "no command 'strat'", "did you mean 'start'?"),
        (["submit"], "missing argument 'FILE'", "producer submit --help"),
        (["results", "--topp", "3"], "producer results has no flag '--topp'", "did you mean '--top'?"),
        (["ls", "--jsno"], "producer ls has no flag '--jsno'", "did you mean '--json'?"),
        (
            ["results", "--top", "none"],
            "invalid value for '--top': 'none' is not a valid integer range",
            "producer results --help",
        ),
        (
            ["results", "--format", "xml"],
            "invalid value for '--format': 'xml' is not one of 'table', 'csv', 'parquet', 'json'",
            "producer results --help",
        ),
        (["up", "now"], "unexpected extra argument (now)", "producer up --help"),
    ],
)
def test_a_mistake_on_the_line_is_two_lines_and_exit_2(
    run: Run, words: list[str], error: str, hint: str
) -> None:
    code, out, err = run(*words)

    assert (code, out) == (2, "")
    assert err.splitlines() == [f"error: {error}", f"hint: {hint}"]


@pytest.mark.parametrize(
    "words", [["--json", "config", "show"], ["config", "--json", "show"], ["config", "show", "--json"]]
)
def test_global_flags_stand_before_or_after_the_command(run: Run, words: list[str]) -> None:
    code, out, err = run(*words)

    assert (code, err) == (0, "")
    assert json.loads(out)["schema"] == "producer.config.show/1"


def test_a_flag_wins_over_the_environment_and_is_shown_masked(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCER_REDIS_URL", "redis://:other@b/0")

    code, out, _ = run("config", "show", "--redis", "redis://:secret@a:6379/0")

    assert code == 0
    assert "redis_url        redis://:***@a:6379/0" in out
    assert "secret" not in out
    assert "flag" in out.splitlines()[1]


def test_a_wrong_setting_names_the_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "producer.toml").write_text('redis = "x"\n', encoding="utf-8")

    code, _, err = run("ls")

    assert code == 2
    assert err.splitlines()[0] == "error: producer.toml: unknown setting 'redis'"


def test_with_json_a_mistake_is_a_document_too(run: Run) -> None:
    code, out, err = run("results", "--topp", "3", "--json")

    assert json.loads(out) == {
        "schema": "producer.error/1",
        "error": "producer results has no flag '--topp'",
        "hint": "did you mean '--top'?",
        "exit_code": 2,
    }
    assert code == 2
    assert err.startswith("error: ")


def test_a_sweep_that_is_not_there_is_exit_6(run: Run) -> None:
    for command in ("status", "watch", "cancel", "resume", "results", "failures"):
        assert run(command, "nope")[0] == 6


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            ClusterUnavailable("Redis at redis://:pw@h does not answer", hint="is it\nrunning?"),
            7,
            "error: Redis at redis://:***@h does not answer\nhint: is it running?\n",
        ),
        (SpecInvalid("1 error in a.yaml", report="a.yaml:1:1: error: no\n1 error in a.yaml"), 2,
         "a.yaml:1:1: error: no\n1 error in a.yaml\n"),
        (ZeroDivisionError("division by zero"), 1,
         "error: internal error: ZeroDivisionError: division by zero\n"
         "hint: this is a bug; -v shows the traceback\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
)  # fmt: skip
def test_every_error_has_its_exit_code_and_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(cli.root, "invoke", fails)

    assert run("ls") == (code, "", said)


def test_verbose_shows_the_traceback_of_a_bug(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("redis://:secret@h")

    monkeypatch.setattr(cli.root, "invoke", fails)
    code, _, err = run("-v", "ls")

    assert code == 1
    assert "Traceback (most recent call last)" in err
    assert "secret" not in err


def test_help_and_version_are_answers(run: Run) -> None:
    assert run("--help")[1].startswith("Usage: producer [OPTIONS] COMMAND")
    assert run("worker", "start", "--help")[1].startswith("Usage: producer worker start")
    code, out, _ = run("--version")
    assert (code, out.split()[0]) == (0, "producer")


def test_help_loads_no_library_that_only_work_needs(tmp_path: Path) -> None:
    heavy = ["pandas", "numba", "pyarrow", "celery", "duckdb", "redis", "pydantic", "rich", "numpy"]
    code = (
        "import sys\nfrom producer.cli import main\nmain(sys.argv[1:])\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )

    for words in (["--help"], ["submit", "--help"], ["results", "--help"], ["worker", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        assert done.stderr.strip() == "[]", words


def test_help_takes_no_longer_than_a_blink() -> None:
    def seconds() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-P", "-m", "producer", "--help"], check=True, capture_output=True)
        return time.perf_counter() - began

    assert min(seconds() for _ in range(3)) < 0.3


def completed(line: str, state: Path) -> list[str]:
    environment = {
        **os.environ,
        "_PRODUCER_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "PRODUCER_STATE_DIR": str(state),
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "producer"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [found.partition(",")[2] for found in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("producer res", ["resume", "results"]),
        ("producer worker st", ["start", "stop"]),
        ("producer status m", ["mm-7f3a1c"]),
        ("producer status l", ["last"]),
        ("producer results --by sh", ["sharpe"]),
        ("producer results mm-7f3a1c --columns trades,to", ["trades,total_pnl"]),
        ("producer results --security em", ["EMAAR"]),
        ("producer results --form", ["--format"]),
        ("producer submit --js", ["--json"]),
    ],
)
def test_the_shell_completes_commands_flags_sweeps_metrics_and_securities(
    tmp_path: Path, line: str, offered: list[str]
) -> None:
    a_known_sweep(tmp_path / "state", tmp_path / "results")

    assert completed(line, tmp_path / "state") == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(run: Run, shell: str) -> None:
    code, out, _ = run("completion", shell)

    assert code == 0
    assert f"_PRODUCER_COMPLETE={shell}_complete" in out


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    a_known_sweep(tmp_path / "state", tmp_path / "results")
    command = f"{sys.executable} -P -m producer results --all --json | true; echo ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PRODUCER_STATE_DIR": str(tmp_path / "state")}

    done = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=True
    )

    assert (done.stdout.strip(), done.stderr) == ("0", "")


def described() -> list[tuple[str, click.Command]]:
    """Every command that a person can type, with its whole name."""
    found = []
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        if isinstance(command, click.Group):
            found += [(f"{name} {own}", each) for own, each in command.commands.items()]
        else:
            found.append((name, command))
    return found


@pytest.mark.parametrize(("name", "command"), described(), ids=lambda v: v if isinstance(v, str) else "")
def test_the_reference_page_has_each_command_with_its_flags(name: str, command: click.Command) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text(encoding="utf-8")

    row = next((line for line in page.splitlines() if re.match(rf"\| `{name}[ `]", line)), None)

    assert row is not None
    options = [o for p in command.params if isinstance(p, click.Option) for o in p.opts]
    written = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", row))
    assert written <= set(options) | {"--help"}
    long = {o for p in command.params if isinstance(p, click.Option) for o in p.opts[:1]}
    assert long <= written
