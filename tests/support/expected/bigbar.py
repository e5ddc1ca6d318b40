"""The cases of specs/bigbar.md §10: trade lists by their hash, and in full where a table is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.agreement import Answer, Case, Group, numbers_differ, plain, rows_where, table_differs

HASHED: Final = (
    ("size", "<i8"),
    ("entry_bar", "<i8"),
    ("exit_bar", "<i8"),
    ("entry_price", "<f8"),
    ("exit_price", "<f8"),
)
FIGURES: Final[Mapping[str, str]] = {
    "exposure_pct": "Exposure Time [%]",
    "equity_final": "Equity Final [$]",
    "equity_peak": "Equity Peak [$]",
    "return_pct": "Return [%]",
    "buy_hold_return_pct": "Buy & Hold Return [%]",
    "return_ann_pct": "Return (Ann.) [%]",
    "volatility_ann_pct": "Volatility (Ann.) [%]",
    "cagr_pct": "CAGR [%]",
    "sharpe": "Sharpe Ratio",
    "sortino": "Sortino Ratio",
    "calmar": "Calmar Ratio",
    "alpha_pct": "Alpha [%]",
    "beta": "Beta",
    "max_drawdown_pct": "Max. Drawdown [%]",
    "avg_drawdown_pct": "Avg. Drawdown [%]",
    "max_drawdown_s": "Max. Drawdown Duration [s]",
    "avg_drawdown_s": "Avg. Drawdown Duration [s]",
    "trades": "# Trades",
    "win_rate_pct": "Win Rate [%]",
    "best_trade_pct": "Best Trade [%]",
    "worst_trade_pct": "Worst Trade [%]",
    "avg_trade_pct": "Avg. Trade [%]",
    "max_trade_s": "Max. Trade Duration [s]",
    "avg_trade_s": "Avg. Trade Duration [s]",
    "profit_factor": "Profit Factor",
    "expectancy_pct": "Expectancy [%]",
    "sqn": "SQN",
    "kelly": "Kelly Criterion",
    "commissions": "Commissions [$]",
}


def groups(shared: Path) -> Iterator[Group]:
    folder = shared / "expected/bigbar"
    for entry in json.loads((folder / "index.json").read_text())["sets"]:
        variant = entry["variant"]
        stats = pq.read_table(folder / entry["stats"])
        tables = pq.read_table(folder / entry["trades"])
        stored = set(tables["case_id"].to_pylist())
        names = stats.column_names[1 : stats.column_names.index("n_bars")]
        cases = [
            Case(
                id=row["case_id"],
                point={name: row[name] for name in names if row[name] is not None},
                check=partial(
                    _differs,
                    wanted=row,
                    trades=rows_where(tables, case_id=row["case_id"]) if row["case_id"] in stored else None,
                ),
            )
            for row in stats.to_pylist()
        ]
        yield Group(
            name=f"{variant}-{entry['data']}".lower(),
            strategy="sma_cross" if variant == "smacross" else "bigbar",
            data={"source": str(shared / entry["bars"].removeprefix("shared/"))},
            cases=cases,
            common={} if variant == "smacross" else {"variant": variant},
        )


def _differs(answer: Answer, wanted: Mapping[str, Any], trades: pa.Table | None) -> Iterator[str]:
    (row,), found = answer.rows, answer.tables["trades"]
    hashed = b"".join(plain(found[name]).astype(kind).tobytes() for name, kind in HASHED)
    if hashlib.sha256(hashed).hexdigest() != wanted["trades_sha256"]:
        yield "the hash of the trades"
    if trades is not None:
        yield from table_differs(found, trades.drop_columns(["case_id"]))
    yield from numbers_differ(row, {ours: wanted[theirs] for ours, theirs in FIGURES.items()})
