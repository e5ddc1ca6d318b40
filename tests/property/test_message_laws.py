"""What a stranger may push: whatever a message says, a node either knows it for one of ours or refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from celery.exceptions import InvalidTaskError
from hypothesis import given
from hypothesis import strategies as st

from tasks import names
from tasks.errors import UsageError
from tasks.messages import ChunkRequest
from tests.support.builders import a_request
from workers.drops import MALFORMED
from workers.guarded_strategy import admit

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WIRE = a_request(label="EMAAR 0-7", published=12.5).to_wire()
HEADERS: Mapping[str, Any] = {
    "id": "try-abc123-0-0-8-1",
    "task": names.EVALUATE_CHUNK,
    "root_id": "try-abc123-0-0-8-1",
    "parent_id": None,
    "group": None,
    "retries": 0,
    "timelimit": [630, 600],
    "eta": None,
    "expires": None,
}
PAYLOAD = [[WIRE], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]


class ChunkTask:
    """As much of Celery's task as the door looks at."""

    name = names.EVALUATE_CHUNK

    @staticmethod
    def __header__(wire: dict[str, Any], alone: bool = False) -> None:
        """Takes what the task takes."""


def test_what_a_producer_sends_is_let_in() -> None:
    admit(ChunkTask, HEADERS, PAYLOAD, is_signed=False)

    assert ChunkRequest.from_wire(WIRE) == a_request(label="EMAAR 0-7", published=12.5)


@given(data=st.data())
def test_a_request_is_read_as_it_was_written_or_refused(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([*WIRE, "more"]))
    changed = {**WIRE, key: data.draw(values)}

    try:
        request = ChunkRequest.from_wire(changed)
    except UsageError:
        return
    assert {**request.to_wire()} == changed


@given(wire=values)
def test_something_that_is_no_request_is_refused(wire: Any) -> None:
    with pytest.raises(UsageError):
        ChunkRequest.from_wire(wire)


@given(missing=st.sampled_from(["sweep_id", "security", "first", "last"]))
def test_half_a_request_is_refused(missing: str) -> None:
    with pytest.raises(UsageError, match="not whole"):
        ChunkRequest.from_wire({k: v for k, v in WIRE.items() if k != missing})


@given(data=st.data(), is_signed=st.booleans())
def test_no_message_gets_through_the_door_by_breaking_it(data: st.DataObject, is_signed: bool) -> None:
    headers, payload = dict(HEADERS), list(PAYLOAD)
    for _ in range(data.draw(st.integers(1, 3))):
        if data.draw(st.booleans()):
            headers[data.draw(st.sampled_from([*HEADERS, "more"]))] = data.draw(values)
        else:
            payload[data.draw(st.integers(0, 2))] = data.draw(values)

    try:
        admit(ChunkTask, headers, data.draw(st.just(payload) | values), is_signed)
    except (InvalidTaskError, *MALFORMED):
        return
    assert not is_signed
    assert isinstance(headers["id"], str)
    assert isinstance(headers["timelimit"], list)
