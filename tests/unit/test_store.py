"""Parts as files: written whole, and only into the folder that is marked as this sweep's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks import names
from tasks.errors import PartDamaged
from tasks.results import store


def test_a_marked_folder_says_whose_it_is_and_the_last_mark_counts(tmp_path: Path) -> None:
    assert store.marked(tmp_path) is None

    store.mark(tmp_path, "one")
    store.mark(tmp_path, "two")

    assert store.marked(tmp_path) == "two"
    assert store.work_folder(tmp_path) == tmp_path / names.WORK_FOLDER


def test_a_part_is_found_under_the_name_of_its_chunk(tmp_path: Path) -> None:
    file = store.part_path("3:0-500")

    store.write_whole(store.work_folder(tmp_path) / file, b"part")

    assert ":" not in file
    assert store.read_part(tmp_path, file) == b"part"
    assert [p.name for p in (store.work_folder(tmp_path) / "parts").iterdir()] == ["3_0-500.part"]


def test_a_part_that_is_not_there_is_damaged_and_named(tmp_path: Path) -> None:
    with pytest.raises(PartDamaged, match=r"parts/3_0-500\.part"):
        store.read_part(tmp_path, store.part_path("3:0-500"))


def test_what_was_written_before_stands_until_the_new_content_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    store.write_whole(path, b"old")

    with pytest.raises(TypeError):
        store.write_whole(path, None)  # type: ignore[arg-type]  # a write that fails in the middle

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
