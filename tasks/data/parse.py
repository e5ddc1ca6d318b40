"""One Arrow column to one NumPy array: times, numbers, whole numbers. What cannot be read is a missing value.

Text is accepted where numbers or times are expected, since many tools write it. It is matched against a
pattern first, so that the compiled conversion sees next to nothing that it would refuse.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.contract import MISSING_TIME

NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
TIME: Final = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?$"
ZONE_SUFFIX: Final = r"\s*(Z|[+-]\d{2}:?\d{2})$"  # dropped: what is wanted is the wall time as it is written
CLOCK: Final = ":"

NANOSECONDS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
BEYOND_INT64: Final = 2.0**63

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


def plain_type(kind: Any) -> Any:
    """The type of the values, also where they are stored as a dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_text(kind: Any) -> bool:
    plain = plain_type(kind)
    return bool(
        pa.types.is_string(plain)
        or pa.types.is_large_string(plain)
        or pa.types.is_string_view(plain)
        or pa.types.is_binary(plain)
        or pa.types.is_large_binary(plain)
    )


def is_number(kind: Any) -> bool:
    plain = plain_type(kind)
    return bool(pa.types.is_integer(plain) or pa.types.is_floating(plain) or pa.types.is_decimal(plain))


def is_time(kind: Any) -> bool:
    plain = plain_type(kind)
    return bool(pa.types.is_timestamp(plain) or pa.types.is_date(plain))


def wall_times(column: Any) -> I8:
    """Nanoseconds since 1970 in the data's own wall time, whatever unit, zone or text it was written in."""
    column = plain(column)
    if is_text(column.type):
        text = pc.replace_substring_regex(trimmed(column), _zone_after_clock(), r"\1")
        return nanoseconds(_parsed(text, TIME, "ns"))
    column = stamps(column)
    return nanoseconds(column if column.type.tz is None else pc.local_timestamp(column))


def stamps(column: Any) -> Any:
    """Dates as the times of their midnights; times as they are."""
    if pa.types.is_date32(column.type):
        return column.cast(pa.timestamp("s"))
    if pa.types.is_date64(column.type):
        return column.cast(pa.timestamp("ms"))
    return column.cast(pa.timestamp("ns")) if pa.types.is_null(column.type) else column


def nanoseconds(column: Any) -> I8:
    """Of a column of times, as stored: since 1970 of UTC where they have a zone, else of the wall time."""
    factor = NANOSECONDS[column.type.unit]
    values: I8 = array(column.cast(pa.int64()), np.int64, MISSING_TIME)
    if factor == 1:
        return values
    # a missing time is out of range, too
    out_of_range = np.abs(values.astype(np.float64)) >= BEYOND_INT64 / factor
    return np.where(out_of_range, MISSING_TIME, np.where(out_of_range, 0, values) * factor)


def numbers(column: Any) -> F8:
    """As doubles; NaN where missing."""
    column = plain(column)
    if is_text(column.type):
        column = _parsed(trimmed(column), NUMBER, None)
    return array(column.cast(pa.float64(), safe=False), np.float64, float("nan"))


def whole_numbers(column: Any) -> tuple[I8, NDArray[np.bool_]]:
    """As integers, and where there is none: missing, with a fraction or too large. There it is 0."""
    column = plain(column)
    if pa.types.is_integer(column.type) and not pa.types.is_uint64(column.type):
        absent = np.concatenate([np.zeros(0, np.bool_), *(_absent(chunk) for chunk in column.chunks)])
        return array(column.cast(pa.int64()), np.int64, 0), absent
    doubles = numbers(column)
    absent = ~((np.trunc(doubles) == doubles) & (np.abs(doubles) < BEYOND_INT64))
    return np.where(absent, 0.0, doubles).astype(np.int64), absent


def plain(column: Any) -> Any:
    """Without dictionary, and with text that is text."""
    kind = plain_type(column.type)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        kind = pa.large_string()
    return column if kind == column.type else column.cast(kind)


def array(column: Any, dtype: type[np.generic], missing: float) -> NDArray[Any]:
    """The values of a column of plain numbers, `missing` where there is none.

    Arrow's own conversions import pandas, which takes a process longer than reading its data.
    """
    values = np.empty(len(column), dtype)
    first = 0
    for chunk in column.chunks:
        window = values[first : first + len(chunk)]
        if chunk.null_count == len(chunk):
            window[:] = missing
        else:
            _, data = chunk.buffers()
            start = chunk.offset * values.itemsize
            window[:] = np.frombuffer(data, dtype, count=len(chunk), offset=start)
            window[_absent(chunk)] = missing
        first += len(chunk)
    return values


def _absent(chunk: Any) -> NDArray[np.bool_]:
    if chunk.null_count == 0:
        return np.zeros(len(chunk), np.bool_)
    validity = np.frombuffer(chunk.buffers()[0], np.uint8)
    present = np.unpackbits(validity, count=chunk.offset + len(chunk), bitorder="little")
    absent: NDArray[np.bool_] = present[chunk.offset :] == 0
    return absent


def trimmed(column: Any) -> Any:
    return pc.utf8_trim_whitespace(column)


def _zone_after_clock() -> str:
    """A zone can only follow a clock: the end of a bare date, `-14`, looks like the beginning of one."""
    return rf"({CLOCK}\d{{2}}(?:\.\d+)?){ZONE_SUFFIX}"


def _parsed(text: Any, pattern: str, unit: str | None) -> Any:
    """Doubles, or times where a unit is given; null for text that is not of the pattern."""
    target = pa.float64() if unit is None else pa.timestamp(unit)
    fitting = pc.if_else(pc.match_substring_regex(text, pattern), text, pa.scalar(None, text.type))
    return pa.chunked_array(_cast(fitting, target), target)


def _cast(text: Any, target: Any) -> list[Any]:
    """Chunks of converted text.

    One value that is well formed but impossible, a 30th of February, costs that value and not the column:
    halves are tried until it stands alone.
    """
    try:
        converted = text.cast(target)
    except pa.ArrowInvalid:
        if len(text) == 1:
            return [pa.nulls(1, target)]
        middle = len(text) // 2
        return _cast(text.slice(0, middle), target) + _cast(text.slice(middle), target)
    return converted.chunks if isinstance(converted, pa.ChunkedArray) else [converted]
