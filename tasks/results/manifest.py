"""manifest.json: what was run, with what, how long each phase took and who did it. Everything that may differ
between two equal runs (times, hosts, versions) is here and nowhere else.
"""

from __future__ import annotations

import json
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any, Final

from tasks import names
from tasks.messages import ChunkReceipt
from tasks.plan import ChunkPlan, SweepSpec
from tasks.records.ledger import Ledger

PHASES: Final = ("load", "compute", "encode", "wait")
PACKAGES: Final = (names.DISTRIBUTION, "celery", "numpy", "numba", "pyarrow", "pandas")


def build(
    ledger: Ledger,
    spec: SweepSpec,
    plan: ChunkPlan,
    notes: dict[int, dict[str, Any]],
    rows: dict[str, int],
    seconds: float,
    state: str,
) -> str:
    """The document as JSON text."""
    phases, nodes = _spent(_receipts(ledger, plan))
    for name, node in nodes.items():
        node["busy_s"] = round(node["busy_s"], 3)
        node["cores"] = ledger.node_cores(name)
    totals, meta = ledger.totals(), ledger.meta()
    created = float(meta.get("created", 0))
    document = {
        "schema": names.MANIFEST_SCHEMA,
        "id": spec.sweep_id,
        "name": spec.name,
        "state": state,
        "identity": spec.identity,
        "strategy": {"name": spec.strategy, "sha256": spec.fingerprint},
        "data": {s.name: {"path": s.path, "sha256": s.digest} for s in spec.securities},
        "counts": {
            "backtests": spec.total,
            "computed": totals.backtests,
            "cached": 0,
            "failed": totals.failed,
            "empty": totals.empty,
            "chunks": len(plan.chunks),
            "rows": rows,
        },
        "parameters": [name for name, _ in spec.parameters],
        "swept": _swept(spec),
        "metrics": [name for name, _ in spec.metrics],
        "metric": spec.metric,
        "times": {
            "created": created,
            "finished": ledger.now(),
            "wall_s": round(ledger.now() - created, 3),
            **{f"{'queue_wait' if p == 'wait' else p}_s": round(phases[p] / 1000, 3) for p in PHASES},
            "compute_cpu_s": round(phases["cpu"] / 1000, 3),
            "merge_s": round(sum(n["ms"] for n in notes.values()) / 1000 + seconds, 3),
        },
        "nodes": dict(sorted(nodes.items())),
        "mismatch": int(meta.get("mismatch", 0)),
        "suspect": int(meta.get("mismatch", 0)) > 0,
        "overrides": spec.overrides,
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _receipts(ledger: Ledger, plan: ChunkPlan) -> Iterator[ChunkReceipt]:
    """Shard by shard: a large sweep has more of them than one would like to hold."""
    for first, last in plan.shards:
        yield from filter(None, ledger.receipts(c.name for c in plan.chunks[first:last]))


def _spent(receipts: Iterable[ChunkReceipt]) -> tuple[Counter[str], dict[str, dict[str, Any]]]:
    """Milliseconds of each phase, and what each node did."""
    phases: Counter[str] = Counter()
    nodes: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"chunks": 0, "backtests": 0, "busy_s": 0.0, "peak_bytes": 0}
    )
    for receipt in receipts:
        for phase in (*PHASES, "cpu"):
            phases[phase] += getattr(receipt, f"{phase}_ms")
        node = nodes[receipt.node]
        node["chunks"] += 1
        node["backtests"] += receipt.rows
        node["busy_s"] += (receipt.load_ms + receipt.compute_ms + receipt.encode_ms) / 1000
        node["peak_bytes"] = max(node["peak_bytes"], receipt.peak_bytes)
    return phases, nodes


def _swept(spec: SweepSpec) -> list[str]:
    """Parameters that do not have one value throughout."""
    values: dict[str, set[str]] = defaultdict(set)
    for wire in spec.spaces:
        for name, found in [*wire["axes"], *(wire["points"] or [])]:
            values[name].update(json.dumps(v, sort_keys=True) for v in found)
    return [name for name, _ in spec.parameters if len(values[name]) > 1]
