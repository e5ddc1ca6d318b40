"""A14: `cancel --now` reaches those who cannot hear it, and a resume finishes what was cancelled."""

from __future__ import annotations

import signal
from typing import Final

import pytest

from tasks import names
from tests.fault.conftest import MakeLab
from tests.support.cluster import is_running, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

LONG: Final = {50: 12.0, 51: 12.0}  # what the other node has in hand at the cancel, however late that comes


def test_a14_a_frozen_node_commits_nothing_to_a_cancelled_sweep_and_a_resume_finishes_it(
    make_lab: MakeLab,
) -> None:
    lab = make_lab(values=80, pause_ms=250, slow=LONG)
    running = lab.submit()
    lab.wait_for(0.2)
    lab.wait_until_busy(0)
    held = {child.pid for child in lab.crew.nodes[0].children()}
    lab.crew.signal(0, signal.SIGSTOP)

    def busy() -> list[int]:
        return [n["pid"] for n in lab.in_hand() if n["x"][0] in LONG and is_running(n["pid"])]

    wait_until(lambda: len(busy()) == len(LONG), 30, "long ones run on the other node")

    cancelled = lab.desk.run("cancel", "--now", "-y", "--redis", lab.url, "--json")
    at_cancel = lab.ledger.totals().chunks
    queue = names.PREFIX + names.QUEUE
    wait_until(lambda: lab.client.llen(queue) == 0, 5, "an empty queue")
    wait_until(lambda: not busy(), 5, "what ran was killed")
    ended = running.answer(30)
    lab.crew.signal(0, signal.SIGCONT)
    wait_until(
        lambda: all(n["pid"] not in held for n in lab.in_hand() if is_running(n["pid"])), 30, "it ends"
    )
    state, committed = lab.ledger.meta()["state"], lab.ledger.totals().chunks
    lab.crew.wait_ready()
    again = lab.desk.start("resume", "--redis", lab.url, "--json")

    assert cancelled.code == 0, cancelled.err
    assert cancelled.document["state"] == "cancelled"
    assert ended.code == 5, ended.err
    assert (state, committed) == ("cancelled", at_cancel)
    assert at_cancel < lab.chunks / 2
    lab.finish(again)
    assert len(lab.notes("start")) <= lab.chunks + 8  # those in hand at the cancel, and what they held
