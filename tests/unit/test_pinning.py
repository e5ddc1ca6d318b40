"""Which cores a node takes: what is asked for, allowed, given by a container, and fits into memory."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from tasks.errors import UsageError
from workers import lifecycle, pinning
from workers.pinning import choose, ranges


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Eight cores without the third; plenty of memory; no limit set by a container."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 3, 4, 5, 6, 7}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)
    monkeypatch.setattr(pinning, "_CGROUP", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(64 * 2**30))
    return tmp_path


class Memory:
    def __init__(self, total: int) -> None:
        self.total = total


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (None, (0, 1, 3, 4, 5, 6, 7)),
        ("1", (0,)),
        ("3", (0, 1, 3)),
        ("0-1,4", (0, 1, 4)),
        ("5,4,4-6", (4, 5, 6)),
        (" 3 , 7 ", (3, 7)),
    ],
)
def test_a_count_takes_the_first_that_are_allowed_and_a_list_those_it_names(
    wanted: str | None, numbers: tuple[int, ...]
) -> None:
    cores = choose(wanted)

    assert (cores.numbers, cores.count, cores.notes) == (numbers, len(numbers), ())


@pytest.mark.parametrize(
    "wanted", ["0", "8", "99", "2-2", "0-9", "a", "1-", "-1", "3-1", "", ",", "1.5", "²"]
)
def test_what_cannot_be_given_is_refused_with_a_hint(wanted: str) -> None:
    with pytest.raises(UsageError) as refused:
        choose(wanted)

    assert "0-3,8" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("limit", "count"), [("200000 100000", 2), ("50000 100000", 1), ("max 100000", 7), ("900000 100000", 7)]
)
def test_a_container_that_is_shown_all_cores_takes_its_share(machine: Path, limit: str, count: int) -> None:
    (machine / "cpu.max").write_text(limit + "\n")

    assert choose(None).count == count


def test_a_container_with_little_memory_starts_fewer_processes_and_says_so(machine: Path) -> None:
    (machine / "memory.max").write_text(f"{2**30}\n")

    cores = choose(None)

    assert cores.numbers == (0, 1)
    assert "2 are started" in cores.notes[0]


def test_one_process_is_started_however_little_memory_there_is(machine: Path) -> None:
    (machine / "memory.max").write_text("1000\n")

    assert choose("4").count == 1


def test_a_system_that_cannot_pin_is_used_and_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)

    cores = choose("3")

    assert (cores.numbers, cores.count, cores.text) == ((), 3, "3")
    assert "cannot pin" in cores.notes[0]


@pytest.mark.parametrize(
    ("numbers", "text"), [((), ""), ((3,), "3"), ((0, 1, 2, 3), "0-3"), ((8, 0, 1, 5, 6), "0-1,5-6,8")]
)
def test_cores_are_shown_in_runs(numbers: tuple[int, ...], text: str) -> None:
    assert ranges(numbers) == text


def test_every_library_is_told_to_use_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in lifecycle.THREAD_VARIABLES:
        monkeypatch.setenv(name, "8")

    lifecycle.cap_threads()

    assert {os.environ[name] for name in lifecycle.THREAD_VARIABLES} == {"1"}
