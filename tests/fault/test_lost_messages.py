"""A07, A16, A29: messages that are lost between queue and node or arrive twice, and two producers at once."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tasks import names
from tasks.lead.reconcile import STILL_SECONDS
from tests.fault.conftest import MakeLab
from tests.support.cli import a_desk
from tests.support.cluster import wait_until
from tests.support.fault.lab import Lab


def test_a07_a_chunk_that_was_handed_to_a_dead_node_goes_out_again(make_lab: MakeLab) -> None:
    """The server pops a message for a node that stands still; it is in no list when the node is killed."""
    lab = make_lab(values=40, nodes=1)
    queue = names.PREFIX + names.QUEUE
    producer = lab.submit()
    lab.wait_for(0.2)
    taken = lab.client.rpop(queue, 1000)
    wait_until(lambda: lab.waiting() == 0 and node_waits(lab), 5, "the node has nothing to do and asks")

    lab.crew.signal(0, signal.SIGSTOP)
    lab.client.lpush(queue, *reversed(taken))
    before_the_kill = lab.waiting()
    lab.crew.kill(0)
    wait_until(lambda: lab.ledger.totals().chunks == lab.chunks - 1, 40, "all but the lost one are done")
    wait_until(lambda: lab.waiting() == 0, 10, "nobody has it")
    still_since = time.time()
    lab.finish(producer, 30)

    assert before_the_kill == len(taken) - 1
    assert lab.executions() == lab.chunks
    assert lab.notes("start")[-1]["at"] - still_since <= STILL_SECONDS + 2  # the rule, and two looks


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.fault)])
def test_a16_a_message_whose_answer_is_lost_is_sent_twice_and_kept_once(
    make_lab: MakeLab, times: int
) -> None:
    lab = make_lab(values=40, proxied=True)
    assert lab.proxy is not None

    lab.proxy.replies_to_drop = times
    producer = lab.submit()
    lab.finish(producer, 60)

    assert lab.proxy.dropped == times
    copies = lab.executions() - lab.chunks  # two nodes may begin the two messages at the same moment
    assert 0 <= copies <= times


def test_a29_two_producers_of_the_same_sweep_share_one_run_of_it(make_lab: MakeLab, tmp_path: Path) -> None:
    lab = make_lab(values=60)

    with a_desk(tmp_path / "second", **lab.told) as another:
        first = lab.submit()
        second = another.start("submit", another.write(lab.spec()), "--redis", lab.url, "--json")
        document = lab.finish(first)
        follower = second.answer(30)

    assert follower.code == 0, follower.err
    lab.assert_same_bytes(Path(follower.document["results"]))
    assert Path(follower.document["results"]) != Path(document["results"])
    assert lab.executions() == lab.chunks


def node_waits(lab: Lab) -> bool:
    """A client that is blocked: the node, which waits for its next message."""
    return any("b" in client["flags"] for client in lab.client.client_list())
