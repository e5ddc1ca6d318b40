"""From what sweep.yaml calls a strategy to the strategy: installed by name, or the user's own by path.

Nothing here knows a strategy by name, so what the shipped ones can do, anyone's can. Loading one reads its
declaration; its kernel, and with it the compiler, is loaded by the first evaluation. A description carries
the fingerprint of the code that it was loaded from, so that planner and worker can tell whether they mean the
same.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final, cast

from tasks import names as names_
from tasks.contract import Strategy
from tasks.errors import StrategyError, StrategyNotFound, StrategyRefused
from tasks.grid.parameters import nearest
from tasks.plugins import fingerprint as fingerprint_
from tasks.plugins import loading, sources
from tasks.plugins.description import BUILT_IN, Description, described
from tasks.plugins.function_strategy import FunctionStrategy, is_function
from tasks.plugins.loading import Loaded, foreign_code
from tasks.plugins.references import InFile, InModule, Named, parse
from tasks.roots import NO_ROOTS, Roots

__all__ = ["Description", "describe", "fingerprint", "forget", "made", "names", "of_object", "resolve"]

KEPT: Final = 64
_own: dict[tuple[str, Roots], tuple[Loaded, Description]] = {}
"""The user's own that were loaded, while their files are as they were."""


def names() -> list[str]:
    """The strategies that are built in or installed."""
    return sorted(_entries())


def describe(name: str, roots: Roots = NO_ROOTS) -> Description:
    """What a strategy declares: one that is installed, or one of the user's own that lies below a root.

    Raises StrategyNotFound, StrategyRefused, or StrategyError where its code does not do.
    """
    reference = parse(name)
    if isinstance(reference, Named):
        return _installed(name)
    key = name, roots
    if key in _own:
        loaded, about = _own[key]
        if loaded.is_as_it_was:
            loaded.enter()
            return about
        del _own[key]
    loaded = _loaded(reference, roots)
    about = _described(name, loaded.found, loaded.digest, _origin(reference), loaded)
    if len(_own) >= KEPT:
        _own.pop(next(iter(_own)))
    _own[key] = loaded, about
    return about


def resolve(name: str, roots: Roots = NO_ROOTS) -> Strategy:
    """The strategy itself, checked against the contract."""
    return cast(Strategy, describe(name, roots).strategy)


def fingerprint(name: str, roots: Roots = NO_ROOTS) -> str:
    """SHA-256 over the source that decides a strategy's results: the same wherever the code is the same."""
    return describe(name, roots).fingerprint


def made(found: object) -> tuple[object, str]:
    """The strategy that a class, an instance or a function stands for, and what to call it."""
    name = str(getattr(found, "name", None) or getattr(found, "__name__", type(found).__name__))
    with foreign_code(f"strategy '{name}' cannot be made"):
        return _made(name, found, None), name


def of_object(found: object) -> Description:
    """The description of a class, an instance or a function that is there already."""
    strategy, name = made(found)
    return described(name, strategy)


def forget() -> None:
    """Looks anew at what is installed and at what was loaded, at the next question."""
    _entries.cache_clear()
    _installed.cache_clear()
    _own.clear()
    if Loaded.current is not None:
        Loaded.current.leave()


@lru_cache(maxsize=1)
def _entries() -> dict[str, EntryPoint]:
    return {e.name: e for e in entry_points(group=names_.ENTRY_POINT_GROUP)}


@lru_cache(maxsize=KEPT)
def _installed(name: str) -> Description:
    """Kept while the process lives: the code of an installed strategy changes with an installation."""
    entry = _entries().get(name)
    if entry is None:
        raise StrategyNotFound(f"unknown strategy '{name}'", hint=nearest(name, names()))
    try:
        with foreign_code(f"strategy '{name}' cannot be loaded"):
            digest = fingerprint_.digest(_files(entry.module))  # of what is loaded next
            found = entry.load()
    except StrategyError as e:
        raise StrategyError(e.message, hint=f"it is installed as {entry.value}") from e
    return _described(name, found, digest, _distribution(entry))


def _loaded(reference: InModule | InFile, roots: Roots) -> Loaded:
    if isinstance(reference, InFile):
        return loading.load_file(reference, roots)
    return loading.load_module(reference, roots)


def _described(
    name: str, found: object, digest: str, origin: str, loaded: Loaded | None = None
) -> Description:
    with foreign_code(f"strategy '{name}' cannot be made", loaded.files if loaded else None):
        return described(name, _made(name, found, loaded), fingerprint=digest, origin=origin)


def _made(name: str, found: Any, loaded: Loaded | None) -> object:
    """The strategy that a class, a function or an instance stands for.

    What a user's module only imported from elsewhere is not called: the root was given for the user's code.
    """
    if not (is_function(found) or isinstance(found, type)):
        return found
    home = str(found.__module__)
    if loaded is not None and home not in loaded.imported():
        raise StrategyRefused(
            f"'{name}' comes from module '{home}'", hint="name a class or a function of your own"
        )
    return FunctionStrategy(found) if is_function(found) else found()


def _files(module: str) -> fingerprint_.Sources:
    spec = importlib.util.find_spec(module)
    if spec is None:
        raise ModuleNotFoundError(f"No module named '{module}'")
    if spec.origin is None or not spec.origin.endswith(".py"):
        raise StrategyError(f"no source of {module} here", hint="a strategy is installed with its .py files")
    origin = Path(spec.origin)
    if origin.is_relative_to(sources.ROOM):
        return fingerprint_.of_shipped(origin)
    return fingerprint_.of_module(module, origin)


def _distribution(entry: EntryPoint) -> str:
    if entry.dist is None or entry.dist.name == names_.DISTRIBUTION:
        return BUILT_IN
    return f"{entry.dist.name} {entry.dist.version}"


def _origin(reference: InModule | InFile) -> str:
    return str(reference.path) if isinstance(reference, InFile) else f"module {reference.module}"
