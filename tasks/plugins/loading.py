"""The user's own code, brought into this process: from below a root alone, shadowing nothing, as it is now.

A file gets a private module name, made from its digest. A module keeps its own; its folder is appended to the
import path, never put first. Both may import what lies beside them. So that an edited file is seen in a
process that has run the old one, and that two folders may each have a `signals.py`, what was imported for one
strategy is taken out of `sys.modules` when another is entered, and put back when that one is entered again.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Final

from tasks.errors import StrategyError, StrategyNotFound, StrategyRefused
from tasks.grid.parameters import nearest
from tasks.plugins import fingerprint
from tasks.plugins.fingerprint import Sources
from tasks.plugins.references import InFile, InModule
from tasks.roots import Roots

PRIVATE: Final = "sweepfleet_strategy_"


@dataclass(slots=True, eq=False)
class Loaded:
    """The object that a reference names, and the modules that came with it."""

    text: str
    files: Sources
    digest: str
    folder: Path | None
    """Where its own imports are looked for; None: where everything is."""
    found: Any = None
    modules: dict[str, ModuleType] = field(default_factory=dict)
    displaced: dict[str, ModuleType] = field(default_factory=dict)
    is_on_path: bool = False
    """By our doing."""
    state: tuple[tuple[str, int, int], ...] = ()

    current: ClassVar[Loaded | None] = None

    def enter(self) -> None:
        """Makes this strategy's modules the ones that an import finds, now and in its functions later."""
        if Loaded.current is self:
            return
        if Loaded.current is not None:
            Loaded.current.leave()
        self.displaced = self._taken_out()
        sys.modules.update(self.modules)
        self.is_on_path = self.folder is not None and str(self.folder) not in sys.path
        if self.is_on_path:
            sys.path.append(str(self.folder))
        importlib.invalidate_caches()
        Loaded.current = self

    def leave(self) -> None:
        """Takes its modules out again; what was there before is there again."""
        self.modules |= self._taken_out()
        sys.modules.update(self.displaced)
        if self.is_on_path:
            sys.path.remove(str(self.folder))
        Loaded.current = None

    def imported(self) -> list[str]:
        """The modules that are imported now and come from its files."""
        files = {str(path) for path in self.files.values()}
        return [n for n, m in [*sys.modules.items()] if str(getattr(m, "__file__", None)) in files]

    def _taken_out(self) -> dict[str, ModuleType]:
        return {name: sys.modules.pop(name) for name in self.imported()}

    @property
    def is_as_it_was(self) -> bool:
        try:
            return fingerprint.state(self.files) == self.state
        except OSError:
            return False


def load_file(reference: InFile, roots: Roots) -> Loaded:
    """The object of a file below an allowed folder."""
    path = found_file(reference, roots)
    files = fingerprint.of_file(path)
    loaded = _begun(reference.text, files, path.parent)
    name = PRIVATE + loaded.digest[:16]
    module = ModuleType(name)
    module.__file__ = str(path)
    with _entered(loaded):
        sys.modules[name] = module  # dataclasses look for their own module there
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    loaded.found = _attribute(module, reference.attribute, f"{path.name}")
    return loaded


def load_module(reference: InModule, roots: Roots) -> Loaded:
    """The object of a module that is, or lies below, an allowed package, or is found in an allowed folder."""
    origin, folder = _found_module(reference, roots)
    files = fingerprint.of_module(reference.module, origin)
    loaded = _begun(reference.text, files, folder)
    with _entered(loaded):
        module = importlib.import_module(reference.module)
    loaded.found = _attribute(module, reference.attribute, reference.module)
    return loaded


@contextmanager
def foreign_code(what: str, files: Sources | None = None) -> Iterator[None]:
    """Turns whatever the user's code raises into a StrategyError that says where; what it prints goes to
    stderr.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except StrategyError:
        raise
    except (Exception, SystemExit) as e:  # the strategy's code: anything may come out of it
        raise StrategyError(f"{what}: {type(e).__name__}: {e}", hint=_place(e, files or {})) from e


def _begun(text: str, files: Sources, folder: Path | None) -> Loaded:
    loaded = Loaded(text=text, files=files, digest="", folder=folder)
    loaded.state = fingerprint.state(files)
    loaded.digest = fingerprint.digest(files)
    return loaded


@contextmanager
def _entered(loaded: Loaded) -> Iterator[None]:
    """For the first import: nothing is written beside the user's files, and what was read is what was
    hashed.
    """
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loaded.enter()
    try:
        with foreign_code(f"strategy '{loaded.text}' cannot be loaded", loaded.files):
            yield
    except StrategyError:
        loaded.leave()
        raise
    finally:
        sys.dont_write_bytecode = writes
    if not loaded.is_as_it_was:
        loaded.leave()
        raise StrategyError(f"strategy '{loaded.text}' was changed while it was read", hint="try again")


def found_file(reference: InFile, roots: Roots) -> Path:
    """The file itself, or where this machine mounts its folder elsewhere, the same path below a root."""
    tails = [Path(*reference.path.parts[i:]) for i in range(1, len(reference.path.parts))]
    below = [folder / tail for tail in tails for folder in roots.folders]
    there = [path for path in (reference.path, *below) if path.is_file()]
    for path in there:
        if roots.holds(path):
            return path.resolve()
    if not there and roots.holds(reference.path.parent):
        raise StrategyNotFound(f"no file {reference.path}", hint="look at the name after `strategy:`")
    if not there and roots.folders:
        raise StrategyNotFound(
            f"no file {reference.path}, nor one of that name below what is allowed here ({roots})",
            hint=f"mount its folder here, and allow it: {_allow('FOLDER')}",
        )
    raise StrategyRefused(
        f"{there[0].resolve() if there else reference.path} is not below what may be imported here ({roots})",
        hint=f"allow its folder: {_allow(str(reference.path.parent))}",
    )


def _found_module(reference: InModule, roots: Roots) -> tuple[Path, Path | None]:
    """Its file, and the folder it was looked for in. Runs nothing: not the module, not a package above it."""
    allowed = roots.names_module(reference.module)
    if not allowed and not roots.folders:
        raise _refused(reference, None, roots)
    parts = reference.module.split(".")
    folders = [f.parent if f.name == parts[0] and (f / "__init__.py").exists() else f for f in roots.folders]
    spec = _spec(parts, [str(f) for f in folders])
    origin = Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None
    folder = None
    if origin is not None and not allowed:
        folder = origin.parents[len(parts) - (origin.name != "__init__.py")].resolve()
        if folder not in folders or not roots.holds(origin):
            raise _refused(reference, origin, roots)
    elif spec is not None and not allowed:
        raise _refused(reference, None, roots)
    if origin is not None and origin.suffix == ".py":
        return origin, folder
    raise StrategyNotFound(
        f"no source of module '{reference.module}' here",
        hint=f"looked for where Python does, and in {roots}; allow its folder: {_allow('FOLDER')}",
    )


def _spec(parts: list[str], folders: list[str]) -> ModuleSpec | None:
    """What an import of the module would find, its folders searched last."""
    if Loaded.current is not None:
        Loaded.current.leave()  # what it brought in is not what others find
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec(parts[0]) or PathFinder.find_spec(parts[0], folders)
    except ValueError:  # something in `sys.modules` that does not say where it is from
        return None
    for depth in range(2, len(parts) + 1):
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(".".join(parts[:depth]), [*spec.submodule_search_locations])
    return spec


def _refused(reference: InModule, origin: Path | None, roots: Roots) -> StrategyRefused:
    where = f" ({origin})" if origin is not None else ""
    return StrategyRefused(
        f"'{reference.module}'{where} is not below what may be imported here ({roots})",
        hint=f"allow it: {_allow(reference.module.partition('.')[0])}",
    )


def _allow(root: str) -> str:
    return f"PRODUCER_ALLOW={root}, or producer worker start --allow {root}"


def _attribute(module: ModuleType, name: str, where: str) -> Any:
    if hasattr(module, name):
        return getattr(module, name)
    own = [
        n
        for n, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__
    ]
    raise StrategyNotFound(f"no '{name}' in {where}", hint=nearest(name, own))


def _place(error: BaseException, files: Sources) -> str | None:
    """The last line of the user's own files that the error passed through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    own = {str(path) for path in files.values()}
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in own]
    return f"{lines[-1].filename}:{lines[-1].lineno}" if lines else None
