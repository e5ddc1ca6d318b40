"""Whether nodes can do a sweep, by what they say of themselves."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from producer.run import ready
from tasks.errors import ClusterUnavailable
from tests.support.builders import a_node, a_spec

HERE = socket.gethostname()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text("class Mine: ...\n")
    return file


def test_a_file_that_no_node_may_import_is_refused_with_what_to_do(mine: Path) -> None:
    spec = a_spec(strategy=f"{mine}:Mine")
    nodes = [a_node("one@here", host=HERE, allow=()), a_node("two@there", host="there", allow=("desk",))]

    with pytest.raises(ClusterUnavailable) as refused:
        ready.check(nodes, 1, spec)

    assert refused.value.message == "no node may import mine.py:Mine"
    assert refused.value.hint == f"start nodes with: producer worker start --allow {mine.parent}"


def test_one_node_that_may_is_enough(mine: Path) -> None:
    spec = a_spec(strategy=f"{mine}:Mine")
    nodes = [a_node("one", host=HERE, allow=()), a_node("two", host=HERE, allow=(str(mine.parent),))]

    ready.check(nodes, 1, spec)


def test_a_node_elsewhere_has_other_folders_and_is_believed_where_it_allows_any(mine: Path) -> None:
    strategy = f"{mine}:Mine"

    assert ready.may_import(a_node(host="there", allow=("/mnt/desk",)), strategy)
    assert not ready.may_import(a_node(host="there", allow=()), strategy)
    assert not ready.may_import(a_node(host=HERE, allow=(str(mine.parent / "other"),)), strategy)


def test_a_node_that_does_not_say_what_it_allows_is_believed(mine: Path) -> None:
    assert ready.may_import(a_node(host=HERE, allow=None), f"{mine}:Mine")


@pytest.mark.parametrize(
    ("allow", "expected"), [((), False), (("research",), False), (("desk",), True), (("/desk",), True)]
)
def test_a_module_needs_its_package_or_a_folder(allow: tuple[str, ...], expected: bool) -> None:
    assert ready.may_import(a_node(allow=allow), "desk.fade:Fade") is expected


def test_what_is_installed_needs_no_leave() -> None:
    ready.check([a_node(allow=())], 1, a_spec(strategy="market_making"))


def test_only_nodes_of_the_sweeps_queue_count() -> None:
    with pytest.raises(ClusterUnavailable, match="no worker listens on queue 'night'"):
        ready.check([a_node(queue="sweepfleet")], 1, a_spec(queue="night"))
