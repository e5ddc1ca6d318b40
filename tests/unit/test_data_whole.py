"""Nothing is seen half written, and nothing stays of what failed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.data.whole import whole_file, whole_folder


class PowerCut(Exception):
    """What stops a writer in the middle."""


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("old")

    with whole_file(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"

    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def write_half(target: Path) -> None:
    with whole_file(target) as temporary:
        temporary.write_text("half")
        raise PowerCut


def fill_half(target: Path) -> None:
    with whole_folder(target) as temporary:
        (temporary / "one").touch()
        raise PowerCut


def test_a_file_that_failed_leaves_the_old_one_alone(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("old")

    with pytest.raises(PowerCut):
        write_half(target)

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    target = tmp_path / "a"

    with whole_folder(target) as temporary:
        (temporary / "one").touch()
        assert not target.exists()

    assert [file.name for file in target.iterdir()] == ["one"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_failed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        fill_half(tmp_path / "a")

    assert list(tmp_path.iterdir()) == []


def test_content_is_on_the_disk_before_the_name_and_the_name_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut between the two would else leave an empty file under a good name."""
    synced: list[tuple[str, list[str]]] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        number = os.fstat(handle).st_ino
        (name,) = (p.name for p in (tmp_path, *tmp_path.rglob("*")) if p.stat().st_ino == number)
        synced.append((name, sorted(p.name for p in tmp_path.iterdir())))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    with whole_file(tmp_path / "file") as temporary:
        temporary.write_text("new")
    with whole_folder(tmp_path / "folder") as filling:
        (filling / "one").touch()

    assert synced == [
        (temporary.name, [temporary.name]),
        (tmp_path.name, ["file"]),
        ("one", [filling.name, "file"]),
        (filling.name, [filling.name, "file"]),
        (tmp_path.name, ["file", "folder"]),
    ]
