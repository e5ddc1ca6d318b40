"""Explicit combinations: a list of maps in sweep.yaml, or a CSV or Parquet file, one column a parameter."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from producer.spec import nodes
from producer.spec.nodes import Node, Place
from producer.spec.places import PathRefused, resolved
from producer.spec.report import Problems
from producer.spec.securities import reason
from tasks.grid.combinations import Axis, canonical
from tasks.grid.parameters import Parameter, Value, ValueRefused, coerce, nearest

MOST_SHOWN: Final = 20  # problems of a file with a million rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Combinations as written: what each names, with values of the declared types."""

    names: tuple[str, ...]
    rows: tuple[Mapping[str, Value], ...]
    places: tuple[Place, ...] = field(repr=False)

    def columns(self, common: Mapping[str, Value], problems: Problems) -> tuple[Axis, ...]:
        """All points as columns, each once; a point that does not name a parameter has it from `common`."""
        kept: dict[str, int] = {}
        repeated: list[tuple[int, int]] = []
        for i, row in enumerate(self.rows):
            key = canonical([row.get(n, common.get(n)) for n in self.names])
            if key in kept:
                repeated.append((i, kept[key]))
            else:
                kept[key] = i
        for i, first in repeated[:MOST_SHOWN]:
            message = f"combination {i + 1:,} is the same as combination {first + 1:,}; it counts once"
            problems.warning(self.places[i], message)
        if len(repeated) > MOST_SHOWN:
            more = len(repeated) - MOST_SHOWN
            problems.warning(
                self.places[repeated[MOST_SHOWN][0]], f"{more:,} more combinations are given twice"
            )
        rows = [self.rows[i] for i in kept.values()]
        return tuple((n, tuple(row.get(n, common.get(n)) for row in rows)) for n in self.names)


def listed(
    written: Sequence[Mapping[str, Any]],
    node: Node,
    parameters: Mapping[str, Parameter],
    strategy: str,
    problems: Problems,
) -> Points:
    """The points of a list in sweep.yaml."""
    names: dict[str, None] = {}
    rows: list[dict[str, Value]] = []
    places: list[Place] = []
    for i, point in enumerate(written):
        row: dict[str, Value] = {}
        for name, value in point.items():
            if name not in parameters:
                place = nodes.key_of(node, (i, name))
                problems.error(place, f"unknown parameter '{name}' of {strategy}", nearest(name, parameters))
                continue
            try:
                row[name] = coerce(parameters[name], value)
            except ValueRefused as e:
                problems.error(nodes.place_of(node, (i, name)), e.message, e.hint)
            names.setdefault(name)
        rows.append(row)
        places.append(nodes.place_of(node, (i,)))
    return Points(names=tuple(names), rows=tuple(rows), places=tuple(places))


def from_file(
    written: str,
    place: Place,
    folder: Path,
    environment: Mapping[str, str],
    parameters: Mapping[str, Parameter],
    strategy: str,
    fixed: Collection[str],
    problems: Problems,
) -> Points | None:
    """The points of a table; columns in `fixed` are given by the command line and skipped."""
    try:
        columns = _table(resolved(written, folder, environment), parameters)
    except PathRefused as e:
        problems.error(place, e.message, e.hint)
        return None
    except (OSError, ValueError) as e:
        why = reason(e) if isinstance(e, OSError) and e.strerror else " ".join(str(e).split())
        problems.error(
            place, f"cannot read {written}: {why}", "a CSV or Parquet file, one column per parameter"
        )
        return None
    before = problems.errors
    for name in columns:
        if name not in parameters:
            problems.error(
                place, f"unknown parameter '{name}' of {strategy} in {written}", nearest(name, parameters)
            )
    names = tuple(n for n in columns if n in parameters and n not in fixed)
    number = len(next(iter(columns.values()), ()))
    if not number:
        problems.error(place, f"{written} has no rows")
    if problems.errors > before:
        return None
    rows: list[dict[str, Value]] = [{} for _ in range(number)]
    for name in names:
        _fill(rows, parameters[name], columns[name], place, written, problems)
    return Points(names=names, rows=tuple(rows), places=(place,) * number)


def _fill(
    rows: list[dict[str, Value]],
    parameter: Parameter,
    column: Sequence[Any],
    place: Place,
    written: str,
    problems: Problems,
) -> None:
    shown = 0
    for i, value in enumerate(column):
        if value is None and not parameter.nullable:
            continue  # an empty cell: the common value, or the default
        try:
            is_single = parameter.one and not str(value).lstrip().startswith("[")
            if parameter.type in ("list", "map") and isinstance(value, str) and not is_single:
                value = json.loads(value)
            rows[i][parameter.name] = coerce(parameter, value)
        except ValueRefused as e:
            shown += 1
            if shown <= MOST_SHOWN:
                problems.error(place, f"{written}, row {i + 1:,}: {e.message}", e.hint)
        except json.JSONDecodeError:
            problems.error(place, f"{written}, row {i + 1:,}: {parameter.name} is not JSON")


def _table(path: Path, parameters: Mapping[str, Parameter]) -> dict[str, list[Any]]:
    """Columns as Python values. Raises OSError or ValueError where the file is not such a table."""
    import pyarrow as pa

    path.stat()  # says in fewer words than pyarrow that there is no such file
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(path)
    elif path.suffix.lower() == ".csv":
        from pyarrow import csv

        texts = {name: pa.string() for name, p in parameters.items() if p.type in ("str", "list", "map")}
        options = csv.ConvertOptions(
            column_types=texts,
            null_values=["", "null"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        table = csv.read_csv(path, convert_options=options)
    else:
        raise ValueError("neither .csv nor .parquet")
    if len(set(table.column_names)) < table.num_columns:
        raise ValueError("two of its columns have the same name")
    return {name: table.column(name).to_pylist() for name in table.column_names}
