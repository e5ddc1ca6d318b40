"""Failed backtests, grouped: who was hit, how often, and an example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from producer.outcome.failed import FailureGroup, groups
from producer.outcome.folder import opened
from tests.support.outcomes import FAILURE, SUMMARY, a_results_folder


def found(tmp_path: Path, *failures: dict[str, Any], securities: tuple[str, ...] = ()) -> list[FailureGroup]:
    failed = ["failed", "ok", "failed", "failed", "failed", "failed"]
    folder = a_results_folder(tmp_path, summary={**SUMMARY, "status": failed}, failures=failures)
    with opened(folder) as results:
        return groups(results, securities)


def a_failure(**changes: Any) -> dict[str, Any]:
    return {**FAILURE, **changes}


def test_equal_errors_are_one_group_with_its_first_case_as_example(tmp_path: Path) -> None:
    first = a_failure(security="EMAAR", combination="9c1f04aa00000001", traceback="first", attempts=1)
    second = a_failure(security="EMAAR", combination="e07d11c900000003", traceback="second", attempts=3)

    assert found(tmp_path, first, second) == [
        FailureGroup(
            error="ZeroDivisionError",
            message="float division by zero",
            securities=("EMAAR",),
            backtests=2,
            attempts=3,
            example_security="EMAAR",
            example_combination="9c1f04aa00000001",
            traceback="first",
            example_parameters={"refill": 30, "variant": "v1"},
        )
    ]


def test_a_security_that_failed_as_a_whole_counts_all_its_backtests(tmp_path: Path) -> None:
    whole = a_failure(security="FAB", combination=None, error="DataError", message="no rows", traceback=None)
    other = a_failure(security="EMAAR", combination="9c1f04aa00000001")

    data, strategy = found(tmp_path, other, whole)

    assert (data.error, data.backtests, data.example_combination, data.traceback) == (
        "DataError",
        3,
        None,
        None,
    )
    assert data.example_parameters == {}
    assert (strategy.error, strategy.backtests) == ("ZeroDivisionError", 1)


def test_one_error_in_many_securities_names_each_once(tmp_path: Path) -> None:
    failures = [
        a_failure(security=name, combination=c)
        for name in ("FAB", "EMAAR")
        for c in ("9c1f04aa00000001", "e07d11c900000003")
    ]

    (group,) = found(tmp_path, *failures)

    assert (group.securities, group.backtests, group.example_security) == (("EMAAR", "FAB"), 4, "FAB")


def test_a_glob_chooses_securities(tmp_path: Path) -> None:
    failures = [a_failure(security=name, combination="9c1f04aa00000001") for name in ("FAB", "EMAAR")]

    assert [g.securities for g in found(tmp_path, *failures, securities=("em*",))] == [("EMAAR",)]
    assert found(tmp_path, *failures, securities=("X*",)) == []


def test_a_sweep_without_failures_has_no_group(tmp_path: Path) -> None:
    assert found(tmp_path) == []


def test_a_backtest_that_two_rows_speak_of_counts_once(tmp_path: Path) -> None:
    whole, one = a_failure(combination=None), a_failure(combination="9c1f04aa00000001")

    (group,) = found(tmp_path, whole, one)

    assert group.backtests == 3
