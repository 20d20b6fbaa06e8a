"""Where settings come from: the environment, files that hold one secret each, and a TOML file.

The environment wins over the TOML file. A secret is never read from the TOML file, which people copy, mail and check
in, and never from a command line, which every user of the machine can read: it stands in the environment, or in a file
named by the same variable with ``_FILE`` behind it, as containers and systemd hand secrets out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

ENVIRONMENT_NAMES = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL", "stripe_api_base": "STRIPE_API_BASE"}
# What nobody else may know.
SECRETS = (
    "secret_keys",
    "operator_token",
    "stripe_secret_key",
    "stripe_webhook_secret",
    "ledger_signing_keys",
    "vault_keys",
    "vault_lookup_key",
    "sentry_dsn",
)
# Addresses that may hold a password.
ADDRESSES = ("database_url", "redis_url", "smtp_url")


def environment_name(field: str) -> str:
    """The environment variable that sets ``field``."""
    return ENVIRONMENT_NAMES.get(field, f"AIS_{field.upper()}")


class Sources(msgspec.Struct):
    """The values found, as text or as TOML has them, and in whose words to speak of each."""

    values: dict[str, Any]
    names: dict[str, str]
    mistakes: list[str]


def read_sources(environment: Mapping[str, str], file: Path | None, fields: Iterable[str]) -> Sources:
    """What is set; an empty variable counts as not set."""
    found = Sources({}, {}, [])
    if file is not None:
        _read_toml(file, set(fields), found)
    for name in fields:
        variable = environment_name(name)
        text = environment.get(variable)
        named_file = environment.get(f"{variable}_FILE") if name in SECRETS or name in ADDRESSES else None
        if text and named_file:
            found.mistakes.append(f"{variable} and {variable}_FILE are both set: one of them is enough.")
        elif named_file:
            _read_secret(name, f"{variable}_FILE", Path(named_file), found)
        elif text:
            found.values[name], found.names[name] = text, variable
    return found


def _read_secret(name: str, variable: str, file: Path, found: Sources) -> None:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        found.mistakes.append(f"{variable} names {file}, which cannot be read: {reason}.")
        return
    if not text:
        found.mistakes.append(f"{variable} names {file}, which is empty.")
        return
    found.values[name], found.names[name] = text, variable


def _read_toml(file: Path, fields: set[str], found: Sources) -> None:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        found.mistakes.append(f"{file} cannot be read: {problem.strerror}.")
        return
    except tomllib.TOMLDecodeError as problem:
        found.mistakes.append(f"{file} is not TOML: {problem}.")
        return
    for name, value in values.items():
        if name not in fields:
            found.mistakes.append(f"{file}: {name!r} is not a setting.")
        elif name in SECRETS or (name in ADDRESSES and _has_password(value)):
            variable = environment_name(name)
            found.mistakes.append(f"{name} in {file} is a secret: it belongs into {variable} or {variable}_FILE.")
        else:
            found.values[name], found.names[name] = value, f"{name} in {file}"


def _has_password(value: Any) -> bool:
    try:
        return urlsplit(str(value)).password is not None
    except ValueError:
        return True
