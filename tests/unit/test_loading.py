"""The user's own code by path: found where it may be, refused elsewhere, seen as it is now."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import StrategyError, StrategyNotFound, StrategyRefused
from tasks.plugins import registry
from tasks.roots import Roots

GAP = """
from dataclasses import dataclass
from {beside} import FACTOR

@dataclass(frozen=True)
class Params:
    x: int = 1

class Gap:
    name, data, params, metrics = "gap", "ticks", Params, ("y",)

    def evaluate(self, data, combinations):
        return {{"y": combinations["x"] * float(FACTOR)}}

    def later(self):
        from {beside} import FACTOR
        return FACTOR
"""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test brought in is taken out again."""
    path, modules = [*sys.path], {*sys.modules}
    yield
    registry.forget()
    assert sys.path == path
    assert {m for m in {*sys.modules} - modules if "signals" in m or "desk" in m} == set()


def a_folder(folder: Path, factor: int = 2) -> Path:
    """`gap.py` with `signals.py` beside it, and the same as a package `desk`."""
    (folder / "desk").mkdir(parents=True)
    (folder / "gap.py").write_text(GAP.format(beside="signals"))
    (folder / "signals.py").write_text(f"FACTOR = {factor}\n")
    (folder / "desk" / "__init__.py").write_text("")
    (folder / "desk" / "gap.py").write_text(GAP.format(beside="desk.signals"))
    (folder / "desk" / "signals.py").write_text(f"FACTOR = {factor}\n")
    return folder


def result(name: str, *roots: str | Path) -> float:
    strategy = registry.resolve(name, Roots.of(roots))
    found = strategy.evaluate({}, {"x": np.array([10])})
    return float(found["y"][0])


def test_a_file_and_a_module_of_an_allowed_folder_are_strategies(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)

    assert result(f"{folder}/gap.py:Gap", folder) == 20.0
    assert result("desk.gap:Gap", folder) == 20.0
    assert result("gap:Gap", folder) == 20.0


def test_a_folder_that_is_a_package_may_be_the_root_itself(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)

    assert result("desk.gap:Gap", folder / "desk") == 20.0
    with pytest.raises(StrategyNotFound):
        registry.resolve("signals2:Gap", Roots.of([folder / "desk"]))


def test_an_importable_package_is_allowed_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(a_folder(tmp_path)))

    assert result("desk.gap:Gap", "desk") == 20.0
    assert result("desk.gap:Gap", "desk.gap") == 20.0
    sys.path.remove(str(tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "os.path:join",
        "posix:system",
        "subprocess:Popen",
        "desk_evil:Gap",
        "desk_evil.gap:Gap",
        "{outside}/evil.py:Gap",
        "{folder}/../outside/evil.py:Gap",
        "{folder}/link.py:Gap",
        "link:Gap",
        "{folder}/linked/evil.py:Gap",
        "numpy:ndarray",
    ],
)
def test_what_is_not_below_a_root_is_refused_and_not_run(tmp_path: Path, name: str) -> None:
    folder, outside = a_folder(tmp_path / "desk_folder"), tmp_path / "outside"
    outside.mkdir()
    (outside / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\nclass Gap: pass\n")
    (folder / "link.py").symlink_to(outside / "evil.py")
    (folder / "linked").symlink_to(outside)

    with pytest.raises((StrategyRefused, StrategyNotFound)) as refused:
        registry.resolve(name.format(folder=folder, outside=outside), Roots.of([folder, "desk"]))

    assert not (tmp_path / "ran").exists()
    assert refused.value.hint


@pytest.mark.parametrize(
    "name", ["desk/../gap:Gap", "desk..gap:Gap", "desk.gap:Gap.evaluate", "./gap:Gap", ":Gap"]
)
def test_what_is_no_name_of_a_module_is_not_looked_for(tmp_path: Path, name: str) -> None:
    with pytest.raises(StrategyNotFound):
        registry.resolve(name, Roots.of([a_folder(tmp_path), "desk"]))


def test_a_class_or_function_that_was_only_imported_is_not_called(tmp_path: Path) -> None:
    (tmp_path / "gap.py").write_text(
        "from subprocess import Popen\nfrom shutil import rmtree\nfrom os import system\n"
    )
    for attribute in ("Popen", "rmtree"):
        with pytest.raises(StrategyRefused, match="comes from module"):
            registry.resolve(f"{tmp_path}/gap.py:{attribute}", Roots.of([tmp_path]))
    with pytest.raises(StrategyError, match="does not meet the contract"):
        registry.resolve(f"{tmp_path}/gap.py:system", Roots.of([tmp_path]))


@pytest.mark.parametrize("name", ["{folder}/gap.py:Gap", "desk.gap:Gap"])
@pytest.mark.parametrize("edited", ["gap.py", "signals.py"])
def test_an_edited_file_is_seen_by_a_process_that_ran_the_old_one(
    tmp_path: Path, name: str, edited: str
) -> None:
    folder = a_folder(tmp_path)
    name, roots = name.format(folder=folder), Roots.of([folder])
    before = registry.fingerprint(name, roots)
    assert result(name, folder) == 20.0

    for path in (folder / edited, folder / "desk" / edited):
        path.write_text(path.read_text().replace("= 2", "= 3").replace("float(", "7 + float("))

    assert result(name, folder) == (30.0 if edited == "signals.py" else 72.0)
    assert registry.fingerprint(name, roots) != before


def test_two_folders_may_each_have_a_module_of_the_same_name(tmp_path: Path) -> None:
    one, two = a_folder(tmp_path / "one", 2), a_folder(tmp_path / "two", 5)
    names = [f"{one}/gap.py:Gap", f"{two}/gap.py:Gap"]

    found = [result(name, one, two) for name in names * 2]
    later = [registry.resolve(name, Roots.of([one, two])).later() for name in names]  # type: ignore[attr-defined]

    assert found == [20.0, 50.0, 20.0, 50.0]
    assert later == [2, 5]


def test_a_file_shadows_nothing(tmp_path: Path) -> None:
    (tmp_path / "statistics.py").write_text(GAP.format(beside="colorsys_of_mine"))
    (tmp_path / "colorsys_of_mine.py").write_text("FACTOR = 4\n")
    (tmp_path / "colorsys.py").write_text("raise RuntimeError('must not be found')\n")

    assert result(f"{tmp_path}/statistics.py:Gap", tmp_path) == 40.0

    import colorsys
    import statistics

    assert str(tmp_path) not in f"{colorsys.__file__} {statistics.__file__}"
    with pytest.raises(StrategyRefused):
        registry.resolve("colorsys:Gap", Roots.of([tmp_path]))


def test_a_mounted_folder_is_appended_to_the_path_and_left_as_it_was(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)

    result(f"{folder}/gap.py:Gap", folder)

    assert sys.path[-1] == str(folder)
    assert list(folder.rglob("*.pyc")) == []


def test_a_worker_with_another_mount_finds_the_file_below_its_root(tmp_path: Path) -> None:
    there, here = a_folder(tmp_path / "there"), tmp_path / "mnt" / "here"
    (here / "desk").parent.mkdir(parents=True)
    name = f"{there}/desk/gap.py:Gap"
    planned = registry.fingerprint(f"{there}/gap.py:Gap", Roots.of([there]))
    there.rename(here)

    assert registry.fingerprint(f"{there}/gap.py:Gap", Roots.of([here])) == planned
    with pytest.raises(
        StrategyError
    ):  # `desk.signals` is not beside it: a file is not a module of its package
        registry.resolve(name, Roots.of([here]))
    with pytest.raises(StrategyNotFound, match="nor one of that name below what is allowed here"):
        registry.resolve(f"{there}/other.py:Gap", Roots.of([here]))


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("import no_such_thing\n", "ModuleNotFoundError: No module named 'no_such_thing'", 1),
        ("x = 1\nprint(y)\n", "NameError: name 'y' is not defined", 2),
        ("def f(:\n", "SyntaxError", 1),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
    ],
)
def test_code_that_fails_says_what_and_where(tmp_path: Path, text: str, message: str, line: int) -> None:
    (tmp_path / "gap.py").write_text(text)

    with pytest.raises(StrategyError) as refused:
        registry.resolve(f"{tmp_path}/gap.py:Gap", Roots.of([tmp_path]))

    assert message in refused.value.message
    assert refused.value.hint == f"{tmp_path}/gap.py:{line}"
    assert str(tmp_path) not in sys.path


def test_a_wrong_name_in_a_file_gets_the_nearest_one(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)

    with pytest.raises(StrategyNotFound) as refused:
        registry.resolve(f"{folder}/gap.py:Gapp", Roots.of([folder]))

    assert (refused.value.message, refused.value.hint) == ("no 'Gapp' in gap.py", "did you mean 'Gap'?")


def test_what_a_strategy_prints_while_it_is_read_does_not_reach_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = a_folder(tmp_path)
    (folder / "gap.py").write_text("print('hello')\n" + (folder / "gap.py").read_text())

    registry.resolve(f"{folder}/gap.py:Gap", Roots.of([folder]))

    out, err = capsys.readouterr()
    assert (out, err) == ("", "hello\n")
