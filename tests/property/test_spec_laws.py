"""Laws of reading a sweep.yaml: ranges are exact, and no text makes the program fail instead of the sweep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.spec import nodes
from producer.spec.check import check, load
from producer.spec.model import Range
from producer.spec.nodes import Place, Scalar, Source
from producer.spec.report import Problems
from producer.spec.values import choice
from tasks.errors import SpecInvalid
from tasks.grid.parameters import Parameter
from tests.support import desk

TEXT = """\
name: first
strategy: desk
data: {source: ticks, securities: [EMAAR, ALDAR], start: 2025-04-14}
parameters:
  window: {min: 5, max: 20, step: 5}
  edge: [0.1, 0.2]
per_security: {EMAAR: {cap: 5}}
constraints:
  - window > 5
execution: {chunk: {target: 5s}, timeout: 10m}
output: {dir: 'out/{id}', keep: [summary]}
"""
SOURCE = Source("sweep.yaml", "")
decimals = st.decimals(-1000, 1000, places=3, allow_nan=False)
steps = st.decimals("0.001", 50, places=3, allow_nan=False)


@given(low=decimals, step=steps, number=st.integers(0, 200))
def test_a_range_holds_the_decimals_that_a_person_would_write(low: Any, step: Any, number: int) -> None:
    high = low + step * number
    node = Scalar(Place(SOURCE), "", None)
    spec = Range(min=float(low), max=float(high), step=float(step))

    made = choice(Parameter(name="p", type="float"), spec, node, Problems(SOURCE))

    assert made is not None
    exact = [Fraction(str(low)) + Fraction(str(step)) * i for i in range(number + 1)]
    assert [Fraction(repr(v)) for v in made.values()] == exact


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with desk.installed(tmp_path_factory.mktemp("site")):
        folder = tmp_path_factory.mktemp("sweep")
        desk.ticks(folder / "ticks")
        yield folder


def assert_checked_or_refused(path: Path) -> None:
    report, total = "", 0
    try:
        total = check(load(path)).total
    except SpecInvalid as e:
        report = e.report

    assert total > 0 or ": error: " in report


@given(data=st.data())
def test_no_damage_to_the_text_is_an_internal_error(folder: Path, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(TEXT)))
    last = data.draw(st.integers(first, min(len(TEXT), first + 12)))
    piece = data.draw(st.text(st.sampled_from("{}[]:,-'\"#&*!|>%@\n\t 0.5~é\0nulltrue$<=**"), max_size=8))
    path = folder / "damaged.yaml"
    path.write_text(TEXT[:first] + piece + TEXT[last:], newline="")

    assert_checked_or_refused(path)


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
def test_no_value_in_place_of_another_is_an_internal_error(folder: Path, data: st.DataObject) -> None:
    tree = nodes.read(Source("sweep.yaml", TEXT)).tree
    assert tree is not None
    document = nodes.plain(tree)
    around = document
    while True:
        key = data.draw(st.sampled_from(sorted(around) if isinstance(around, dict) else range(len(around))))
        if not isinstance(around[key], dict | list) or not around[key] or data.draw(st.booleans()):
            break
        around = around[key]
    around[key] = data.draw(values)
    path = folder / "changed.yaml"
    path.write_text(json.dumps(document))

    assert_checked_or_refused(path)
