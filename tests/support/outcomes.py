"""Results folders as a sweep leaves them, made by hand: small ones for exact texts, large ones for limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from producer.run.records import SweepRecord, save
from tasks import names
from tasks.results.tables import FAILURES_SCHEMA

SWEEP_ID = "mm-7f3a1c"


def a_results_folder(
    folder: Path,
    *,
    summary: Mapping[str, Any] | None = None,
    failures: Sequence[Mapping[str, Any]] = (),
    metric: Mapping[str, Any] | None = None,
    swept: Sequence[str] = ("refill", "variant"),
) -> Path:
    """Two securities times three combinations, one of them failed, unless told otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = summary if summary is not None else SUMMARY
    pq.write_table(pa.table(dict(columns)), folder / names.SUMMARY_FILE)
    pq.write_table(pa.Table.from_pylist([*failures], schema=FAILURES_SCHEMA), folder / names.FAILURES_FILE)
    manifest = {
        "schema": names.MANIFEST_SCHEMA,
        "id": SWEEP_ID,
        "name": "mm",
        "state": "done",
        "metric": metric or {"name": "total_pnl", "goal": "maximize", "min_trades": 0},
        "parameters": ["variant", "refill", "max_notional"],
        "swept": list(swept),
        "metrics": ["trades", "total_pnl", "sharpe"],
        "data": {"EMAAR": {}, "FAB": {}},
        "counts": {"backtests": 6, "failed": 1, "empty": 0, "chunks": 2},
    }
    (folder / names.MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


SUMMARY: Mapping[str, Any] = {
    "security": ["EMAAR"] * 3 + ["FAB"] * 3,
    "combination": ["9c1f04aa00000001", "51b77e0200000002", "e07d11c900000003"] * 2,
    "status": ["ok", "ok", "ok", "ok", "failed", "ok"],
    "variant": ["v1", "v1", "v2"] * 2,
    "refill": [30, 60, 30] * 2,
    "max_notional": [1500000.0] * 6,
    "trades": pa.array([84, 102, 79, 12, None, 1204], pa.int64()),
    "total_pnl": [143058.35, -12.5, 99.0, 99.0, None, float("nan")],
    "sharpe": [2.31, 1.97, 1.95, 0.5, None, float("nan")],
}

FAILURE = {
    "security": "FAB",
    "combination": "51b77e0200000002",
    "error": "ZeroDivisionError",
    "message": "float division by zero",
    "traceback": "Traceback (most recent call last):\n…\nZeroDivisionError: float division by zero\n",
    "attempts": 1,
}


def a_record(**changes: Any) -> SweepRecord:
    values: dict[str, Any] = {
        "id": SWEEP_ID,
        "name": "mm",
        "state": "done",
        "total": 6,
        "done": 6,
        "failed": 1,
        "created": 1_000_000.0,
        "finished": 1_000_058.0,
        "results": "results/mm/7f3a1c",
        "sweep_file": "/home/me/mm.yaml",
        "tags": (),
        "redis_url": None,
        "metric": "total_pnl",
        "goal": "maximize",
        "best": None,
    }
    return SweepRecord(**{**values, **changes})


def a_known_sweep(state_dir: Path, folder: Path, **changes: Any) -> SweepRecord:
    """A finished sweep that this machine remembers, with its results in `folder`."""
    a_results_folder(folder, failures=[FAILURE])
    record = a_record(results=str(folder), **changes)
    save(state_dir, record)
    return record
