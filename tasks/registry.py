"""From a name in sweep.yaml to a strategy: those built in and those installed, all through entry points.

Nothing here knows a strategy by name, so what the shipped ones can do, anyone's can. Loading one reads its
declaration; its kernel, and with it the compiler, is loaded by the first evaluation.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final, Literal, cast

from tasks import names as names_
from tasks.contract import Strategy
from tasks.errors import StrategyError, StrategyNotFound
from tasks.parameters import Parameter, declared, nearest

ROOM: Final = Path(__file__).parent
ENGINE: Final = ("contract.py", "runner.py", "parameters.py")  # they decide what a strategy is given
MEMBERS: Final[Mapping[str, str]] = {
    "name": "its name",
    "data": "'bars' or 'ticks'",
    "params": "a frozen dataclass of parameters",
    "metrics": "the names of what evaluate returns",
    "evaluate": "evaluate(data, combinations)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Everything a strategy declares, with what it leaves out filled in."""

    name: str
    strategy: Any
    """The object itself: a `Strategy`, and what else of the contract it has."""
    data: Literal["bars", "ticks"]
    parameters: tuple[Parameter, ...]
    metrics: tuple[str, ...]
    metric: str
    """The metric that ranks results unless the sweep names one."""
    goal: Literal["maximize", "minimize"]
    whole_numbers: tuple[str, ...]
    groups: tuple[str, ...]
    traces: Mapping[str, Mapping[str, str]]
    """Table to its columns with their Arrow types; empty where the strategy cannot show what it did."""


def names() -> list[str]:
    """The strategies that are built in or installed."""
    return sorted(_entries())


@lru_cache(maxsize=64)
def resolve(name: str) -> Strategy:
    """The strategy of that name, checked against the contract; `StrategyNotFound` where there is none."""
    entry = _entries().get(name)
    if entry is None:
        raise StrategyNotFound(f"unknown strategy '{name}'", hint=nearest(name, names()))
    try:
        loaded = entry.load()
    except (ImportError, AttributeError, SyntaxError) as e:
        raise StrategyError(
            f"strategy '{name}' cannot be loaded: {type(e).__name__}: {e}",
            hint=f"it is installed as {entry.value}",
        ) from e
    strategy = loaded() if isinstance(loaded, type) else loaded
    _check(name, strategy)
    return cast(Strategy, strategy)


@lru_cache(maxsize=64)
def describe(name: str) -> Description:
    """What the strategy of that name declares."""
    strategy = resolve(name)
    metrics = tuple(strategy.metrics)
    return Description(
        name=name,
        strategy=strategy,
        data=strategy.data,
        parameters=declared(strategy.params),
        metrics=metrics,
        metric=getattr(strategy, "metric", metrics[0]),
        goal=getattr(strategy, "goal", "maximize"),
        whole_numbers=tuple(getattr(strategy, "whole_numbers", ())),
        groups=tuple(getattr(strategy, "groups", ())),
        traces=getattr(strategy, "traces", {}) if hasattr(strategy, "trace") else {},
    )


@lru_cache(maxsize=64)
def fingerprint(name: str) -> str:
    """SHA-256 over the source that decides a strategy's results: the same wherever the code is the same.

    That is its module, or, if it lies in a package, every module of that package; of the shipped ones
    their own module and all kernels; for all the few modules here that decide what a strategy is given.
    """
    module = _entries()[name].module if name in _entries() else type(resolve(name)).__module__
    digest = sha256()
    for label, path in sorted(_sources(module)):
        source = "\n".join(line.rstrip() for line in path.read_text("utf-8").splitlines())
        digest.update(f"{label}\0{source}\0".encode())
    return digest.hexdigest()


def forget() -> None:
    """Looks anew at what is installed, at the next question."""
    for remembered in (_entries, resolve, describe, fingerprint):
        remembered.cache_clear()


@lru_cache(maxsize=1)
def _entries() -> dict[str, EntryPoint]:
    return {e.name: e for e in entry_points(group=names_.ENTRY_POINT_GROUP)}


def _check(name: str, strategy: object) -> None:
    missing = [m for m in MEMBERS if not hasattr(strategy, m)]
    if missing:
        wanted = ", ".join(f"{m} ({MEMBERS[m]})" for m in missing)
        raise StrategyError(f"strategy '{name}' does not meet the contract", hint=f"it lacks {wanted}")
    found = cast(Strategy, strategy)
    if found.data not in ("bars", "ticks"):
        raise StrategyError(f"strategy '{name}' works on '{found.data}'", hint="data is 'bars' or 'ticks'")
    if not found.metrics:
        raise StrategyError(f"strategy '{name}' names no metrics", hint="metrics lists what evaluate returns")
    declared(found.params)


def _sources(module: str) -> Iterator[tuple[str, Path]]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise StrategyError(f"no source of {module} here", hint="a strategy is installed with its .py files")
    origin, package = Path(spec.origin), module.split(".")[0]
    yield module, origin
    if package == ROOM.name:
        for path in (ROOM / "kernels").glob("*.py"):
            yield f"kernels/{path.name}", path
    elif "." in module or origin.name == "__init__.py":
        for path in origin.parent.rglob("*.py"):
            yield f"{package}/{path.relative_to(origin.parent).as_posix()}", path
    for file in ENGINE:
        if (ROOM / file).exists():
            yield f"engine/{file}", ROOM / file
