"""`producer strategies`, and what else the command line does with a user's own strategy; exact texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.plugins import registry
from tests.support import desk
from tests.support.command_line import Run

FADE = '''"""Fades."""
from typing import Annotated

GAP = {"min": 0.0, "max": 0.5, "unit": "fraction", "doc": "smallest gap that is sold"}

def fade(
    data,
    min_gap: Annotated[float, GAP] = 0.01,
    days: list = [0, 4],
    mode: str | None = None,
):
    """Sell an opening gap, buy it back at the close."""
    return {"trades": 1, "return_pct": min_gap}

fade.whole_numbers = ("trades",)
fade.metric = "return_pct"
'''
SCREEN = """./fade.py:fade: Sell an opening gap, buy it back at the close.
runs on bars; from FOLDER/fade.py

parameter  type         default  allowed   unit      meaning
min_gap    float        0.01     0 to 0.5  fraction  smallest gap that is sold
days       list         [0, 4]   -         -         -
mode       str or null  null     -         -         -

metric        kind
trades        whole number
return_pct *  number
* ranks results unless the sweep names another: maximize

keeps: summary  (output.keep)
"""
SWEEP = """name: own
strategy: ./own.py:Own
data: {source: ticks}
parameters: {}
"""
OWN = """from dataclasses import dataclass

@dataclass(frozen=True)
class Params:
    x: float = 1.0

class Own:
    name, data, params, metrics = "own", "ticks", Params, ("y",)
    calls = 0

    def evaluate(self, data, combinations):
        BODY
"""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    registry.forget()


def own(folder: Path, body: str) -> None:
    (folder / "own.py").write_text(OWN.replace("BODY", body))
    (folder / "sweep.yaml").write_text(SWEEP)
    desk.ticks(folder / "ticks", "emaar")


def test_the_list_says_what_runs_on_what_and_where_it_is_from(run: Run, tmp_path: Path) -> None:
    with desk.installed(tmp_path / "site"):
        code, out, err = run("strategies")

    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["name", "data", "from", "what", "it", "does"]
    assert next(x for x in lines if x.startswith("desk ")).split() == [
        "desk",
        "ticks",
        "desk-strategies",
        "1.0",
        "-",
    ]
    assert next(x for x in lines if x.startswith("market_making ")).endswith(
        "built in             Quotes on both sides of the book, four variants."
    )
    assert "warning: half cannot be used: strategy 'half' does not meet the contract\n" in err
    assert err.endswith(f"next: producer strategies {lines[1].split()[0]}\n")


def test_a_narrow_terminal_cuts_the_last_column_and_no_name(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    _, out, _ = run("strategies", "-q")

    assert max(len(line) for line in out.splitlines()) <= 60
    assert "market_making_closing" in out
    assert "…" in out


def test_one_strategy_is_shown_with_all_that_it_declares(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fade.py").write_text(FADE)

    code, out, err = run("strategies", "./fade.py:fade")

    assert (code, err) == (0, "next: producer init --strategy ./fade.py:fade\n")
    assert out.replace(str(tmp_path), "FOLDER") == SCREEN


def test_tables_that_a_strategy_can_keep_are_listed_with_their_columns(run: Run) -> None:
    _, out, _ = run("strategies", "sma_cross")

    assert "\nkeeps: summary, trades, equity  (output.keep)\n  trades: trade_no, size, entry_bar," in out
    assert out.endswith("\n  equity: bar, time, equity\n")


def test_the_document_has_the_same(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fade.py").write_text(FADE)

    code, out, _ = run("strategies", "./fade.py:fade", "--json")

    document = json.loads(out)
    (found,) = document["strategies"]
    assert (code, document["schema"]) == (0, "producer.strategies/1")
    assert found["parameters"][0] == {
        "name": "min_gap", "type": "float", "nullable": False, "required": False, "default": 0.01, "min": 0.0,
        "max": 0.5, "choices": [], "unit": "fraction", "doc": "smallest gap that is sold",
    }  # fmt: skip
    assert found["metrics"] == [
        {"name": "trades", "whole_number": True}, {"name": "return_pct", "whole_number": False},
    ]  # fmt: skip
    assert (found["metric"], found["keeps"]) == ({"name": "return_pct", "goal": "maximize"}, {"summary": {}})


@pytest.mark.parametrize(
    ("name", "error", "hint"),
    [
        ("sma_cros", "unknown strategy 'sma_cros'", "did you mean 'sma_cross'?"),
        (
            "os:system",
            "'os' is not below what may be imported here (FOLDER)",
            "allow it: PRODUCER_ALLOW=os, or produ",
        ),
        ("./fade.py:fde", "no 'fde' in fade.py", "did you mean 'fade'?"),
        ("./fade.py", "'./fade.py' does not say which object of the file", "write ./fade.py:NAME"),
        ("./no.py:fade", "no file FOLDER/no.py", "look at the name after `strategy:`"),
    ],
)
def test_a_wrong_name_is_told(run: Run, tmp_path: Path, name: str, error: str, hint: str) -> None:
    (tmp_path / "fade.py").write_text(FADE)

    code, out, err = run("strategies", name)

    assert (code, out) == (2, "")
    assert err.replace(str(tmp_path), "FOLDER").startswith(f"error: {error}\nhint: {hint}")


def test_init_names_a_file_from_where_the_sweep_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fade.py").write_text(FADE)
    (tmp_path / "bars").mkdir()
    (tmp_path / "bars" / "es.csv").write_text("")
    (tmp_path / "sub").mkdir()

    beside = run("init", "--strategy", "./fade.py:fade")
    below = run("init", "--strategy", "./fade.py:fade", "-o", "sub/sweep.yaml")

    assert (beside[0], below[0]) == (0, 0)
    text = (tmp_path / "sweep.yaml").read_text()
    assert "name: fade\n" in text
    assert (
        "strategy: ./fade.py:fade                     # sell an opening gap, buy it back at the close\n"
        in text
    )
    assert "  source: bars                         " in text
    assert "  kind: bars\n" in text
    assert "  #timeframe: 5m                             # bars of another length are refused\n" in text
    assert (
        "  min_gap: 0.01                              # smallest gap that is sold; from 0 to 0.5 fraction\n"
        in text
    )
    assert "  days: [[0, 4]]\n" in text
    assert "  mode: null\n" in text
    assert "strategy: ../fade.py:fade" in (tmp_path / "sub" / "sweep.yaml").read_text()


def test_validate_tries_a_strategy_that_is_not_ours(run: Run, tmp_path: Path) -> None:
    own(tmp_path, "return {'y': combinations['x'] / combinations['x'].sum()}")

    code, out, err = run("validate", "sweep.yaml")

    assert (code, out) == (2, "")
    assert err == (
        "sweep.yaml:2:11: error: ./own.py:Own: one chunk of 8 combinations and chunks of 4 have different "
        "results\n"
        "    2 | strategy: ./own.py:Own\n"
        "      |           ^ a row may depend on its own parameters alone\n"
        "1 error in sweep.yaml\n"
    )


def test_validate_only_warns_of_one_that_fails_on_invented_data(run: Run, tmp_path: Path) -> None:
    own(tmp_path, "return {'y': combinations['z']}")

    code, out, err = run("validate", "sweep.yaml")

    assert (code, out) == (0, "sweep.yaml: ok  1 security x 1 combination = 1 backtest\n")
    assert "warning: ./own.py:Own fails on invented ticks: KeyError: 'z' (" in err


def test_a_strategy_that_is_sound_is_valid(run: Run, tmp_path: Path) -> None:
    own(tmp_path, "print('noise'); return {'y': combinations['x'] * data['price'].max()}")

    code, out, _ = run("validate", "sweep.yaml")

    assert (code, out) == (0, "sweep.yaml: ok  1 security x 1 combination = 1 backtest\n")
