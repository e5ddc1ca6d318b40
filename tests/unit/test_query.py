"""Questions to a results folder: rank, filter, columns, exports, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from producer.outcome import export
from producer.outcome.folder import ResultsFolder, opened
from producer.outcome.query import Question, ask, best, default_columns
from tasks.errors import UsageError
from tests.support.outcomes import SUMMARY, a_results_folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ResultsFolder]:
    with opened(a_results_folder(tmp_path / "r")) as found:
        yield found


def values(folder: ResultsFolder, column: str, **question: Any) -> list[Any]:
    return [row[0] for row in ask(folder, Question(columns=(column,), **question)).rows]


def test_rows_are_ranked_by_the_sweeps_own_metric_with_missing_values_last(folder: ResultsFolder) -> None:
    answer = ask(folder, Question(columns=("security", "total_pnl")))

    shown = [(s, None if v is None or v != v else v) for s, v in answer.rows]
    assert shown == [
        ("EMAAR", 143058.35),
        ("EMAAR", 99.0),
        ("FAB", 99.0),  # the tie goes to the earlier row
        ("EMAAR", -12.5),
        ("FAB", None),  # failed
        ("FAB", None),  # NaN
    ]
    assert answer.order == "total_pnl, largest first"


def test_a_metric_to_minimize_puts_the_smallest_first(tmp_path: Path) -> None:
    metric = {"name": "total_pnl", "goal": "minimize", "min_trades": 0}

    with opened(a_results_folder(tmp_path, metric=metric)) as folder:
        assert values(folder, "total_pnl", top=2) == [-12.5, 99.0]
        assert values(folder, "trades", by="trades", top=1) == [1204]


def test_too_few_trades_rank_last(tmp_path: Path) -> None:
    metric = {"name": "total_pnl", "goal": "maximize", "min_trades": 80}

    with opened(a_results_folder(tmp_path, metric=metric)) as folder:
        answer = ask(folder, Question(columns=("trades",)))

    assert [row[0] for row in answer.rows] == [84, 102, 1204, 79, 12, None]
    assert answer.order == "total_pnl, largest first, fewer than 80 trades last"


def test_another_column_and_direction_can_be_asked_for(folder: ResultsFolder) -> None:
    assert values(folder, "trades", by="trades", top=2) == [1204, 102]
    assert values(folder, "trades", by="trades", ascending=True, top=2) == [12, 79]
    assert values(folder, "variant", by="variant", top=1) == ["v2"]


@pytest.mark.parametrize(
    ("where", "count"),
    [("trades > 50", 4), ("variant = 'v1' AND refill = 30", 2), ("trades > 50 -- a comment", 4), ("true", 6)],
)
def test_an_expression_filters(folder: ResultsFolder, where: str, count: int) -> None:
    assert ask(folder, Question(where=where, top=1)).total == count


def test_securities_match_as_globs_without_regard_to_case(folder: ResultsFolder) -> None:
    assert ask(folder, Question(securities=("em*",))).total == 3
    assert ask(folder, Question(securities=("em*", "FAB"))).total == 6
    assert ask(folder, Question(securities=("X",))).total == 0


@pytest.mark.parametrize(
    ("question", "message", "hint"),
    [
        (Question(where="tradez > 3"), "--where: no column 'tradez'", "did you mean 'trades'?"),
        (Question(by="shape"), "--by: no column 'shape'", "did you mean 'sharpe'?"),
        (Question(columns=("total_pnel",)), "--columns: no column 'total_pnel'", "did you mean 'total_pnl'?"),
        (
            Question(where="trades > 'x'"),
            "--where: Could not convert string 'x' to INT64",
            'write it like "trades > 50"; columns are security, combination, status, variant, refill, '
            "max_notional, trades, total_pnl, sharpe",
        ),
    ],
)
def test_a_wrong_word_is_named_with_the_right_one(
    folder: ResultsFolder, question: Question, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as raised:
        ask(folder, question)

    assert (raised.value.message, raised.value.hint) == (message, hint)


@pytest.mark.parametrize(
    "where",
    [
        "true) UNION SELECT * FROM (SELECT 1",
        "true); DROP VIEW summary; SELECT (1",
        "1; SELECT 2",
        "trades >",
        "trades, sharpe",
        "",
    ],
)
def test_only_one_expression_is_taken(folder: ResultsFolder, where: str) -> None:
    with pytest.raises(UsageError, match=r"is not an expression"):
        ask(folder, Question(where=where))


@pytest.mark.parametrize(
    "where",
    [
        "exists (SELECT * FROM read_csv('/etc/passwd'))",
        "(SELECT count(*) FROM glob('/etc/*')) > 0",
        "(SELECT content FROM read_text('/etc/hostname')) IS NOT NULL",
    ],
)
def test_an_expression_cannot_read_other_files(folder: ResultsFolder, where: str) -> None:
    with pytest.raises(UsageError, match="disabled by configuration"):
        ask(folder, Question(where=where))


def test_the_default_columns_are_key_metrics_what_was_swept_and_the_combination(
    folder: ResultsFolder,
) -> None:
    assert default_columns(folder, None) == (
        "security", "total_pnl", "trades", "sharpe", "refill", "variant", "combination",
    )  # fmt: skip
    assert default_columns(folder, "sharpe")[:3] == ("security", "sharpe", "total_pnl")


def test_combinations_are_cut_to_eight_digits_where_that_is_enough(folder: ResultsFolder) -> None:
    assert values(folder, "combination", top=1) == ["9c1f04aa"]


def test_combinations_that_begin_alike_are_shown_longer(tmp_path: Path) -> None:
    alike = ["9c1f04aa00000001", "9c1f04aa0f000002", "e07d11c900000003"] * 2

    with opened(a_results_folder(tmp_path, summary={**SUMMARY, "combination": alike})) as folder:
        assert values(folder, "combination", top=1) == ["9c1f04aa00"]
        assert values(folder, "combination", where="refill = 30 AND variant = 'v2'") == ["e07d11c9"] * 2


def test_the_best_row_is_the_first_that_has_a_value(folder: ResultsFolder, tmp_path: Path) -> None:
    assert best(folder) == {
        "security": "EMAAR",
        "metric": "total_pnl",
        "value": 143058.35,
        "combination": "9c1f04aa00000001",
    }
    nothing = {**SUMMARY, "total_pnl": [float("nan")] * 6}
    with opened(a_results_folder(tmp_path / "nothing", summary=nothing)) as empty:
        assert best(empty) is None


def test_csv_has_all_columns_and_no_nan_of_its_own(folder: ResultsFolder, tmp_path: Path) -> None:
    rows = export.to_csv(folder, Question(top=6), tmp_path / "o.csv")

    with (tmp_path / "o.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert rows == 6
    assert list(found[0]) == list(SUMMARY)
    assert found[0]["total_pnl"] == "143058.35"
    assert found[4]["total_pnl"] == ""


def test_parquet_keeps_types_and_full_ids(folder: ResultsFolder, tmp_path: Path) -> None:
    export.to_parquet(folder, Question(columns=("combination", "trades"), top=2), tmp_path / "o.parquet")

    table = pq.read_table(tmp_path / "o.parquet")
    assert table.to_pydict() == {"combination": ["9c1f04aa00000001", "e07d11c900000003"], "trades": [84, 79]}


def test_a_failed_export_leaves_no_file(folder: ResultsFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        export.to_csv(folder, Question(where="nothing > 1"), tmp_path / "o.csv")

    assert not list(tmp_path.glob("*.csv"))


def test_a_folder_without_results_is_refused_with_a_word(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised, opened(tmp_path):
        pass

    assert raised.value.message == f"no results in {tmp_path}"


def test_a_damaged_summary_is_one_line(tmp_path: Path) -> None:
    folder = a_results_folder(tmp_path)
    (folder / "summary.parquet").write_bytes(b"PAR1 and then nothing")

    with pytest.raises(UsageError, match="cannot be read"), opened(folder):
        pass


def test_a_manifest_of_something_else_is_one_line(tmp_path: Path) -> None:
    folder = a_results_folder(tmp_path)
    (folder / "manifest.json").write_text(json.dumps([1, 2]), encoding="utf-8")

    with pytest.raises(UsageError, match="is not a manifest"), opened(folder):
        pass


def test_many_equal_beginnings_do_not_make_ids_ambiguous(tmp_path: Path) -> None:
    count = 20_000
    rng = np.random.default_rng(7)
    ids = [f"{n:016x}" for n in rng.choice(2**40, count, replace=False) << 24]
    columns = {
        "security": ["A"] * count,
        "combination": ids,
        "status": ["ok"] * count,
        "trades": list(range(count)),
        "total_pnl": rng.random(count),
    }

    with opened(a_results_folder(tmp_path, summary=columns, swept=())) as folder:
        shown = ask(folder, Question(columns=("combination", "trades"), top=50))

    for short, trades in shown.rows:
        assert [i for i, full in enumerate(ids) if full.startswith(short)] == [trades]


def test_ties_keep_the_order_of_the_sweep_however_many_there_are(tmp_path: Path) -> None:
    count = 300_000  # more than one row group, so that several threads read
    columns = {
        "security": ["A"] * count,
        "combination": [f"{n:016x}" for n in range(count)],
        "status": ["ok"] * count,
        "trades": np.arange(count),
        "total_pnl": np.ones(count),
    }

    with opened(a_results_folder(tmp_path, summary=columns, swept=())) as folder:
        assert values(folder, "trades", top=1000) == list(range(1000))
