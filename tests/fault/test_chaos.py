"""A25: random faults from a seed; the same bytes. `make chaos` is the long form."""

from __future__ import annotations

import pytest

from tests.fault.chaos import campaign

CHUNKS = 240


@pytest.mark.fault
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a25_whatever_happens_the_bytes_are_the_same(seed: int) -> None:
    setup = campaign.setup_for("tallied", "redis", CHUNKS)

    (outcome,) = campaign.run(setup, seed, 0, print).outcomes

    assert outcome.wrong == ""
    assert outcome.faults.total() >= 3
    assert outcome.executed - outcome.planned <= 10 * outcome.faults.total()
