"""A user's own strategy, in each of the ways that it may come in, from the command line to the table."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.data.synth import write_daily
from tasks.wire.connection import connect
from tests.e2e.conftest import Fleet
from tests.support.broker import Broker
from tests.support.checkout import ROOT
from tests.support.cli import Desk, Running, a_desk

pytestmark = pytest.mark.timeout(300)

EXAMPLE = ROOT / "examples" / "own-strategy"
LAST = '''"""A strategy of a desk."""
from dataclasses import dataclass
from scale import FACTOR

@dataclass(frozen=True)
class Params:
    x: int = 1

class Last:
    name, data, params, metrics = "last", "ticks", Params, ("y",)

    def evaluate(self, data, combinations):
        return {"y": combinations["x"] * float(FACTOR)}

def count(ticks, above: float = 2.0, n: int = 1) -> dict[str, float]:
    """Count prices above a level."""
    return {"prices": float((ticks["price"] > above).sum()), "twice": 2.0 * n}
'''


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("daily") / "bars"
    write_daily(folder, 3, days=400, seed=7)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed as its README says, but into a folder of its own and without the network."""
    copied, target = tmp_path_factory.mktemp("example") / "own-strategy", tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, copied)
    flags = [
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-compile",
        "--no-index",
        "--disable-pip-version-check",
    ]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *flags, "--target", str(target), str(copied)], check=True
    )
    return target


def spec(strategy: str, source: Path, **parameters: Any) -> dict[str, Any]:
    return {"name": "own", "strategy": strategy, "data": {"source": str(source)}, "parameters": parameters}


def a_folder(folder: Path, factor: int = 2) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "last.py").write_text(LAST)
    (folder / "scale.py").write_text(f"FACTOR = {factor}\n")
    return folder


def table(document: dict[str, Any], name: str = "summary") -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = pq.read_table(Path(document["results"]) / f"{name}.parquet").to_pydict()
    return found


# --- the example ---------------------------------------------------------------------------------------


def test_the_example_is_installed_validated_and_swept(desk: Desk, site: Path, bars: Path) -> None:
    (desk.folder / "bars").symlink_to(bars)
    shutil.copy(EXAMPLE / "sweep.yaml", desk.folder / "sweep.yaml")

    listed = desk.run("strategies", PYTHONPATH=str(site))
    valid = desk.run("validate", "sweep.yaml", PYTHONPATH=str(site))
    done = desk.submit("sweep.yaml", PYTHONPATH=str(site))

    assert "gap_fade               bars   gap-fade 1.0  Sell a gap up and buy a gap down" in listed.out
    assert (valid.code, valid.out) == (0, "sweep.yaml: ok  3 securities x 120 combinations = 360 backtests\n")
    summary, trades = table(done), table(done, "trades")
    assert summary["status"] == ["ok"] * 360
    assert sum(summary["trades"]) == len(trades["bar"]) > 1000
    assert set(np.sign(trades["size"])) == {-1, 1}


def test_the_same_file_without_an_installation_gives_the_same_table(
    desk: Desk, site: Path, bars: Path
) -> None:
    (desk.folder / "bars").symlink_to(bars)
    shutil.copytree(EXAMPLE / "src", desk.folder / "src")
    text = (EXAMPLE / "sweep.yaml").read_text()
    (desk.folder / "installed.yaml").write_text(text)
    (desk.folder / "file.yaml").write_text(
        text.replace("strategy: gap_fade ", "strategy: ./src/gap_fade.py:GapFade ")
    )

    installed = desk.submit("installed.yaml", PYTHONPATH=str(site))
    by_file = desk.submit("file.yaml")

    one, other = (Path(d["results"]) / "summary.parquet" for d in (installed, by_file))
    assert one.read_bytes() == other.read_bytes()


def test_the_examples_own_tests_pass(site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "tests")],
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


# --- by path -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["./last.py:Last", "last:Last"])
def test_a_file_and_a_module_beside_the_sweep_run_on_its_own_stack(
    desk: Desk, ticks: Path, strategy: str
) -> None:
    a_folder(desk.folder)
    desk.write(spec(strategy, ticks, x=[1, 2]))

    done = desk.submit("sweep.yaml")

    assert table(done)["y"] == [2.0, 4.0] * 3


def test_a_plain_function_is_enough(desk: Desk, ticks: Path) -> None:
    a_folder(desk.folder)
    desk.write(spec("./last.py:count", ticks, above=[0.0, 1000.0], n=3))

    done = desk.submit("sweep.yaml")

    found = table(done)
    assert found["twice"] == [6.0] * 6
    assert all(p > 0 for p in found["prices"][::2])
    assert found["prices"][1::2] == [0.0] * 3


def test_an_edited_file_is_another_sweep(desk: Desk, ticks: Path) -> None:
    a_folder(desk.folder)
    desk.write(spec("./last.py:Last", ticks, x=[1]))
    before = desk.submit("sweep.yaml")
    again = desk.submit("sweep.yaml")
    (desk.folder / "scale.py").write_text("FACTOR = 5\n")

    after = desk.submit("sweep.yaml")

    assert again["id"] == before["id"] != after["id"]
    assert (table(before)["y"], table(after)["y"]) == ([2.0] * 3, [5.0] * 3)


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ("os:system", "'os' is not below what may be imported here (FOLDER)"),
        ("last_evil:Last", "no source of module 'last_evil' here"),
        ("../outside/evil.py:Evil", "OUTSIDE/evil.py is not below what may be imported here (FOLDER)"),
        ("./link.py:Evil", "OUTSIDE/evil.py is not below what may be imported here (FOLDER)"),
        ("last/../evil:Evil", "'last/../evil' in 'last/../evil:Evil' is neither a module nor a .py file"),
    ],
)
def test_what_lies_outside_is_refused_before_anything_runs(
    desk: Desk, ticks: Path, strategy: str, said: str
) -> None:
    outside = a_folder(desk.folder).parent / "outside"
    outside.mkdir()
    (outside / "evil.py").write_text(f"open({str(outside / 'ran')!r}, 'w').close()\nclass Evil: pass\n")
    (desk.folder / "link.py").symlink_to(outside / "evil.py")
    desk.write(spec(strategy, ticks))

    answer = desk.run("submit", "sweep.yaml")

    assert answer.code == 2
    assert said in answer.err.replace(str(outside), "OUTSIDE").replace(str(desk.folder), "FOLDER")
    assert not (outside / "ran").exists()


# --- on workers of others ------------------------------------------------------------------------------


@contextlib.contextmanager
def a_node(desk: Desk, url: str, *flags: object) -> Iterator[Running]:
    """A node that allows what the flags say."""
    from tasks.records.heartbeat import live_nodes
    from tests.support.cluster import wait_until

    node = desk.start("worker", "start", "--redis", url, "--cores", 1, *flags)

    def lives() -> bool:
        assert node.process.poll() is None, node.text()
        with connect(url) as client:
            return any(n.pid == node.pid for n in live_nodes(client))

    wait_until(lives, 100.0, "a node that beats")
    yield node
    node.kill()


def test_a_node_runs_what_its_roots_allow_and_says_what_to_do_about_the_rest(
    desk: Desk, fleet: Fleet, valkey: Broker, ticks: Path, tmp_path: Path
) -> None:
    a_folder(desk.folder)
    desk.write(spec("last:Last", ticks, x=[1, 2]))

    refused = desk.run("submit", "sweep.yaml", "--redis", fleet.url)  # it allows nothing
    url = valkey.fresh_url()
    with a_desk(tmp_path / "node") as other, a_node(other, url, "--allow", desk.folder):
        done = desk.submit("sweep.yaml", "--redis", url, "--cache", "refresh")

    assert refused.code == 7
    assert "no node may import last:Last" in refused.err
    assert "start nodes with: producer worker start --allow last" in refused.err
    assert not (desk.folder / "results" / "last").exists()
    assert table(done)["y"] == [2.0, 4.0] * 3


def test_another_mount_is_good_and_another_version_is_drift_until_the_file_is_the_same(
    desk: Desk, valkey: Broker, ticks: Path, tmp_path: Path
) -> None:
    a_folder(desk.folder)
    mount = a_folder(tmp_path / "mnt" / "desk")
    desk.write(spec("./last.py:Last", ticks, x=[1, 2]))
    url = valkey.fresh_url()

    with a_desk(tmp_path / "node") as other, a_node(other, url, "--allow", mount):
        done = desk.submit("sweep.yaml", "--redis", url)
        a_folder(desk.folder, factor=3)
        drifted = table(desk.submit("sweep.yaml", "--redis", url, code=4), "failures")
        a_folder(mount, factor=3)
        mended = desk.submit("sweep.yaml", "--redis", url, "--cache", "refresh")

    assert table(done)["y"] == [2.0, 4.0] * 3
    assert set(drifted["error"]) == {"StrategyDrift"}
    assert table(mended)["y"] == [3.0, 6.0] * 3


def test_a_file_that_is_edited_while_its_sweep_waits_is_never_mixed(
    desk: Desk, valkey: Broker, ticks: Path, tmp_path: Path
) -> None:
    a_folder(desk.folder)
    desk.write(spec("./last.py:Last", ticks, x=[1, 2]))
    url = valkey.fresh_url()
    desk.run("submit", "sweep.yaml", "--redis", url, "-d", "--require-workers", "0")
    (desk.folder / "last.py").write_text(LAST.replace("float(FACTOR)", "7.0"))

    with a_desk(tmp_path / "node") as other, a_node(other, url, "--allow", desk.folder):
        answer = desk.run("watch", "--redis", url, "--json")

    assert answer.code == 4
    results = next((desk.folder / "results" / "own").iterdir())
    assert set(table({"results": results}, "failures")["error"]) == {"StrategyDrift"}


def test_a_stack_that_stays_up_runs_the_new_code_of_an_edited_file(desk: Desk, ticks: Path) -> None:
    a_folder(desk.folder)
    for name in ("./last.py:Last", "last:Last"):
        desk.write(spec(name, ticks, x=[1]), name.replace("/", "") + ".yaml")
    desk.run("up", "--cores", "1", "--no-flower", "--allow", ".")
    try:
        found = []
        for factor in (2, 3):
            a_folder(desk.folder, factor)
            found += [table(desk.submit(f))["y"][0] for f in (".last.py:Last.yaml", "last:Last.yaml")]
        again = desk.run("up", "--allow", "/elsewhere")
    finally:
        desk.run("down", "--now")

    assert found == [2.0, 2.0, 3.0, 3.0]
    assert (again.code, again.err.splitlines()[0]) == (
        2, "error: a stack is up already, and what it may import is fixed",
    )  # fmt: skip
