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
from urllib.parse import parse_qsl, urlencode, urlsplit

from platformdirs.unix import Unix
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from tasks import names
from tasks.errors import UsageError
from tasks.home import expanded
from tasks.roots import absolute

PROJECT_FILE: Final = Path("producer.toml")
SHORTEST_KEY: Final = 32  # characters: what `openssl rand -hex 16` prints; a word would be guessed
CERTIFICATES: Final = {"redis_ca": "ssl_ca_certs", "redis_cert": "ssl_certfile", "redis_key": "ssl_keyfile"}

Origin = Literal["flag", "environment", "project file", "user config", "default"]


def _listed(given: Any) -> Any:
    """Roots as a list; in the environment they stand as in PATH, or as a JSON list."""
    if isinstance(given, str):
        given = json.loads(given) if given.startswith("[") else [r for r in given.split(os.pathsep) if r]
    return tuple(given) if isinstance(given, list) else given


class Settings(BaseModel):
    """What a process of ours was told; frozen."""

    # inputs stay out of errors: among them are passwords and the signing key
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    redis_url: str | None = Field(
        None, description="shared Redis or Valkey; none: a private stack for each submit"
    )
    redis_ca: Path | None = Field(None, description="rediss://: certificate of who signed the server's (PEM)")
    redis_cert: Path | None = Field(None, description="rediss://: this process's own certificate (PEM)")
    redis_key: Path | None = Field(None, description="rediss://: the key to it (PEM)")
    signing_key: SecretStr | None = Field(
        None,
        min_length=SHORTEST_KEY,
        description="shared secret: messages that it did not sign are dropped; none: unsigned JSON",
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
    grace_seconds: float = Field(
        60, ge=0, description="how long a node that is told to stop may go on with the chunks in hand"
    )


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
        k: expanded(getattr(settings, k)).absolute() for k in ("state_dir", "cache_dir")
    }
    places["allow"] = tuple(absolute(root) for root in settings.allow)
    places["redis_url"] = _with_certificates(settings)
    return settings.model_copy(update=places), origins


def _with_certificates(settings: Settings) -> str | None:
    """The URL carries the files, as redis-py and kombu read them, so that whoever has the URL can connect."""
    url = settings.redis_url
    if url is None or not url.startswith("rediss://"):
        return url
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    for key, parameter in CERTIFICATES.items():
        path = getattr(settings, key)
        if path is None or parameter in query:
            continue
        file = expanded(path).absolute()
        if not os.access(file, os.R_OK):
            raise UsageError(f"setting '{key}': cannot read {file}", hint="give a PEM file that is there")
        query[parameter] = str(file)
    return parts._replace(query=urlencode(query, safe="/")).geturl()


def allowing(settings: Settings, *roots: str | Path) -> Settings:
    """The same settings with more to import strategies from."""
    more = [str(root.absolute()) if isinstance(root, Path) else absolute(root) for root in roots]
    return settings.model_copy(update={"allow": tuple(dict.fromkeys([*settings.allow, *more]))})


def as_environment(settings: Settings) -> dict[str, str]:
    """The same settings for a child process."""
    given = settings.model_dump(mode="json", exclude_none=True)
    if settings.signing_key is not None:  # the environment is the one place where it stands in clear
        given["signing_key"] = settings.signing_key.get_secret_value()
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
