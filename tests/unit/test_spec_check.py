"""Stage two: what a sweep means, and what is said where it means nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from producer.spec.check import CheckedSweep
from tests.support import desk
from tests.support.tick_files import TEN

DAY = 86_400 * 10**9
HEAD = "name: first\nstrategy: desk\ndata: {source: ticks}\nparameters: {window: 5}\n"
KNOWN = "window, edge, cap, mode, flag, days, slots"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with desk.installed(tmp_path_factory.mktemp("site")):
        folder = tmp_path_factory.mktemp("sweep")
        desk.ticks(folder / "ticks")
        yield folder


def rows(sweep: CheckedSweep, security: str) -> list[dict[str, object]]:
    space = next(s.space for s in sweep.securities if s.security == security)
    return space.block(0, space.raw_size).rows()


def told(folder: Path, text: str) -> list[str]:
    """Each problem as LINE:COLUMN: message | hint."""
    lines = desk.report(folder, text).splitlines()
    heads = [i for i, line in enumerate(lines) if ": error: " in line or ": warning: " in line]
    found = []
    for i in heads:
        place, message = lines[i].split(": error: " if ": error: " in lines[i] else ": warning: ", 1)
        hint = lines[i + 2].split("^", 1)[1].strip()
        found.append(f"{place.split(':', 1)[1]}: {message}" + (f" | {hint}" if hint else ""))
    return found


def test_a_checked_sweep_says_everything_that_planning_needs(folder: Path) -> None:
    text = """\
name: first
description: does it hold
tags: [a, b]
strategy: desk
data: {source: ticks, kind: ticks, securities: [emaar, ALDAR], start: 2025-04-13, end: 2025-04-14, timezone: Asia/Dubai}
parameters:
  window: [5, 10]
  edge: {min: 0.1, max: 0.3, step: 0.1}
per_security:
  emaar: {cap: 100}
constraints: [window * edge < 2]
seed: 7
metric: {name: fills, goal: minimize}
execution: {chunk: {target: 5s, max: 50}, queue: night, timeout: 30m, cache: refresh, on_failure: stop, max_failures: 10%}
output: {dir: 'out/{name}', keep: [summary]}
"""  # noqa: E501

    sweep = desk.checked(folder, text)

    assert (sweep.name, sweep.description, sweep.tags) == ("first", "does it hold", ("a", "b"))
    assert (sweep.text, sweep.overrides, sweep.limit) == (text, {}, None)
    assert (sweep.strategy, sweep.kind, sweep.timezone, sweep.seed) == ("desk", "ticks", "Asia/Dubai", 7)
    assert type(sweep.about.strategy).__name__ == "Desk"
    assert [(s.security, s.entry.path.name, s.backtests) for s in sweep.securities] == [
        ("ALDAR", "aldar.parquet", 4),
        ("EMAAR", "emaar.parquet", 4),
    ]
    assert sweep.parameters == ("window", "edge", "cap")
    assert (sweep.metric, sweep.goal, sweep.min_trades, sweep.keep) == ("fills", "minimize", 0, ("summary",))
    assert sweep.start_ns == TEN // DAY * DAY - DAY
    assert sweep.end_ns == TEN // DAY * DAY + DAY - 1
    assert sweep.chunk_rule == {"target_seconds": 5.0, "least": 1, "most": 50}
    assert (sweep.timeout_s, sweep.queue, sweep.cache) == (1800.0, "night", "refresh")
    assert (sweep.on_failure, sweep.max_failures, sweep.total) == ("stop", 0, 8)
    assert (sweep.output_dir, sweep.warnings) == ("out/{name}", ())


def test_what_is_left_out_has_its_default(folder: Path) -> None:
    sweep = desk.checked(folder, HEAD)

    assert [s.security for s in sweep.securities] == ["ALDAR", "EMAAR", "MODON"]
    assert (sweep.metric, sweep.goal, sweep.keep) == ("profit", "maximize", ("summary",))
    assert (sweep.start_ns, sweep.end_ns, sweep.timezone, sweep.seed) == (None, None, None, 0)
    assert (sweep.chunk_rule, sweep.timeout_s, sweep.queue) == ({}, 600.0, "sweepfleet")
    assert (sweep.cache, sweep.on_failure, sweep.max_failures) == ("use", "continue", None)
    assert sweep.output_dir == "results/{name}/{id}"


@pytest.mark.parametrize(("written", "bound"), [("3", 3), ("0", 0), ("50%", 6), ("0%", 0), ("100%", None)])
def test_a_share_of_failures_is_one_of_all_backtests(folder: Path, written: str, bound: int | None) -> None:
    text = HEAD.replace("window: 5", "window: {min: 1, max: 4}") + f"execution: {{max_failures: {written}}}\n"

    assert desk.checked(folder, text).max_failures == bound


def test_a_single_security_wins_over_the_file_and_the_file_over_all(folder: Path) -> None:
    (folder / "own.json").write_text('{"emaar": {"edge": 0.2, "cap": 1}, "ALDAR": {"edge": [0.3, 0.4]}}')
    text = HEAD.replace("5}", "5, edge: 0.1}") + (
        "per_security_file: own.json\nper_security: {EMAAR: {edge: 0.9, flag: true}}\n"
    )

    sweep = desk.checked(folder, text)

    assert sweep.parameters == ("window", "edge", "cap", "flag")
    common = {"window": 5, "edge": 0.1, "cap": None, "flag": False}
    assert rows(sweep, "MODON") == [common]
    assert rows(sweep, "EMAAR") == [common | {"edge": 0.9, "cap": 1.0, "flag": True}]
    assert rows(sweep, "ALDAR") == [common | {"edge": 0.3}, common | {"edge": 0.4}]


def test_securities_with_the_same_values_share_one_space(folder: Path) -> None:
    aldar, emaar, modon = desk.checked(folder, HEAD + "per_security: {EMAAR: {edge: 1}}\n").securities

    assert aldar.space is modon.space
    assert aldar.space is not emaar.space


def test_points_replace_a_grid(folder: Path) -> None:
    text = HEAD.replace("5}", "5, edge: 0.1}") + (
        "per_security: {EMAAR: {edge: 0.7}}\n"
        "combinations:\n  - {mode: lean, cap: 3}\n  - {edge: 0.1}\n  - {cap: null, window: 9}\n"
        "  - {edge: 0.10}\n  - {}\n"
    )

    sweep = desk.checked(folder, text)

    assert sweep.parameters == ("window", "edge", "mode", "cap")
    assert rows(sweep, "ALDAR") == [
        {"window": 5, "edge": 0.1, "mode": "lean", "cap": 3.0},
        {"window": 5, "edge": 0.1, "mode": "join", "cap": None},
        {"window": 9, "edge": 0.1, "mode": "join", "cap": None},
    ]
    assert [r["edge"] for r in rows(sweep, "EMAAR")] == [0.7, 0.1, 0.7, 0.7]
    assert [w.split("warning: ")[1].splitlines()[0] for w in sweep.warnings] == [
        "combination 4 is the same as combination 2; it counts once",
        "combination 5 is the same as combination 2; it counts once",
    ]


def test_points_come_from_a_table_too(folder: Path) -> None:
    (folder / "top.csv").write_text(
        'window,cap,mode,days,flag\n5,,join,"[1, 2]",true\n7.0,2.5,,[],false\n5,null,join,"[1, 2]",true\n'
    )
    table = {"window": [5, 7], "cap": [None, 2.5], "mode": ["join", None], "slots": ["{}", '{"S1": "02:00"}']}
    pq.write_table(pa.table(table), folder / "top.parquet")
    head = HEAD.replace("{window: 5}", "{mode: lean}")

    from_csv = desk.checked(folder, head + "combinations: top.csv\n")
    from_parquet = desk.checked(folder, head + "combinations: top.parquet\n")

    assert rows(from_csv, "EMAAR") == [
        {"window": 5, "cap": None, "mode": "join", "days": [1, 2], "flag": True},
        {"window": 7, "cap": 2.5, "mode": "lean", "days": [], "flag": False},
    ]
    assert "combination 3 is the same as combination 1" in from_csv.warnings[0]
    assert rows(from_parquet, "EMAAR") == [
        {"window": 5, "cap": None, "mode": "join", "slots": {}},
        {"window": 7, "cap": 2.5, "mode": "lean", "slots": {"S1": "02:00"}},
    ]


@pytest.mark.parametrize(
    ("tail", "problem"),
    [
        (
            "per_security: {EMAR: {edge: 1}}",
            "5:16: no security 'EMAR' in ticks | did you mean 'EMAAR'?",
        ),
        (
            "per_security: {EMAAR: {egde: 1}}",
            "5:24: unknown parameter 'egde' of desk | did you mean 'edge'?",
        ),
        ("per_security: {EMAAR: {window: 0}}", "5:32: window is at least 1, was 0"),
        (
            "per_security: {EMAAR: {mode: joins}}",
            "5:30: mode has no value 'joins' | did you mean 'join'?",
        ),
        (
            "per_security: {EMAAR: {}, emaar: {}}",
            "5:27: EMAAR is given twice, first as 'EMAAR'",
        ),
        (
            "per_security: {EMAAR: {days: [0, 2]}}",
            "5:30: days is a list itself; [0, 2] would be 2 values of it | write [[0, 2]]",
        ),
        (
            "per_security: {EMAAR: {edge: .inf}}",
            "5:30: edge is a finite number, was inf",
        ),
        ("metric: {name: profits}", "5:16: unknown metric 'profits' of desk | did you mean 'profit'?"),
        ("metric: {min_trades: 5}", "5:22: desk has no metric 'trades' to compare with"),
        ("output: {keep: [trades]}", "5:17: desk keeps no trades | there is summary"),
        (
            "constraints: [edge < 2, windw > 1]",
            "5:25: unknown parameter 'windw' | did you mean 'window'?",
        ),
        (
            "constraints: ['edge <']",
            "5:21: not an expression | allowed are names, values, + - * / // %, comparisons, "
            "and, or, not, in, min, max, abs",
        ),
        ("constraints: [window > 5]", "5:14: the constraints leave no combination"),
        (
            "constraints: [cap > 1]",
            "5:15: 'cap > 1' has no answer where cap = null: "
            "'>' not supported between instances of 'NoneType' and 'int'",
        ),
        (
            "per_security: {EMAAR: {window: 9}}\nconstraints: [window < 6]",
            "6:14: the constraints leave no combination for EMAAR",
        ),
        (
            "combinations: [{edge: 1}, {egde: 2}]",
            "5:28: unknown parameter 'egde' of desk | did you mean 'edge'?",
        ),
        ("combinations: [{edge: 1}, {edge: [1, 2]}]", "5:34: edge is a number, was [1, 2]"),
        (
            "combinations: none.csv",
            "5:15: cannot read none.csv: no such file or directory | "
            "a CSV or Parquet file, one column per parameter",
        ),
        (
            "combinations: sweep.yaml",
            "5:15: cannot read sweep.yaml: neither .csv nor .parquet | "
            "a CSV or Parquet file, one column per parameter",
        ),
        (
            "per_security: {EMAAR: {edge: [1, 2]}}\ncombinations: [{cap: 1}]",
            "5:30: edge has 2 values; beside combinations each parameter has one | "
            "put its values into the combinations",
        ),
        (
            "per_security: {EMAAR: {edge: {min: 0, max: 1, step: 0.00000001}}}",
            "5:30: edge has 100,000,001 values; at most 1,000,000 are possible",
        ),
        ("per_security_file: none.json", "5:20: cannot read none.json: no such file or directory"),
    ],
)
def test_each_mistake_is_told_where_it_stands(folder: Path, tail: str, problem: str) -> None:
    assert told(folder, HEAD + tail + "\n") == [problem]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("{source: ticks, securities: [EMAR]}", "36: no security 'EMAR' in ticks | did you mean 'EMAAR'?"),
        (
            "{source: ticks, securities: [XYZ]}",
            "36: no security 'XYZ' in ticks | there is ALDAR, EMAAR, MODON",
        ),
        (
            "{source: ticks, securities: ['E*']}",
            "36: no security 'E*' in ticks | patterns belong under include: securities: {include: ['E*']}",
        ),
        (
            "{source: ticks, securities: {include: ['X*']}}",
            "46: no security 'X*' in ticks | there is ALDAR, EMAAR, MODON",
        ),
        (
            "{source: ticks, securities: {exclude: ['*']}}",
            "35: no security is left | there are 3 in ticks",
        ),
        (
            "{source: ticks, securities: {file: none.txt}}",
            "42: cannot read none.txt: no such file or directory",
        ),
        (
            "{source: none}",
            "16: data source none: no such file or folder | "
            "set data.source to the folder that holds your data files, or to one of them",
        ),
        (
            "{source: 's3://lake/ticks'}",
            "16: 's3://lake/ticks' is a URL; data is read from a folder or a file here",
        ),
        (
            "{source: '${NO_SUCH_FOLDER}/ticks'}",
            "16: environment variable NO_SUCH_FOLDER is not set | export NO_SUCH_FOLDER=… or write the path",
        ),
        (
            "{source: ~no-such-user/ticks}",
            "16: ~no-such-user/ticks: there is no home folder of a user 'no-such-user' | "
            "write ./~no-such-user/ticks for a file or folder of that name",
        ),
        ("{source: ticks, kind: bars}", "29: desk runs on ticks, not on bars | kind: ticks, or leave it out"),
        (
            "{source: ticks, start: 2025-04-15}",
            "30: no data from 2025-04-15 to the last | there is data from 2025-04-14 to 2025-04-14",
        ),
        (
            "{source: ticks, end: 2025-04-14T09:59:59}",
            "28: no data from the first to 2025-04-14T09:59:59 | there is data from 2025-04-14 to 2025-04-14",
        ),
        (
            "{source: ticks, start: 2025-04-15, end: 2025-04-14}",
            "30: start 2025-04-15 is after end 2025-04-14",
        ),
    ],
)
def test_each_mistake_in_the_data_is_told_where_it_stands(folder: Path, data: str, problem: str) -> None:
    text = f"name: first\nstrategy: desk\ndata: {data}\nparameters: {{window: 5}}\n"
    if "source: none" in data:
        problem = problem.replace("source none", f"source {Path.cwd()}/none")

    assert told(folder, text) == [f"3:{problem}"]


@pytest.mark.parametrize(
    ("strategy", "problem"),
    [
        ("desc", "2:11: unknown strategy 'desc' | did you mean 'desk'?"),
        ("no_metrics", "2:11: strategy 'no_metrics' names no metrics | metrics lists what evaluate returns"),
    ],
)
def test_a_strategy_that_cannot_be_used_is_told(folder: Path, strategy: str, problem: str) -> None:
    assert told(folder, HEAD.replace("desk", strategy)) == [problem]


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        (
            "os:system",
            "2:11: 'os' is not below what may be imported here (FOLDER) | allow it: PRODUCER_ALLOW=os,",
        ),
        (
            "mydesk.gap:GapFade",
            "2:11: no source of module 'mydesk.gap' here | looked for where Python does, and in",
        ),
        ("./gap.py:GapFade", "2:11: no file gap.py | look at the name after `strategy:`"),
        (
            "/etc/gap.py:GapFade",
            "2:11: no file /etc/gap.py, nor one of that name below what is allowed here (FOLDER)",
        ),
    ],
)
def test_a_strategy_by_path_is_looked_for_below_the_folder_of_the_file(
    folder: Path, named: str, problem: str
) -> None:
    (found,) = told(folder, HEAD.replace("desk", named))

    assert found.replace(str(folder), "FOLDER").startswith(problem)


def test_a_parameter_without_default_is_asked_for(folder: Path) -> None:
    nowhere = HEAD.replace("window: 5", "")

    assert told(folder, nowhere) == [
        "4:1: parameter 'window' of desk has no default | ticks that are looked at"
    ]
    assert told(folder, nowhere + "per_security: {EMAAR: {window: 3}}\n") == [
        "5:1: parameter 'window' of desk has no default, and ALDAR gives none"
    ]
    assert told(folder, nowhere + "combinations: [{window: 3}, {edge: 1}]\n") == [
        "5:29: parameter 'window' of desk has no default, and this combination gives none"
    ]


def test_unknown_parameters_list_what_there_is(folder: Path) -> None:
    assert told(folder, HEAD.replace("5}", "5, zzz: 1}")) == [
        f"4:25: unknown parameter 'zzz' of desk | there is {KNOWN}"
    ]


def test_a_sweep_too_large_names_the_parameter_with_most_values(folder: Path) -> None:
    text = HEAD.replace("window: 5", "window: {min: 1, max: 1000000}, edge: {min: 0, max: 1, step: 0.00001}")

    assert told(folder, text) == [
        "4:22: 300,003,000,000 backtests; at most 10,000,000,000 are possible | "
        "'window' has most values: 1,000,000"
    ]
    assert told(folder, HEAD.replace("5}", "5, edge: {min: 0, max: 1, num: 1000000000000}}")) == [
        "4:31: 3,000,000,000,000 backtests; at most 10,000,000,000 are possible | "
        "'edge' has most values: 1,000,000,000,000"
    ]


def test_a_sweep_too_large_can_be_limited(folder: Path) -> None:
    text = HEAD.replace("window: 5", "window: {min: 1, max: 1000000}, edge: {min: 0, max: 1, step: 0.00001}")

    sweep = desk.checked(folder, text, limit=3)

    assert [(s.last, s.backtests) for s in sweep.securities] == [(3, 3)] * 3
    assert sweep.total == 9


def test_a_constraint_counts_before_anything_is_built(folder: Path) -> None:
    text = HEAD.replace("window: 5", "window: {min: 1, max: 200}, edge: {min: 1, max: 200, step: 1}")

    assert desk.checked(folder, text + "constraints: [window < edge]\n").total == 3 * 19_900


def test_securities_are_chosen_by_name_glob_and_file(folder: Path) -> None:
    (folder / "universe.txt").write_text("# ours\nemaar\n\nALDAR  # the other\n")

    def chosen(securities: str) -> list[str]:
        sweep = desk.checked(folder, HEAD.replace("ticks}", f"ticks, securities: {securities}}}"))
        return [s.security for s in sweep.securities]

    assert chosen("all") == ["ALDAR", "EMAAR", "MODON"]
    assert chosen("[modon, EMAAR]") == ["EMAAR", "MODON"]
    assert chosen("{include: ['*a*r'], exclude: [ALDAR]}") == ["EMAAR"]
    assert chosen("{exclude: [aldar]}") == ["EMAAR", "MODON"]
    assert chosen("{file: universe.txt}") == ["ALDAR", "EMAAR"]
    assert chosen("{file: universe.txt, include: [MODON], exclude: ['E*']}") == ["ALDAR", "MODON"]


def test_a_line_of_a_list_of_names_is_told_in_its_own_file(folder: Path) -> None:
    (folder / "universe.txt").write_text("EMAAR\n  ALDR\n")

    report = desk.report(folder, HEAD.replace("ticks}", "ticks, securities: {file: universe.txt}}"))

    assert report == (
        "universe.txt:2:3: error: no security 'ALDR' in ticks\n"
        "    2 |   ALDR\n"
        "      |   ^ did you mean 'ALDAR'?\n"
        "1 error in sweep.yaml"
    )


def test_odd_tickers_are_found_as_they_are_written(tmp_path: Path, folder: Path) -> None:
    desk.ticks(tmp_path / "ticks", "on", "no", "0700", "007")
    text = HEAD.replace("ticks}", "ticks, securities: [ON, NO, 0700, 007]}")

    sweep = desk.checked(tmp_path, text + "per_security:\n  0700: {edge: 1}\n  NO: {edge: 2}\n")

    assert [s.security for s in sweep.securities] == ["007", "0700", "NO", "ON"]
    assert [rows(sweep, s)[0]["edge"] for s in ("0700", "NO", "ON")] == [1.0, 2.0, 0.5]


def test_a_name_that_two_files_claim_is_an_error_only_where_it_is_asked_for(
    tmp_path: Path, folder: Path
) -> None:
    ticks = desk.ticks(tmp_path / "ticks", "emaar", "EMAAR", "aldar")

    assert desk.checked(tmp_path, HEAD.replace("ticks}", "ticks, securities: [ALDAR]}")).total == 1
    assert told(tmp_path, HEAD.replace("ticks}", "ticks, securities: [Emaar]}")) == [
        "3:36: 2 files claim the name EMAAR | keep one of ticks/EMAAR.parquet, ticks/emaar.parquet"
    ]
    assert len(told(tmp_path, HEAD)) == 1
    assert ticks.is_dir()


def test_a_file_that_cannot_be_used_is_a_warning(tmp_path: Path, folder: Path) -> None:
    (desk.ticks(tmp_path / "ticks") / "modon.parquet").write_bytes(b"PAR1")

    sweep = desk.checked(tmp_path, HEAD)

    assert [s.security for s in sweep.securities] == ["ALDAR", "EMAAR", "MODON"]
    assert (
        sweep.warnings[0].splitlines()[0].startswith(f"{tmp_path}/sweep.yaml:3:8: warning: MODON will fail: ")
    )


def test_dates_that_miss_some_securities_are_a_warning(tmp_path: Path, folder: Path) -> None:
    from tests.support.tick_files import write_tick_file

    desk.ticks(tmp_path / "ticks")
    later = pa.array([TEN + 2 * DAY + i for i in range(4)], pa.timestamp("ns"))
    write_tick_file(tmp_path / "ticks" / "modon.parquet", timestamp=later)

    sweep = desk.checked(tmp_path, HEAD.replace("ticks}", "ticks, start: 2025-04-15}"))

    assert sweep.warnings[0].splitlines() == [
        f"{tmp_path}/sweep.yaml:3:30: warning: no data from 2025-04-15 to the last for ALDAR, EMAAR",
        "    3 | data: {source: ticks, start: 2025-04-15}",
        "      |                              ^ these will be empty",
    ]


def test_values_of_securities_that_the_data_lacks_are_a_warning_in_a_file(folder: Path) -> None:
    (folder / "stock.json").write_text('{"EMAAR": {"edge": 1}, "IHC": {"edge": 2}, "DIB": {}}')

    sweep = desk.checked(folder, HEAD + "per_security_file: stock.json\n")

    assert f"stock.json names securities that are not in {folder}/ticks: IHC, DIB" in sweep.warnings[0]


def test_mistakes_in_a_file_of_values_are_told_in_that_file(folder: Path) -> None:
    (folder / "stock.json").write_text(
        '{"EMAAR": {"edge": "x"},\n "ALDAR": {"egde": 2, "window": {"mn": 3, "max": 4}}}'
    )

    assert [
        line
        for line in desk.report(folder, HEAD + "per_security_file: stock.json\n").splitlines()
        if "error" in line
    ] == [
        "stock.json:1:20: error: edge is a number, was 'x'",
        "stock.json:2:12: error: unknown parameter 'egde' of desk",
        "stock.json:2:34: error: unknown key 'mn'",
        "3 errors in sweep.yaml",
    ]


def test_paths_are_looked_for_beside_the_sweep_and_then_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk.ticks(tmp_path / "elsewhere", "ihc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESK", str(tmp_path))

    def source(written: str) -> Path:
        return desk.checked(folder, HEAD.replace("source: ticks", f"source: {written}")).catalog.source

    assert source("ticks") == folder / "ticks"
    assert source("elsewhere") == tmp_path / "elsewhere"
    assert source("'${DESK}/elsewhere'") == tmp_path / "elsewhere"


def test_checking_loads_no_compiler(folder: Path) -> None:
    (folder / "mm.yaml").write_text(
        "name: a\nstrategy: market_making\ndata: {source: ticks}\n"
        "parameters: {variant: [v1_baseline, v2_1_stop_loss], max_notional: [null, 1500000]}\n"
    )
    program = (
        "import sys; from pathlib import Path; from producer.spec.check import load, check; "
        "from producer.spec import schema, template; "
        f"print(check(load(Path({str(folder / 'mm.yaml')!r}))).total, "
        "[m for m in ('numba', 'pandas') if m in sys.modules])"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == "12 []"


def test_names_that_stand_in_for_none_are_looked_up_where_they_were_written(folder: Path) -> None:
    assert "unknown strategy '?'" in desk.report(folder, HEAD.replace("strategy: desk", "strategy: '?'"))
    assert "/?: no such file" in desk.report(folder, HEAD.replace("source: ticks", "source: '?'"))
