"""Child processes in sessions of their own that end with their parent, and how those of a dead parent are found.

On Linux the kernel signals a child when the *thread* that started it ends (PR_SET_PDEATHSIG), so children are started
by a thread that lives as long as their supervisor. Elsewhere that does not exist: there a parent that is killed with
SIGKILL leaves its children to the next start, which finds them through the server's own pid file.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MARKER = "AIS_SUPERVISED_BY"
ON_LINUX = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG = 1
_PROC = Path("/proc")

# PyDLL keeps the interpreter lock during the call: the forked child has no other thread that could give it back.
_LIBC = ctypes.PyDLL(None) if ON_LINUX else None


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a child process runs as."""

    name: str
    uid: int
    gid: int


def die_with_parent(signal_number: int = signal.SIGKILL, *, parent_pid: int | None = None) -> None:
    """Have the kernel signal this process when its parent ends; does nothing outside Linux.

    For processes that a child starts itself (the workers of a web server): called early in each of them.
    With `parent_pid` it ends the process at once if that parent is already gone.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(128 + int(signal_number))


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None,
    account: Account | None,
    death_signal: int,
    output: int | IO[bytes] | None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session and process group of its own; call it from a thread that outlives the child.

    Raises OSError when the program cannot be executed.
    """
    parent_pid = os.getpid()

    def tie_to_parent() -> None:
        die_with_parent(death_signal, parent_pid=parent_pid)

    # The change of user clears PR_SET_PDEATHSIG, and Popen runs preexec_fn after that change.
    # A fork beside other threads may only call what is safe then: this one prctl and, if the parent is gone, _exit.
    return subprocess.Popen(  # noqa: S603 the programs are ours
        list(argv),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=tie_to_parent if ON_LINUX else None,  # noqa: PLW1509 see above
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )


def has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process has ended; its number and group stay reserved until `Popen.wait` is called, on Linux."""
    if process.returncode is not None:
        return True
    if not ON_LINUX:
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return process.poll() is not None


def signal_group(group: int, signal_number: int) -> bool:
    """Send the signal to every process of the group; False when there is none left."""
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):
        # macOS answers EPERM for a group that consists of a zombie.
        return False
    return True


def group_lives(group: int) -> bool:
    """Whether a process of the group still runs; one that has ended and waits for its parent to notice does not."""
    if not signal_group(group, 0):
        return False
    if not ON_LINUX:
        return True
    for pid in _pids():
        try:
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            return True
    return False


def start_time(pid: int) -> str:
    """The kernel's start time of a process: with it a reused number is told apart; empty when there is no such process.

    Outside Linux it is what `ps` prints.
    """
    if ON_LINUX:
        try:
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    program = shutil.which("ps")
    if program is None:
        return ""
    return subprocess.run(  # noqa: S603 a number is all that varies
        [program, "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()


def marker_of(folder: Path) -> str:
    """The value of the environment variable that marks what this process supervises for a data folder."""
    return f"{os.getpid()}:{start_time(os.getpid())}:{folder.resolve()}"


def orphans_of(folder: Path) -> list[int]:
    """Processes whose marker names this folder and a supervisor that has ended; Linux only, elsewhere empty."""
    found = []
    for pid, environment in _readable_environments():
        value = _marker_in(environment)
        owner, _, rest = value.partition(":")
        began, _, place = rest.partition(":")
        if place == str(folder.resolve()) and owner.isdigit() and start_time(int(owner)) != began:
            found.append(pid)
    return found


def processes_working_in(folder: Path, program: str) -> list[int]:
    """Processes of the program whose working folder is `folder`; Linux only, elsewhere empty.

    Root without CAP_SYS_PTRACE (in a container) cannot see the working folder of another user's process; there the
    folder must be one of the process's arguments.
    """
    wanted = folder.resolve()
    found = []
    for pid in _pids():
        try:
            running = (_PROC / str(pid) / "exe").readlink()
            place = (_PROC / str(pid) / "cwd").readlink()
        except PermissionError:
            if has_argument(pid, program, str(wanted)):
                found.append(pid)
        except OSError:
            continue
        else:
            if running.name.removesuffix(" (deleted)") == program and place == wanted:
                found.append(pid)
    return found


def has_argument(pid: int, program: str, argument: str) -> bool:
    """Whether the process was started as this program with this argument; Linux only."""
    try:
        first, *others = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return Path(os.fsdecode(first)).name == program and os.fsencode(argument) in others


def runs_program(pid: int, program: str) -> bool:
    """Whether the process exists and runs a program of this name; asks `ps`, for systems without /proc."""
    ps = shutil.which("ps")
    if ps is None:
        return False
    shown = subprocess.run(  # noqa: S603 a number is all that varies
        [ps, "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return Path(shown.strip()).name == program


def end_processes(
    pids: Callable[[], list[int]], escalation: Sequence[tuple[int, float]], pause: Callable[[float], object]
) -> bool:
    """Signal processes that are not our children until `pids()` is empty, harder step by step; True when all ended."""
    for signal_number, patience_seconds in escalation:
        for pid in pids():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal_number)
        until = time.monotonic() + patience_seconds
        while pids():
            if time.monotonic() > until:
                break
            pause(0.02)
        else:
            return True
    return not pids()


def _pids() -> list[int]:
    if not ON_LINUX:
        return []
    own = os.getpid()
    return [int(entry.name) for entry in os.scandir(_PROC) if entry.name.isdigit() and int(entry.name) != own]


def _readable_environments() -> Iterable[tuple[int, bytes]]:
    for pid in _pids():
        try:
            yield pid, (_PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue


def _marker_in(environment: bytes) -> str:
    start = f"{MARKER}=".encode()
    for entry in environment.split(b"\0"):
        if entry.startswith(start):
            return os.fsdecode(entry[len(start) :])
    return ""
