"""What may be imported from: packages by name, folders by path; and how a strategy by path is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks import settings
from tasks.errors import UsageError
from tasks.plugins import references
from tasks.roots import Roots, absolute
from tasks.settings import allowing, as_environment


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRODUCER_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.delenv("PRODUCER_ALLOW", raising=False)


def test_a_package_allows_itself_and_what_is_below_it() -> None:
    roots = Roots.of(["desk", "lab.tools"])

    assert [roots.names_module(m) for m in ("desk", "desk.gap", "lab.tools.x")] == [True] * 3
    assert not any(
        roots.names_module(m) for m in ("desk_evil", "desks", "lab", "lab.toolsmith", "os", "", "xdesk")
    )


def test_a_folder_holds_what_really_lies_below_it(tmp_path: Path) -> None:
    inside, outside = tmp_path / "desk" / "a.py", tmp_path / "desk2" / "a.py"
    for path in (inside, outside):
        path.parent.mkdir()
        path.touch()
    (tmp_path / "desk" / "link.py").symlink_to(outside)
    (tmp_path / "alias").symlink_to(tmp_path / "desk")
    roots = Roots.of([tmp_path / "alias"])

    assert roots.holds(inside)
    assert roots.holds(tmp_path / "alias" / "a.py")
    assert not roots.holds(outside)
    assert not roots.holds(tmp_path / "desk" / "link.py")
    assert not roots.holds(tmp_path / "desk" / ".." / "desk2" / "a.py")


def test_a_root_is_made_absolute_where_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "research").mkdir()

    assert absolute("./desk") == str(tmp_path / "desk")
    assert absolute("/desk") == "/desk"
    assert absolute("desk") == "desk"
    assert absolute("research") == str(tmp_path / "research")  # nothing importable has that name


def test_roots_are_set_like_any_setting_and_handed_on_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "producer.toml").write_text('allow = ["desk", "/a:b"]\n')
    from_file, origins = settings.load_with_origins()
    for name, value in as_environment(from_file).items():
        monkeypatch.setenv(name, value)
    handed_on = settings.load()
    monkeypatch.setenv("PRODUCER_ALLOW", f"desk{os.pathsep}/mnt/desk{os.pathsep}")

    assert (from_file.allow, origins["allow"]) == (("desk", "/a:b"), "project file")
    assert handed_on.allow == ("desk", "/a:b")
    assert settings.load().allow == ("desk", "/mnt/desk")
    assert settings.load({"allow": ["lab"]}).allow == ("lab",)
    assert allowing(handed_on, Path("sweeps"), "desk").allow == ("desk", "/a:b", str(tmp_path / "sweeps"))


@pytest.mark.parametrize("written", ["[1", '["a", 1]'])
def test_roots_that_cannot_be_read_are_an_error(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("PRODUCER_ALLOW", written)

    with pytest.raises(UsageError, match=r"setting 'allow' \(environment\)"):
        settings.load()


def test_a_file_is_named_by_its_whole_path_in_messages_and_from_the_sweep_in_its_yaml(tmp_path: Path) -> None:
    folder = tmp_path / "desk"

    located = references.located("./gap.py:Gap", folder)

    assert located == f"{folder}/gap.py:Gap"
    assert references.located("../gap.py:Gap", folder) == f"{tmp_path}/gap.py:Gap"
    assert references.located("desk.gap:Gap", folder) == "desk.gap:Gap"
    assert references.seen_from(located, folder) == "./gap.py:Gap"
    assert references.seen_from(located, folder / "sub") == "../gap.py:Gap"
    assert references.seen_from("gap", folder) == "gap"


def test_the_same_file_elsewhere_has_the_same_label() -> None:
    assert references.label("/a/gap.py:Gap") == references.label("/b/c/gap.py:Gap") == "gap.py:Gap"
    assert references.label("desk.gap:Gap") == "desk.gap:Gap"
