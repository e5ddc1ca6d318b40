"""Laws of a space of combinations: counting agrees with making, and cutting changes nothing."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tasks.grid.combinations import Space, identity
from tasks.grid.constraints import parse

NAMES = ("a", "b", "c", "d")
EXPRESSIONS = ("a < b", "b <= c", "a + c > d", "d != 2 or a > 0", "c % 2 == 0", "max(a, b) >= d - 1", "e > a")

axes = st.lists(st.integers(1, 5), min_size=4, max_size=4).map(
    lambda sizes: tuple((n, tuple(range(s))) for n, s in zip(NAMES, sizes, strict=True))
)
constraints = st.lists(st.sampled_from(EXPRESSIONS), max_size=4, unique=True).map(tuple)


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    chosen, limits = draw(axes), draw(constraints)
    if draw(st.booleans()):
        return Space(axes=chosen, constraints=limits, defaults=(("e", 2),))
    rows = [row for row in product(*(v for _, v in chosen[1:])) if draw(st.booleans())] or [(0, 0, 0)]
    points = tuple((n, tuple(r[i] for r in rows)) for i, n in enumerate(NAMES[1:]))
    return Space(axes=(("a", (1,)),), points=points, constraints=limits, defaults=(("e", 2),))


def plainly(space: Space) -> list[tuple[int, dict[str, Any]]]:
    """Every valid combination with its raw index, the slow and obvious way."""
    crossed = [
        dict(zip([n for n, _ in space.axes], row, strict=True))
        for row in product(*(v for _, v in space.axes))
    ]
    if space.points is not None:
        listed = zip(*(v for _, v in space.points), strict=True)
        crossed = [
            c | dict(zip([n for n, _ in space.points], row, strict=True)) for row in listed for c in crossed
        ]
    rules = [parse(t, [*space.names, "e"]) for t in space.constraints]
    return [(i, c) for i, c in enumerate(crossed) if all(rule({**c, "e": 2}) for rule in rules)]


@given(space=spaces())
def test_what_is_made_is_what_a_plain_loop_makes(space: Space) -> None:
    block = space.block(0, space.raw_size)

    assert list(zip(block.raw.tolist(), block.rows(), strict=True)) == plainly(space)
    assert block.ids() == [identity(c) for _, c in plainly(space)]


@given(space=spaces(), data=st.data())
def test_counting_agrees_with_making(space: Space, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, space.raw_size))
    last = data.draw(st.integers(first, space.raw_size))
    n = data.draw(st.integers(0, 40))

    raw = [i for i, _ in plainly(space)]

    assert space.count() == len(raw)
    assert (
        space.count_between(first, last)
        == len(space.block(first, last))
        == sum(first <= i < last for i in raw)
    )
    assert len(space.block(0, space.first_raw(n))) == min(n, len(raw))
    assert space.first_raw(n) == (([-1, *raw][min(n, len(raw))]) + 1)


@given(space=spaces(), cuts=st.lists(st.integers(0, 625), max_size=5))
def test_however_it_is_cut_the_combinations_are_the_same(space: Space, cuts: list[int]) -> None:
    bounds = [0, *sorted(min(c, space.raw_size) for c in cuts), space.raw_size]

    pieces = [space.block(a, b) for a, b in pairwise(bounds)]

    whole = space.block(0, space.raw_size)
    assert [i for p in pieces for i in p.ids()] == whole.ids()
    assert [r for p in pieces for r in p.rows()] == whole.rows()
    assert len(set(whole.ids())) == len(whole)
