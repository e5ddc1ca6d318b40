"""Ticks from a data file (specs/market_making.md §1): every row in its order, none dropped.

A price or a time that is missing or cannot be read is a missing value; the strategies' rules say what then. A
volume that cannot be read on a row that counts is an error: no rule says what such a trade would be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.contract import MISSING_TIME
from tasks.data import parse
from tasks.data.decoded import Arrays, Decoded, joined
from tasks.data.reading import CONVERT_HINT, ROW_HINT, listed, reading
from tasks.data.tables import SYMBOL, DataTable, only, open_table
from tasks.errors import DataError
from tasks.names import LOGGER

log = logging.getLogger(f"{LOGGER}.data")

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

WANTED: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "timestamp": ("dates with times", parse.is_time),
    "type": ("text (BID, ASK or TRADE)", parse.is_text),
    "price": ("numbers", parse.is_number),
    "volume": ("numbers", parse.is_number),
}
EXAMPLE: Final = {"timestamp": "dates with times, like 2025-04-14 10:00:00", "price": "numbers"}


def tick_columns(table: DataTable) -> dict[str, str]:
    """Which column of the file is the timestamp, the type, the price and the volume."""
    schema, path = table.schema, table.path
    parts: dict[str, list[str]] = {part: [] for part in TICK_DTYPES}
    for name in schema.names:
        if (part := _part(name)) is not None:
            parts[part].append(name)
    if absent := [part for part, names in parts.items() if not names]:
        raise DataError(
            f"{path}: no {listed(absent)} column, found {listed(schema.names) or 'none'}",
            hint="a tick file has the columns timestamp, type, price and volume",
        )
    if any(name.strip().lower() == SYMBOL for name in schema.names):
        raise DataError(
            f"{path}: a '{SYMBOL}' column: several securities in one tick file",
            hint="write one file per security, named after it",
        )
    chosen = {part: only(part, names, path) for part, names in parts.items()}
    for part, name in chosen.items():
        kind = schema.field(name).type
        wanted, fits = WANTED[part]
        if not (fits(kind) or parse.is_text(kind) or pa.types.is_null(kind)):
            raise DataError(f"{path}: column '{name}' holds {kind}, wanted {wanted}", hint=CONVERT_HINT)
    return chosen


def read_ticks(path: str | Path) -> Arrays:
    """Columns `timestamp`, `type`, `price`, `volume`: all rows of the file, in its order."""
    return decode_ticks(Path(path)).columns


def decode_ticks(path: Path, scale_beside: float | None = None) -> Decoded:
    table = open_table(path)
    ticks = _Ticks(table=table, columns=tick_columns(table))
    with reading(path):
        for batch in table.batches(list(ticks.columns.values()), words=ticks.columns["type"]):
            ticks.add(batch)
    arrays = ticks.joined()
    return Decoded(columns=arrays, rows_in_file=table.numbers(ticks.rows))


@dataclass(kw_only=True)
class _Ticks:
    """Pieces of the columns, a batch of rows at a time."""

    table: DataTable
    columns: Mapping[str, str]
    rows: int = 0
    text: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The first text, and its row, in a column that should hold times or numbers."""
    pieces: dict[str, list[NDArray[Any]]] = field(init=False)

    def __post_init__(self) -> None:
        self.pieces = {name: [np.empty(0, dtype)] for name, dtype in TICK_DTYPES.items()}

    def add(self, batch: Any) -> None:
        column = {part: batch.column(name) for part, name in self.columns.items()}
        times = parse.wall_times(column["timestamp"])
        prices = parse.numbers(column["price"])
        volumes, absent = parse.whole_numbers(column["volume"])
        self._refuse_volume(column["volume"], absent & (times != MISSING_TIME) & ~np.isnan(prices))
        values: Arrays = {
            "timestamp": times,
            "type": _type_codes(column["type"]),
            "price": prices,
            "volume": volumes,
        }
        for name, array in values.items():
            self.pieces[name].append(array)
        for part in ("timestamp", "price"):
            if part not in self.text and (example := _first_text(column[part])):
                self.text[part] = (self.rows + example[0], example[1])
        self.rows += batch.num_rows

    def joined(self) -> Arrays:
        """The columns, after the judgements that need the whole of them."""
        arrays = {name: joined(self.pieces.pop(name)) for name in TICK_DTYPES}
        for part, (row, text) in self.text.items():
            values = arrays[part]
            missing = values == MISSING_TIME if part == "timestamp" else np.isnan(values)
            if missing.all():
                raise DataError(
                    f"{self.table.path}: column '{self.columns[part]}' holds text "
                    f"({text!r} in {self.table.place(row)}), wanted {EXAMPLE[part]}",
                    hint=CONVERT_HINT,
                )
        codes = arrays["type"]
        if codes.size and bool(np.all((codes & OTHER_TYPE) == OTHER_TYPE)):
            log.warning(
                "%s: no row is a BID, an ASK or a TRADE", self.table.path, extra={"event": "no_known_type"}
            )
        return arrays

    def _refuse_volume(self, column: Any, bad: NDArray[np.bool_]) -> None:
        if not bad.any():
            return
        row = int(np.argmax(bad))
        value = column[row].as_py()
        was = "missing" if value is None or value != value else repr(value)
        name = self.columns["volume"]
        raise DataError(
            f"{self.table.path}: {self.table.place(self.rows + row)}: column '{name}' is {was}, "
            "wanted a whole number",
            hint=ROW_HINT,
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
