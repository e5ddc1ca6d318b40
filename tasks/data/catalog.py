"""What a data source holds: its securities, their rows, from when to when. No price is read for it.

A file that cannot be used is in the catalog too, with its problem: it fails its security, not the sweep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

from tasks.contract import DataKind
from tasks.data import universe
from tasks.data.outline import outlines
from tasks.data.readers import reader
from tasks.data.slices import UNCLASSIFIED
from tasks.data.tables import FORMATS, open_table
from tasks.data.universe import Universe
from tasks.errors import DataError, DataNotFound
from tasks.home import expanded

CONVERTIBLE: Final = (".xlsx",)
SOURCE_HINT: Final = "set data.source to the folder that holds your data files, or to one of them"
CONVERT_HINT: Final = "save each sheet as CSV or Parquet, one file per security"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One security, as far as can be told without its prices."""

    security: str
    path: Path
    bytes: int
    """Of the file, which may hold more securities."""
    rows: int | None = None
    first_ns: int | None = None
    """The earliest time in it: in UTC where `zone` says so, else as written; None where nothing tells."""
    last_ns: int | None = None
    zone: str | None = None
    """`UTC` where its times are instants; None where they are what a wall clock shows."""
    segment: str = UNCLASSIFIED
    """Of the market, where a universe file beside it puts it into one."""
    token: int | None = None
    """The instrument's number there."""
    price_scale: float | None = None
    """Of the universe file beside it; belongs into the `SliceRef`, so that all nodes use the same."""
    problem: str | None = None
    """Why it cannot be used, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The securities of a data source, sorted by name."""

    source: Path
    entries: Mapping[str, Entry]
    clashes: Mapping[str, tuple[Path, ...]]
    """Names that more than one file claims; their entries have it as their problem."""

    def get(self, name: str) -> Entry | None:
        """By name, in whatever case it is written."""
        if (entry := self.entries.get(name)) is not None:
            return entry
        wanted = name.casefold()
        return next((entry for known, entry in self.entries.items() if known.casefold() == wanted), None)

    @property
    def newest_ns(self) -> int | None:
        """The newest timestamp of all its securities, in their own time, where one is known."""
        return max((e.last_ns for e in self.entries.values() if e.last_ns is not None), default=None)


def scan(source: str | Path, kind: DataKind = "ticks") -> Catalog:
    """Look at a folder of data files, or at one such file; each holds one security or many."""
    reader(kind)  # refuses a kind that this version does not read
    path = expanded(source).absolute()
    found = sorted((e for file in _files(path) for e in _entries(file, kind)), key=_name)
    entries: dict[str, Entry] = {}
    clashes: dict[str, tuple[Path, ...]] = {}
    for _, same in groupby(found, key=_name):
        claims = list(same)
        files = sorted({entry.path for entry in claims})
        if len(files) > 1:
            first = min(claims, key=lambda entry: entry.path)
            clashes[first.security] = tuple(files)
            claims = [replace(first, problem=_clash(first.security, files))]
        entries.update((entry.security, entry) for entry in claims)
    return Catalog(source=path, entries=dict(sorted(entries.items())), clashes=clashes)


def _files(source: Path) -> Iterable[Path]:
    try:
        if source.is_file():
            found = [source]
        else:
            found = [file for file in source.iterdir() if not file.name.startswith(".") and file.is_file()]
    except OSError as e:
        missing = isinstance(e, FileNotFoundError)
        reason = "no such file or folder" if missing else (e.strerror or str(e)).lower()
        raise DataNotFound(f"data source {source}: {reason}", hint=SOURCE_HINT) from e
    usable = [file for file in found if file.suffix.lower() in FORMATS]
    if usable:
        return usable
    if any(file.suffix.lower() in CONVERTIBLE for file in found):
        raise DataNotFound(
            f"data source {source}: data is read from {_suffixes('and')}, found only {CONVERTIBLE[0]}",
            hint=CONVERT_HINT,
        )
    if source.is_file():
        raise DataNotFound(f"data source {source}: not a {_suffixes('or')} file", hint=SOURCE_HINT)
    raise DataNotFound(f"data source {source}: no {_suffixes('or')} file in it", hint=SOURCE_HINT)


def _entries(path: Path, kind: DataKind) -> list[Entry]:
    """The securities of a file; one with the file's name and its problem where that cannot be told."""
    try:
        size = path.stat().st_size
    except OSError as e:
        return [Entry(security=_spelt(path.stem, kind), path=path, bytes=0, problem=f"{path}: {e.strerror}")]
    around, trouble = Universe(), None
    try:
        around = universe.beside(path) if kind == "bars" else around
    except DataError as e:
        trouble = e.message
    try:
        found = outlines(open_table(path), kind, around.price_scale)
    except DataError as e:
        return [Entry(security=_spelt(path.stem, kind), path=path, bytes=size, problem=trouble or e.message)]
    return [
        Entry(
            security=(name := _spelt(outline.security or path.stem, kind)),
            path=path,
            bytes=size,
            rows=outline.rows,
            first_ns=outline.first_ns,
            last_ns=outline.last_ns,
            zone=outline.zone,
            segment=around.segment(name),
            token=around.token(name),
            price_scale=around.price_scale,
            problem=trouble,
        )
        for outline in found
    ]


def _spelt(name: str, kind: DataKind) -> str:
    """Of ticks, names are written in upper case; of bars as they are found."""
    return name.upper() if kind == "ticks" else name


def _clash(name: str, files: list[Path]) -> str:
    return f"{len(files)} files claim the name {name}: {', '.join(str(file) for file in files)}"


def _suffixes(word: str) -> str:
    return f" {word} ".join(FORMATS)


def _name(entry: Entry) -> str:
    return entry.security.casefold()
