"""Finding strategies by name, and telling two versions of their code apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.errors import StrategyError, StrategyNotFound
from tasks.plugins import registry
from tests.support import desk
from workers.warmup import warm_up


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with desk.installed(tmp_path / "site") as folder:
        yield folder


def test_shipped_and_installed_strategies_are_found_alike(folder: Path) -> None:
    assert {"market_making", "market_making_closing", "desk"} <= set(registry.names())
    assert registry.resolve("desk").metrics == ("profit", "fills")
    assert registry.resolve("desk") is registry.resolve("desk")


def test_what_a_strategy_leaves_out_is_filled_in(folder: Path) -> None:
    about = registry.describe("desk")

    assert (about.metric, about.goal, about.groups, dict(about.traces)) == ("profit", "maximize", (), {})
    assert [p.name for p in about.parameters] == [
        "window", "edge", "cap", "mode", "flag", "days", "slots",
    ]  # fmt: skip


def test_market_making_says_what_it_keeps_and_which_metrics_are_whole_numbers() -> None:
    about = registry.describe("market_making")

    assert about.metric == "total_pnl"
    assert about.data == "ticks"
    assert "trades" in about.traces
    assert set(about.whole_numbers) < set(about.metrics)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("desc", "unknown strategy 'desc'", "did you mean 'desk'?"),
        (
            "mydesk.gap:GapFade",
            "'mydesk.gap' is not below what may be imported here (nothing)",
            "allow it: PRODUCER_ALLOW=mydesk, or producer worker start --allow mydesk",
        ),
        (
            "/d/gap.py:Gap",
            "/d/gap.py is not below what may be imported here (nothing)",
            "allow its folder: PRODUCER_ALLOW=/d, or",
        ),
        ("gap.py", "'gap.py' does not say which object of the file", "write gap.py:NAME"),
        ("no_metrics", "strategy 'no_metrics' names no metrics", "metrics lists what evaluate returns"),
        (
            "half",
            "strategy 'half' does not meet the contract",
            "it lacks params (a frozen dataclass of parameters), "
            "metrics (the names of what evaluate returns), evaluate (evaluate(data, combinations))",
        ),
        (
            "gone",
            "strategy 'gone' cannot be loaded: AttributeError",
            "it is installed as desk_strategies:Gone",
        ),
        (
            "absent",
            "strategy 'absent' cannot be loaded: ModuleNotFound",
            "it is installed as no_such_module:Abs",
        ),
    ],
)
def test_a_strategy_that_cannot_be_used_says_why(folder: Path, name: str, message: str, hint: str) -> None:
    with pytest.raises(StrategyError) as refused:
        registry.resolve(name)

    assert refused.value.message.startswith(message)
    assert (refused.value.hint or "").startswith(hint)
    assert isinstance(refused.value, StrategyNotFound) == message.startswith(("unknown", "'gap.py'"))


def test_a_fingerprint_follows_the_code_and_not_where_it_lies(tmp_path: Path) -> None:
    with desk.installed(tmp_path / "here"):
        here = registry.fingerprint("desk")
    with desk.installed(tmp_path / "there") as there:
        module = there / "desk_strategies.py"
        module.write_bytes(module.read_bytes().replace(b"\n", b"\r\n"))
        elsewhere = registry.fingerprint("desk")
    with desk.installed(tmp_path / "changed") as changed:
        module = changed / "desk_strategies.py"
        module.write_text(module.read_text().replace("0.5", "0.25"))
        other = registry.fingerprint("desk")

    assert here == elsewhere
    assert here != other
    assert len(here) == 64


def test_a_description_keeps_the_fingerprint_of_the_code_that_was_loaded(folder: Path) -> None:
    before = registry.describe("desk").fingerprint
    module = folder / "desk_strategies.py"

    module.write_text(module.read_text().replace("0.5", "0.25"))

    assert registry.fingerprint("desk") == before  # the code in memory is still the old one


def test_a_plugin_that_cannot_be_loaded_keeps_no_node_from_starting(folder: Path) -> None:
    for name in ("half", "absent", "desk"):
        assert warm_up(name) < 60


def test_the_origin_says_what_is_shipped(folder: Path) -> None:
    assert registry.describe("market_making").is_shipped
    assert (registry.describe("desk").origin, registry.describe("desk").is_shipped) == (
        "desk-strategies 1.0",
        False,
    )


def test_reading_a_strategy_and_its_fingerprint_loads_no_compiler() -> None:
    program = (
        "import sys; from tasks.plugins import registry; registry.describe('market_making'); "
        "registry.fingerprint('market_making'); print([m for m in ('numba', 'pandas') if m in sys.modules])"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == "[]"
