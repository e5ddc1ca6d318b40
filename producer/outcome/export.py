"""All matching rows to a file or a pipe: CSV, Parquet or plain values, few in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from pyarrow import RecordBatchReader, csv, parquet

from producer.outcome.folder import ResultsFolder
from producer.outcome.query import Question, select, translated
from tasks.data.whole import whole_file
from tasks.errors import UsageError

BATCH_ROWS: Final = 65_536
Format = Literal["csv", "parquet", "json"]


def to_csv(folder: ResultsFolder, question: Question, out: BinaryIO | Path) -> int:
    """Writes CSV, to a path as a whole or not at all; how many rows there were."""
    if isinstance(out, Path):
        with _writable(out) as scratch, scratch.open("wb") as file:
            return to_csv(folder, question, file)
    reader, rows = _reader(folder, question), 0
    with csv.CSVWriter(out, reader.schema, write_options=csv.WriteOptions(quoting_style="needed")) as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def to_parquet(folder: ResultsFolder, question: Question, target: Path) -> int:
    reader, rows = _reader(folder, question), 0
    with (
        _writable(target) as scratch,
        parquet.ParquetWriter(scratch, reader.schema, compression="zstd") as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def to_text(pieces: Iterable[str], target: Path) -> None:
    """Text made elsewhere, piece by piece, as a whole or not at all."""
    with _writable(target) as scratch, scratch.open("w", encoding="utf-8") as file:
        file.writelines(pieces)


def values(folder: ResultsFolder, question: Question) -> Iterator[dict[str, Any]]:
    """The matching rows in rank order, each as plain values by column; errors come before the first one."""
    reader = _reader(folder, question)
    return (row for batch in reader for row in batch.to_pylist())


@contextmanager
def _writable(target: Path) -> Iterator[Path]:
    try:
        with whole_file(target) as scratch:
            yield scratch
    except OSError as e:
        raise UsageError(f"{target} cannot be written: {e.strerror or e}", hint="choose another place") from e


def _reader(folder: ResultsFolder, question: Question) -> RecordBatchReader:
    sql, bound = select(folder, question, question.columns or tuple(folder.types))
    with translated(folder):
        return folder.connection.sql(sql, params=bound).to_arrow_reader(BATCH_ROWS)
