"""The files that a new user begins with: a commented sweep.yaml and the schema beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tasks.errors import UsageError

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
DATA_FOLDERS: Final = {
    "ticks": ("data/ticks", "ticks", "data"),
    "bars": ("data/bars", "bars", "data/minute", "data/daily", "data"),
}
DATA_FILES: Final = ("*.parquet", "*.csv")


def write(path: Path, name: str | None, strategy: str, *, allow: Sequence[str], force: bool) -> None:
    """A sweep.yaml for the strategy, with the data folder beside it where there is one.

    A strategy in a file is looked for from where the user is, and named from where the sweep.yaml will be.
    """
    from producer.spec.template import init_text
    from tasks.plugins import references, registry
    from tasks.roots import Roots

    if name is not None and not NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be the name of a sweep",
            hint=f"small letters, digits, - and _, at most 63: for example {_slug(name)}",
        )
    if path.exists() and not force:
        raise UsageError(
            f"{path} is there already", hint="add --force to overwrite it, or -o for another file"
        )
    reference = references.located(strategy, Path.cwd())
    about = registry.describe(reference, Roots.of([*allow, path.parent, Path.cwd()]))
    written = replace(about, name=references.seen_from(reference, path.parent))
    write_text(path, init_text(written, name=name, source=_data_folder(path.parent, about.data)))


def write_schema(folder: Path) -> Path:
    """The schema that the first line of the file points to; made by us alone, so it is always renewed."""
    from producer.spec.schema import FILE_NAME, schema_text

    path = folder / FILE_NAME
    write_text(path, schema_text())
    return path


def write_text(path: Path, text: str) -> None:
    from tasks.data.whole import whole_file

    try:
        with whole_file(path) as scratch:
            scratch.write_text(text, encoding="utf-8")
    except OSError as e:
        raise UsageError(f"{path} cannot be written: {e.strerror}", hint="choose another place") from e


def _data_folder(beside: Path, kind: str) -> str:
    """The first folder of a usual name that holds data files."""
    for name in DATA_FOLDERS[kind]:
        if any(next((beside / name).glob(pattern), None) for pattern in DATA_FILES):
            return name
    return "data"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:63] or "my-sweep"
