"""No name that somebody writes leads to a file elsewhere: names of sweeps, patterns, parts, references."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producer.run import records
from producer.spec.check import load
from producer.spec.overrides import Overrides
from tasks.errors import NotFound, PartDamaged, SpecInvalid, SweepError
from tasks.messages import ChunkRequest
from tasks.results import store
from tests.support import desk
from tests.support.outcomes import a_record

PIECES = (
    "..",
    ".",
    "/",
    "\\",
    "~",
    "a",
    "parts",
    "0",
    "_",
    "-",
    ".part",
    "\n",
    "\x00",
    "%2e",
    "${HOME}",
    "*",
    ":",
)
paths = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


@given(name=paths)
@same_folder
def test_a_sweep_has_a_plain_name_or_none(tmp_path: Path, name: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(desk.SWEEP)

    try:
        loaded = load(path, Overrides(name=name))
    except SpecInvalid:
        assert not NAME.fullmatch(name)
    else:
        assert NAME.fullmatch(loaded.file.name)


around = st.sampled_from(["", "../", "/", "x", "\n", "/../..", "parts/../../"])


@given(
    file=st.one_of(
        paths,
        paths.map(lambda p: f"parts/{p}.part"),
        st.builds("{}parts/0_0-5.part{}".format, around, around),
    )
)
@same_folder
def test_a_part_lies_in_the_parts_folder_or_is_refused(tmp_path: Path, file: str) -> None:
    folder = (store.work_folder(tmp_path) / "parts").resolve()

    try:
        found = store.part_file(tmp_path, file)
    except PartDamaged:
        return
    assert found.resolve().parent == folder


@given(
    security=st.integers(0, 10**6),
    first=st.integers(0, 10**9),
    rows=st.integers(1, 10**6),
    count=st.integers(1, 500),
)
def test_every_chunk_s_own_part_is_one(security: int, first: int, rows: int, count: int) -> None:
    request = ChunkRequest(sweep_id="a", security=security, first=first, last=first + rows, count=count)

    assert store.part_file("/results", store.part_path(request.name)).parent.name == "parts"


@given(reference=paths)
@same_folder
def test_a_reference_finds_a_record_that_is_kept_and_reads_no_other_file(
    tmp_path: Path, reference: str
) -> None:
    state = tmp_path / "state"
    records.save(state, a_record(id="try-abc123"))
    outside = tmp_path / "state" / "a.json"
    outside.write_text((state / "sweeps" / "try-abc123.json").read_text())

    try:
        found = records.resolve(state, reference)
    except NotFound:
        return
    assert "try-abc123".startswith(reference)
    assert found.id == "try-abc123"


@pytest.mark.parametrize("pattern", ["../*", "/etc/*", "../../ticks/emaar", "~/*", "..", "ticks/../emaar"])
def test_a_pattern_chooses_among_the_securities_of_the_source_and_nothing_else(
    tmp_path: Path, pattern: str
) -> None:
    desk.ticks(tmp_path / "ticks")
    desk.ticks(tmp_path.parent / "elsewhere", "other")
    with desk.installed(tmp_path / "site"):
        text = desk.SWEEP.replace("[ALDAR, EMAAR]", f"{{include: ['{pattern}']}}")

        with pytest.raises(SweepError) as refused:
            desk.checked(tmp_path, text)

    assert "no security" in str(getattr(refused.value, "report", ""))
