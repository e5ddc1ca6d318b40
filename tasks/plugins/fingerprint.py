"""Which source files decide a strategy's results, and one digest over them: same code, same digest, wherever.

Of a shipped strategy: its module and what that imports from this package. Of anyone's package: all of its
modules, and what they import beside it where that is a folder of the user's own. Of a file: the file, and
what it imports below its folder. Of all: the few modules here that decide what a strategy is given.
"""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tasks.plugins import sources

ENGINE: Final = ("contract.py", "grid/parameters.py", "plugins/function_strategy.py", "runner.py")
SYSTEM: Final = tuple({Path(p).resolve() for n, p in sysconfig.get_paths().items() if n.endswith("lib")})

Sources = Mapping[str, Path]
"""Files by a label that says where they lie in their folder, and not where that is."""


def of_shipped(module: Path) -> Sources:
    return dict(sources.labelled(sources.closure(module)))


def of_module(module: str, origin: Path) -> Sources:
    """All modules of its package, else the module alone; with what they import from the user's own folder."""
    depth = module.count(".") + (origin.name == "__init__.py")
    base = origin.parents[depth]
    package = base / module.partition(".")[0]
    own = [*_modules_below(package)] if depth else [origin]
    return {_label(path, base): path for path in _with_imported(own, base)}


def of_file(path: Path) -> Sources:
    return {_label(file, path.parent): file for file in _with_imported([path], path.parent)}


def digest(files: Sources) -> str:
    """One digest over the text of the files, and of our own that count."""
    engine = (("engine/" + name, sources.ROOM / name) for name in ENGINE)
    return sources.digest([*sorted(files.items()), *engine])


def state(files: Sources) -> tuple[tuple[str, int, int], ...]:
    """What tells, without reading them, whether the files are those of before."""
    found = ((label, path.stat()) for label, path in sorted(files.items()))
    return tuple((label, s.st_mtime_ns, s.st_size) for label, s in found)


def _label(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix()


def _modules_below(package: Path) -> Iterator[Path]:
    for path in package.rglob("*.py"):
        if not any(part.startswith(".") for part in path.relative_to(package).parts):
            yield path


def _with_imported(files: Iterable[Path], base: Path) -> list[Path]:
    """The files and whatever they lead to in their folder; nothing more where that is Python's own."""
    found: set[Path] = set()
    waiting = [*files]
    system = base.resolve() in SYSTEM
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [] if system else _imported(path, base)
    return sorted(found)


def _imported(file: Path, base: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError):  # found out, and said well, where the file is run
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of(base, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            above = file.parents[node.level - 1] if node.level and node.level <= len(file.parents) else base
            if not above.is_relative_to(base):
                continue
            module = [*above.relative_to(base).parts, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                yield from _files_of(base, [*module, alias.name])


def _files_of(base: Path, parts: list[str]) -> Iterator[Path]:
    """The files that importing the module runs, as far as they are in the folder; a name in one counts."""
    folder = base
    for part in parts:
        for path in (folder / f"{part}.py", folder / part / "__init__.py"):
            if path.is_file():
                yield path
        folder /= part
