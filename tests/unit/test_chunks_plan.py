"""How a sweep is cut: what is measured first, and what the sizes follow from."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.grid.combinations import Space
from tasks.lead.chunking import (
    MOST_PILOTS,
    PILOT_MS,
    PILOT_ROWS,
    SHARD_CHUNKS,
    UNMEASURED_BACKTESTS,
    cut,
    pilot,
)
from tasks.plan import Chunk, SweepSpec
from tests.support.builders import a_security, a_space, a_spec

AUTO: dict[str, Any] = {"target_seconds": 2.0}


def auto(combinations: int, **changed: Any) -> SweepSpec:
    return a_spec([a_space(combinations)], **{"chunk": AUTO, **changed})


def measured(spec: SweepSpec, ms_each: float, slots: int = 2) -> dict[Chunk, float | None]:
    """Rounds of pilots on a machine where each combination takes that long."""
    found: dict[Chunk, float | None] = {}
    while more := pilot(spec, slots, found):
        found |= {c: c.rows * ms_each for c in more}
    return found


def sizes(spec: SweepSpec, ms_each: float, slots: int = 2) -> list[int]:
    """Of the chunks that are not pilots."""
    pilots = measured(spec, ms_each, slots)
    names = {c.name for c in pilots}
    return [c.rows for c in cut(spec, slots, pilots).chunks if c.name not in names]


# --- the pilot -------------------------------------------------------------------------------------------


def test_a_small_sweep_is_not_measured() -> None:
    assert pilot(auto(UNMEASURED_BACKTESTS), 2, {}) == ()


def test_a_sweep_of_fixed_chunks_is_not_measured() -> None:
    assert pilot(auto(10_000, chunk={"size": 50}), 2, {}) == ()


def test_the_first_round_is_a_few_small_chunks_over_all_securities() -> None:
    spec = a_spec([a_space(1000)] * 4, chunk=AUTO)

    pilots = pilot(spec, 4, {})

    assert len(pilots) == 8
    assert {c.security for c in pilots} == {0, 1, 2, 3}
    assert {c.rows for c in pilots} == {PILOT_ROWS}


@pytest.mark.parametrize("slots", [1, 8, 1000])
def test_a_round_is_a_few_chunks_whatever_the_fleet(slots: int) -> None:
    assert 2 <= len(pilot(auto(100_000), slots, {})) <= MOST_PILOTS


def test_a_security_without_combinations_is_not_measured() -> None:
    spec = a_spec([a_space(1000), a_space(1000, "x < 0")], chunk=AUTO)

    assert {c.security for c in pilot(spec, 2, {})} == {0}


def test_rounds_grow_until_one_takes_long_enough_to_tell() -> None:
    spec = auto(1_000_000)

    pilots = measured(spec, 0.1)

    largest = max(c.rows for c in pilots)
    assert largest > 10 * PILOT_ROWS
    assert largest * 0.1 >= PILOT_MS


def test_a_slow_backtest_is_measured_on_few_combinations() -> None:
    pilots = measured(auto(10_000), 1000.0)

    assert sum(c.rows for c in pilots) <= 100


# --- sizes -----------------------------------------------------------------------------------------------


def test_chunks_take_about_the_time_that_was_asked_for() -> None:
    found = sizes(auto(100_000), 10.0)

    assert all(150 <= rows <= 200 for rows in found)


def test_a_shorter_target_gives_smaller_chunks() -> None:
    spec = auto(100_000, chunk={"target_seconds": 0.5})

    assert all(40 <= rows <= 50 for rows in sizes(spec, 10.0))


def test_no_chunk_is_more_than_a_quarter_of_a_cores_work() -> None:
    spec = auto(4000)  # 20 s on two cores

    assert max(sizes(spec, 10.0)) <= 4000 / 2 / 4


def test_on_a_large_fleet_chunks_are_longer_so_that_few_start_in_a_second() -> None:
    found = sizes(auto(200_000), 1000.0, slots=4096)

    assert min(found[:-1]) >= 7  # 4,096 cores / 500 starts a second: 8 s


def test_a_chunk_keeps_well_within_the_time_limit() -> None:
    assert max(sizes(auto(100_000, timeout_seconds=5.0), 10.0)) <= 50


def test_bounds_win_over_the_measured_size() -> None:
    fast = auto(100_000, chunk={"target_seconds": 2.0, "least": 10, "most": 100})

    assert max(sizes(fast, 0.01)) <= 100
    assert min(sizes(fast, 1000.0)[:-1]) >= 5  # split evenly, so none is a mere rest


def test_a_security_with_twice_the_events_gets_half_the_combinations() -> None:
    spaces = [a_space(100_000), a_space(100_000)]
    securities = (
        a_security("SLOW", spaces[0], space=0, events=2000),
        a_security("FAST", spaces[1], space=1, events=1000),
    )
    spec = a_spec(spaces, securities=securities, chunk=AUTO)
    pilots: dict[Chunk, float | None] = {
        c: c.rows * (20.0 if c.security == 0 else 10.0) for c in pilot(spec, 2, {})
    }

    chunks = cut(spec, 2, pilots).chunks

    count = [sum(c.security == i for c in chunks) for i in (0, 1)]
    assert count[0] == pytest.approx(2 * count[1], rel=0.1)


def test_pilots_are_chunks_of_the_plan_whether_they_came_back_or_not() -> None:
    spec = auto(10_000)
    pilots: dict[Chunk, float | None] = dict.fromkeys(pilot(spec, 2, {}))
    first = next(iter(pilots))
    pilots[first] = 80.0

    plan = cut(spec, 2, pilots)

    assert {c.name for c in pilots} <= {c.name for c in plan.chunks}
    assert next(c for c in plan.chunks if c.name == first.name).cost_ms == 80


def test_a_small_unmeasured_sweep_is_spread_over_the_cores() -> None:
    plan = cut(auto(32), 4, {})

    assert 8 <= len(plan.chunks) <= 32


def test_a_fixed_size_is_kept_to_the_combination() -> None:
    plan = cut(auto(95, chunk={"size": 10}), 2, {})

    assert [c.rows for c in plan.chunks] == [10] * 9 + [5]


def test_a_group_is_not_mixed_with_the_next() -> None:
    space = Space(axes=(("variant", ("v1", "v2", "v3")), ("x", tuple(range(10)))))

    small = cut(a_spec([space], groups=("variant",), chunk={"most": 7}), 1, {})
    large = cut(a_spec([space], groups=("variant",), chunk={"least": 25}), 1, {})

    assert [(c.first, c.last) for c in small.chunks][:3] == [(0, 5), (5, 10), (10, 15)]
    assert [(c.first, c.last) for c in large.chunks] == [(0, 20), (20, 30)]


def test_shards_are_full_but_for_the_last() -> None:
    plan = cut(auto(SHARD_CHUNKS * 2 + 7, chunk={"size": 1}), 2, {})

    assert [last - first for first, last in plan.shards] == [SHARD_CHUNKS, SHARD_CHUNKS, 7]


def test_a_sweep_without_a_backtest_has_no_chunk() -> None:
    plan = cut(a_spec([a_space(10, "x < 0")], chunk=AUTO), 2, {})

    assert (plan.chunks, plan.shards) == ((), ())


# --- many small securities -------------------------------------------------------------------------------


def many(securities: int, combinations: int = 1, **changed: Any) -> SweepSpec:
    space = a_space(combinations)
    works = tuple(a_security(f"S{i:04}", space, space=0) for i in range(securities))
    return a_spec([space], securities=works, **{"chunk": AUTO, **changed})


def test_small_securities_share_a_task() -> None:
    spec = many(400)

    pilots = measured(spec, 2.0)
    plan = cut(spec, 2, pilots)

    assert max(c.count for c in pilots) > 10
    assert len(plan.chunks) < 20
    assert sum(c.rows for c in plan.chunks) == 400


def test_every_core_has_a_share_of_small_securities() -> None:
    assert len(cut(many(400), 4, measured(many(400), 0.2, slots=4)).chunks) >= 4


def test_a_security_that_is_a_task_s_work_stands_alone() -> None:
    spec = many(3, 1000)

    assert {c.count for c in cut(spec, 2, measured(spec, 50.0)).chunks} == {1}


def test_as_many_combinations_as_were_asked_for_whichever_securities_they_are_of() -> None:
    assert [c.rows for c in cut(many(10, 2, chunk={"size": 6}), 2, {}).chunks] == [6, 6, 6, 2]
    assert [c.count for c in cut(many(3, 2, chunk={"size": 1}), 2, {}).chunks] == [1] * 6


def test_securities_with_other_combinations_do_not_share_a_task() -> None:
    spaces = [a_space(3), a_space(4)]
    works = tuple(a_security(f"S{i}", spaces[i // 2], space=i // 2) for i in range(4))
    spec = a_spec(spaces, securities=works, chunk={"size": 100})

    assert [(c.security, c.count, c.last) for c in cut(spec, 2, {}).chunks] == [(0, 2, 3), (2, 2, 4)]
