"""manifest.json adds up what the receipts say, and names what was varied."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tasks.plan import SweepSpec
from tasks.records.heartbeat import beat
from tasks.records.ledger import Ledger
from tasks.results import manifest
from tasks.wire.connection import connect
from tests.support.builders import a_node, a_plan, a_receipt, a_space, a_spec

SPEC = a_spec([a_space(10), a_space(10)])
PLAN = a_plan(SPEC, size=5, shard=3)


@pytest.fixture
def ledger(redis_url: str) -> Ledger:
    ledger = Ledger(connect(redis_url), SPEC.sweep_id)
    ledger.create(SPEC)
    ledger.fix_plan(PLAN)
    return ledger


def built(ledger: Ledger, spec: SweepSpec = SPEC) -> dict[str, Any]:
    notes = {0: {"ms": 300}, 1: {"ms": 200}}
    text = manifest.build(ledger, spec, PLAN, notes, {"summary": 20}, 0.5, "done")
    assert text.endswith("}\n")
    return dict(json.loads(text))


def test_phases_nodes_and_counts_are_the_sums_of_the_receipts(ledger: Ledger) -> None:
    beat(ledger.client, a_node("a@x", cores="0-3"))
    for chunk, node in zip(PLAN.chunks, ("a@x", "a@x", "b@y", "a@x"), strict=True):
        request = SPEC.request(chunk, 0.0)
        receipt = a_receipt(
            request,
            ok=3,
            failed=1,
            empty=1,
            node=node,
            load_ms=10.0,
            compute_ms=200.0,
            cpu_ms=190.0,
            encode_ms=5.0,
            wait_ms=1000.0,
            peak_bytes=100 + chunk.first,
        )
        ledger.commit(request, receipt, b"part")

    document = built(ledger)

    times = document["times"]
    assert (times["load_s"], times["compute_s"], times["encode_s"]) == (0.04, 0.8, 0.02)
    assert (times["queue_wait_s"], times["compute_cpu_s"], times["merge_s"]) == (4.0, 0.76, 1.0)
    assert times["finished"] >= times["created"] > 0
    assert document["nodes"] == {
        "a@x": {"chunks": 3, "backtests": 15, "busy_s": 0.645, "peak_bytes": 105, "cores": "0-3"},
        "b@y": {"chunks": 1, "backtests": 5, "busy_s": 0.215, "peak_bytes": 100, "cores": ""},
    }
    counts = document["counts"]
    assert (counts["backtests"], counts["computed"], counts["failed"], counts["empty"]) == (20, 20, 4, 4)
    assert (counts["chunks"], counts["rows"]) == (4, {"summary": 20})


def test_what_was_run_is_named_by_its_content(ledger: Ledger) -> None:
    document = built(ledger)

    assert (document["id"], document["identity"], document["state"]) == (SPEC.sweep_id, SPEC.identity, "done")
    assert document["strategy"] == {"name": "tiny", "sha256": SPEC.fingerprint}
    assert document["data"]["S1"] == {
        "path": SPEC.securities[1].path,
        "sha256": SPEC.securities[1].digest,
    }
    assert set(document["versions"]) == {"python", *manifest.PACKAGES}


def test_two_results_that_differed_are_told(ledger: Ledger) -> None:
    request = SPEC.request(PLAN.chunks[0], 0.0)
    for sha256 in ("a" * 64, "b" * 64):
        ledger.commit(request, a_receipt(request, sha256=sha256), b"part")

    assert built(ledger)["mismatch"] == 1


def test_swept_is_what_has_more_than_one_value_anywhere(ledger: Ledger) -> None:
    wires = (
        {"axes": [["x", [1, 2]], ["fixed", [7]], ["y", [1]]], "points": None},
        {"axes": [["x", [1, 2]], ["fixed", [7]], ["y", [2]]], "points": [["z", [1, 1]], ["w", [1, 2]]]},
    )
    names = ("x", "fixed", "y", "z", "w")
    spec = replace(SPEC, parameters=tuple((name, "int64") for name in names), spaces=wires)

    document = built(ledger, spec)

    assert document["parameters"] == list(names)
    assert document["swept"] == ["x", "y", "w"]


def test_text_is_written_as_it_is(ledger: Ledger) -> None:
    spec = a_spec(overrides={"name": "Übung – 1"})

    text = manifest.build(ledger, spec, PLAN, {}, {}, 0.0, "done")

    assert "Übung – 1" in text
