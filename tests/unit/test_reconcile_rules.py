"""How much is on the queue: enough for every core, and no more than Redis should hold."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.lead.reconcile import CHUNKS_PER_SLOT, LEAST_OUTSTANDING, View, shards_to_publish

SIZES = (500,) * 10


def a_view(**changed: Any) -> View:
    fields: dict[str, Any] = {
        "state": "open",
        "shards": 10,
        "published": 0,
        "planned_in_published": 0,
        "done_in_published": 0,
        "slots": 8,
    }
    return View(**{**fields, **changed})


def test_at_first_one_shard_goes_out_on_a_small_fleet() -> None:
    assert shards_to_publish(a_view(), SIZES) == 1


def test_a_fleet_gets_several_chunks_for_each_core() -> None:
    count = shards_to_publish(a_view(slots=500), SIZES)

    assert count * 500 >= CHUNKS_PER_SLOT * 500
    assert count == 4


def test_nothing_goes_out_while_as_much_is_still_to_be_done() -> None:
    view = a_view(published=1, planned_in_published=500, done_in_published=0)

    assert shards_to_publish(view, SIZES) == 0


def test_the_next_goes_out_as_soon_as_less_than_the_window_is_left() -> None:
    view = a_view(published=1, planned_in_published=500, done_in_published=1)

    assert shards_to_publish(view, SIZES) == 1


@pytest.mark.parametrize("slots", [0, 1, 100, 1000])
def test_what_is_out_is_never_more_than_the_window_and_one_shard(slots: int) -> None:
    done = published = 0
    while published < len(SIZES):
        view = a_view(
            published=published,
            planned_in_published=500 * published,
            done_in_published=done,
            slots=slots,
        )
        more = shards_to_publish(view, SIZES)
        published += more
        assert 500 * published - done < max(CHUNKS_PER_SLOT * slots, LEAST_OUTSTANDING) + 500
        if not more:
            done += 100

    assert published == len(SIZES)


def test_shards_of_a_few_chunks_are_not_published_one_by_one() -> None:
    assert shards_to_publish(a_view(shards=5), (100,) * 5) == 5


@pytest.mark.parametrize("state", ["cancelling", "cancelled", "done", "failed"])
def test_nothing_goes_out_for_a_sweep_that_is_not_open(state: str) -> None:
    assert shards_to_publish(a_view(state=state), SIZES) == 0


def test_nothing_goes_out_when_all_is_out() -> None:
    view = a_view(published=10, planned_in_published=5000, done_in_published=4999)

    assert shards_to_publish(view, SIZES) == 0
