"""Bringing a database to the newest schema: Alembic runs the plain SQL revisions of ``migrations/``."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

FOLDER = Path(__file__).resolve().parents[3] / "migrations"


def _config(database_url: str | None = None) -> Config:
    if not (FOLDER / "env.py").is_file():
        raise RuntimeError(f"The migrations are not at {FOLDER}: run ais from its checkout.")
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str, revision: str = "head") -> None:
    """Apply every revision that the database lacks, up to ``revision``; nothing to do is fine.

    Programs that start together wait for one another. Must be called where no event loop runs.
    """
    command.upgrade(_config(database_url), revision)


def newest_revision() -> str:
    """The revision that this program's schema is at."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        raise RuntimeError("there is no revision")
    return newest
