"""PostgreSQL's data folder (PGDATA, a cluster): made by initdb or copied from a template, checked before it is used."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ais.platform.embedded.errors import EmbeddedServerError, ServerTooOldError

if TYPE_CHECKING:
    from ais.platform.embedded.placement import Placement
    from ais.platform.embedded.supervisor import Supervisor

SERVER_MAJOR = 18
SUPERUSER = "ais"
PASSWORD_FILE = "password"  # noqa: S105 a file's name
_UNFINISHED = "cluster-unfinished-"

# The database programs take nothing from our environment: no PGDATA, no locale, no library path of somebody else.
PROGRAM_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


def check_server_version(version_num: int) -> None:
    """Raise `ServerTooOldError` when a server with this `server_version_num` (180000 = 18.0) is older than 18."""
    if version_num < SERVER_MAJOR * 10_000:
        shown = f"{version_num // 10_000}.{version_num % 10_000}"
        message = f"The PostgreSQL server is version {shown}; version {SERVER_MAJOR} or newer is needed."
        raise ServerTooOldError(message)


def cluster_exists(cluster: Path) -> bool:
    """Whether a cluster of our version is there; raises a sentence when something else is."""
    version_file = cluster / "PG_VERSION"
    try:
        if not cluster.exists() or not any(cluster.iterdir()):
            return False
        version = version_file.read_text().strip()
    except PermissionError as error:
        message = (
            f"The database folder {cluster} cannot be read by this user; "
            "start as the user who made it, or choose another data folder."
        )
        raise EmbeddedServerError(message) from error
    except (OSError, UnicodeDecodeError) as error:
        message = f"{cluster} is no PostgreSQL data folder (its file PG_VERSION cannot be read); move it away."
        raise EmbeddedServerError(message) from error
    if version == str(SERVER_MAJOR):
        return True
    if not version.replace(".", "", 1).isdigit():
        message = f"{cluster} is no PostgreSQL data folder (its file PG_VERSION is damaged); move it away."
        raise EmbeddedServerError(message)
    message = (
        f"The database folder {cluster} was written by PostgreSQL {version} and this program runs PostgreSQL "
        f"{SERVER_MAJOR}; dump it with its own version, or move it away to start with an empty one."
    )
    raise ServerTooOldError(message) if float(version) < SERVER_MAJOR else EmbeddedServerError(message)


def password_of(data_dir: Path, first: str | None = None) -> str:
    """The superuser's password from its 0600 file; when there is none it is made, with `first` or a random one."""
    file = data_dir / PASSWORD_FILE
    if not file.exists():
        unfinished = data_dir / f"{PASSWORD_FILE}-{secrets.token_hex(4)}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(first or secrets.token_hex(24))
        unfinished.rename(file)
    try:
        return file.read_text().strip()
    except OSError as error:
        message = f"The database's password file {file} cannot be read: {error.strerror}."
        raise EmbeddedServerError(message) from error


def create_cluster(placement: Placement, password: str, supervisor: Supervisor, *, durable: bool) -> None:
    """Run initdb beside the final place and rename: an interrupted one leaves nothing that looks like a database."""
    unfinished = _unfinished_folder(placement)
    # initdb wants the password in a file that its own user can read.
    password_file = unfinished.with_name(f"{unfinished.name}.pw")
    try:
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(password)
        _give(password_file, placement)
        argv = [
            str(placement.programs / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, "-E", "UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=scram-sha-256",
            f"--pwfile={password_file}", "--no-instructions", *(() if durable else ("--no-sync",)),
        ]  # fmt: skip
        code, output = supervisor.run_to_end(
            argv, what="Creating the database", env=PROGRAM_ENVIRONMENT, account=placement.account
        )
        if code != 0:
            message = f"The database cannot be created in {placement.root}: {_reason(output)}"
            raise EmbeddedServerError(message)
        _move_into_place(unfinished, placement.cluster)
    finally:
        password_file.unlink(missing_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)


def copy_cluster(template: Path, placement: Placement) -> None:
    """Copy a stopped cluster, with its roles and passwords, to the placement's cluster folder.

    `cp` keeps the owner and needs a fifth of the time that Python needs for the thousand files.
    """
    unfinished = _unfinished_folder(placement)
    try:
        copying = subprocess.run(  # noqa: S603 two folders are all that varies
            [shutil.which("cp") or "/bin/cp", "-a", f"{template}/.", str(unfinished)],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if copying.returncode != 0:
            message = f"The database {template} cannot be copied to {placement.cluster}: {copying.stderr.strip()}."
            raise EmbeddedServerError(message)
        _move_into_place(unfinished, placement.cluster)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def remove_unfinished(root: Path) -> None:
    """Remove what an interrupted creation left."""
    for left in root.glob(f"{_UNFINISHED}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _unfinished_folder(placement: Placement) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=placement.root))
    _give(folder, placement)
    return folder


def _move_into_place(unfinished: Path, cluster: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        cluster.rmdir()
    unfinished.rename(cluster)


def _give(path: Path, placement: Placement) -> None:
    if placement.account is not None:
        os.chown(path, placement.account.uid, placement.account.gid)


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        if "error:" in line or "FATAL" in line:
            return f"{line.partition('error:')[2].strip() or line}."
    return f"{lines[-1]}." if lines else "initdb gave no reason."
