"""Counting, naming and making combinations."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from tasks.grid.combinations import Space, SpaceTooLarge, identity


def test_the_first_parameter_is_outermost() -> None:
    space = Space(axes=(("b", (1, 2)), ("a", ("x", "y", "z"))))

    block = space.block(0, space.raw_size)

    assert block.names == ("b", "a")
    assert [(r["b"], r["a"]) for r in block.rows()] == [
        (1, "x"), (1, "y"), (1, "z"), (2, "x"), (2, "y"), (2, "z"),
    ]  # fmt: skip
    assert block.columns == {"b": [1, 1, 1, 2, 2, 2], "a": ["x", "y", "z"] * 2}


def test_an_id_is_a_hash_of_the_canonical_json_whatever_the_order_in_the_file() -> None:
    values = {"slow": 10.0, "fast": None, "größe": "é", "days": [0, 2], "on": True, "m": {"b": 1, "a": 2}}
    written = '{"days":[0,2],"fast":null,"größe":"é","m":{"a":2,"b":1},"on":true,"slow":10.0}'

    forward = Space(axes=tuple((n, (v,)) for n, v in values.items())).block(0, 1).ids()
    backward = Space(axes=tuple((n, (v,)) for n, v in reversed(values.items()))).block(0, 1).ids()

    assert forward == backward == [sha256(written.encode()).hexdigest()[:16]] == [identity(values)]


def test_a_sweep_without_parameters_has_one_combination() -> None:
    block = Space(axes=()).block(0, 1)

    assert (Space(axes=()).count(), len(block), block.rows()) == (1, 1, [{}])
    assert block.ids() == [sha256(b"{}").hexdigest()[:16]]


def test_a_grid_of_any_size_is_counted_without_being_built() -> None:
    space = Space(axes=tuple((f"p{i}", tuple(range(10))) for i in range(30)))

    assert space.raw_size == space.count() == 10**30


def test_constraints_leave_combinations_out_and_keep_the_raw_index() -> None:
    space = Space(
        axes=(("fast", (1, 2, 3)), ("kind", ("a", "b")), ("slow", (2, 3))), constraints=("fast < slow",)
    )

    block = space.block(3, 12)

    assert space.count() == 6
    assert block.raw.tolist() == [3, 5, 7]
    assert block.rows() == [
        {"fast": 1, "kind": "b", "slow": 3},
        {"fast": 2, "kind": "a", "slow": 3},
        {"fast": 2, "kind": "b", "slow": 3},
    ]


def test_a_chain_of_constraints_is_counted_without_crossing_all_its_axes() -> None:
    axes = tuple((f"p{i}", tuple(range(40))) for i in range(12))
    chain = tuple(f"p{i} < p{i + 1}" for i in range(11))

    count = Space(axes=axes, constraints=chain).count()

    assert count == 5_586_853_480  # the ways to choose 12 of 40


def test_two_constraints_on_the_same_axes_both_hold() -> None:
    space = Space(
        axes=(("a", tuple(range(5))), ("b", tuple(range(5)))), constraints=("a < b", "b - a < 3", "a > 0")
    )

    assert [(r["a"], r["b"]) for r in space.block(0, 25).rows()] == [(1, 2), (1, 3), (2, 3), (2, 4), (3, 4)]
    assert space.count() == 5


def test_a_constraint_may_mention_a_parameter_that_has_its_default() -> None:
    space = Space(
        axes=(("fast", (1, 5, 9)),), constraints=("fast < slow", "slow == 7"), defaults=(("slow", 7),)
    )

    block = space.block(0, 3)

    assert block.rows() == [{"fast": 1}, {"fast": 5}]
    assert Space(axes=space.axes, constraints=("slow == 8",), defaults=space.defaults).count() == 0


def test_points_are_listed_and_common_values_stand_in_front() -> None:
    points = (("a", (3, 1, 2)), ("b", (None, 0.5, 0.5)))
    space = Space(axes=(("kind", ("x",)),), points=points, constraints=("a > 1 or b == 0",))

    block = space.block(0, 3)

    assert (space.raw_size, space.count(), space.names) == (3, 2, ("kind", "a", "b"))
    assert block.rows() == [{"kind": "x", "a": 3, "b": None}, {"kind": "x", "a": 2, "b": 0.5}]
    assert block.raw.tolist() == [0, 2]
    assert block.ids() == [identity(r) for r in block.rows()]


def test_points_without_any_parameter_are_one_combination() -> None:
    assert Space(axes=(("kind", ("x",)),), points=()).block(0, 9).rows() == [{"kind": "x"}]


def test_the_first_n_valid_combinations_end_at_a_raw_bound() -> None:
    space = Space(axes=(("a", tuple(range(6))),), constraints=("a % 2 == 1",))

    assert [space.first_raw(n) for n in (0, 1, 2, 3, 4)] == [0, 2, 4, 6, 6]
    assert space.count_between(1, 4) == 2


def test_a_constraint_over_too_many_values_says_so() -> None:
    axes = tuple((n, tuple(range(10_000))) for n in "ab")

    with pytest.raises(
        SpaceTooLarge, match="'a < b' links 100,000,000 combinations; 20,000,000 is the limit"
    ):
        Space(axes=axes, constraints=("a < b",)).count()


def test_a_space_survives_its_message() -> None:
    space = Space(
        axes=(("a", (1, 2)), ("b", (0.5, None)), ("days", ([0, 2],))),
        constraints=("a < c",),
        defaults=(("c", 2),),
    )

    again = Space.from_wire(json.loads(json.dumps(space.to_wire())))

    assert again.to_wire() == space.to_wire()
    assert again.block(0, 4).ids() == space.block(0, 4).ids()
