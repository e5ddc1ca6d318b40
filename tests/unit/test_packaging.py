"""What is installed: pinned, complete, and under names that cannot be mistaken."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")
PIN = re.compile(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9A-Za-z.]*")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@pytest.fixture(scope="module")
def pins() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_every_line_of_the_constraints_is_one_exact_version_and_no_address(pins: list[str]) -> None:
    assert [pin for pin in pins if not PIN.fullmatch(pin)] == []


def test_every_package_that_is_asked_for_is_pinned(project: dict[str, Any], pins: list[str]) -> None:
    asked = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]

    names = {canonical(found.group()) for line in asked if (found := REQUIREMENT.match(line))}

    assert names - {canonical(pin.partition("==")[0]) for pin in pins} == set()


def test_the_wheel_holds_the_three_rooms_and_says_so(project: dict[str, Any]) -> None:
    assert project["tool"]["setuptools"]["packages"]["find"]["include"] == ["producer*", "tasks*", "workers*"]


def test_no_room_of_tests_is_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []
