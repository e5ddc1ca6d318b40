"""A19: results that are damaged, cut short or gone before they were merged are computed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.data.whole import whole_file
from tasks.results.store import work_folder
from tests.fault.conftest import MakeLab
from tests.support.cluster import wait_until


def test_a19_parts_in_redis_that_are_damaged_are_computed_again(make_lab: MakeLab) -> None:
    lab = make_lab(values=60)
    producer = lab.submit()
    lab.wait_for(0.3)
    changed, short, gone, foreign = [*lab.client.scan_iter(lab.ledger.key("part:*"), count=1000)][:4]

    middle = lab.client.strlen(changed) // 2
    byte = lab.client.getrange(changed, middle, middle)
    lab.client.setrange(changed, middle, bytes([byte[0] ^ 1]))
    lab.client.set(short, lab.client.getrange(short, 0, 100))
    lab.client.delete(gone)
    lab.client.set(foreign, b"not a part")
    lab.finish(producer, 60, recomputed=4)

    assert lab.executions() == lab.chunks + 4


@pytest.mark.fault
def test_a19_parts_in_files_that_are_damaged_are_computed_again(make_lab: MakeLab) -> None:
    lab = make_lab(values=60, keep=("summary", "trades"))
    producer = lab.submit()
    lab.wait_for(0.3)
    spec = lab.ledger.spec()
    assert spec is not None
    folder = work_folder(spec.results) / "parts"
    wait_until(lambda: len([*folder.glob("*.part")]) >= 3, 10, "three parts are there")
    changed, short, gone = sorted(folder.glob("*.part"))[:3]

    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    replace(changed, bytes(content))
    replace(short, short.read_bytes()[:100])
    gone.unlink()
    lab.finish(producer, 60, recomputed=3)

    assert lab.executions() == lab.chunks + 3


def replace(path: Path, content: bytes) -> None:
    with whole_file(path) as scratch:
        scratch.write_bytes(content)
