"""A parameter in each of its forms, against its declaration."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from producer.spec import nodes
from producer.spec.model import ParameterSpec
from producer.spec.nodes import Source
from producer.spec.report import Problems
from producer.spec.values import Choice, choice
from tasks.grid.parameters import Parameter, ParameterType

MAP_HINT = "a map as one value is written {value: {…}}"
NUM_HINT = "for example {min: 1, max: 3, num: 5}"
SPEC: TypeAdapter[Any] = TypeAdapter(ParameterSpec)


def chosen(kind: ParameterType, written: str, problems: Problems | None = None, **more: Any) -> Choice | None:
    source = Source("sweep.yaml", f"p: {written}\n")
    node = nodes.at(nodes.read(source).tree, ("p",))  # type: ignore[arg-type]  # it is a map
    assert node is not None
    spec = SPEC.validate_python(nodes.plain(node), strict=True)
    return choice(
        Parameter(name="p", type=kind, default=None, **more), spec, node, problems or Problems(source)
    )


@pytest.mark.parametrize(
    ("kind", "written", "values"),
    [
        ("int", "10", (10,)),
        ("float", "10", (10.0,)),
        ("int", "[5, 10, 20]", (5, 10, 20)),
        ("int", "{values: [5, 10]}", (5, 10)),
        ("int", "{value: 10}", (10,)),
        ("str", "[v1, v2]", ("v1", "v2")),
        ("bool", "[true, false]", (True, False)),
        ("list", "[[0, 2, 4]]", ([0, 2, 4],)),
        ("list", "[[S1], [S1, S2]]", (["S1"], ["S1", "S2"])),
        ("list", "{value: [0, 2]}", ([0, 2],)),
        ("map", "{value: {S1: '02:00'}}", ({"S1": "02:00"},)),
        ("map", "[{a: 1}, {a: 2}]", ({"a": 1}, {"a": 2})),
        ("int", "{min: 5, max: 20, step: 5}", (5, 10, 15, 20)),
        ("int", "{min: 5, max: 19, step: 5}", (5, 10, 15)),
        ("int", "{min: 2, max: 5}", (2, 3, 4, 5)),
        ("int", "{min: 2, max: 2}", (2,)),
        ("int", "{min: 1, max: 1000, num: 4, log: true}", (1, 10, 100, 1000)),
        ("int", "{min: 1, max: 3, num: 9}", (1, 2, 3)),
        ("float", "{min: 0.1, max: 0.5, step: 0.1}", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("float", "{min: 1.0, max: 3.0, step: 0.5}", (1.0, 1.5, 2.0, 2.5, 3.0)),
        ("float", "{min: -0.2, max: 0.1, step: 0.1}", (-0.2, -0.1, 0.0, 0.1)),
        ("float", "{min: 0, max: 1, num: 4}", (0.0, 1 / 3, 2 / 3, 1.0)),
        (
            "float",
            "{min: 0.001, max: 1, num: 7, log: true}",
            (0.001, 10**-2.5, 0.01, 10**-1.5, 0.1, 10**-0.5, 1.0),
        ),
        ("float", "{min: 5, max: 5}", (5.0,)),
        ("float", "{min: 3, max: 9, num: 1}", (3.0,)),
    ],
)
def test_every_form_means_its_values(kind: ParameterType, written: str, values: tuple[Any, ...]) -> None:
    found = chosen(kind, written)

    assert found is not None
    assert repr(found.values()) == repr(values)
    assert found.size == len(values)


def test_null_is_a_value_where_the_parameter_takes_it() -> None:
    found = chosen("float", "[null, 1500000]", nullable=True)

    assert found is not None
    assert found.values() == (None, 1500000.0)


def test_a_range_is_counted_without_being_made() -> None:
    found = chosen("float", "{min: 0, max: 1e300, step: 1e-300}")

    assert found is not None
    assert found.size > 10**29


def test_a_value_given_twice_counts_once_with_a_warning() -> None:
    problems = Problems(Source("sweep.yaml", ""))

    found = chosen("float", "[1, 2, 1.0]", problems)

    assert found is not None
    assert found.values() == (1.0, 2.0)
    assert [(p.place.column, p.message) for p in problems.found] == [
        (11, "p 1.0 is given twice; it counts once")
    ]


@pytest.mark.parametrize(
    ("kind", "written", "column", "message", "hint"),
    [
        ("int", "[5, x]", 8, "p is a whole number, was 'x'", None),
        ("int", "{values: [5, 2.5]}", 17, "p is a whole number, was 2.5", None),
        ("int", "{value: x}", 12, "p is a whole number, was 'x'", None),
        ("str", "7", 4, "p is text, was 7", "put it in quotes"),
        ("list", "[0, 2]", 4, "p is a list itself; [0, 2] would be 2 values of it", "write [[0, 2]]"),
        ("list", "7", 4, "p is a list, was 7", None),
        ("str", "{min: 1, max: 2}", 4, "p is text; a range is for numbers", "list its values: [a, b]"),
        ("map", "{min: 1, max: 2}", 4, "p is a map; a range is for numbers", MAP_HINT),
        ("int", "{min: 1.5, max: 3}", 10, "p is a whole number, was 1.5", None),
        ("int", "{min: 1, max: 3, step: 0.5}", 27, "step is a whole number here, was 0.5", None),
        ("float", "{min: 1, max: 3}", 4, "a range of p needs step or num", NUM_HINT),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_where_it_stands(
    kind: ParameterType, written: str, column: int, message: str, hint: str | None
) -> None:
    problems = Problems(Source("sweep.yaml", ""))

    assert chosen(kind, written, problems) is None
    assert [(p.place.column, p.message, p.hint) for p in problems.found] == [(column, message, hint)]


def test_bounds_hold_for_both_ends_of_a_range() -> None:
    problems = Problems(Source("sweep.yaml", ""))

    chosen("int", "{min: 0, max: 900}", problems, min=1, max=100)

    assert [(p.place.column, p.message) for p in problems.found] == [
        (10, "p is at least 1, was 0"),
        (18, "p is at most 100, was 900"),
    ]
