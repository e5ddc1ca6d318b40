"""A strategy, data, and a chunk of combinations to try it on, as a worker would run it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.errors import SweepError
from tasks.grid.parameters import Value, as_arrays
from tasks.plugins.description import Description
from tasks.trials.what_if import frozen

HERE: Final = Path(__file__).parent
Metrics = dict[str, NDArray[Any]]


class Wrong(Exception):
    """An answer that cannot be one; the message says what to do."""


class Trial:
    """Runs pieces of the chunk; whatever the strategy raises comes out of it."""

    def __init__(
        self,
        about: Description,
        data: Columns,
        combinations: Sequence[Mapping[str, Value]],
        others: Sequence[Callable[[], Columns]] = (),
    ) -> None:
        """`others` make more data of the same sort, for what these may not show."""
        self.about = about
        self.data = frozen(data)
        self.others = others
        self.combinations = combinations
        self.rows = len(combinations)
        columns = {p.name: [c[p.name] for c in combinations] for p in about.parameters}
        self.columns = dict(as_arrays(about.parameters, columns, self.rows))
        if getattr(about.strategy, "seeded", False):
            self.columns["seed"] = np.arange(self.rows, dtype=np.int64)

    def prepared(self, data: Columns | None = None) -> Columns:
        prepare = getattr(self.about.strategy, "prepare", None)
        given = self.data if data is None else data
        made: Columns = prepare(given) if prepare else given
        return made

    def evaluated(self, data: Columns, which: Sequence[int] | NDArray[np.int64]) -> Metrics:
        """The columns that are declared, as they would be stored; `Wrong` where they cannot be."""
        rows = np.asarray(which, np.int64)
        found = self.about.strategy.evaluate(data, self._chunk(rows))
        if not isinstance(found, Mapping):
            raise Wrong(
                f"evaluate returns {type(found).__name__}: return a map with an array for each metric"
            )
        return {m: self._column(found, m, len(rows)) for m in self.about.metrics}

    def traced(self, data: Columns, row: int) -> Mapping[str, Columns]:
        """What `trace` shows of one combination."""
        chunk = self._chunk(np.array([row]))
        values = {n: c[0].item() if isinstance(c[0], np.generic) else c[0] for n, c in chunk.items()}
        plain = {n: None if isinstance(v, float) and v != v else v for n, v in values.items()}
        found: Mapping[str, Columns] = self.about.strategy.trace(self.prepared(data), plain)
        return found

    def _chunk(self, rows: NDArray[np.int64]) -> Columns:
        chunk = {name: column[rows] for name, column in self.columns.items()}
        for column in chunk.values():
            column.flags.writeable = False
        return chunk

    def _column(self, found: Mapping[str, Any], metric: str, rows: int) -> NDArray[Any]:
        if metric not in found:
            named = ", ".join(map(str, found)) or "nothing"
            raise Wrong(
                f"evaluate returns no '{metric}', only {named}: return an array for each of `metrics`"
            )
        column = np.asarray(found[metric])
        if column.shape != (rows,):
            raise Wrong(
                f"evaluate returns '{metric}' in the shape {column.shape} for {rows} combinations: return an "
                "array with one number for each"
            )
        if column.dtype.kind not in "fiub":
            raise Wrong(f"evaluate returns '{metric}' as {column.dtype}: return numbers, NaN for none")
        if metric not in self.about.whole_numbers:
            return column.astype(np.float64)
        if column.dtype.kind == "f" and not (np.isfinite(column) & (column == column.round())).all():
            raise Wrong(
                f"'{metric}' is declared as a whole number and is none here: take it out of whole_numbers"
            )
        return column.astype(np.int64)


def said(error: Exception) -> str:
    """What the strategy raised, and where; a write to its input in words."""
    lines = traceback.extract_tb(error.__traceback__)
    own = [f for f in lines if not Path(f.filename).is_relative_to(HERE)]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    if isinstance(error, ValueError) and "read-only" in str(error):
        return f"it writes into an array that it was given{place}: copy it first"
    hint = f"; {error.hint}" if isinstance(error, SweepError) and error.hint else ""
    return f"{type(error).__name__}: {error}{hint}{place}"
