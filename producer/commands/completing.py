"""What the shell offers after Tab: ids of sweeps, columns and securities. Never an error, never slow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from producer.commands.call import Call
from tasks.errors import SweepError


def sweeps(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from producer.run import records

    call = context.find_object(Call) or Call()
    try:
        known = [r.id for r in records.all(call.settings.state_dir)]
    except SweepError:
        return []
    return [name for name in ("last", *known) if name.startswith(incomplete)]


def columns(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Parameters and metrics; within a list of several, after the last comma."""
    manifest = _manifest(context)
    done, comma, begun = incomplete.rpartition(",")
    known = [
        *manifest.get("metrics", ()),
        "security",
        *manifest.get("parameters", ()),
        "combination",
        "status",
    ]
    return [f"{done}{comma}{name}" for name in known if name.startswith(begun)]


def securities(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [
        name for name in _manifest(context).get("data", ()) if name.lower().startswith(incomplete.lower())
    ]


def strategies(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from tasks.plugins import registry

    return [name for name in registry.names() if name.startswith(incomplete)]


def _manifest(context: click.Context) -> dict[str, Any]:
    from tasks.names import MANIFEST_FILE

    call = context.find_object(Call) or Call()
    try:
        record = call.record(context.params.get("reference"))
        return dict(json.loads((Path(record.results) / MANIFEST_FILE).read_text(encoding="utf-8")))
    except (SweepError, OSError, ValueError):
        return {}


def nodes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from producer.run import look

    call = context.find_object(Call) or Call()
    try:
        return [n.name for n in look.nodes(call.settings) if n.name.startswith(incomplete)]
    except SweepError:
        return []
