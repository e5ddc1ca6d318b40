"""The law of parts: what goes in comes out, the same is the same bytes, and no flipped byte goes by."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import PartDamaged
from tasks.results import codec

COLUMNS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.string(): st.text(max_size=20),
    pa.timestamp("ns"): st.integers(0, 2**60),
    pa.bool_(): st.booleans(),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 30))
    columns = {}
    for i in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(list(COLUMNS)))
        values = draw(st.lists(st.none() | COLUMNS[kind], min_size=rows, max_size=rows))
        columns[f"c{i}"] = pa.array(values, kind)
    return pa.table(columns)


@given(found=st.dictionaries(st.text(min_size=1, max_size=8), tables(), max_size=3), data=st.data())
def test_parts_come_back_whole_and_any_flipped_byte_is_noticed(
    found: dict[str, pa.Table], data: st.DataObject
) -> None:
    part = codec.encode(found)
    sha256 = codec.checksum(part)
    at = data.draw(st.integers(0, len(part) - 1))
    flipped = bytearray(part)
    flipped[at] ^= data.draw(st.integers(1, 255))

    assert codec.decode(part, sha256) == found
    assert codec.encode(found) == part
    assert is_damaged(bytes(flipped), sha256)
    assert is_damaged(part[:at], sha256)


def is_damaged(part: bytes, sha256: str) -> bool:
    try:
        codec.decode(part, sha256)
    except PartDamaged:
        return True
    return False


@given(found=st.dictionaries(st.text(min_size=1, max_size=8), tables(), max_size=3), data=st.data())
def test_no_damage_that_a_checksum_does_not_tell_is_an_internal_error(
    found: dict[str, pa.Table], data: st.DataObject
) -> None:
    part = codec.encode(found)
    first = data.draw(st.integers(0, len(part)))
    last = data.draw(st.integers(first, min(len(part), first + 16)))
    damaged = part[:first] + data.draw(st.binary(max_size=16)) + part[last:]

    try:
        back = codec.decode(damaged)
    except PartDamaged:
        return
    assert all(isinstance(table, pa.Table) for table in back.values())
