"""Every name that another program sees: tasks, queues, Redis keys, files of a sweep, environment, logger.

Messages, keys and dashboards depend on these and on nothing else, so that moving a module changes none of
them.
"""

from __future__ import annotations

from typing import Final

DISTRIBUTION: Final = "sweepfleet"
ENTRY_POINT_GROUP: Final = "sweepfleet.strategies"
LOGGER: Final = "sweepfleet"

# Celery tasks and queues
EVALUATE_CHUNK: Final = "sweepfleet.evaluate_chunk"
MERGE_SHARD: Final = "sweepfleet.merge_shard"
FINISH: Final = "sweepfleet.finish"
SWEEP_ROW: Final = "sweepfleet.sweep"  # the one row per sweep that Flower shows
KILL_SWEEP: Final = "kill_sweep"  # told to nodes: end what runs of a sweep
QUEUE: Final = "sweepfleet"
MERGE_QUEUE_SUFFIX: Final = ".merge"

# Redis. Celery's own keys get the same prefix through its `global_keyprefix`.
PREFIX: Final = "sweepfleet:"
OPEN_SWEEPS: Final = PREFIX + "open"  # set of the ids of sweeps that are not finished
SWEEPER: Final = PREFIX + "sweeper"  # which node speaks for the fleet
NODES: Final = PREFIX + "nodes"  # sorted set: node name, scored by its last beat
ERA: Final = PREFIX + "era"  # a random word: another one means that Redis was emptied
CONFIG: Final = PREFIX + "config"  # the settings that every process must share, as the first one had them
DROPPED: Final = PREFIX + "dropped"  # hash: why messages were refused, and how many


def node_key(node: str) -> str:
    return f"{PREFIX}node:{node}"


def claim_key(what: str) -> str:
    """Held by the node that has this name, or this core of a machine."""
    return f"{PREFIX}claim:{what}"


def sweep_key(sweep_id: str, what: str) -> str:
    """`what` is one of ledger.WORDS, or lead, part:…, lease:…"""
    return f"{PREFIX}{sweep_id}:{what}"


# Results folder (design.md §4)
SUMMARY_FILE: Final = "summary.parquet"
TRADES_FILE: Final = "trades.parquet"
FAILURES_FILE: Final = "failures.parquet"
MANIFEST_FILE: Final = "manifest.json"
SWEEP_FILE: Final = "sweep.yaml"
WORK_FOLDER: Final = ".sweepfleet"  # marker, plan and unfinished parts, inside the results folder
MANIFEST_SCHEMA: Final = "sweepfleet.manifest/1"

# Environment
ENV_PREFIX: Final = "PRODUCER_"
