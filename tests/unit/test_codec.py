"""Parts as bytes: what is not whole, not ours or of another release is said to be so."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from tasks.errors import PartDamaged
from tasks.results import codec

TABLE = pa.table({"combination": ["a", "b", None], "y": [1.0, None, float("nan")]})


def test_tables_come_back_by_name_in_order_with_their_types() -> None:
    tables = {
        "summary": TABLE,
        "failures": TABLE.slice(0, 0),
        "trades": pa.table({"n": pa.array([1], pa.int8())}),
    }

    back = codec.decode(codec.encode(tables))

    assert list(back) == ["summary", "failures", "trades"]
    assert all(back[name].schema == table.schema for name, table in tables.items())
    assert back["summary"]["combination"].to_pylist() == ["a", "b", None]
    assert len(back["failures"]) == 0


def test_the_bytes_do_not_depend_on_how_a_table_was_put_together() -> None:
    pieces = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])

    assert codec.encode({"summary": pieces}) == codec.encode({"summary": TABLE})


def test_a_part_that_does_not_match_its_checksum_is_damaged() -> None:
    part = codec.encode({"summary": TABLE})

    assert codec.decode(part, codec.checksum(part))
    with pytest.raises(PartDamaged, match="checksum"):
        codec.decode(part, "0" * 64)


@pytest.mark.parametrize("part", [b"", b"SFP", b"PK\x03\x04 something else", b"SFP1\xff\xff\xff\xff"])
def test_what_is_not_a_part_is_damaged(part: bytes) -> None:
    with pytest.raises(PartDamaged):
        codec.decode(part)


@pytest.mark.parametrize("cut", [5, 20, -1])
def test_a_part_that_was_cut_off_is_damaged(cut: int) -> None:
    with pytest.raises(PartDamaged):
        codec.decode(codec.encode({"summary": TABLE})[:cut])


@pytest.mark.parametrize(
    "header",
    [{"v": 2, "tables": []}, {}, [], {"v": 1}, {"v": 1, "tables": [["summary"]]}, {"v": 1, "tables": 3}],
)
def test_a_header_that_is_not_ours_is_damaged(header: object) -> None:
    text = json.dumps(header).encode()

    with pytest.raises(PartDamaged):
        codec.decode(codec.MAGIC + len(text).to_bytes(4, "little") + text)
