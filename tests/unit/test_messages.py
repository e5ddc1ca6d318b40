"""What crosses the queue: named, small, versioned, and refused where it makes no sense."""

from __future__ import annotations

import json

import pytest

from tasks.errors import UsageError
from tasks.messages import WIRE_VERSION, ChunkReceipt, ChunkRequest
from tests.support.builders import a_receipt, a_request


def test_a_request_survives_the_wire_as_json() -> None:
    request = a_request(label="EMAAR 0-7", published=12.5)

    wire = json.loads(json.dumps(request.to_wire()))

    assert ChunkRequest.from_wire(wire) == request


def test_the_same_work_has_the_same_name_however_it_was_published() -> None:
    assert a_request(published=1.0).name == a_request(published=2.0, cost_ms=1).name == "0:0-8"


@pytest.mark.parametrize(("first", "last"), [(8, 8), (9, 8), (-1, 8)])
def test_a_range_that_holds_nothing_is_refused_in_numbers(first: int, last: int) -> None:
    with pytest.raises(UsageError, match=f"runs from {first} to {last}"):
        a_request(first=first, last=last)


def test_a_security_before_the_first_is_refused() -> None:
    with pytest.raises(UsageError):
        a_request(security=-1)


@pytest.mark.parametrize("version", [0, WIRE_VERSION + 1, "1", None])
def test_another_releases_message_is_refused_with_both_versions(version: object) -> None:
    wire = a_request().to_wire() | {"v": version}

    with pytest.raises(UsageError, match=f"this worker speaks {WIRE_VERSION}") as refused:
        ChunkRequest.from_wire(wire)

    assert repr(version) in refused.value.message


def test_a_receipt_survives_its_way_through_redis() -> None:
    receipt = a_receipt(ok=5, failed=2, empty=1, file="parts/0_0-8.part", error="ValueError: so – what")

    assert ChunkReceipt.from_json(receipt.to_json().encode()) == receipt
    assert receipt.rows == 8


def test_messages_stay_small() -> None:
    request = a_request(label="A" * 40, sweep_id="a-long-name-of-a-sweep-abc123")
    receipt = a_receipt(error="x" * 200)

    assert len(json.dumps(request.to_wire())) < 300
    assert len(receipt.to_json()) < 700
