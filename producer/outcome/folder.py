"""A results folder opened for questions: what its manifest says, and DuckDB on its Parquet files, read only.

The connection can read the folder's own tables and nothing else, whatever expression a user brings along.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import duckdb

from tasks import names
from tasks.errors import UsageError

Goal = Literal["maximize", "minimize"]
MEMORY: Final = "192MB"  # beyond it DuckDB sorts on disk; the producer stays under 500 MB with all else
FLOATS: Final = ("FLOAT", "DOUBLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What queries need to know of manifest.json."""

    id: str
    metric: str | None
    goal: Goal
    min_trades: int
    parameters: tuple[str, ...]
    swept: tuple[str, ...]
    metrics: tuple[str, ...]
    mismatch: int = 0
    """Chunks of which two executions gave different results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsFolder:
    """One sweep's tables; `types` has the columns of the summary in order, by name."""

    path: Path
    manifest: Manifest
    connection: duckdb.DuckDBPyConnection
    types: Mapping[str, str]

    def rows(self, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, values).fetchall()

    @property
    def has_failures(self) -> bool:
        return (self.path / names.FAILURES_FILE).is_file()


@contextmanager
def opened(path: Path) -> Iterator[ResultsFolder]:
    """The folder, for as long as the block lasts. Raises UsageError where it holds no finished sweep."""
    manifest = read_manifest(path)
    tables = [path / names.SUMMARY_FILE, path / names.FAILURES_FILE]
    if not tables[0].is_file():
        raise UsageError(
            f"{tables[0]} is missing", hint="run the sweep again: what is finished is not computed twice"
        )
    with tempfile.TemporaryDirectory(prefix="sweepfleet-") as spill:
        connection = duckdb.connect(":memory:")
        try:
            types = _prepared(connection, [t for t in tables if t.is_file()], Path(spill))
            yield ResultsFolder(path=path, manifest=manifest, connection=connection, types=types)
        except duckdb.IOException as e:
            raise _unreadable(path, e) from e
        finally:
            connection.close()


def _prepared(connection: duckdb.DuckDBPyConnection, tables: list[Path], spill: Path) -> dict[str, str]:
    """Views on the tables, and the columns of the summary with their types."""
    try:
        _confine(connection, tables, spill)
        types = {name: kind for name, kind, *_ in connection.execute("DESCRIBE summary").fetchall()}
    except duckdb.Error as e:
        raise _unreadable(tables[0].parent, e) from e
    types.pop("file_row_number")
    return types


def _unreadable(path: Path, error: Exception) -> UsageError:
    return UsageError(f"{path} cannot be read: {first_line(error)}", hint="run the sweep again")


def read_manifest(path: Path) -> Manifest:
    file = path / names.MANIFEST_FILE
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        metric = raw.get("metric") or {}
        return Manifest(
            id=str(raw["id"]),
            metric=metric.get("name"),
            goal="minimize" if metric.get("goal") == "minimize" else "maximize",
            min_trades=int(metric.get("min_trades") or 0),
            parameters=tuple(raw["parameters"]),
            swept=tuple(raw["swept"]),
            metrics=tuple(raw["metrics"]),
            mismatch=int(raw.get("mismatch") or 0),
        )
    except OSError as e:
        raise UsageError(f"no results in {path}", hint="has the sweep ended? producer status") from e
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise UsageError(f"{file} is not a manifest of a sweep", hint="run the sweep again") from e


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def first_line(error: Exception) -> str:
    """DuckDB's message without its own prefix and without the excerpt of our SQL below it."""
    line = str(error).partition("\n")[0].strip()
    return line.partition(" Error: ")[2] or line


def _confine(connection: duckdb.DuckDBPyConnection, tables: list[Path], spill: Path) -> None:
    """Views on the tables; then no other file can be read or written, and no setting changed."""
    allowed = ", ".join(literal(str(t.absolute())) for t in tables)
    threads = min(
        4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    for setting in (
        f"memory_limit = '{MEMORY}'",
        f"threads = {threads}",
        f"temp_directory = {literal(str(spill))}",
        "autoinstall_known_extensions = false",
        f"allowed_paths = [{allowed}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    for table in tables:
        source = f"read_parquet({literal(str(table.absolute()))}, file_row_number = true)"
        connection.execute(f"CREATE VIEW {quoted(table.stem)} AS SELECT * FROM {source}")
