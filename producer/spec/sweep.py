"""What a sweep.yaml is after each stage of checking: of the right shape, and ready to be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from producer.spec.model import SweepFile
from producer.spec.nodes import Entries
from producer.spec.report import Problems
from tasks.contract import DataKind
from tasks.data.catalog import Catalog, Entry
from tasks.grid.combinations import Space
from tasks.plugins.registry import Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep.yaml of the right shape, with the command line's changes in it."""

    path: Path
    text: str
    """As it was written."""
    root: Entries = field(repr=False)
    file: SweepFile
    overridden: frozenset[str] = frozenset()
    """Parameters given by the command line."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    problems: Problems = field(repr=False)
    allow: tuple[str, ...] = ()
    """What a strategy may be imported from, besides the file's own folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuritySpace:
    """One security's share of the sweep."""

    security: str
    entry: Entry
    space: Space = field(repr=False)
    """Securities with the same values share one object."""
    last: int
    """Raw combinations below this belong to the sweep (`--limit`)."""
    backtests: int
    """Combinations among them that the constraints allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSweep:
    """A sweep that can be run."""

    path: Path
    text: str = field(repr=False)
    overrides: Mapping[str, Any]
    name: str
    description: str
    tags: tuple[str, ...]
    strategy: str
    """As messages name it: a file by its absolute path."""
    about: Description = field(repr=False)
    kind: DataKind
    catalog: Catalog = field(repr=False)
    securities: tuple[SecuritySpace, ...]
    """Sorted by name."""
    parameters: tuple[str, ...]
    """Every named parameter, in the order of the file."""
    metric: str
    goal: Literal["maximize", "minimize"]
    min_trades: int
    keep: tuple[str, ...]
    start_ns: int | None
    end_ns: int | None
    """Inclusive; a date without a time means its last nanosecond."""
    timezone: str | None
    seed: int
    chunk_rule: Mapping[str, Any]
    """`size`, or `target_seconds`, `least` and `most`."""
    timeout_s: float
    retries: int
    queue: str
    cache: Literal["use", "refresh", "skip"]
    on_failure: Literal["continue", "stop"]
    max_failures: int | None
    """Failed backtests above which the sweep stops; None: never."""
    output_dir: str
    """With `{name}` and `{id}` in it; relative to the current folder."""
    limit: int | None
    total: int
    """Backtests of all securities."""
    warnings: tuple[str, ...] = ()
    """Ready to print."""
