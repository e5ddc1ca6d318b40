"""The JSON Schema of sweep.yaml, for editors: completion, help and red underlines while one types."""

from __future__ import annotations

import json
from typing import Any, Final

from producer.spec.model import SweepFile
from tasks.plugins import registry

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FILE_NAME: Final = "sweep.schema.json"
POINTER: Final = f"# yaml-language-server: $schema=./{FILE_NAME}"
"""The first line of a sweep.yaml beside the schema."""


def sweep_schema() -> dict[str, Any]:
    """What an editor can check by itself; which securities and metrics there are, only `validate` knows."""
    schema = SweepFile.model_json_schema()
    schema["properties"]["strategy"]["examples"] = registry.names()
    return {"$schema": DIALECT, "title": "A sweep", **{k: v for k, v in schema.items() if k != "title"}}


def schema_text() -> str:
    return json.dumps(sweep_schema(), indent=2) + "\n"
