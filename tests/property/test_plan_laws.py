"""What is read back from Redis and the work folder: damaged or foreign bytes are said to be so, whatever they
are.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import PartDamaged, SweepError
from tasks.plan import MOST_BYTES, ChunkPlan, SweepSpec
from tests.support.builders import a_plan, a_space, a_spec

SPEC = a_spec([a_space(10), a_space(20, "x > 3")])
STORED: dict[type[SweepSpec] | type[ChunkPlan], bytes] = {
    SweepSpec: SPEC.to_bytes(),
    ChunkPlan: a_plan(SPEC, size=3, shard=2).to_bytes(),
}
kinds = st.sampled_from(list(STORED))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def packed(plain: bytes) -> bytes:
    compressed: bytes = pa.compress(plain, codec="zstd", asbytes=True)
    return len(plain).to_bytes(8, "little") + compressed


def unpacked(stored: bytes) -> Any:
    size = int.from_bytes(stored[:8], "little")
    return json.loads(pa.decompress(stored[8:], size, codec="zstd", asbytes=True))


def assert_read_or_refused(kind: type[SweepSpec] | type[ChunkPlan], stored: bytes) -> None:
    try:
        found = kind.from_bytes(stored)
    except SweepError:
        return
    assert isinstance(found, kind)


@given(kind=kinds, data=st.data())
def test_no_damage_to_the_bytes_is_an_internal_error(
    kind: type[SweepSpec] | type[ChunkPlan], data: st.DataObject
) -> None:
    stored = STORED[kind]
    first = data.draw(st.integers(0, len(stored)))
    last = data.draw(st.integers(first, min(len(stored), first + 16)))

    assert_read_or_refused(kind, stored[:first] + data.draw(st.binary(max_size=16)) + stored[last:])


@given(kind=kinds, data=st.data())
def test_no_value_in_place_of_another_is_an_internal_error(
    kind: type[SweepSpec] | type[ChunkPlan], data: st.DataObject
) -> None:
    document = unpacked(STORED[kind])
    around = document
    while True:
        key = data.draw(st.sampled_from(sorted(around) if isinstance(around, dict) else range(len(around))))
        if not isinstance(around[key], dict | list) or not around[key] or data.draw(st.booleans()):
            break
        around = around[key]
    around[key] = data.draw(json_values)

    assert_read_or_refused(kind, packed(json.dumps(document).encode()))


@given(plain=st.binary(max_size=64) | json_values.map(lambda v: json.dumps(v).encode()), kind=kinds)
def test_something_else_under_the_same_compression_is_refused(
    plain: bytes, kind: type[SweepSpec] | type[ChunkPlan]
) -> None:
    with pytest.raises(SweepError):
        kind.from_bytes(packed(plain))


def test_a_size_that_nothing_has_is_refused_before_the_room_is_taken() -> None:
    with pytest.raises(PartDamaged, match="says that it has"):
        SweepSpec.from_bytes((MOST_BYTES + 1).to_bytes(8, "little") + STORED[SweepSpec][8:])
