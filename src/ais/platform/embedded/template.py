"""A cluster made once and copied: a copy is ready in a fraction of the time that initdb takes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ais.platform.embedded.cluster import cluster_exists, copy_cluster, password_of
from ais.platform.embedded.errors import EmbeddedServerError
from ais.platform.embedded.folder_lock import FolderLock
from ais.platform.embedded.placement import make_folder, place
from ais.platform.embedded.postgres import EmbeddedPostgres
from ais.platform.embedded.supervisor import Report, silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOCK_PATIENCE_SECONDS = 60.0


def template_cluster(
    template_dir: Path, *, prepare: Callable[[EmbeddedPostgres], None] | None = None, report: Report = silent
) -> Path:
    """Make a stopped cluster in `template_dir` unless it is there; `prepare` fills it while its server runs.

    Returns `template_dir`. Callers side by side wait for the one that makes it. A `prepare` that fails leaves a
    folder without the mark `template`, which the next call starts on again.
    """
    make_folder(template_dir, 0o711)
    lock = FolderLock(template_dir)
    lock.take(time.sleep, patience_seconds=_LOCK_PATIENCE_SECONDS)
    try:
        made = template_dir / "template"
        if not (made.exists() and cluster_exists(place(template_dir / "server", report).cluster)):
            with EmbeddedPostgres(template_dir / "server", fast=True, report=report) as server:
                if prepare is not None:
                    prepare(server)
            made.touch()
    finally:
        lock.release()
    return template_dir


def copied_cluster(template_dir: Path, target: Path, *, report: Report = silent) -> None:
    """Make `target` a data folder of `EmbeddedPostgres` that holds a copy of the template, its password included.

    Raises `EmbeddedServerError` when there is no template or the target already has a database.
    """
    source_dir = template_dir / "server"
    lock = FolderLock(template_dir)
    lock.take(time.sleep, patience_seconds=_LOCK_PATIENCE_SECONDS)
    try:
        source = place(source_dir, report).cluster
        if not cluster_exists(source) or (source / "postmaster.pid").exists():
            message = f"{template_dir} holds no template of a database, or its server still runs."
            raise EmbeddedServerError(message)
        make_folder(target, 0o711 if os.geteuid() == 0 else 0o700)
        placement = place(target.resolve(), report)
        if cluster_exists(placement.cluster):
            message = f"{target} already has a database."
            raise EmbeddedServerError(message)
        password_of(target, password_of(source_dir))
        copy_cluster(source, placement)
    finally:
        lock.release()
