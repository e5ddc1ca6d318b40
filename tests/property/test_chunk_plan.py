"""The law of the planner: every backtest is in exactly one chunk, in order, whatever is measured or asked."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tasks.grid.combinations import Space
from tasks.lead.chunking import MOST_ROWS, SHARD_CHUNKS, SHARD_ROWS, cut, pilot
from tasks.plan import Chunk, ChunkPlan, SecurityWork, SweepSpec
from tests.support.builders import a_security, a_spec

NAMES = ("a", "b", "c")
EXPRESSIONS = ("a < b", "b != c", "a + c > 3", "(a + b + c) % 3 == 0", "a == 1", "a < 0", "c > 1 or a > 2")

sizes = st.lists(st.integers(1, 9), min_size=3, max_size=3)
limits = st.none() | st.integers(0, 200)
spaces = st.builds(
    lambda sizes, rules: Space(
        axes=tuple((n, tuple(range(s))) for n, s in zip(NAMES, sizes, strict=True)), constraints=tuple(rules)
    ),
    sizes,
    st.lists(st.sampled_from(EXPRESSIONS), max_size=2, unique=True),
)
rules = st.one_of(
    st.builds(lambda n: {"size": n}, st.integers(1, 60)),
    st.fixed_dictionaries(
        {
            "target_seconds": st.floats(0.001, 100),
            "least": st.integers(1, 20),
            "most": st.none() | st.integers(20, 60),
        }
    ),
)
milliseconds = st.none() | st.floats(0, 10_000)


@st.composite
def specs(draw: st.DrawFn) -> SweepSpec:
    """A few securities, each with a space and a limit of its own, or with those of the one before."""
    found, securities = list[Space](), list[SecurityWork]()
    last = 0
    for i in range(draw(st.integers(1, 7))):
        if not found or draw(st.booleans()):
            found.append(draw(spaces))
            limit = draw(limits)
            last = found[-1].raw_size if limit is None else found[-1].first_raw(limit)
        events = draw(st.integers(0, 10**6))
        space = len(found) - 1
        securities.append(a_security(f"S{i}", found[space], space=space, last=last, events=events))
    groups = draw(st.lists(st.sampled_from(NAMES), unique=True).map(tuple))
    return a_spec(found, securities=tuple(securities), groups=groups, chunk=draw(rules))


def piloted(spec: SweepSpec, slots: int, data: st.DataObject) -> dict[Chunk, float | None]:
    """Rounds of pilots until the planner wants no more, each with some time or none."""
    measured: dict[Chunk, float | None] = {}
    for _ in range(100):
        more = pilot(spec, slots, measured)
        if not more:
            return measured
        measured |= {chunk: data.draw(milliseconds) for chunk in more}
    raise AssertionError("the pilot never ends")


def plan_of(spec: SweepSpec, data: st.DataObject) -> ChunkPlan:
    slots = data.draw(st.integers(1, 300))
    return cut(spec, slots, piloted(spec, slots, data))


@given(spec=specs(), data=st.data())
def test_every_backtest_is_in_exactly_one_chunk_and_chunks_are_in_order(
    spec: SweepSpec, data: st.DataObject
) -> None:
    plan = plan_of(spec, data)

    for i, work in enumerate(spec.securities):
        own = [c for c in plan.chunks if c.security <= i < c.until]
        blocks = [spec.space(i).block(c.first, c.last).raw.tolist() for c in own]
        assert [raw for block in blocks for raw in block] == spec.space(i).block(0, work.last).raw.tolist()
        assert [len(block) * c.count for block, c in zip(blocks, own, strict=True)] == [c.rows for c in own]
        assert all(c.rows > 0 for c in own)
        assert all(c.cost_ms > 0 for c in own)
    assert all(b.security >= a.until - (a.count == 1) for a, b in pairwise(plan.chunks))
    assert len({c.name for c in plan.chunks}) == len(plan.chunks)
    assert sum(c.rows for c in plan.chunks) == spec.total


@given(spec=specs(), data=st.data())
def test_a_chunk_of_several_securities_holds_the_same_combinations_of_each_and_all_of_them(
    spec: SweepSpec, data: st.DataObject
) -> None:
    plan = plan_of(spec, data)

    for chunk in plan.chunks:
        works = spec.securities[chunk.security : chunk.until]
        assert len({(w.space, w.last) for w in works}) == 1
        assert chunk.count == 1 or (chunk.first, chunk.last) == (0, works[0].last)


@given(spec=specs(), data=st.data())
def test_shards_hold_every_chunk_once_and_are_bounded(spec: SweepSpec, data: st.DataObject) -> None:
    plan = plan_of(spec, data)

    assert [c for shard in range(len(plan.shards)) for c in plan.shard(shard)] == list(plan.chunks)
    for first, last in plan.shards:
        rows = sum(c.rows for c in plan.chunks[first:last])
        assert 0 < last - first <= SHARD_CHUNKS
        assert rows <= SHARD_ROWS or last - first == 1


@given(spec=specs(), data=st.data())
def test_a_size_is_kept_to_the_row_and_bounds_are_never_exceeded(
    spec: SweepSpec, data: st.DataObject
) -> None:
    slots = data.draw(st.integers(1, 300))
    measured = piloted(spec, slots, data)
    plan, pilots = cut(spec, slots, measured), {c.security for c in measured}

    size, most = spec.chunk.get("size"), spec.chunk.get("most") or MOST_ROWS
    for i in range(len(spec.securities)):
        rows = [c.rows for c in plan.chunks if c.security == i and c.count == 1]
        together = [c.rows for c in plan.chunks if c.security == i and c.count > 1]
        assert all(r <= (size or most) or i in pilots for r in together)
        if size:
            assert all(r == size for r in rows[:-1])
            assert not rows or rows[-1] <= size
        else:
            assert all(r <= most for r in rows)


@given(
    shape=st.tuples(st.integers(2, 9), st.integers(2, 9), st.integers(1, 9)),
    groups=st.sampled_from([("a",), ("b",), ("a", "b"), ("c",)]),
    most=st.integers(1, 60),
    slots=st.integers(1, 3),
)
def test_a_chunk_is_within_what_shares_work_or_holds_it_whole(
    shape: tuple[int, ...], groups: tuple[str, ...], most: int, slots: int
) -> None:
    space = Space(axes=tuple((n, tuple(range(s))) for n, s in zip(NAMES, shape, strict=True)))
    spec = a_spec([space], groups=groups, chunk={"most": most})
    shared = [tuple(row[n] for n in groups) for row in space.block(0, space.raw_size).rows()]
    starts = {i for i, value in enumerate(shared) if i == 0 or value != shared[i - 1]} | {space.raw_size}

    plan = cut(spec, slots, {})

    for chunk in plan.chunks:
        if any(chunk.first < start < chunk.last for start in starts):
            assert {chunk.first, chunk.last} <= starts
