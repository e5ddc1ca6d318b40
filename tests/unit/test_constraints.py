"""Reading constraints, and where the caret goes when one cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.grid.constraints import ConstraintFailed, ConstraintInvalid, parse

NAMES = ("fast", "slow", "variant", "cap", "flag", "sessions")
VALUES: dict[str, Any] = {
    "fast": 5, "slow": 20, "variant": "v1", "cap": None, "flag": True, "sessions": ["S1", "S2"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("fast < slow", True),
        ("fast < slow < 20", False),
        ("1 <= fast <= 5", True),
        ("variant == 'v2' or slow == 20", True),
        ("not flag and fast", False),
        ("cap == null or cap > fast", True),
        ("cap is None", True),
        ("cap is not null", False),
        ("flag == true", True),
        ("variant in ['v1', 'v2']", True),
        ("fast not in (5, 6)", False),
        ("'S1' in sessions", True),
        ("max(fast, slow) - min(fast, slow, 1) == 19", True),
        ("abs(fast - slow) % 4 == 3 and slow // 3 == 6 and slow / 8 == 2.5", True),
        ("-fast < +slow * 2", True),
        ("  fast <\n slow", True),
    ],
)
def test_an_expression_means_what_it_means_in_python(text: str, answer: bool) -> None:
    assert parse(text, NAMES)(VALUES) is answer


def test_a_constraint_knows_the_parameters_it_uses() -> None:
    assert parse("variant == 'fast' or slow > max(slow, cap)", NAMES).names == ("variant", "slow", "cap")


@pytest.mark.parametrize(
    ("text", "offset", "message", "hint"),
    [
        ("fast < slo", 7, "unknown parameter 'slo'", "did you mean 'slow'?"),
        ("'é' == variant or slo > 1", 18, "unknown parameter 'slo'", "did you mean 'slow'?"),
        ("fast < ", 5, "not an expression", "allowed are names"),
        ("fast <= slow)", 12, "not an expression", "allowed are names"),
        ("fast ** 2 < slow", 0, "'fast ** 2' is not allowed in a constraint", "allowed are names"),
        ("1 < fast.real", 4, "'fast.real' is not allowed in a constraint", "allowed are names"),
        ("slow > open('x')", 7, "'open('x')' is not allowed in a constraint", "allowed are names"),
        ("__import__('os')", 0, "'__import__('os')' is not allowed in a constraint", "allowed are names"),
        ("(lambda: fast)()", 0, "'(lambda: fast)()' is not allowed in a constraint", "allowed are names"),
        ("fast if flag else slow", 0, "'fast if flag else slow' is not allowed", "allowed are names"),
        ("[x for x in sessions]", 0, "'[x for x in sessions]' is not allowed", "allowed are names"),
        ("f'{fast}' == '5'", 0, "is not allowed in a constraint", "allowed are names"),
        ("fast is slow", 8, "'is' is only for null; compare with ==", None),
        ("abs(fast, slow) > 1", 0, "abs takes one value", None),
        ("max() > fast", 0, "max takes values", None),
        ("1 < 2", 0, "no parameter is named here", None),
        ("", 0, "not an expression", "allowed are names"),
        ("not " * 400 + "flag", 200, "more than 50 levels within each other", None),
        ("fast < " + "9" * 3000, 0, "a constraint has at most 2,000 characters", None),
        ("fast < \0", 7, "not an expression", "allowed are names"),
    ],
)
def test_what_cannot_be_read_is_shown_where_it_stands(
    text: str, offset: int, message: str, hint: str | None
) -> None:
    with pytest.raises(ConstraintInvalid) as refused:
        parse(text, NAMES)

    assert message in refused.value.message
    assert refused.value.offset == offset
    assert (refused.value.hint or "").startswith(hint or "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("slow / (fast - 5) > 1", "where slow = 20, fast = 5: division by zero"),
        ("cap < fast", "where cap = null, fast = 5: '<' not supported"),
        ("variant * 3 == 'v1v1v1'", "where variant = 'v1': 'v1' is not a number"),
    ],
)
def test_a_constraint_without_an_answer_says_for_which_values(text: str, why: str) -> None:
    with pytest.raises(ConstraintFailed) as failed:
        parse(text, NAMES)(VALUES)

    assert why in str(failed.value)
