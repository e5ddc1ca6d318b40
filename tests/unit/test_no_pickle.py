"""No pickle anywhere: neither accepted from the queue nor used by our code."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from tasks.settings import load
from tasks.wire import signing
from tasks.wire.celery_app import make_app
from tests.support.checkout import ROOT

SOURCES: Final = [p for room in ("producer", "workers", "tasks") for p in sorted((ROOT / room).rglob("*.py"))]
UNSAFE: Final = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "marshal",
    "shelve",
    "joblib",
    "jsonpickle",
}


def unsafe_words(text: str) -> list[str]:
    """Imports of what loads code with data, `allow_pickle=True`, and reads of pickled frames."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.partition(".")[0] in UNSAFE]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in UNSAFE:
            found.append(str(node.module))
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found += [] if isinstance(node.value, ast.Constant) and node.value.value is False else [node.arg]
        elif isinstance(node, ast.Attribute) and "pickle" in node.attr:
            found.append(node.attr)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip() == "pickle"
        ):
            found.append(node.value)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_source_of_ours_loads_code_with_data(path: Path) -> None:
    assert unsafe_words(path.read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from dill import loads",
        "np.load(f, allow_pickle=True)",
        "pd.read_pickle(f)",
        "x='pickle'",
    ],
)
def test_the_search_finds_what_it_is_for(text: str) -> None:
    assert unsafe_words(text)


@pytest.mark.parametrize("key", [None, SecretStr("a key that only this test's fleet has")])
def test_the_application_takes_one_kind_of_content_and_no_other(key: SecretStr | None) -> None:
    settings = load({"redis_url": "redis://localhost:6379/0"}).model_copy(update={"signing_key": key})

    conf = make_app(settings).conf

    only = signing.SERIALIZER if key else "json"
    assert list(conf.accept_content) == list(conf.result_accept_content) == [only]
    assert conf.task_serializer == conf.result_serializer == only
    assert conf.event_serializer == "json"
