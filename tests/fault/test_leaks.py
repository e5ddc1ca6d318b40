"""A34: five sweeps in a row leave nothing behind: no key and nothing in a key, no process, no open file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import redis

from tests.fault.conftest import MakeLab
from tests.support.fault.lab import Lab

SWEEPS = 5
SETTLED = 2  # what a node opens once, it has opened by then
FILES_TO_SPARE = 1  # one a sweep would be three
CHORD = "celery-taskset-meta"
LOOKS = 10  # the fewest files of so many looks: a connection that is just being made is no leak


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
    assert last.fleeting == first.fleeting
    assert last.processes == first.processes
    assert all(b <= a + FILES_TO_SPARE for a, b in zip(first.files, last.files, strict=True)), seen
    assert lab.waiting() == 0
    assert lab.crew.restarts == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is there between two sweeps."""

    keys_for_ever: dict[str, int]
    """Those that no lifetime ends, with how much is in them."""
    fleeting: frozenset[str]
    """The others, but counts of chords: a few bytes for a shard and a week, named at random."""
    processes: tuple[int, ...]
    """Of each node."""
    files: tuple[int, ...]
    """That each node's main process has open."""


def state(lab: Lab) -> State:
    mains = [psutil.Process(node.process.pid) for node in lab.crew.nodes]
    keys = [key.decode() for key in lab.client.scan_iter(count=1000)]
    lifetimes = {key: lab.client.ttl(key) for key in keys}
    looks = []
    for _ in range(LOOKS):
        looks.append([main.num_fds() for main in mains])
        time.sleep(0.05)
    return State(
        keys_for_ever={k: size(lab.client, k) for k, ttl in lifetimes.items() if ttl == -1},
        fleeting=frozenset(k for k, ttl in lifetimes.items() if ttl >= 0 and CHORD not in k),
        processes=tuple(len(main.children(recursive=True)) for main in mains),
        files=tuple(map(min, zip(*looks, strict=True))),
    )


def size(client: redis.Redis, key: str) -> int:
    """Members of a set, fields of a hash, and so on; 1 for a string."""
    commands = {b"set": "SCARD", b"hash": "HLEN", b"zset": "ZCARD", b"list": "LLEN"}
    command = commands.get(bytes(client.type(key)))
    return int(client.execute_command(command, key)) if command else 1
