"""The daily bars of the shared sets, symbol by symbol, as a task is given them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.api import PRICES, Slice, refuse_row
from tasks.kernels.daily.frame import DAY_NS, Frame, frame_of

SETS: Final = ("us100", "syn400")
Columns = dict[str, np.ndarray[Any, Any]]


def daily_slices(shared: Path, name: str, symbols: tuple[str, ...] = ()) -> Iterator[Slice]:
    """All symbols of a set, or those named, ascending."""
    folder = shared / "data" / "daily"
    source = folder / f"{name}.parquet"
    table = pq.read_table(source)
    if symbols:
        table = table.filter(pc.is_in(table["symbol"].cast("string"), pc.cast(list(symbols), "string")))
    universe = json.loads((folder / f"{name}.universe.json").read_text(encoding="utf-8"))
    segments = {entry["symbol"]: entry["segment"] for entry in universe["symbols"]}
    tokens = {entry["symbol"]: entry["token"] for entry in universe["symbols"]}
    newest = max(pq.read_table(source, columns=["date"])["date"].to_numpy().astype("datetime64[D]"))
    words = table["symbol"].cast("string").to_numpy(zero_copy_only=False)
    bounds = [0, *(np.flatnonzero(words[1:] != words[:-1]) + 1), len(words)] if len(words) else [0]
    columns = _columns(table)
    for first, last in pairwise(bounds):
        yield Slice(
            security=str(words[first]),
            columns={key: values[first:last] for key, values in columns.items()},
            segment=segments.get(str(words[first]), "ALL"),
            token=tokens.get(str(words[first])),
            newest_ns=int(newest.astype(np.int64)) * DAY_NS,
            source=str(source),
        )


def daily_frames(shared: Path, name: str, symbols: tuple[str, ...] = ()) -> dict[str, Frame]:
    return {data.security: frame_of(data, refuse_row) for data in daily_slices(shared, name, symbols)}


def days(*dates: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Days since 1970."""
    return np.array(dates, "datetime64[D]").astype(np.int64)


def bars(date: Any, **columns: Any) -> Columns:
    """Plain columns as `frame_of` takes them; without open, high or low, all prices are the close."""
    close = np.array(columns["close"], np.float64)
    out: Columns = {name: np.array(columns.get(name, close), np.float64) for name in PRICES}
    out["timestamp"] = np.array(date, np.int64) * DAY_NS
    out["volume"] = np.array(columns.get("volume", np.full(close.size, 1000.0)), np.float64)
    return out


def _columns(table: Any) -> Columns:
    dates = table["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    out: Columns = {name: table[name].to_numpy() / 10_000.0 for name in PRICES}
    out |= {"timestamp": dates * DAY_NS, "volume": table["volume"].to_numpy().astype(np.float64)}
    for values in out.values():
        values.flags.writeable = False
    return out
