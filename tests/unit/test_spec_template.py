"""The sweep.yaml that `init` writes, and the schema that editors check it with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # no stubs are installed
import pytest

from producer.spec import nodes, shape
from producer.spec.check import load
from producer.spec.model import SweepFile
from producer.spec.nodes import Entries, Source
from producer.spec.report import Problems
from producer.spec.schema import POINTER, schema_text, sweep_schema
from producer.spec.template import init_text
from tests.support import desk

PAGE = Path(__file__).parents[2] / "docs/reference/sweep-yaml.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with desk.installed(tmp_path_factory.mktemp("site")):
        folder = tmp_path_factory.mktemp("sweep")
        desk.ticks(folder / "ticks")
        yield folder


def as_data(text: str) -> Any:
    tree = nodes.read(Source("sweep.yaml", text)).tree
    assert isinstance(tree, Entries)
    return shape.as_written(tree)


@pytest.mark.parametrize("strategy", ["market_making", "market_making_closing", "desk"])
def test_a_new_sweep_is_valid_as_it_stands(folder: Path, strategy: str) -> None:
    text = init_text(strategy, source="ticks")

    sweep = desk.checked(folder, text)

    assert text.splitlines()[0] == POINTER
    assert (sweep.strategy, sweep.total, sweep.warnings) == (strategy, 3, ())
    jsonschema.validate(as_data(text), sweep_schema())


@pytest.mark.parametrize("strategy", ["market_making", "desk"])
def test_what_is_switched_off_in_it_can_be_switched_on(folder: Path, strategy: str) -> None:
    text = init_text(strategy, name="mine", source="ticks", securities=["EMAAR", "ALDAR"])
    switched_on = re.sub(r"^( *)#(?=\S| +(NAME|- ))(?!.*yaml-language)", r"\1", text, flags=re.M)

    sweep = desk.checked(folder, switched_on.replace("NAME:", "EMAAR:").replace("2025-12-31", "2025-06-30"))

    assert sweep.name == "mine"
    assert [s.security for s in sweep.securities] == ["ALDAR", "EMAAR"]
    assert (sweep.timezone, sweep.tags, sweep.max_failures) == ("Asia/Dubai", ("first",), 0)


def test_a_parameter_is_written_with_its_default_and_its_help(folder: Path) -> None:
    text = init_text("desk")

    assert (
        "  window: 1                                  # required; ticks that are looked at; from 1\n" in text
    )
    assert "  days: [[0, 4]]\n" in text
    assert "  slots: {value: {}}\n" in text
    assert "  cap: null\n" in text
    assert "  mode: join                                 # one of join, lean\n" in text


def test_no_line_is_wider_than_a_page() -> None:
    assert max(len(line) for line in init_text("market_making").splitlines()) <= 110


def test_names_that_yaml_would_misread_are_quoted(folder: Path) -> None:
    text = init_text("desk", source="my ticks: all", securities=["0700", "ON", "NO", "null"])

    assert '  source: "my ticks: all"' in text
    assert '  securities: ["0700", ON, NO, "null"]' in text
    assert as_data(text)["data"]["securities"] == ["0700", "ON", "NO", "null"]


VALID = [
    {"parameters": {"a": 5, "b": [1, None], "c": {"min": 1, "max": 2, "step": 0.5}, "d": {"value": [1]}}},
    {"parameters": {}, "per_security": {"EMAAR": {"a": {"values": [1]}}}, "per_security_file": "own.json"},
    {"parameters": {}, "combinations": [{"a": 1, "b": [2]}, {}]},
    {"parameters": {}, "combinations": "top.csv", "constraints": ["a < b"], "method": "grid", "seed": 3},
    {
        "parameters": {},
        "execution": {"chunk": {"target": "2s", "max": 5}, "timeout": "10m", "max_failures": "5%"},
    },
    {"parameters": {}, "execution": {"chunk": "auto", "max_failures": 3}, "output": {"keep": ["summary"]}},
    {
        "parameters": {},
        "execution": {"chunk": 50},
        "metric": {"name": "x", "goal": "minimize", "min_trades": 1},
    },
]
INVALID = [
    {"parameters": {"a": {"min": 1}}},
    {"parameters": {"a": []}},
    {"parameters": {}, "run_cap": 5},
    {"parameters": {}, "method": "random"},
    {"parameters": {}, "execution": {"chunk": 0}},
    {"parameters": {}, "execution": {"timeout": "10 minutes"}},
    {"parameters": {}, "output": {"keep": ["fills"]}},
    {"parameters": {}, "version": 2},
    {},
]
HEAD = {"name": "first", "strategy": "desk", "data": {"source": "ticks", "securities": [700, "NO", True]}}


@pytest.mark.parametrize("rest", [*VALID, *INVALID])
def test_the_schema_for_editors_agrees_with_the_program(rest: dict[str, Any]) -> None:
    document = {**HEAD, **rest}
    source = Source("sweep.yaml", json.dumps(document))
    tree = nodes.read(source).tree
    assert isinstance(tree, Entries)
    problems = Problems(source)

    found = list(jsonschema.Draft202012Validator(sweep_schema()).iter_errors(document))
    shape.read(tree, problems)

    assert (not found) == (not problems.errors) == (rest in VALID)


def test_the_schema_is_one_that_editors_understand() -> None:
    schema = json.loads(schema_text())

    jsonschema.Draft202012Validator.check_schema(schema)
    assert "market_making" in schema["properties"]["strategy"]["examples"]
    assert set(schema["properties"]) == set(SweepFile.model_fields)
    assert all("description" in p for p in schema["properties"].values())


def test_the_reference_page_names_every_key() -> None:
    documented = set(re.findall(r"^\| `([a-z_.]+)`", PAGE.read_text(), flags=re.M)) - {"fast", "cap", "days"}

    keys = {".".join([*path, name]) for path, model in shape.SECTIONS.items() for name in model.model_fields}

    assert documented == keys - {"data", "metric", "execution", "output"}


def test_the_sweeps_on_the_reference_page_have_the_right_shape(tmp_path: Path) -> None:
    sweeps = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), flags=re.M | re.S)

    for number, text in enumerate(sweeps):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        assert load(path, meaning_too=False).file.strategy == "market_making"

    assert len(sweeps) == 2
