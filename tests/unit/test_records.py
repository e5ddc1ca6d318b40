"""What this machine remembers of its sweeps, and how a person refers to one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from producer.run import records
from tasks.errors import NotFound, UsageError
from tasks.records import status
from tests.support.outcomes import a_record


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for created, sweep_id in enumerate(["mm-7f3a1c", "mm-7f9d00", "vcp-daily-11aa22"]):
        records.save(tmp_path, a_record(id=sweep_id, created=float(created)))
    return tmp_path


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    record = a_record(tags=("nightly", "mm"), redis_url="redis://:secret@host/0", best="EMAAR total_pnl 12")

    records.save(tmp_path, record)

    assert records.load(tmp_path, record.id) == record


def test_a_record_may_hold_a_password_so_only_its_owner_can_read_it(tmp_path: Path) -> None:
    records.save(tmp_path, a_record())

    assert stat.S_IMODE((tmp_path / "sweeps").stat().st_mode) == 0o700


def test_sweeps_are_listed_newest_first(state: Path) -> None:
    assert [r.id for r in records.all(state)] == ["vcp-daily-11aa22", "mm-7f9d00", "mm-7f3a1c"]


def test_a_damaged_file_does_not_hide_the_others(state: Path) -> None:
    (state / "sweeps" / "odd.json").write_text("{", encoding="utf-8")
    (state / "sweeps" / "older.json").write_text('{"id": "x"}', encoding="utf-8")

    assert len(records.all(state)) == 3


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("last", "vcp-daily-11aa22"),
        ("mm-7f3a1c", "mm-7f3a1c"),
        ("mm-7f3", "mm-7f3a1c"),
        ("v", "vcp-daily-11aa22"),
    ],
)
def test_a_sweep_is_meant_by_id_by_unique_prefix_or_as_last(state: Path, reference: str, found: str) -> None:
    assert records.resolve(state, reference).id == found


def test_an_id_that_is_also_a_prefix_means_itself(state: Path) -> None:
    records.save(state, a_record(id="mm-7f3a1c0", created=9.0))

    assert records.resolve(state, "mm-7f3a1c").id == "mm-7f3a1c"


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("mm-7f", "'mm-7f' is the beginning of 2 sweeps", "say which: mm-7f9d00, mm-7f3a1c"),
        ("mm-7f3a1d", "no sweep 'mm-7f3a1d'", "did you mean 'mm-7f3a1c'?"),
        (
            "zzz",
            "no sweep 'zzz'",
            "there are vcp-daily-11aa22, mm-7f9d00, mm-7f3a1c; all: producer ls",
        ),
    ],
)
def test_a_reference_to_none_or_several_says_which_there_are(
    state: Path, reference: str, message: str, hint: str
) -> None:
    with pytest.raises(NotFound) as raised:
        records.resolve(state, reference)

    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_the_first_of_all_sweeps_is_still_to_come(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as raised:
        records.resolve(tmp_path)

    assert raised.value.message == "no sweep was submitted from this machine yet"
    assert raised.value.hint == "start one with: producer submit sweep.yaml"


def test_a_state_folder_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file", encoding="utf-8")

    with pytest.raises(UsageError, match="cannot be written"):
        records.save(tmp_path / "state", a_record())


def test_the_best_point_is_noted_once_it_is_known(state: Path) -> None:
    records.keep_best(state, "mm-7f3a1c", "EMAAR total_pnl 143,058.35")
    records.keep_best(state, "gone", "nothing")

    found = records.load(state, "mm-7f3a1c")
    assert found is not None
    assert found.best == "EMAAR total_pnl 143,058.35"
    assert records.load(state, "gone") is None


def test_the_states_that_end_a_sweep_are_those_of_a_status() -> None:
    assert records.OVER == status.TERMINAL
