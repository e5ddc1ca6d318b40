"""The plan as data: what it is named by, and that every process reads the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tasks.plan import ChunkPlan, SweepSpec
from tests.support.builders import a_plan, a_request, a_security, a_space, a_spec

SPEC = a_spec([a_space(10), a_space(20, "x > 3")])


def test_a_spec_survives_its_way_through_redis() -> None:
    spec = a_spec(
        traces={"trades": [["step", "int64"]]},
        groups=("x",),
        overrides={"seed": 3},
        text="name: try – ä\n",
        max_failures=3,
        start_ns=-1,
    )

    assert SweepSpec.from_bytes(spec.to_bytes()) == spec
    assert SweepSpec.from_bytes(spec.to_bytes()).identity == spec.identity


def test_a_plan_survives_its_way_through_redis() -> None:
    plan = a_plan(SPEC, size=3, shard=2)

    assert ChunkPlan.from_bytes(plan.to_bytes()) == plan
    assert plan.shard(1) == plan.chunks[2:4]
    assert plan.cost_ms == sum(c.cost_ms for c in plan.chunks)


def test_a_large_plan_is_a_small_string() -> None:
    plan = a_plan(a_spec([a_space(100_000)]), size=5)

    assert len(plan.chunks) == 20_000
    assert len(plan.to_bytes()) < 300_000


@pytest.mark.parametrize(
    "changed",
    [
        {"strategy": "other"},
        {"fingerprint": "0" * 64},
        {"keep": ("summary", "trades")},
        {"start_ns": 1},
        {"end_ns": 1},
        {"seed": 1},
        {"kind": "bars"},
        {"parameters": (("x", "float64"),)},
        {"spaces": (a_space(11).to_wire(), a_space(20).to_wire())},
        {"securities": (a_security("S0", digest="0" * 64),)},
        {"securities": (a_security("OTHER"),)},
        {"securities": (a_security("S0", last=5),)},
        {"chunk": {"size": 7}},
    ],
)
def test_whatever_decides_results_or_chunks_is_in_the_identity(changed: dict[str, Any]) -> None:
    assert replace(SPEC, **changed).identity != SPEC.identity


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "other"},
        {"sweep_id": "other-123456"},
        {"results": "/elsewhere"},
        {"text": "# a comment"},
        {"overrides": {"name": "other"}},
        {"timeout_seconds": 1.0},
        {"retries": 0},
        {"queue": "other"},
        {"max_failures": 0},
        {"metric": {"name": "n", "goal": "minimize", "min_trades": 3}},
    ],
)
def test_what_decides_no_result_is_not_in_the_identity(changed: dict[str, Any]) -> None:
    assert replace(SPEC, **changed).identity == SPEC.identity


def test_the_identity_does_not_depend_on_where_the_data_lies() -> None:
    moved = tuple(replace(s, path=f"/mnt{s.path}", events=0) for s in SPEC.securities)

    assert replace(SPEC, securities=moved).identity == SPEC.identity


def test_a_spec_counts_what_constraints_and_limits_leave() -> None:
    spec = a_spec([a_space(10, "x > 3")], securities=(a_security(of=a_space(10, "x > 3"), last=7),))

    assert spec.total == 3


def test_a_request_names_the_chunk_for_eye_and_ledger() -> None:
    chunk = a_plan(SPEC, size=5).chunks[2]

    request = SPEC.request(chunk, published=1.5)

    assert request == replace(
        a_request(security=1, first=0, last=5, cost_ms=chunk.cost_ms), label="S1 0-4", published=1.5
    )
    assert request.name == chunk.name


def test_the_slice_of_a_security_is_named_by_its_content() -> None:
    ref = replace(SPEC, start_ns=1, end_ns=2).slice_ref(1)

    assert (ref.security, ref.digest, ref.start_ns, ref.end_ns) == ("S1", SPEC.securities[1].digest, 1, 2)


def test_the_identity_does_not_depend_on_where_the_code_lies() -> None:
    here, there = (replace(SPEC, strategy=f"{folder}/gap.py:Gap") for folder in ("/a", "/b/c"))

    assert here.identity == there.identity != replace(SPEC, strategy="/a/other.py:Gap").identity


def test_a_spec_keeps_its_identity_when_it_gets_its_id_and_folder() -> None:
    placed = SPEC.with_id("try-123456", "/results/123456")

    assert (placed.sweep_id, placed.results) == ("try-123456", "/results/123456")
    assert placed.identity == SPEC.identity
