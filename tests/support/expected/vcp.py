"""The cases of specs/vcp.md §12: each is one combination over all symbols of a data set."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.agreement import (
    Answer,
    Case,
    Group,
    numbers_differ,
    record_differs,
    rows_where,
    table_differs,
)

RISKS: Final = (
    "overall",
    "volatility",
    "atr_risk",
    "drawdown_risk",
    "gap_risk",
    "volume_consistency",
    "trend_stability",
    "data_points",
)
OUTCOMES: Final = ("hits", "no_pattern", "filtered", "excluded_stale", "excluded_ipo")
Patterns = dict[tuple[str, str], dict[str, Any]]


def groups(shared: Path) -> Iterator[Group]:
    folder = shared / "expected/vcp"
    index = json.loads((folder / "index.json").read_text())
    for name, entry in index["sets"].items():
        data = {"source": str(shared / entry["bars_file"]), "timeframe": "1d"}
        yield _group(name, "screen", "vcp_screen", data, _screens(folder, name), ("summary", "signals"))
        if (folder / f"{name}.trades.parquet").exists():
            walks = _walks(folder, name, index["trade_settings"])
            yield _group(name, "walk", "vcp", data, walks, ("summary", "trades", "signals"))
        yield _group(name, "risk", "risk_score", data, _risks(folder, name), ("summary",))


def _group(
    name: str, what: str, strategy: str, data: dict[str, Any], cases: Iterator[Case], keep: tuple[str, ...]
) -> Group:
    return Group(name=f"{name}-{what}", strategy=strategy, data=data, cases=[*cases], common={}, keep=keep)


def _screens(folder: Path, name: str) -> Iterator[Case]:
    counts = json.loads((folder / f"{name}.screen_counts.json").read_text())
    dates = sorted({c["as_of"] for c in counts})
    with gzip.open(folder / f"{name}.screen.jsonl.gz", "rt") as file:
        lines = [json.loads(line) for line in file]
    for mode in ("historical", "same_day"):
        wanted = {(f["as_of"], f["symbol"]): f["result"] for f in lines if f["mode"] == mode}
        totals = {n: sum(c.get(n, 0) for c in counts if c["mode"] == mode) for n in OUTCOMES}
        check = partial(_screen_differs, wanted=wanted, totals=totals)
        yield Case(id=f"{name}/screen/{mode}", point={"mode": mode, "as_of": dates}, check=check)
    basic = json.loads(gzip.decompress((folder / f"{name}.basic_screen.json.gz").read_bytes()))
    wanted = {(b["as_of"], r["symbol"]): r for b in basic for r in b["results"]}
    check = partial(_screen_differs, wanted=wanted, totals={"hits": len(wanted)})
    point = {"screen": "basic", "as_of": [b["as_of"] for b in basic]}
    yield Case(id=f"{name}/screen/basic", point=point, check=check)


def _screen_differs(answer: Answer, wanted: Patterns, totals: Mapping[str, int]) -> Iterator[str]:
    signals = answer.tables["signals"].to_pylist()
    found = {(row["as_of"].isoformat()[:10], row["security"]): row for row in signals}
    if found.keys() != wanted.keys():
        yield f"{len(found)} patterns, expected {len(wanted)}: {sorted(found.keys() ^ wanted.keys())[:2]}"
        return
    for key, record in wanted.items():
        plain = {field: value for field, value in record.items() if field != "symbol"}
        yield from record_differs(found[key], plain, str(key))
    yield from numbers_differ({n: sum(row[n] for row in answer.rows) for n in totals}, totals)


def _walks(folder: Path, name: str, settings: Mapping[str, Any]) -> Iterator[Case]:
    trades = pq.read_table(folder / f"{name}.trades.parquet").rename_columns({"symbol": "security"})
    signals = pq.read_table(folder / f"{name}.signals.parquet").rename_columns({"symbol": "security"})
    for setting in dict.fromkeys(trades["setting"].to_pylist()):
        own = rows_where(trades, setting=setting).drop_columns(["setting"])
        point = {**settings["base"], **settings[setting]}
        check = partial(_walk_differs, trades=own, signals=signals)
        yield Case(id=f"{name}/walk/{setting}", point=point, check=check)


def _walk_differs(answer: Answer, trades: pa.Table, signals: pa.Table) -> Iterator[str]:
    yield from table_differs(answer.tables["signals"], signals, rel=1e-9)
    yield from table_differs(answer.tables["trades"], trades, rel=1e-9)
    totals = {"signals": len(signals), "trades": len(trades)}
    yield from numbers_differ({n: sum(row[n] for row in answer.rows) for n in totals}, totals)


def _risks(folder: Path, name: str) -> Iterator[Case]:
    table = pq.read_table(folder / f"{name}.risk.parquet")
    keys = ("as_of", "window", "variant")
    rows = table.to_pylist()
    for key in dict.fromkeys(tuple(row[k] for k in keys) for row in rows):
        point = dict(zip(keys, key, strict=True))
        wanted = {r["symbol"]: r for r in rows if tuple(r[k] for k in keys) == key}
        yield Case(
            id=f"{name}/risk/{'/'.join(key)}", point=point, check=partial(_risk_differs, wanted=wanted)
        )


def _risk_differs(answer: Answer, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    found = {row["security"]: row for row in answer.rows if row["status"] == "ok"}
    if found.keys() != wanted.keys():
        yield f"{len(found)} symbols, expected {len(wanted)}: {sorted(found.keys() ^ wanted.keys())[:3]}"
        return
    for symbol, row in wanted.items():
        yield from (f"{symbol}: {d}" for d in numbers_differ(found[symbol], {k: row[k] for k in RISKS}))
