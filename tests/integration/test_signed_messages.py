"""With a signing key only messages of those who have it become work, and only as they were published."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from tasks import names
from tasks.wire import dropped, signing
from tasks.wire.celery_app import make_app
from tasks.wire.publish import Publisher
from tests.support import hostile
from tests.support.cluster import Cluster, a_cluster, wait_until
from tests.support.sweeps import Sweep, a_sweep

KEY: Final = "a key that only this test's fleet has"
OTHER: Final = "a key that somebody else made up himself"


@pytest.fixture
def sweep(tmp_path: Path, tiny: Path, redis_url: str) -> Sweep:
    sweep = a_sweep(tmp_path, redis_url, {"x": range(40)})
    return replace(sweep, settings=sweep.settings.model_copy(update={"signing_key": SecretStr(KEY)}))


@pytest.fixture
def cluster(sweep: Sweep, tmp_path: Path) -> Iterator[Cluster]:
    with a_cluster(sweep.settings, tmp_path / "nodes") as cluster:
        yield cluster


def test_a_signed_sweep_completes_and_nothing_of_it_is_readable_as_plain(
    sweep: Sweep, cluster: Cluster, tiny: Path
) -> None:
    genuine(sweep, 1)
    node = cluster.start(PYTHONPATH=str(tiny))

    state = sweep.follow(sweep.lead(), 30)

    assert state == "done"
    assert sweep.ledger.totals().ok == 80
    assert dropped.counts(sweep.ledger.client) == {}
    assert KEY not in node.text()


def test_what_is_not_signed_or_not_as_it_was_is_dropped(sweep: Sweep, cluster: Cluster, tiny: Path) -> None:
    client, queue = sweep.ledger.client, names.PREFIX + sweep.spec.queue
    first, second, third, fourth = genuine(sweep, 4)
    pushed = {
        "unsigned": hostile.message(sweep.spec.sweep_id, sweep.spec.queue),
        "called signed": hostile.message(
            sweep.spec.sweep_id, sweep.spec.queue, **{"content-type": signing.CONTENT_TYPE}
        ),
        "of another key": with_body(first, signing.signed(OTHER, signing.verified(KEY, body(first)))),
        "changed": with_body(first, body(first).replace('"last": 5', '"last": 9')),
        "another task": with_headers(first, task=names.FINISH),
        "another id": with_headers(second, id=str(uuid.uuid4())),
        "other limits": with_headers(third, timelimit=[1e9, 1e8]),
        "another's body": with_body(fourth, body(third)),
        "of no seal": with_body(
            fourth, signing.signed(KEY, [*signing.verified(KEY, body(fourth))[:2], {"chord": None}])
        ),
    }
    node = cluster.start(PYTHONPATH=str(tiny))

    client.lpush(queue, *(json.dumps(message) for message in pushed.values()))
    wait_until(lambda: not client.exists(queue) and not client.exists(names.PREFIX + "unacked"), 10, "drops")
    started_for_strangers = client.hgetall(sweep.ledger.key("att"))
    make_app(sweep.settings.model_copy(update={"signing_key": SecretStr(OTHER)})).control.shutdown()
    state = sweep.follow(sweep.lead(), 30)

    assert started_for_strangers == {}
    counts = dropped.counts(client)
    assert counts.pop("content not accepted") == 1
    assert counts.pop("forged") == 4, node.text()  # with the request to stop
    assert counts == {"invalid": 5}
    assert (state, sweep.ledger.totals().ok) == ("done", 80)
    assert node.process.poll() is None


def test_an_old_message_that_is_sent_again_does_nothing(sweep: Sweep, cluster: Cluster, tiny: Path) -> None:
    recorded = genuine(sweep, 3)
    cluster.start(PYTHONPATH=str(tiny))
    sweep.follow(sweep.lead(), 30)
    content = sweep.content()
    client, queue = sweep.ledger.client, names.PREFIX + sweep.spec.queue

    client.lpush(queue, *(json.dumps(message) for message in recorded))
    wait_until(lambda: not client.exists(queue) and not client.exists(names.PREFIX + "unacked"), 10, "an end")

    assert sweep.content() == content
    assert sweep.ledger.totals().ok == 80
    assert dropped.counts(client) == {}


def test_a_request_to_stop_that_is_signed_is_heard(sweep: Sweep, cluster: Cluster, tiny: Path) -> None:
    node = cluster.start(PYTHONPATH=str(tiny))
    app = make_app(sweep.settings)
    wait_until(lambda: app.control.ping(timeout=0.5), 10, "an answer, signed too")

    app.control.shutdown()

    wait_until(lambda: node.process.poll() == 0, 10, "the node's end")


def genuine(sweep: Sweep, count: int) -> list[dict[str, Any]]:
    """Messages as a producer publishes them, taken from the queue before anybody saw them."""
    Publisher(make_app(sweep.settings), sweep.spec).chunks(sweep.plan.chunks[:count], "t")
    found = sweep.deliver()
    assert all(message["content-type"] == signing.CONTENT_TYPE for message in found)
    return found


def body(message: dict[str, Any]) -> str:
    return base64.b64decode(message["body"]).decode()


def with_body(message: dict[str, Any], text: str) -> dict[str, Any]:
    return fresh(message) | {"body": base64.b64encode(text.encode()).decode()}


def with_headers(message: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return fresh(message) | {"headers": message["headers"] | changed}


def fresh(message: dict[str, Any]) -> dict[str, Any]:
    """Under a delivery tag of its own."""
    return message | {"properties": message["properties"] | {"delivery_tag": str(uuid.uuid4())}}
