"""A CSV file as a table: its columns by name, all of them text, a megabyte of rows at a time.

One line is one row, cells stand between commas, the first line names the columns. Blank lines are skipped and
counted: what is wrong in a file is named by its line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.data.reading import reading
from tasks.errors import DataError

HEADER_BYTES: Final = 1 << 16
"""In which the first line must end."""
SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}
NEWLINE: Final = 10
RETURN: Final = 13
CHUNK_BYTES: Final = 1 << 24
TABLE_HINT: Final = "write it with commas between the cells and one line per row"


class CsvTable:
    """Looked at without reading more than its first line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: Mapping[str, str] = {}
        with reading(path):
            self._header, names = self._names()
            self.schema: Any = pa.schema([(name, pa.string()) for name in names])
        self._lines: NDArray[np.int64] | None = None

    @property
    def rows(self) -> int:
        return self._line_numbers().size

    def batches(self, names: Sequence[str], words: str | None = None) -> Iterator[Any]:
        """Tables with these columns, all rows of the file in its order; an empty cell is null."""
        where = [self.schema.names.index(name) for name in names]
        with reading(self.path):
            for batch in self._read():
                yield pa.Table.from_arrays([pa.chunked_array([batch.column(i)]) for i in where], list(names))

    def place(self, row: int) -> str:
        return f"line {self._line_numbers()[row]}"

    def numbers(self, rows: int) -> NDArray[np.int32]:
        """Of each row its line in the file."""
        lines = self._line_numbers()
        if lines.size != rows:
            raise DataError(
                f"{self.path}: {rows:,} rows on {lines.size:,} lines: a cell in quotes over several?",
                hint=TABLE_HINT,
            )
        return lines.astype(np.int32)

    def _names(self) -> tuple[int, list[str]]:
        """The number of the first line that is not blank, and the names on it."""
        with self.path.open("rb") as file:
            head = file.read(HEADER_BYTES)
        text = head.decode("utf-8-sig", errors="strict" if len(head) < HEADER_BYTES else "ignore")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        number = next((i for i, line in enumerate(lines, 1) if line), 0)
        if not number:
            raise DataError(f"{self.path}: only blank lines", hint=TABLE_HINT)
        names = next(csv.reader([lines[number - 1]]))
        for separator, word in SEPARATORS.items():
            if len(names) == 1 and separator in names[0]:
                raise DataError(f"{self.path}: {word} between the cells, wanted commas", hint=TABLE_HINT)
        return number, names

    def _read(self) -> Iterator[Any]:
        import pyarrow.csv as arrow_csv  # here: processes that read only Parquet need not load it

        if not self._line_numbers().size:
            return
        columns = [str(i) for i in range(len(self.schema.names))]  # two columns may have the same name
        refused: list[Any] = []

        def refuse(row: Any) -> str:
            refused.append(row)
            return "error"

        try:
            reader = arrow_csv.open_csv(
                self.path,
                read_options=arrow_csv.ReadOptions(
                    use_threads=False, skip_rows=self._header, column_names=columns
                ),
                parse_options=arrow_csv.ParseOptions(invalid_row_handler=refuse),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: pa.string() for name in columns},
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            yield from reader
        except pa.ArrowInvalid as e:
            if not refused:
                raise
            found = refused[0]
            raise DataError(
                f"{self.path}: {self.place(found.number - self._header - 1)} has "
                f"{_cells(found.actual_columns)}, wanted {found.expected_columns}",
                hint="is the file cut short? Correct that line or leave it out",
            ) from e

    def _line_numbers(self) -> NDArray[np.int64]:
        """Of each row: the lines after the header's that are not blank."""
        if self._lines is None:
            with reading(self.path), self.path.open("rb") as file:
                total, lines = _lines_with_text(file, NEWLINE)
                if total == 1:  # old Macs ended their lines otherwise
                    file.seek(0)
                    _, lines = _lines_with_text(file, RETURN)
            self._lines = lines[lines > self._header]
        return self._lines


def _lines_with_text(file: BinaryIO, newline: int) -> tuple[int, NDArray[np.int64]]:
    """How many lines there are, and the numbers of those that are not blank, from 1."""
    ends, returns, before, size = [], [], b"\n", 0
    while chunk := file.read(CHUNK_BYTES):
        content = np.frombuffer(before + chunk, np.uint8)
        found = np.flatnonzero(content[1:] == newline)
        ends.append(found + size)
        returns.append(content[found] == RETURN)
        size += len(chunk)
        before = chunk[-1:]
    end = np.concatenate([*ends, [size]])
    length = np.diff(end, prepend=-1) - 1
    is_blank = (length == 0) | ((length == 1) & np.concatenate([*returns, [before == b"\r"]]))
    lines: NDArray[np.int64] = np.flatnonzero(~is_blank) + 1
    return length.size, lines


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
