"""Expected results of market making against a results folder, by market_making.md §9 and §11.

Cases are put together into as few sweeps as possible: securities of one folder that are asked the same points
are one sweep. A case finds its row by the values of the summary's parameter columns, never by its place.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tests.support.market_making_cases import CLOSING, CONTINUOUS, FIGURES, METRICS, WORDS, cases

Case = dict[str, Any]
Columns = dict[str, NDArray[Any]]

FILLS: Final = ("timestamp", "side", "fill_price", "fill_qty", "position", "price", "quantity", "trade_type")
SUMS: Final = ("turnover", *METRICS)  # depend on the order of summation, which is free (§11)
ONLY_CLOSING: Final = ("exchange", "auction_fill_pct", "sort_kind")
DEFAULTS: Final[Mapping[str, Any]] = {  # §4 and §8.2, for a name that a case leaves out
    "quote_size": 50_000,
    "quote_size_bid": None,
    "quote_size_ask": None,
    "refill_interval_sec": 60,
    "max_position": 2_000_000,
    "max_notional": None,
    "min_local_currency_before_quote": 25_000,
    "stop_loss_threshold_pct": 2.0,
    "vwap_preclose_period_min": 15,
    "spread_vwap_pct": 0.5,
    "order_notional": 250_000,
    "trend_filter_sell_enabled": True,
    "trend_filter_sell_threshold_bps_hr": 10.0,
    "trend_filter_buy_enabled": False,
    "trend_filter_buy_threshold_bps_hr": 10.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cases that one sweep answers."""

    strategy: str
    folder: str
    """Where their data lies, from the shared folder; of a workbook its own path."""
    securities: tuple[str, ...]
    cases: tuple[Case, ...]

    @property
    def name(self) -> str:
        return f"{self.strategy}-{self.securities[0]}-{len(self.securities)}".lower().replace("_", "-")

    def spec(self, source: Path) -> dict[str, Any]:
        """The sweep.yaml."""
        points = {repr(sorted(point.items())): point for point in map(point_of, self.cases)}
        return {
            "name": self.name,
            "strategy": self.strategy,
            "data": {"source": str(source), "kind": "ticks", "securities": list(self.securities)},
            "parameters": {},
            "combinations": list(points.values()),
            "output": {"dir": "results/{name}", "keep": ["summary", "trades"]},
        }


def groups(root: Path, families: Sequence[str] = ("continuous", "closing", "edge", "excel")) -> list[Group]:
    """All cases of those families in as few sweeps as possible."""
    of_security: dict[tuple[str, str, str], list[Case]] = {}
    for case in cases(root):
        if case["family"] in families:
            strategy = "market_making_closing" if is_closing(case) else "market_making"
            path = Path(case["data"].removeprefix("shared/"))
            folder = str(path if case["family"] == "excel" else path.parent)
            of_security.setdefault((strategy, folder, case["security"]), []).append(case)
    alike: dict[tuple[str, str, str], dict[str, list[Case]]] = {}
    for (strategy, folder, security), found in of_security.items():
        asked = repr(sorted({repr(sorted(point_of(case).items())) for case in found}))
        alike.setdefault((strategy, folder, asked), {})[security] = found
    return [
        Group(
            strategy=strategy,
            folder=folder,
            securities=tuple(found),
            cases=tuple(case for several in found.values() for case in several),
        )
        for (strategy, folder, _), found in alike.items()
    ]


def is_closing(case: Case) -> bool:
    return bool(case["strategy"] == "closing_strategy")


def point_of(case: Case) -> dict[str, Any]:
    """The case as a combination: what it names, and no more."""
    if is_closing(case):
        return {**case["params"], **{name: case[name] for name in ONLY_CLOSING}}
    return {"variant": case["strategy"], **case["params"]}


class Results:
    """A results folder, one combination of one security at a time."""

    def __init__(self, folder: Path) -> None:
        self.rows = pq.read_table(folder / "summary.parquet").to_pylist()
        self.trades = pq.read_table(folder / "trades.parquet").combine_chunks()
        owner = pc.binary_join_element_wise(self.trades["security"], self.trades["combination"], " ")
        runs = pc.run_end_encode(owner.combine_chunks()) if len(owner) else None
        ends = runs.run_ends.to_pylist() if runs is not None else []
        names = runs.values.to_pylist() if runs is not None else []
        assert len(set(names)) == len(names), "the trades of a combination do not lie together"
        self._places = dict(zip(names, zip([0, *ends], ends, strict=False), strict=True))

    def row(self, case: Case) -> dict[str, Any]:
        """The one row of the summary whose security and parameters are those of the case."""
        point = {**DEFAULTS, **point_of(case)}
        (found,) = (
            row
            for row in self.rows
            if row["security"] == case["security"]
            and all(row[name] == value for name, value in point.items() if name in row)
        )
        return dict(found)

    def trades_of(self, row: Mapping[str, Any]) -> pa.Table:
        first, end = self._places.get(f"{row['security']} {row['combination']}", (0, 0))
        return self.trades.slice(first, end - first).drop_columns(["security", "combination"])


def differences(results: Results, case: Case, expected: Path) -> list[str]:
    """What of one case is not as expected, in words; empty when all is."""
    row = results.row(case)
    if row["status"] != "ok":
        return [f"{case['id']}: status {row['status']}"]
    layout = CLOSING if is_closing(case) else CONTINUOUS
    trades = results.trades_of(row)
    if trades.column_names != list(layout):
        return [f"{case['id']}: columns {trades.column_names}"]
    columns = plain(trades)
    found = list(_digests_differ(columns, layout, case))
    if case["trades"]:
        found += _trades_differ(columns, plain(pq.read_table(expected / case["trades"])), layout)
    found += _times_differ(trades, case["summary"])
    found += _figures_differ(row, columns, case["summary"])
    return [f"{case['id']}: {what}" for what in found]


def plain(trades: pa.Table) -> Columns:
    """Raw arrays: times as nanoseconds, words as the numbers of §11, floats without negative zeros."""
    columns: Columns = {}
    for name in trades.column_names:
        column = trades[name]
        if pa.types.is_timestamp(column.type):
            values = column.cast(pa.timestamp("ns")).cast(pa.int64()).to_numpy()
        elif pa.types.is_floating(column.type):
            values = column.to_numpy() + 0.0
        elif pa.types.is_integer(column.type):
            values = column.to_numpy()
        else:
            values = np.array([WORDS[word] for word in column.to_pylist()], np.int8)
        columns[name] = values
    return columns


def digest(columns: Columns, layout: Mapping[str, str], names: Iterable[str]) -> str:
    hashed = hashlib.sha256()
    for name in names:
        hashed.update(columns[name].astype(layout[name]).tobytes())
    return hashed.hexdigest()


def _digests_differ(columns: Columns, layout: Mapping[str, str], case: Case) -> Iterable[str]:
    for key, names in (("digest_exact", list(layout)), ("digest_fills", [n for n in layout if n in FILLS])):
        if digest(columns, layout, names) != case[key]:
            yield key


def _trades_differ(ours: Columns, theirs: Columns, layout: Mapping[str, str]) -> Iterable[str]:
    for name, kind in layout.items():
        a, b = ours[name].astype(kind), theirs[name].astype(kind)
        if a.tobytes() != b.tobytes():
            at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
            yield f"{name} of trade {at}: {a[at : at + 1]}, expected {b[at : at + 1]}"


def _times_differ(trades: pa.Table, summary: Mapping[str, Any]) -> Iterable[str]:
    for key, place in (("first_trade", 0), ("last_trade", -1)):
        if key in summary:
            time = trades["timestamp"][place].as_py() if len(trades) else None
            said = None if time is None else f"{time:%Y-%m-%d %H:%M:%S}"
            if said != summary[key]:
                yield f"{key}: {said}, expected {summary[key]}"


def _figures_differ(row: Mapping[str, Any], columns: Columns, summary: Mapping[str, Any]) -> Iterable[str]:
    exact = {ours: summary[theirs] for ours, theirs in FIGURES.items() if theirs in summary}
    close = {name: exact.pop(name) for name in SUMS if name in exact}
    close |= {ours: summary["metrics"][theirs] for ours, theirs in METRICS.items() if "metrics" in summary}
    if "sum_realized_pnl" in summary:
        close["total_pnl"] = summary["sum_realized_pnl"]
        exact_pnl = float(columns["pnl"][-1]) if len(columns["pnl"]) else 0.0
        if exact_pnl != summary["realized_pnl"]:
            yield f"last pnl: {exact_pnl!r}, expected {summary['realized_pnl']!r}"
        realized = columns["realized_pnl"]
        for key, count in (("winning_trades", realized > 0), ("losing_trades", realized < 0)):
            if int(count.sum()) != summary[key]:
                yield f"{key}: {count.sum()}, expected {summary[key]}"
    for name, value in exact.items():
        if row[name] != value:
            yield f"{name}: {row[name]!r}, expected exactly {value!r}"
    for name, value in close.items():
        if not math.isclose(row[name], value, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{name}: {row[name]!r}, expected {value!r}"


def write_workbook(workbook: Path, folder: Path) -> Path:
    """Each sheet as tick Parquet, by market_making.md §1.4."""
    folder.mkdir(parents=True)
    book = openpyxl.load_workbook(workbook, read_only=True, data_only=True)
    for sheet in book.worksheets:
        rows = list(sheet.iter_rows(min_row=3, values_only=True))
        header = [str(name or "").strip().lower() for name in rows[0]]
        places = [header.index(name) for name in ("dates", "type", "price", "size")]
        found = [[row[place] for place in places] for row in rows[1:]]
        kept = [row for row in found if row[0] not in (None, "") and row[2] not in (None, "")]
        time, kind, price, volume = zip(*kept, strict=True)
        table = pa.table(
            {
                "timestamp": pa.array(time, pa.timestamp("us")).cast(pa.timestamp("ns")),
                "type": pa.array(kind, pa.string()),
                "price": pa.array(price, pa.float64()),
                "volume": pa.array(volume, pa.int64()),
            }
        )
        code = str(sheet.title).removesuffix(" UH Equity").removesuffix(" DH Equity")
        pq.write_table(table, folder / f"{code.lower()}.parquet", compression="snappy")
    book.close()
    return folder
