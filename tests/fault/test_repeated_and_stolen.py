"""A03, A08: messages that arrive twice, or that somebody takes out of the queue."""

from __future__ import annotations

import json

import pytest

from tasks import names
from tasks.lead.reconcile import AGAIN_SECONDS, LOOK_SECONDS, QUIET_SECONDS
from tests.fault.conftest import MakeLab
from tests.support.cluster import wait_until
from tests.support.fault.lab import Lab
from tests.support.sweeps import request_in

QUEUE = names.PREFIX + names.QUEUE
SKIP_SECONDS = 0.05


def test_a03_chunks_that_two_processes_evaluate_at_once_are_kept_once(make_lab: MakeLab) -> None:
    lab = make_lab(values=60)
    producer = lab.submit()
    wait_until(lambda: lab.waiting() >= 40, 20, "chunks wait")
    copies = lab.client.lrange(QUEUE, 0, 9)

    lab.client.lpush(QUEUE, *copies)
    lab.client.rpush(QUEUE, *(copy for copy in copies for _ in range(2)))  # next, side by side
    lab.finish(producer)

    twice = [chunk for chunk, starts in lab.starts().items() if starts == 2]
    assert len(copies) == 10
    assert 1 <= len(twice) <= 10
    assert lab.executions() == lab.chunks + len(twice)


@pytest.mark.fault
def test_a03_messages_that_come_back_when_the_sweep_is_over_are_answered_at_once(make_lab: MakeLab) -> None:
    lab = make_lab(values=40)
    producer = lab.submit()
    wait_until(lambda: lab.waiting() >= 20, 20, "chunks wait")
    copies = lab.client.lrange(QUEUE, 0, 9)
    assert producer.answer(60).code == 0
    seconds = skipped_in(lab, copies)

    assert seconds < SKIP_SECONDS
    assert lab.executions() == lab.chunks
    assert lab.server.changes("SET", lab.ledger.key("final")).total() == 1


def skipped_in(lab: Lab, copies: list[bytes]) -> float:
    """How long the slowest of them took from its start to its answer, as the nodes tell."""
    app_events: list[float] = []
    with lab.client.pubsub() as listening:
        listening.psubscribe("*celeryev*")
        lab.client.lpush(QUEUE, *copies)
        wanted = {request_in(json.loads(copy)).name for copy in copies}

        def all_answered() -> bool:
            message = listening.get_message(timeout=0.1)
            if message and message["type"] == "pmessage":
                app_events.extend(_runtimes(message["data"]))
            return len(app_events) >= len(wanted)

        wait_until(all_answered, 20, "every copy is answered")
    return max(app_events)


def _runtimes(data: bytes) -> list[float]:
    import base64

    body = json.loads(base64.b64decode(json.loads(data)["body"]))
    events = body if isinstance(body, list) else [body]
    return [
        e["runtime"] for e in events if e["type"] == "task-succeeded" and e.get("result", "").startswith("{")
    ]


def test_a08_messages_that_somebody_takes_away_go_out_again(make_lab: MakeLab) -> None:
    lab = make_lab(values=40)
    producer = lab.submit()
    wait_until(lambda: lab.waiting() >= 40, 20, "chunks wait")

    stolen = {(r.security, r.first) for r in map(request_in, map(json.loads, lab.client.rpop(QUEUE, 5)))}
    lab.finish(producer)

    spec = lab.ledger.spec()
    assert spec is not None
    mine = {(spec.securities[security].name, x) for security, x in stolen}
    again = [n["at"] for n in lab.notes("start") if (n["security"], n["x"][0]) in mine]
    others = [n["at"] for n in lab.notes("end") if (n["security"], n["x"][0]) not in mine]
    assert len(again) == len(stolen) == 5
    assert min(again) - max(others) <= QUIET_SECONDS + AGAIN_SECONDS + 2 * LOOK_SECONDS
    assert lab.executions() == lab.chunks
