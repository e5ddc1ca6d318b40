"""The law of ordered files: their bytes are a function of their rows, however the rows came."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.results import tables
from tasks.results.tables import OrderedWriter

ROWS = 400
GROUP = 128


def some_rows() -> pa.Table:
    rng = np.random.default_rng(5)
    y = rng.normal(size=ROWS)
    columns = {
        "security": ["EMAAR" if i < 130 else "ALDAR" for i in range(ROWS)],
        "combination": [f"{i:016x}" for i in range(ROWS)],
        "status": ["failed" if i % 7 == 0 else "ok" for i in range(ROWS)],
        "x": np.arange(ROWS),
        "y": pa.array(y, mask=y > 1),
        "word": pa.array([None if i % 3 else f"word {i}" for i in range(ROWS)]),
    }
    return pa.table(columns)


WHOLE = some_rows()


@pytest.fixture(autouse=True, scope="module")
def _small_groups() -> object:
    """Some 65,000 rows a group would make every example slow and most of them one group."""
    patch = pytest.MonkeyPatch()
    patch.setattr(tables, "ROW_GROUP_ROWS", GROUP)
    yield
    patch.undo()


def written(pieces: list[pa.Table]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.parquet"
        with OrderedWriter(path, WHOLE.schema) as writer:
            for piece in pieces:
                writer.add(piece)
        assert writer.rows == sum(map(len, pieces))
        return path.read_bytes()


@settings(max_examples=60)
@given(cuts=st.lists(st.integers(0, ROWS), max_size=12).map(sorted), apart=st.booleans())
def test_the_same_rows_are_the_same_bytes_in_whatever_pieces(cuts: list[int], apart: bool) -> None:
    bounds = [0, *cuts, ROWS]
    pieces = [WHOLE.slice(a, b - a) for a, b in pairwise(bounds)]
    if apart:  # each in memory of its own, as parts are that were read one by one
        pieces = [pa.Table.from_pylist(piece.to_pylist(), schema=WHOLE.schema) for piece in pieces]

    assert written(pieces) == written([WHOLE])


def test_pages_do_not_follow_the_seams_between_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 65_536)
    rows = 30_000  # several pages a column: smaller ones are of one page, wherever their seams are
    columns: dict[str, Any] = dict.fromkeys(WHOLE.schema.names, pa.nulls(rows, pa.string()))
    columns |= {"x": np.arange(rows), "y": np.random.default_rng(5).normal(size=rows)}
    columns["combination"] = [f"{i * 2_654_435_761:064x}" for i in range(rows)]
    large = pa.table(columns, schema=WHOLE.schema)

    pieces = [large.slice(at, 700) for at in range(0, rows, 700)]

    assert written(pieces) == written([large])
