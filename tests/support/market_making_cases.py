"""The expected results of market making as test cases: data read plainly, compared as the spec says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from python_calamine import CalamineWorkbook

from tasks.contract import Columns
from tasks.data.slices import Slice

TEXTS: Final = ("exchange", "sort_kind")  # None in them is no number
CODES: Final = {"bid": 0, "ask": 1, "trade": 2}
CONTINUOUS: Final = {
    "timestamp": "<i8",
    "side": "<i1",
    "fill_price": "<f8",
    "fill_qty": "<i8",
    "realized_pnl": "<f8",
    "position": "<i8",
    "pnl": "<f8",
}
CLOSING: Final = {
    "timestamp": "<i8",
    "side": "<i1",
    "price": "<f8",
    "quantity": "<i8",
    "realized_pnl": "<f8",
    "trade_type": "<i1",
    "vwap_reference": "<f8",
}
WORDS: Final = {"buy": 1, "sell": -1, "auction_entry": 0, "vwap_exit": 1, "stop_loss": 2, "eod_flatten": 3}
METRICS: Final = {
    "trades": "total_trades",
    "total_pnl": "total_pnl",
    "sharpe": "sharpe_ratio",
    "max_drawdown": "max_drawdown",
    "max_drawdown_pct": "max_drawdown_pct",
    "calmar": "calmar_ratio",
    "win_rate_pct": "win_rate",
    "profit_factor": "profit_factor",
    "avg_pnl_per_trade": "avg_pnl_per_trade",
}
FIGURES: Final = {
    "trades": "num_trades",
    "buys": "buys",
    "sells": "sells",
    "volume": "total_volume",
    "buy_volume": "buy_volume",
    "sell_volume": "sell_volume",
    "turnover": "total_turnover",
    "total_pnl": "realized_pnl",
    "final_position": "final_position",
    "highest_position": "max_position",
    "lowest_position": "min_position",
    "market_days": "market_days",
    "strategy_days": "strategy_days",
    "state_pnl": "state_pnl",
    "auction_entries": "auction_entries",
    "buy_entries": "buy_entries",
    "sell_entries": "sell_entries",
    "vwap_exits": "vwap_exits",
    "stop_losses": "stop_losses",
    "eod_flattens": "eod_flattens",
    "filtered_sell_entries": "filtered_sell_entries",
    "filtered_buy_entries": "filtered_buy_entries",
}


def code_of(text: str | None) -> int:
    word = "" if text is None else text.lower()
    stripped = CODES.get(word.strip(), 3)
    return stripped if stripped == 3 or word == word.strip() else stripped + 4


def ticks(security: str, timestamp: Any, kinds: Any, price: Any, volume: Any) -> Slice:
    columns: dict[str, NDArray[Any]] = {
        "timestamp": np.asarray(timestamp, "datetime64[ns]").astype(np.int64),
        "type": np.array([code_of(kind) for kind in kinds], np.int8),
        "price": np.asarray(price, np.float64),
        "volume": np.asarray(volume, np.int64),
    }
    for column in columns.values():
        column.flags.writeable = False
    return Slice(security=security, columns=columns)


@cache
def read_parquet(path: Path) -> Slice:
    table = pq.read_table(path).combine_chunks()
    words = table["type"].combine_chunks().dictionary_encode()
    codes = np.array([code_of(word) for word in words.dictionary.to_pylist()], np.int8)
    columns: dict[str, NDArray[Any]] = {
        "timestamp": table["timestamp"].to_numpy().astype("datetime64[ns]").astype(np.int64),
        "type": codes[words.indices.to_numpy()],
        "price": table["price"].fill_null(float("nan")).to_numpy(),
        "volume": table["volume"].to_numpy(),
    }
    for name, column in columns.items():
        columns[name] = np.ascontiguousarray(column)
        columns[name].flags.writeable = False
    return Slice(security=path.stem.upper(), columns=columns)


@cache
def read_sheet(path: Path, sheet: str) -> Slice:
    """Rows from the fourth on; those without time or price are dropped (market_making.md §1.4)."""
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet).to_python(skip_empty_area=False)[3:]
    kept = [row for row in rows if row[0] != "" and row[2] != ""]
    time, kinds, price, volume = zip(*(row[:4] for row in kept), strict=True)
    return ticks(sheet.removesuffix(" UH Equity").removesuffix(" DH Equity"), time, kinds, price, volume)


def read_case(root: Path, case: Mapping[str, Any]) -> Slice:
    path = root / str(case["data"]).removeprefix("shared/")
    return read_sheet(path, case["sheet"]) if "sheet" in case else read_parquet(path)


def cases(root: Path) -> list[dict[str, Any]]:
    folder = root / "expected" / "market_making"
    listed: list[dict[str, Any]] = json.loads((folder / "index.json").read_text())["cases"]
    for case in listed:
        case["summary"] = json.loads((folder / case["summary"]).read_text())
    return listed


def point_of(case: Mapping[str, Any], params: type[Any]) -> dict[str, Any]:
    """The case's full combination: defaults where it names nothing."""
    given = dict(case["params"])
    if case["strategy"] == "closing_strategy":
        given |= {name: case[name] for name in ("exchange", "auction_fill_pct", "sort_kind")}
    else:
        given["variant"] = case["strategy"]
    return {f.name: given.get(f.name, f.default) for f in fields(params)}


def combinations_of(points: list[dict[str, Any]]) -> Columns:
    """As the runner hands them over: numbers and flags in their own type, all else as objects."""
    columns: dict[str, NDArray[Any]] = {}
    for name in points[0]:
        values = [point[name] for point in points]
        kinds = {type(value) for value in values}
        if kinds == {bool} or kinds == {int}:
            columns[name] = np.array(values)
        elif kinds <= {int, float, type(None)} and name not in TEXTS:
            columns[name] = np.array([np.nan if value is None else value for value in values], np.float64)
        else:
            columns[name] = np.array(values, object)
    return columns


def digest(trades: Columns, layout: Mapping[str, str]) -> str:
    """`digest_exact` of market_making.md §11."""
    hashed = hashlib.sha256()
    for name, kind in layout.items() if len(trades["timestamp"]) else ():
        values = trades[name]
        if values.dtype == object:
            values = np.array([WORDS[word] for word in values])
        elif values.dtype.kind == "f":
            values = values + 0.0
        hashed.update(values.astype(kind).tobytes())
    return hashed.hexdigest()


def differences(case: Mapping[str, Any], metrics: Mapping[str, Any], trades: Columns) -> list[str]:
    """What in one evaluated case is not as expected; empty when all is."""
    summary = case["summary"]
    layout = CLOSING if case["strategy"] == "closing_strategy" else CONTINUOUS
    found = [] if digest(trades, layout) == case["digest_exact"] else ["digest of the trades"]
    wanted = {ours: summary[theirs] for ours, theirs in FIGURES.items() if theirs in summary}
    exact = {name for name in wanted if name != "turnover"}
    wanted |= {ours: summary["metrics"][theirs] for ours, theirs in METRICS.items() if "metrics" in summary}
    for name, value in wanted.items():
        if not np.isclose(metrics[name], value, rtol=1e-9, atol=1e-12):
            found.append(f"{name}: {metrics[name]!r}, expected {value!r}")
    for name in exact - set(METRICS):
        if metrics[name] != wanted[name]:
            found.append(f"{name}: {metrics[name]!r}, expected exactly {wanted[name]!r}")
    return found
