"""A desk's own strategies, installed as anybody's would be, and a folder with tick data and a sweep.yaml.

`desk` has a parameter of every kind, one of them required; the others are broken in one way each.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from producer.spec.check import CheckedSweep, Overrides, check, load
from tasks.errors import SpecInvalid
from tasks.plugins import registry
from tests.support.tick_files import write_tick_file

MODULE = """
from dataclasses import dataclass, field

@dataclass(frozen=True)
class Params:
    window: int = field(metadata={"min": 1, "doc": "ticks that are looked at"})
    edge: float = 0.5
    cap: float | None = None
    mode: str = field(default="join", metadata={"choices": ("join", "lean")})
    flag: bool = False
    days: list = field(default_factory=lambda: [0, 4])
    slots: dict = field(default_factory=dict)

class Desk:
    name, data, params, metrics = "desk", "ticks", Params, ("profit", "fills")

    def evaluate(self, data, combinations):
        return {}

class NoMetrics:
    name, data, params, metrics = "no_metrics", "ticks", Params, ()

    def evaluate(self, data, combinations):
        return {}

class Half:
    name, data = "half", "ticks"
"""
ENTRY_POINTS = """[sweepfleet.strategies]
desk = desk_strategies:Desk
no_metrics = desk_strategies:NoMetrics
half = desk_strategies:Half
gone = desk_strategies:Gone
absent = no_such_module:Absent
"""
SWEEP = """name: first
strategy: desk
data:
  source: ticks
  securities: [ALDAR, EMAAR]
parameters:
  window: 5
"""


def install(folder: Path) -> None:
    """Makes the folder what an installed distribution looks like."""
    facts = folder / "desk_strategies-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: desk-strategies\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    (folder / "desk_strategies.py").write_text(MODULE)


@contextmanager
def installed(folder: Path) -> Iterator[Path]:
    """This process sees the strategies until the block ends."""
    install(folder)
    sys.path.append(str(folder))
    importlib.invalidate_caches()
    registry.forget()
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("desk_strategies", None)
        registry.forget()


def ticks(folder: Path, *names: str) -> Path:
    """Tick files of 2025-04-14, one a security."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or ("aldar", "emaar", "modon"):
        write_tick_file(folder / f"{name}.parquet")
    return folder


def checked(folder: Path, text: str = SWEEP, **overrides: object) -> CheckedSweep:
    """The sweep of that text, in a folder with tick data in `ticks`."""
    path = folder / "sweep.yaml"
    path.write_text(text)
    return check(load(path, Overrides(**overrides)))  # type: ignore[arg-type]  # the tests know the names


def report(folder: Path, text: str = SWEEP, **overrides: object) -> str:
    """What is printed of a sweep that is refused, with the folder's name left out."""
    with pytest.raises(SpecInvalid) as refused:
        checked(folder, text, **overrides)
    return refused.value.report.replace(f"{folder}/", "")
