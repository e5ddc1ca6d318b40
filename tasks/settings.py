"""Settings of every process: flag > environment > ./producer.toml > user config > default. The only reader of
the environment.

`load()` is what commands call; workers get theirs through `PRODUCER_*` variables, so that one machine's
processes cannot disagree.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from platformdirs.unix import Unix
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tasks import names
from tasks.errors import UsageError
from tasks.roots import absolute

PROJECT_FILE: Final = Path("producer.toml")

Origin = Literal["flag", "environment", "project file", "user config", "default"]


def _listed(given: Any) -> Any:
    """Roots as a list; in the environment they stand as in PATH, or as a JSON list."""
    if isinstance(given, str):
        given = json.loads(given) if given.startswith("[") else [r for r in given.split(os.pathsep) if r]
    return tuple(given) if isinstance(given, list) else given


class Settings(BaseModel):
    """What a process of ours was told; frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis_url: str | None = Field(
        None, description="shared Redis or Valkey; none: a private stack for each submit"
    )
    state_dir: Path = Field(description="one small file per sweep; the private stack's ledger")
    cache_dir: Path = Field(description="decoded columns, compiled kernels, digests of data files")
    queue: str = Field(names.QUEUE, description="Celery queue that chunks go to")
    cores: str | None = Field(
        None, description="cores of the private stack's worker: a count, or numbers like 0-3,8"
    )
    allow: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="packages and folders that a user's own strategies may be imported from"
    )
    warm: str | None = Field(
        None, description="the strategy whose kernels a node makes ready before it begins; none: all of them"
    )
    log_json: bool = Field(False, description="log JSON lines in place of text")
    lease_seconds: float = Field(
        60, gt=0, description="a chunk whose node stays silent this long is given out again"
    )
    beat_seconds: float = Field(15, gt=0, description="how often a node renews its leases")
    restore_seconds: float = Field(5, gt=0, description="how often nodes look for expired leases")


def load(flags: Mapping[str, Any] | None = None, config: Path | None = None) -> Settings:
    return load_with_origins(flags, config)[0]


def load_with_origins(
    flags: Mapping[str, Any] | None = None, config: Path | None = None
) -> tuple[Settings, dict[str, Origin]]:
    """The effective settings, and for each where it comes from.

    Raises UsageError for an unknown key, a value of the wrong type, or a file that is not TOML.
    """
    layers: list[tuple[Origin, dict[str, Any]]] = [
        ("flag", {k: v for k, v in (flags or {}).items() if v is not None}),
        ("environment", _environment()),
        ("project file", _toml(PROJECT_FILE)),
        ("user config", _toml(config or user_config(), required=config is not None)),
        ("default", {"state_dir": _default_dir("state"), "cache_dir": _default_dir("cache")}),
    ]
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = dict.fromkeys(Settings.model_fields, "default")
    for origin, layer in layers:
        for key, value in layer.items():
            if key not in values:
                values[key], origins[key] = value, origin
    try:
        settings = Settings(**values)
    except ValidationError as e:
        first = e.errors()[0]
        key = str(first["loc"][0])
        raise UsageError(
            f"setting '{key}' ({origins.get(key, 'flag')}): {first['msg']}",
            hint=f"settings are: {', '.join(Settings.model_fields)}",
        ) from e
    places: dict[str, Any] = {
        k: getattr(settings, k).expanduser().absolute() for k in ("state_dir", "cache_dir")
    }
    places["allow"] = tuple(absolute(root) for root in settings.allow)
    return settings.model_copy(update=places), origins


def allowing(settings: Settings, *roots: str | Path) -> Settings:
    """The same settings with more to import strategies from."""
    more = [str(root.absolute()) if isinstance(root, Path) else absolute(root) for root in roots]
    return settings.model_copy(update={"allow": tuple(dict.fromkeys([*settings.allow, *more]))})


def as_environment(settings: Settings) -> dict[str, str]:
    """The same settings for a child process."""
    given = settings.model_dump(mode="json", exclude_none=True)
    return {
        f"{names.ENV_PREFIX}{key.upper()}": json.dumps(value) if isinstance(value, list) else str(value)
        for key, value in given.items()
    }


def user_config() -> Path:
    given = os.environ.get(f"{names.ENV_PREFIX}CONFIG")
    return Path(given) if given else Path(_folders().user_config_dir) / "producer.toml"


def runtime_folder() -> Path | None:
    """Where short-lived sockets belong, if the system says so."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    return Path(given) if given and Path(given).is_dir() else None


def inherited_environment() -> dict[str, str]:
    """The environment that a child process of ours starts from."""
    return dict(os.environ)


def _folders() -> Unix:
    # XDG places on macOS too: one path in the docs, the same on every machine of a fleet
    return Unix(appname=names.DISTRIBUTION)


def _default_dir(which: Literal["state", "cache"]) -> Path:
    folders = _folders()
    return Path(folders.user_state_dir if which == "state" else folders.user_cache_dir)


def _environment() -> dict[str, Any]:
    given = {key: os.environ.get(f"{names.ENV_PREFIX}{key.upper()}") for key in Settings.model_fields}
    return {key: value for key, value in given.items() if value}


def _toml(path: Path, *, required: bool = False) -> dict[str, Any]:
    hint = f"settings are: {', '.join(Settings.model_fields)}"
    if not path.is_file():
        if required:
            raise UsageError(f"no such config file: {path}", hint="give a TOML file, or leave --config out")
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:  # not TOML, or not text
        raise UsageError(f"{path} is not TOML: {e}", hint=hint) from e
    if unknown := set(values) - set(Settings.model_fields):
        raise UsageError(f"{path}: unknown setting '{min(unknown)}'", hint=hint)
    return values
