"""How often a chunk asks Redis: each question costs a node more than a short chunk computes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tests.support.broker import running_broker, valkey_program
from tests.support.cluster import a_cluster, wait_until
from tests.support.sweeps import a_sweep

CHUNKS = 300


def test_a_chunk_asks_seldom_and_flower_hears_of_each(tmp_path: Path, tiny: Path) -> None:
    with running_broker(valkey_program(), tmp_path) as broker:
        sweep = a_sweep(tmp_path, broker.fresh_url(), {"x": range(CHUNKS)}, securities=1, size=1)
        client, ended = sweep.ledger.client, set[str]()
        with a_cluster(sweep.settings, tmp_path / "nodes") as cluster, client.pubsub() as flower:
            cluster.start(PYTHONPATH=str(tiny), PRODUCER_WARM="none")
            flower.psubscribe("*celeryev*")
            client.config_resetstat()

            sweep.follow(sweep.lead(merges=False), 60)
            calls = {name: said["calls"] for name, said in client.info("commandstats").items()}
            wait_until(lambda: hears(flower, ended) >= CHUNKS, 10, "an event of each chunk")

    assert calls["cmdstat_publish"] < CHUNKS / 2
    assert calls["cmdstat_evalsha"] < 4 * CHUNKS  # start, commit, the chord's; and the lead's own


def hears(flower: Any, ended: set[str]) -> int:
    """Adds the chunks that it is told have ended."""
    while said := flower.get_message(ignore_subscribe_messages=True, timeout=0.1):
        events = json.loads(base64.b64decode(json.loads(said["data"])["body"]))
        for event in events if isinstance(events, list) else [events]:
            if event["type"] == "task-succeeded" and event["uuid"].endswith("-1"):
                ended.add(event["uuid"])
    return len(ended)
