"""How problems look: as those of a compiler, with the line, a caret and a hint."""

from __future__ import annotations

import pytest

from producer.spec.nodes import Place, Source
from producer.spec.report import Problems
from tasks.errors import SpecInvalid

TEXT = (
    "name: a\n" * 7
    + "paramters:\n  x: 1\n\n  max_pattern_duration: {min: 150, max: 40, step: 10}\n\tfast: 5\n"
)


@pytest.fixture
def problems() -> Problems:
    return Problems(Source("sweep.yaml", TEXT))


def refused(problems: Problems) -> SpecInvalid:
    with pytest.raises(SpecInvalid) as found:
        problems.refuse()
    return found.value


def test_errors_are_sorted_by_position_and_look_as_promised(problems: Problems) -> None:
    source = problems.source
    problems.error(Place(source, 11, 25), "min 150 is greater than max 40")
    problems.error(Place(source, 8, 1), "unknown key 'paramters'", "did you mean 'parameters'?")

    error = refused(problems)

    assert error.report == (
        "sweep.yaml:8:1: error: unknown key 'paramters'\n"
        "    8 | paramters:\n"
        "      | ^ did you mean 'parameters'?\n"
        "sweep.yaml:11:25: error: min 150 is greater than max 40\n"
        "   11 |   max_pattern_duration: {min: 150, max: 40, step: 10}\n"
        "      |                         ^\n"
        "2 errors in sweep.yaml"
    )
    assert error.message == "2 errors in sweep.yaml"
    assert error.exit_code == 2


def test_the_caret_follows_a_tab(problems: Problems) -> None:
    problems.error(Place(problems.source, 12, 8), "no")

    assert refused(problems).report.splitlines()[:3] == [
        "sweep.yaml:12:8: error: no",
        "   12 | \tfast: 5",
        "      | \t      ^",
    ]


def test_a_long_line_is_shown_around_the_caret() -> None:
    problems = Problems(Source("sweep.yaml", "x" * 300 + "HERE" + "y" * 300))
    problems.error(Place(problems.source, 1, 301), "no")

    _, shown, caret, _ = refused(problems).report.splitlines()

    assert len(shown) == len("    1 | ") + 120
    assert shown[caret.index("^") :].startswith("HERE")
    assert shown[8] == shown[-1] == "…"


def test_flags_have_no_line_and_come_last(problems: Problems) -> None:
    flag = Place(Source("-p fast=x", "x", is_file=False))
    problems.error(flag, "fast is a whole number, was 'x'", "say 5")
    problems.error(Place(problems.source, 1, 1), "no")

    assert refused(problems).report.splitlines()[3:] == [
        "-p fast=x: error: fast is a whole number, was 'x'",
        "  hint: say 5",
        "2 errors in sweep.yaml",
    ]


def test_warnings_alone_refuse_nothing(problems: Problems) -> None:
    problems.warning(Place(problems.source, 9, 3), "given twice")

    problems.refuse()

    assert problems.warnings == ("sweep.yaml:9:3: warning: given twice\n    9 |   x: 1\n      |   ^",)


def test_warnings_stand_among_the_errors_and_are_counted(problems: Problems) -> None:
    problems.warning(Place(problems.source, 9, 3), "given twice")
    problems.error(Place(problems.source, 10, 1), "nothing here")

    assert refused(problems).report.splitlines()[-4:] == [
        "sweep.yaml:10:1: error: nothing here",
        "   10 |",
        "      | ^",
        "1 error in sweep.yaml, 1 warning",
    ]


def test_the_same_problem_is_said_once(problems: Problems) -> None:
    for _ in range(2):
        problems.error(Place(problems.source, 1, 1), "no")

    assert refused(problems).message == "1 error in sweep.yaml"
