"""From a data file to arrays: which columns it must have, and what each row says.

A data kind is a layout, a reader and its dtypes: `LAYOUTS`, `READERS` and `DTYPES` are where one is added.

Ticks (specs/market_making.md §1): every row of the file in its order, nothing dropped, nothing sorted. A
price or a time that is missing or cannot be read is a missing value; the strategies' rules say what then. A
volume that cannot be read on a row that counts is an error: no rule says what such a trade would be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.contract import DataKind
from tasks.data import parse
from tasks.data.digest import UNREADABLE_HINT
from tasks.errors import DataError, UsageError
from tasks.names import LOGGER

log = logging.getLogger(f"{LOGGER}.data")

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]

TICK_TYPES: Final = {"bid": 0, "ask": 1, "trade": 2}
OTHER_TYPE: Final = 3
PADDED: Final = 4  # added where blanks around the word had to be taken away to know it

TICK_DTYPES: Final[Mapping[str, type[np.generic]]] = {
    "timestamp": np.int64,
    "type": np.int8,
    "price": np.float64,
    "volume": np.int64,
}
VOLUME_NAMES: Final = frozenset({"size", "vol", "volume", "qty", "quantity"})
SYMBOL: Final = "symbol"

WANTED: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "timestamp": ("dates with times", parse.is_time),
    "type": ("text (BID, ASK or TRADE)", parse.is_text),
    "price": ("numbers", parse.is_number),
    "volume": ("numbers", parse.is_number),
}
EXAMPLE: Final = {"timestamp": "dates with times, like 2025-04-14 10:00:00", "price": "numbers"}
CONVERT_HINT: Final = "convert the column and write the file again"
DAMAGED_HINT: Final = "copy or convert it again"


def reader(kind: DataKind) -> Callable[[Path], Arrays]:
    return _of_kind(READERS, kind)


def layout(kind: DataKind) -> Callable[[Any, Path], dict[str, str]]:
    """What checks a file's schema and says which of its columns plays which part."""
    return _of_kind(LAYOUTS, kind)


def tick_columns(schema: Any, path: Path) -> dict[str, str]:
    """Which column of the file is the timestamp, the type, the price and the volume."""
    parts: dict[str, list[str]] = {part: [] for part in TICK_DTYPES}
    for name in schema.names:
        if (part := _part(name)) is not None:
            parts[part].append(name)
    if absent := [part for part, names in parts.items() if not names]:
        raise DataError(
            f"{path}: no {_listed(absent)} column, found {_listed(schema.names) or 'none'}",
            hint="a tick file has the columns timestamp, type, price and volume",
        )
    if any(name.strip().lower() == SYMBOL for name in schema.names):
        raise DataError(
            f"{path}: a '{SYMBOL}' column: several securities in one tick file",
            hint="write one file per security, named after it",
        )
    chosen = {part: _only(part, names, path) for part, names in parts.items()}
    for part, name in chosen.items():
        kind = schema.field(name).type
        wanted, fits = WANTED[part]
        if not (fits(kind) or parse.is_text(kind) or pa.types.is_null(kind)):
            raise DataError(f"{path}: column '{name}' holds {kind}, wanted {wanted}", hint=CONVERT_HINT)
    return chosen


def read_ticks(path: str | Path) -> Arrays:
    """Columns `timestamp`, `type`, `price`, `volume`: all rows of the file, in its order."""
    path = Path(path)
    with reading(path):
        schema = pq.read_schema(path)
        columns = tick_columns(schema, path)
        with pq.ParquetFile(path, read_dictionary=[columns["type"]]) as file:
            ticks = _Ticks(path=path, columns=columns, rows=file.metadata.num_rows)
            for group in range(file.num_row_groups):  # one at a time: no second copy of a big file
                ticks.add(file.read_row_group(group, columns=list(columns.values())))
    ticks.check()
    return ticks.arrays


READERS: Final[Mapping[DataKind, Callable[[Path], Arrays]]] = {"ticks": read_ticks}
LAYOUTS: Final[Mapping[DataKind, Callable[[Any, Path], dict[str, str]]]] = {"ticks": tick_columns}
DTYPES: Final[Mapping[DataKind, Mapping[str, type[np.generic]]]] = {"ticks": TICK_DTYPES}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What Arrow and the system say about a file that cannot be read, in our words."""
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty", hint=DAMAGED_HINT)
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as e:
        if isinstance(e, OSError) and e.errno is not None and e.strerror:
            raise DataError(f"{path}: {e.strerror.lower()}", hint=UNREADABLE_HINT) from e
        raise DataError(f"{path}: not a Parquet file, damaged or cut short", hint=DAMAGED_HINT) from e


@dataclass(kw_only=True)
class _Ticks:
    """Arrays of the file's length, filled a row group at a time."""

    path: Path
    columns: Mapping[str, str]
    rows: int
    filled: int = 0
    text: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The first text, and its row, in a column that should hold times or numbers."""
    arrays: Arrays = field(init=False)

    def __post_init__(self) -> None:
        self.arrays = {name: np.empty(self.rows, dtype) for name, dtype in TICK_DTYPES.items()}

    def add(self, table: Any) -> None:
        first, last = self.filled, self.filled + table.num_rows
        column = {part: table.column(name) for part, name in self.columns.items()}
        times = parse.wall_times(column["timestamp"])
        prices = parse.numbers(column["price"])
        volumes, absent = parse.whole_numbers(column["volume"])
        self._refuse_volume(column["volume"], absent & (times != parse.MISSING_TIME) & ~np.isnan(prices))
        values = {"timestamp": times, "type": _type_codes(column["type"]), "price": prices, "volume": volumes}
        for name, array in values.items():
            self.arrays[name][first:last] = array
        for part in ("timestamp", "price"):
            if part not in self.text and (example := _first_text(column[part])):
                self.text[part] = (first + example[0] + 1, example[1])
        self.filled = last

    def check(self) -> None:
        """Judgements that need the whole column."""
        for part, (row, text) in self.text.items():
            values = self.arrays[part]
            missing = values == parse.MISSING_TIME if part == "timestamp" else np.isnan(values)
            if missing.all():
                raise DataError(
                    f"{self.path}: column '{self.columns[part]}' holds text ({text!r} in row {row}), "
                    f"wanted {EXAMPLE[part]}",
                    hint=CONVERT_HINT,
                )
        codes = self.arrays["type"]
        if codes.size and bool(np.all((codes & OTHER_TYPE) == OTHER_TYPE)):
            log.warning("%s: no row is a BID, an ASK or a TRADE", self.path, extra={"event": "no_known_type"})

    def _refuse_volume(self, column: Any, bad: NDArray[np.bool_]) -> None:
        if not bad.any():
            return
        row = int(np.argmax(bad))
        value = column[row].as_py()
        was = "missing" if value is None or value != value else repr(value)
        name = self.columns["volume"]
        raise DataError(
            f"{self.path}: row {self.filled + row + 1}: column '{name}' is {was}, wanted a whole number",
            hint="correct that row or leave it out",
        )


def _type_codes(column: Any) -> NDArray[np.int8]:
    """Each distinct text is looked at once, however many rows have it."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    codes = [np.zeros(0, np.int8)]
    for chunk in encoded.chunks:
        words = chunk.dictionary.to_pylist()
        table = np.array([_type_code(word) for word in words] + [OTHER_TYPE], np.int8)
        indices = pa.chunked_array([chunk.indices.cast(pa.int64())])
        codes.append(table[parse.array(indices, np.int64, len(words))])
    return np.concatenate(codes)


def _type_code(word: str | bytes | None) -> int:
    text = word.decode(errors="replace") if isinstance(word, bytes) else word or ""
    text = text.lower()
    if text in TICK_TYPES:
        return TICK_TYPES[text]
    stripped = text.strip()
    return TICK_TYPES[stripped] + PADDED if stripped in TICK_TYPES else OTHER_TYPE


def _first_text(column: Any) -> tuple[int, str] | None:
    if not parse.is_text(column.type):
        return None
    for row, value in enumerate(column):
        text = value.as_py()
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        if text and text.strip():
            return row, text
    return None


def _part(name: str) -> str | None:
    plain = name.strip().lower()
    if "date" in plain or "time" in plain:
        return "timestamp"
    if plain == "type":
        return "type"
    if "price" in plain:
        return "price"
    return "volume" if plain in VOLUME_NAMES else None


def _only(part: str, names: list[str], path: Path) -> str:
    """The one column for a part; of several, the one that is called exactly so."""
    exact = [name for name in names if name.strip().lower() == part]
    candidates = exact or names
    if len(candidates) > 1:
        raise DataError(
            f"{path}: {len(candidates)} columns could be the {part}: {_listed(candidates)}",
            hint=f"name one of them '{part}'" if not exact else f"keep one '{part}' column",
        )
    return candidates[0]


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _of_kind(table: Mapping[DataKind, T], kind: DataKind) -> T:
    if kind not in table:
        raise UsageError(f"data kind '{kind}' cannot be read", hint=f"this version reads: {', '.join(table)}")
    return table[kind]
