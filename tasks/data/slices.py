"""A slice: what a task loads. One security between two dates, as read-only arrays with a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns, ColumnSet, DataKind
from tasks.data import zones
from tasks.errors import DataError

UNCLASSIFIED: Final = "ALL"  # segment of a security that no universe file puts into one


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRef:
    """The name of a slice: small enough for a message, exact enough that it cannot mean other data."""

    security: str
    path: str
    digest: str
    """SHA-256 of the file's bytes."""
    kind: DataKind
    start_ns: int | None = None
    """First instant that belongs to it, nanoseconds since 1970 in `timezone`, or else in the data's own time;
    None: the first.
    """
    end_ns: int | None = None
    """Last instant that belongs to it, inclusive."""
    timezone: str | None = None
    """The zone that the two are in, and times that are written without one."""
    segment: str = UNCLASSIFIED
    token: int | None = None
    newest_ns: int | None = None
    price_scale: float | None = None
    """What the universe file says where the plan is made; None: what it says here, if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice(ColumnSet):
    """Read-only columns by name, and which security they belong to.

    Ticks: `timestamp` (int64, nanoseconds of exchange-local wall time), `type` (int8, see `contract`),
    `price` (float64), `volume` (int64), in file order.

    Bars: `timestamp` (int64, nanoseconds since 1970: of UTC where the file says so, else as written), `open`,
    `high`, `low`, `close`, `volume` (float64, NaN where there is none), in file order, nothing dropped.
    """

    security: str
    columns: Mapping[str, NDArray[Any]] = field(repr=False)
    zone: str | None = None
    """`UTC` where timestamps are instants, else the zone of the wall time; None where nobody said."""
    segment: str = UNCLASSIFIED
    """Of the market, where the data set comes with a universe file."""
    token: int | None = None
    """The instrument's number in that file."""
    newest_ns: int | None = None
    """The newest timestamp of the whole data set, all securities together, not after the sweep's end."""
    source: str = ""
    """The file it was read from."""
    rows_in_file: NDArray[Any] | None = field(default=None, repr=False)
    """Of each row its place in that file, from 1 (a header line counts); None: as they come."""

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0


def in_data_time(at_ns: int | None, zone: str | None, timezone: str | None) -> int | None:
    """An end of a slice, on the wall of `timezone`, as the data have it: an instant where their `zone` is
    UTC, else in their own wall time.
    """
    if at_ns is None or zone is None or timezone is None:
        return at_ns
    return int(zones.to_utc(np.array([at_ns]), timezone)[0])


def refuse_row(data: Columns, row: int, message: str, hint: str | None = None) -> NoReturn:
    """Raises DataError for a row that no rule says how to use; names the file and the row in it."""
    place = f"row {row + 1}"
    if isinstance(data, Slice):
        number = row + 1 if data.rows_in_file is None else int(data.rows_in_file[row])
        place = f"{data.source or data.security}: row {number}"
    time = np.datetime64(int(data["timestamp"][row]), "ns")
    raise DataError(f"{place} ({np.datetime_as_string(time, unit='s')}): {message}", hint=hint)
