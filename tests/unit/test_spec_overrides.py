"""What the command line changes in a sweep, and how its mistakes are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import desk

TEXT = """\
name: first
strategy: desk
data: {source: ticks}
parameters: {window: [5, 10], edge: 0.1}
per_security: {EMAAR: {edge: 0.2, cap: 5}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with desk.installed(tmp_path_factory.mktemp("site")):
        folder = tmp_path_factory.mktemp("sweep")
        desk.ticks(folder / "ticks")
        yield folder


def test_a_parameter_given_by_flag_wins_everywhere(folder: Path) -> None:
    sweep = desk.checked(folder, TEXT, parameters=("edge=[0.7, 0.8]", "window={min: 1, max: 3}", "mode=lean"))

    emaar = next(s.space for s in sweep.securities if s.security == "EMAAR")
    assert sweep.parameters == ("window", "edge", "mode", "cap")
    assert emaar.axes == (("window", (1, 2, 3)), ("edge", (0.7, 0.8)), ("mode", ("lean",)), ("cap", (5.0,)))
    assert sweep.overrides == {
        "parameters": {"edge": [0.7, 0.8], "window": {"min": 1, "max": 3}, "mode": "lean"}
    }


def test_a_flag_wins_over_points_and_over_files(folder: Path) -> None:
    (folder / "top.csv").write_text("window,edge\n5,1\n6,1\n")
    (folder / "own.json").write_text('{"EMAAR": {"edge": 3}}')
    head = TEXT.split("parameters")[0] + "parameters: {}\n"

    listed = desk.checked(
        folder, head + "combinations: [{window: 5, edge: 1}, {window: 6}]\n", parameters=("edge=9",)
    )
    table = desk.checked(folder, head + "combinations: top.csv\n", parameters=("edge=9",))
    own = desk.checked(folder, head + "per_security_file: own.json\n", parameters=("edge=9", "window=1"))

    for sweep in (listed, table):
        space = sweep.securities[0].space
        assert space.block(0, 2).rows() == [{"edge": 9.0, "window": 5}, {"edge": 9.0, "window": 6}]
    assert {s.space.axes for s in own.securities} == {(("edge", (9.0,)), ("window", (1,)))}


def test_securities_limit_name_and_cache_are_changed(folder: Path) -> None:
    sweep = desk.checked(folder, TEXT, securities=("emaar",), limit=1, name="second", cache="skip")

    assert [(s.security, s.last, s.backtests) for s in sweep.securities] == [("EMAAR", 1, 1)]
    assert (sweep.name, sweep.cache, sweep.limit, sweep.total) == ("second", "skip", 1, 1)
    assert sweep.overrides == {"securities": ["emaar"], "limit": 1, "name": "second", "cache": "skip"}
    assert sweep.text == TEXT


def test_a_limit_counts_combinations_that_the_constraints_allow(folder: Path) -> None:
    sweep = desk.checked(folder, TEXT + "constraints: [window > 5]\n", limit=1)

    assert [(s.last, s.backtests) for s in sweep.securities] == [(2, 1)] * 3


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            {"parameters": ("windw=5",)},
            "-p windw=5: error: unknown parameter 'windw' of desk\n  hint: did you mean 'window'?",
        ),
        ({"parameters": ("window=x",)}, "-p window=x: error: window is a whole number, was 'x'"),
        ({"parameters": ("window=[1, 0]",)}, "-p window=[1, 0]: error: window is at least 1, was 0"),
        (
            {"parameters": ("window={min: 9, max: 1}",)},
            "-p window={min: 9, max: 1}: error: min 9 is greater than max 1",
        ),
        (
            {"parameters": ("window",)},
            "-p window: error: not NAME=VALUE\n  hint: for example: -p refill_interval_sec=30",
        ),
        (
            {"parameters": ("window=[1",)},
            "-p window=[1: error: not YAML: expected ',' or ']', but the file ends",
        ),
        ({"parameters": ("window=",)}, "-p window=: error: window is a whole number, was null"),
        (
            {"securities": ("EMAR",)},
            "--securities EMAR: error: no security 'EMAR' in ticks\n  hint: did you mean 'EMAAR'?",
        ),
        (
            {"securities": ()},
            "--securities : error: securities is an empty list\n  hint: give at least one value",
        ),
        ({"limit": 0}, "--limit 0: error: limit is at least 1"),
        (
            {"name": "My Sweep"},
            "--name My Sweep: error: 'My Sweep' is not a name\n"
            "  hint: small letters, digits, - and _, beginning with a letter or digit, 63 at most",
        ),
        (
            {"cache": "no"},
            "--cache no: error: cache has no value 'no'\n  hint: there is use, refresh, skip",
        ),
    ],
)
def test_a_mistake_in_a_flag_is_told_with_the_flag(
    folder: Path, overrides: dict[str, Any], told: str
) -> None:
    assert desk.report(folder, TEXT, **overrides) == f"{told}\n1 error in sweep.yaml"


def test_flags_fill_sections_that_the_file_leaves_out(folder: Path) -> None:
    text = "name: first\nstrategy: desk\ndata: {source: ticks}\nparameters:\nexecution:\n"

    sweep = desk.checked(folder, text, parameters=("window=3",), cache="refresh")

    assert (sweep.parameters, sweep.cache) == (("window",), "refresh")
