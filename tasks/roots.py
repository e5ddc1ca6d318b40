"""Below which folders and packages this process imports code that a message or a sweep.yaml names.

A path in a message is an instruction to import, so nothing is imported that is not below a root. Without any
root there are the strategies that are built in or installed, found through entry points.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tasks.home import expanded

PACKAGE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """What is allowed; compared by value, so that it can be part of a cache's key."""

    packages: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    """Absolute, links followed."""

    @classmethod
    def of(cls, written: Iterable[str | Path]) -> Self:
        """`research` is a package; whatever is no dotted name, such as `./research` or `/desk`, a folder."""
        packages: list[str] = []
        folders: list[Path] = []
        for root in dict.fromkeys(written):
            if isinstance(root, str) and PACKAGE.fullmatch(root):
                packages.append(root)
            else:
                folders.append(expanded(root).resolve())
        return cls(packages=tuple(packages), folders=tuple(dict.fromkeys(folders)))

    def names_module(self, module: str) -> bool:
        """Is the module one of the packages, or below one? `desk` does not allow `desk_evil`."""
        return any(module == package or module.startswith(f"{package}.") for package in self.packages)

    def holds(self, path: Path) -> bool:
        """Does the file, links followed, lie below one of the folders?"""
        real = path.resolve()
        return any(real.is_relative_to(folder) for folder in self.folders)

    def __str__(self) -> str:
        return ", ".join([*self.packages, *map(str, self.folders)]) or "nothing"


NO_ROOTS: Final = Roots()


def absolute(root: str) -> str:
    """A root as it is handed to a process in another folder: a package's name, or a folder's whole path.

    A name that nothing importable has means the folder of that name here.
    """
    if PACKAGE.fullmatch(root):
        here = Path(root).is_dir() and importlib.util.find_spec(root.partition(".")[0]) is None
        return str(Path(root).absolute()) if here else root
    return str(expanded(root).absolute())
