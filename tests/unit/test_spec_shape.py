"""Stage one: what is said about a file that does not have the shape of a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from producer.spec.check import load
from tasks.errors import UsageError
from tests.support import desk

DATES = "write 2025-04-14 or 2025-04-14T10:30:00"
WALL = "'2025-04-14T10:00:00Z' has a UTC offset; data is in its own wall time, so leave it out"
ZONE = "unknown time zone 'Asia/Dubay'"
INKLUDE = "unknown key 'inklude'"
HEAD = "name: first\nstrategy: desk\ndata: {source: ticks}\nparameters: {window: 5}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with desk.installed(tmp_path_factory.mktemp("site")):
        folder = tmp_path_factory.mktemp("sweep")
        desk.ticks(folder / "ticks")
        yield folder


def test_the_sample_of_the_documents_looks_like_it_there(folder: Path) -> None:
    text = """\
name: a
strategy: desk
data:
  source: ticks


# line 8
paramters:
  window: 5
  # line 11
  max_pattern_duration: {min: 150, max: 40, step: 10}


execution:
  timeout: 10 minutes
"""

    assert desk.report(folder, text.replace("paramters", "parameters", 1).replace("# line 8\n", "")) == (
        "sweep.yaml:10:3: error: unknown parameter 'max_pattern_duration' of desk\n"
        "   10 |   max_pattern_duration: {min: 150, max: 40, step: 10}\n"
        "      |   ^ there is window, edge, cap, mode, flag, days, slots\n"
        "sweep.yaml:10:25: error: min 150 is greater than max 40\n"
        "   10 |   max_pattern_duration: {min: 150, max: 40, step: 10}\n"
        "      |                         ^\n"
        "sweep.yaml:14:12: error: '10 minutes' is not a duration; "
        "write a number and a unit: 500ms, 20s, 5m, 2h, 30d\n"
        "   14 |   timeout: 10 minutes\n"
        "      |            ^\n"
        "3 errors in sweep.yaml"
    )
    assert desk.report(folder, text).startswith(
        "sweep.yaml:8:1: error: unknown key 'paramters'\n"
        "    8 | paramters:\n"
        "      | ^ did you mean 'parameters'?\n"
        "sweep.yaml:15:12: error: '10 minutes'"
    )


@pytest.mark.parametrize(
    ("line", "column", "message", "hint"),
    [
        ("paramters: {}", 1, "unknown key 'paramters'", "did you mean 'parameters'?"),
        (
            "run_cap: 5",
            1,
            "unknown key 'run_cap'",
            "there is version, name, description, tags, strategy, data, parameters, per_security, "
            "per_security_file, constraints, method, seed, metric, combinations, execution, output",
        ),
        (
            "execution: {gpu: auto}",
            13,
            "unknown key 'gpu'",
            "there is chunk, queue, timeout, retries, cache, on_failure, max_failures",
        ),
        ("execution: {chunk: {tarket: 2s}}", 21, "unknown key 'tarket'", "did you mean 'target'?"),
        ("per_security: {EMAAR: {edge: {min: 1, maxx: 3}}}", 39, "unknown key 'maxx'", "did you mean 'max'?"),
        ("per_security: {EMAAR: {edge: {min: 1}}}", 30, "'max' is required", "last value"),
        ("per_security: {EMAAR: 5}", 23, "EMAAR is a map, was 5", ""),
        ("per_security: {EMAAR: {edge: []}}", 30, "edge is an empty list", "give at least one value"),
        ("per_security: {EMAAR: {edge: {values: 3}}}", 39, "values is a list, was 3", ""),
        ("per_security: {EMAAR: {edge: {min: a, max: 2}}}", 36, "min is a number, was 'a'", ""),
        ("per_security: {EMAAR: {edge: {min: 1, max: 2, step: 0}}}", 30, "step is greater than 0, was 0", ""),
        (
            "per_security: {EMAAR: {edge: {min: 1, max: 2, step: 1, num: 2}}}",
            30,
            "step and num exclude each other",
            "",
        ),
        (
            "per_security: {EMAAR: {edge: {min: 1, max: 2, log: true}}}",
            30,
            "log needs num, the number of values",
            "",
        ),
        (
            "per_security: {EMAAR: {edge: {min: 0, max: 2, num: 3, log: true}}}",
            30,
            "log needs a min greater than 0, was 0",
            "",
        ),
        ("method: random", 9, "method has no value 'random'", "there is grid"),
        ("metric: {goal: maximise}", 16, "goal has no value 'maximise'", "did you mean 'maximize'?"),
        ("metric: total_pnl", 9, "metric is a map, was 'total_pnl'", ""),
        ("metric: {min_trades: -1}", 22, "min_trades is at least 0, was -1", ""),
        ("metric: {min_trades: '5'}", 22, "min_trades is a whole number, was '5'", ""),
        ("seed: 1.5", 7, "seed is a whole number, was 1.5", ""),
        ("seed: true", 7, "seed is a whole number, was true", ""),
        ("version: 2", 10, "version 2 is not known; this program reads version 1", ""),
        ("tags: first", 7, "tags is a list, was 'first'", ""),
        ("constraints: window > 1", 14, "constraints is a list, was 'window > 1'", ""),
        ("combinations: []", 15, "combinations is an empty list", "give at least one value"),
        ("combinations: [5]", 16, "combinations is a map, was 5", ""),
        ("execution: {chunk: 0}", 20, "chunk is at least 1, was 0", ""),
        ("execution: {chunk: much}", 20, "chunk has no value 'much'", "there is auto"),
        ("execution: {chunk: {min: 5, max: 2}}", 20, "min 5 is greater than max 2", ""),
        ("execution: {retries: -1}", 22, "retries is at least 0, was -1", ""),
        ("execution: {retries: 101}", 22, "retries is too large, was 101", ""),
        ("execution: {retries: 1.5}", 22, "retries is a whole number, was 1.5", ""),
        ("execution: {retries: true}", 22, "retries is a whole number, was true", ""),
        (
            "execution: {timeout: 0s}",
            22,
            "'0s' is no time at all; write 500ms or more",
            "",
        ),
        (
            "execution: {timeout: 10}",
            22,
            "10 is not a duration; write a number and a unit: 500ms, 20s, 5m, 2h, 30d",
            "",
        ),
        (
            "execution: {max_failures: 1.5}",
            27,
            "1.5 is neither a number of backtests nor a share such as 5%",
            "",
        ),
        (
            "execution: {max_failures: 120%}",
            27,
            "'120%' is neither a number of backtests nor a share such as 5%",
            "",
        ),
        ("execution: {cache: none}", 20, "cache has no value 'none'", "there is use, refresh, skip"),
        (
            "output: {keep: [summary, fills]}",
            26,
            "keep has no value 'fills'",
            "there is summary, trades, equity, signals",
        ),
        ("output: {keep: trades}", 16, "keep is a list, was 'trades'", ""),
        ("output: {dir: 'out/{date}'}", 15, "unknown placeholder {date}", "there is {name} and {id}"),
        ("output: {dir: ''}", 15, "dir is empty", ""),
        ("name: second", 1, "key 'name' is given twice, first on line 1", ""),
    ],
)
def test_each_deviation_is_told_where_it_stands(
    folder: Path, line: str, column: int, message: str, hint: str
) -> None:
    report = desk.report(folder, HEAD + line + "\n")

    assert report == (
        f"sweep.yaml:5:{column}: error: {message}\n"
        f"    5 | {line}\n"
        f"      | {' ' * (column - 1)}^{' ' if hint else ''}{hint}\n"
        "1 error in sweep.yaml"
    )


@pytest.mark.parametrize(
    ("data", "column", "message", "hint"),
    [
        ("{sauce: ticks}", 8, "unknown key 'sauce'", "did you mean 'source'?"),
        ("{source: ticks, start: 14.4.2025}", 30, "'14.4.2025' is not a date; " + DATES, ""),
        ("{source: ticks, end: '2025-04-14T10:00:00Z'}", 28, WALL, ""),
        ("{source: ticks, timezone: Asia/Dubay}", 33, ZONE, "did you mean 'Asia/Dubai'?"),
        ("{source: ticks, kind: bar}", 29, "kind has no value 'bar'", "did you mean 'bars'?"),
        ("{source: ticks, securities: some}", 35, "securities has no value 'some'", "there is all"),
        ("{source: ticks, securities: []}", 35, "securities is an empty list", "give at least one value"),
        ("{source: ticks, securities: {inklude: [A]}}", 36, INKLUDE, "did you mean 'include'?"),
    ],
)  # fmt: skip
def test_each_deviation_of_the_data_is_told_where_it_stands(
    folder: Path, data: str, column: int, message: str, hint: str
) -> None:
    report = desk.report(folder, f"name: first\nstrategy: desk\ndata: {data}\nparameters: {{window: 5}}\n")

    assert report == (
        f"sweep.yaml:3:{column}: error: {message}\n"
        f"    3 | data: {data}\n"
        f"      | {' ' * (column - 1)}^{' ' if hint else ''}{hint}\n"
        "1 error in sweep.yaml"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "",
            "sweep.yaml:1:1: error: the file is empty\n    1 |\n"
            "      | ^ producer init writes one to begin with\n1 error in sweep.yaml",
        ),
        (
            "- a\n",
            "sweep.yaml:1:1: error: a sweep is a map of keys and values, such as 'name: my-sweep'\n"
            "    1 | - a\n      | ^\n1 error in sweep.yaml",
        ),
        (
            "name: a\n\tb: 1\n",
            "sweep.yaml:2:1: error: not YAML: found character '\\t' that cannot start any token\n"
            "    2 | \tb: 1\n      | ^\n1 error in sweep.yaml",
        ),
        (
            "name: My Sweep\ndata:\n",
            "sweep.yaml:1:1: error: 'strategy' is required\n    1 | name: My Sweep\n"
            "      | ^ name of a strategy, package.module:OBJECT, or ./file.py:OBJECT\n"
            "sweep.yaml:1:1: error: 'parameters' is required\n    1 | name: My Sweep\n"
            "      | ^ a value, values or a range for each parameter\n"
            "sweep.yaml:1:7: error: 'My Sweep' is not a name\n    1 | name: My Sweep\n"
            "      |       ^ small letters, digits, - and _, beginning with a letter or digit, 63 at most\n"
            "sweep.yaml:2:1: error: 'data' is required\n    2 | data:\n"
            "      | ^ what the strategy is run on\n"
            "4 errors in sweep.yaml",
        ),
    ],
)
def test_a_file_that_is_no_sweep_at_all_is_told_so(folder: Path, text: str, told: str) -> None:
    assert desk.report(folder, text) == told


def test_one_run_tells_what_both_stages_find(folder: Path) -> None:
    text = (
        "name: A b\nstrategy: desk\ndata: {source: ticks, securities: [EMAR]}\n"
        "parameters: {window: [1, x], egde: 5}\n"
    )

    messages = [line for line in desk.report(folder, text).splitlines() if ": error: " in line]

    assert messages == [
        "sweep.yaml:1:7: error: 'A b' is not a name",
        f"sweep.yaml:3:36: error: no security 'EMAR' in {folder}/ticks".replace(f"{folder}/", ""),
        "sweep.yaml:4:26: error: window is a whole number, was 'x'",
        "sweep.yaml:4:30: error: unknown parameter 'egde' of desk",
    ]


def test_keys_without_a_value_have_their_default(folder: Path) -> None:
    sweep = desk.checked(
        folder, HEAD + "description:\nexecution:\noutput: {dir: }\nmetric: ~\nper_security:\n"
    )

    assert (sweep.timeout_s, sweep.output_dir, sweep.description) == (600.0, "results/{name}/{id}", "")


def test_text_stays_as_it_was_written(folder: Path) -> None:
    text = HEAD.replace("first", "007") + "tags: [1e3, ON]\ndescription: 0700\n"

    sweep = desk.checked(folder, text)

    assert (sweep.name, sweep.tags, sweep.description) == ("007", ("1e3", "ON"), "0700")


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")

    with pytest.raises(UsageError) as absent:
        load(tmp_path / "sweep.yaml")
    with pytest.raises(UsageError) as folder:
        load(tmp_path)
    with pytest.raises(UsageError) as latin:
        load(tmp_path / "latin.yaml")

    assert absent.value.message == f"no such file: {tmp_path}/sweep.yaml"
    assert absent.value.hint == "producer init writes one to begin with"
    assert folder.value.message == f"cannot read {tmp_path}: is a directory"
    assert latin.value.message == f"cannot read {tmp_path}/latin.yaml: it is not UTF-8 text"
