"""One Arrow column of bars to one NumPy array, exactly: what is neither missing nor readable is a bad cell.

Text is converted by Arrow, a batch at a time. A batch that it refuses, `written_number` and `written_time`
read cell by cell: they are the definition, take a little more (blanks), and find the cell that is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.contract import MISSING_TIME
from tasks.data import parse
from tasks.data.parse import F8, I8

NUMBER: Final = re.compile(parse.NUMBER, re.ASCII)
TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[ T](?P<clock>\d{2}(?::\d{2}(?::\d{2})?)?)(?:\.(?P<part>\d{1,9}))?"
    r"\s*(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
SECOND: Final = 10**9
EARLIEST, LATEST = -(2**63) + 1, 2**63 - 1
MINUTE: Final = 60 * SECOND
A_TIME: Final = "a date or a time like 2025-04-14T10:00:00"


class BadCell(Exception):
    """A cell that cannot be used: which one of its batch, and what is wrong with it."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(problem)
        self.row = row
        self.problem = problem


def numbers(column: Any) -> F8:
    """The nearest doubles; NaN where missing."""
    column = parse.plain(column)
    if parse.is_text(column.type):
        values = _text_numbers(parse.trimmed(column))
    else:
        if pa.types.is_decimal(column.type):  # Arrow multiplies by a power of ten: not always the nearest
            column = column.cast(pa.string())
        values = parse.array(column.cast(pa.float64(), safe=False), np.float64, math.nan)
    if np.isinf(values).any():
        row = int(np.argmax(np.isinf(values)))
        raise BadCell(row, f"is {_shown(column, row, values[row])}, wanted a number")
    return values


def times(column: Any, instants: bool | None) -> tuple[I8, bool | None]:
    """Nanoseconds since 1970, and whether of UTC (else as a wall clock shows them).

    `instants` says what the cells before were; None where there were none.
    """
    column = parse.plain(column)
    if parse.is_text(column.type):
        return _text_times(parse.trimmed(column), instants)
    column = parse.stamps(column)
    values = parse.nanoseconds(column)
    _refuse_missing(column, values)
    return values, column.type.tz is not None


def minutes(column: Any) -> I8:
    """Instants counted in minutes."""
    values = parse.array(parse.plain(column).cast(pa.int64()), np.int64, MISSING_TIME)
    values = np.where(np.abs(values.astype(np.float64)) < parse.BEYOND_INT64 / MINUTE, values, MISSING_TIME)
    _refuse_missing(column, values)
    return values * MINUTE


def names(column: Any, known: dict[str, int]) -> NDArray[np.int32]:
    """Numbers of texts, each distinct text in `known`, which grows; blanks around a text do not count."""
    column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    found = [np.zeros(0, np.int32)]
    for chunk in column.chunks:
        words = [_word(value) for value in chunk.dictionary.to_pylist()]
        numbers = np.array([known.setdefault(w, len(known)) if w else -1 for w in words] + [-1], np.int32)
        indices = pa.chunked_array([chunk.indices.cast(pa.int64())])
        found.append(numbers[parse.array(indices, np.int64, len(words))])
    values = np.concatenate(found)
    if (values < 0).any():
        raise BadCell(int(np.argmax(values < 0)), "is missing, wanted the name of a security")
    return values


def written_number(text: str) -> float:
    """Raises ValueError where the text is no number. No text and `nan` are a missing one."""
    text = text.strip()
    if not text or text.lower() == "nan":
        return math.nan
    if NUMBER.match(text) is None:
        raise ValueError(text)
    return float(text)


def written_time(text: str) -> tuple[int, bool]:
    """Nanoseconds since 1970, and whether the text has an offset from UTC. Raises ValueError."""
    found = TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    day, clock, part, zone = found["day"], found["clock"], found["part"], found["zone"]
    at = datetime.fromisoformat(f"{day}T{clock or '00'}{zone or ''}")
    if part and len(clock) != len("00:00:00"):
        raise ValueError(text)
    whole = at - datetime(1970, 1, 1, tzinfo=at.tzinfo)
    offset = at.utcoffset()
    seconds = whole.days * 86_400 + whole.seconds - (0 if offset is None else round(offset.total_seconds()))
    value = seconds * SECOND + int((part or "").ljust(9, "0"))
    if not EARLIEST <= value <= LATEST:
        raise ValueError(text)
    return value, offset is not None


def _text_numbers(text: Any) -> F8:
    try:
        return parse.array(text.cast(pa.float64()), np.float64, math.nan)
    except pa.ArrowInvalid:
        return np.array(_each(text, written_number, math.nan, "a number"), np.float64)


def _text_times(text: Any, instants: bool | None) -> tuple[I8, bool | None]:
    if instants is None:
        instants = _first_is_instant(text)
    try:
        column = text.cast(pa.timestamp("ns", "UTC" if instants else None))
    except pa.ArrowInvalid:
        found = _each(text, written_time, (MISSING_TIME, instants), A_TIME)
        for row, (value, is_instant) in enumerate(found):
            if is_instant != instants and value != MISSING_TIME:
                word = "with" if instants else "without"
                raise BadCell(
                    row,
                    f"is {text[row].as_py()!r}, wanted a time {word} an offset from UTC, like the first one",
                ) from None
        values = np.array([value for value, _ in found], np.int64)
    else:
        values = parse.array(column.cast(pa.int64()), np.int64, MISSING_TIME)
    _refuse_missing(text, values)
    return values, instants


def _first_is_instant(text: Any) -> bool | None:
    for cell in text:
        value = cell.as_py()
        if value:
            try:
                return written_time(value)[1]
            except ValueError:
                return None  # named when it is converted
    return None


def _each(text: Any, read: Callable[[str], Any], missing: Any, wanted: str) -> list[Any]:
    values = []
    for row, value in enumerate(text.to_pylist()):
        try:
            values.append(read(value) if value else missing)
        except ValueError:
            raise BadCell(row, f"is {value!r}, wanted {wanted}") from None
    return values


def _refuse_missing(column: Any, values: I8) -> None:
    missing = values == MISSING_TIME
    if not missing.any():
        return
    row = int(np.argmax(missing))
    absent = not column[row].is_valid or parse.is_text(column.type)
    was = "is missing" if absent else "is not between the years 1678 and 2262"
    raise BadCell(row, f"{was}, wanted {A_TIME}")


def _shown(column: Any, row: int, value: float) -> str:
    return repr(column[row].as_py()) if parse.is_text(column.type) else str(float(value))


def _word(value: str | bytes | None) -> str:
    return (value.decode() if isinstance(value, bytes) else value or "").strip()
