"""A34: five sweeps in a row leave nothing behind: no key, no process, no open file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.fault.conftest import MakeLab
from tests.support.fault_lab import Lab

SWEEPS = 5
SETTLED = 2  # what a node opens once, it has opened by then
FILES_TO_SPARE = 4  # a connection that is just being made


@pytest.mark.fault
def test_a34_five_sweeps_in_a_row_leave_what_two_did(make_lab: MakeLab) -> None:
    lab = make_lab(values=40, pause_ms=20)
    seen = []

    for _ in range(SWEEPS):
        producer = lab.submit("--cache", "refresh")
        answer = producer.answer(60)
        assert answer.code == 0, answer.err
        lab.assert_same_bytes(Path(answer.document["results"]))
        seen.append(state(lab))

    first, last = seen[SETTLED - 1], seen[-1]
    assert last.keys_for_ever == first.keys_for_ever
    assert last.processes == first.processes
    assert all(b <= a + FILES_TO_SPARE for a, b in zip(first.files, last.files, strict=True)), seen
    assert lab.waiting() == 0
    assert lab.crew.restarts == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is there between two sweeps."""

    keys_for_ever: frozenset[str]
    """Those that no lifetime ends."""
    processes: tuple[int, ...]
    """Of each node."""
    files: tuple[int, ...]
    """That each node's main process has open."""


def state(lab: Lab) -> State:
    mains = [psutil.Process(node.process.pid) for node in lab.crew.nodes]
    return State(
        keys_for_ever=frozenset(
            k.decode() for k in lab.client.scan_iter(count=1000) if lab.client.ttl(k) < 0
        ),
        processes=tuple(len(main.children(recursive=True)) for main in mains),
        files=tuple(main.num_fds() for main in mains),
    )
