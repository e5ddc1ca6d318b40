"""What a stranger pushes into the queue is dropped and counted; the node lives and the sweep completes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from tasks import names
from tasks.wire import dropped
from tasks.wire.celery_app import make_app
from tests.support import hostile
from tests.support.cluster import a_cluster, wait_until
from tests.support.sweeps import Sweep, a_sweep

SPOKEN: Final = (b"hello", b"5", b"[" * 100_000, b"{}", b'{"properties": []}')  # to a node's ear for requests


def test_no_hostile_message_ends_a_node_or_stays(tmp_path: Path, tiny: Path, redis_url: str) -> None:
    marker = tmp_path / "marker"
    sweep = a_sweep(tmp_path, redis_url, {"x": range(40)})
    client = sweep.ledger.client
    pushed = hostile.messages(sweep.spec.sweep_id, sweep.spec.queue, marker)

    with a_cluster(sweep.settings, tmp_path / "nodes") as cluster:
        node = cluster.start(PYTHONPATH=str(tiny))
        client.lpush(names.PREFIX + sweep.spec.queue, *pushed.values())
        for said in SPOKEN:
            wait_until(lambda said=said: speak(sweep, said), 10, "a node that listens")  # type: ignore[misc]
        state = sweep.follow(sweep.lead(), 30)
        wait_until(lambda: not client.exists(names.PREFIX + "unacked"), 5, "nothing in hand")

        assert state == "done"
        assert node.process.poll() is None
        make_app(sweep.settings).control.shutdown()  # it still hears what we say
        wait_until(lambda: node.process.poll() == 0, 10, "the end that it was told")
    assert sweep.ledger.totals().ok == 80
    assert not marker.exists()
    assert sum(dropped.counts(client).values()) == node.text().count("message dropped")
    assert node.text().count("message dropped") >= len(pushed) + 2, node.text()
    assert not client.keys("*celery-task-meta*")


def speak(sweep: Sweep, said: Any) -> int:
    client = sweep.ledger.client
    database = client.get_connection_kwargs()["db"]
    return int(client.publish(f"{names.PREFIX}/{database}.celery.pidbox", said))
