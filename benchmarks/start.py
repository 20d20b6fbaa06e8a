"""First and second start of the demo, in seconds until it is ready and until its story is told, and its memory.

Run: ``python -m benchmarks.start``.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ais.platform.embedded import free_port

PATIENCE_SECONDS = 240.0


def start(folder: Path, name: str) -> None:
    """Start the demo on a data folder, wait for its story, count its memory, end it."""
    environment = {
        **os.environ,
        "AIS_DATA_DIR": str(folder / "data"),
        "AIS_PORT": str(free_port()),
        "AIS_STRIPE_SIM_PORT": str(free_port()),
    }
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "ais.app.cli", "demo"], env=environment, stdout=output, stderr=output
        )
    try:
        text = _wait(demo, log)
        ready = re.search(r"Ready on \S+ after ([0-9.]+) s", text)
        told = re.search(r"Told after ([0-9.]+) s", text)
        assert ready, text
        assert told, text
        processes = memory(folder)
        print(f"{name} start: ready after {ready[1]} s, story told after {told[1]} s")
        for label, megabytes in sorted(processes.items(), key=lambda each: -each[1]):
            print(f"    {label}: {megabytes:.0f} MB")
        print(f"    all together: {sum(processes.values()):.0f} MB (proportional set size)")
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(20)


def _wait(demo: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        text = log.read_text(encoding="utf-8", errors="replace")
        if "Ctrl-C ends everything" in text:
            return text
        if demo.poll() is not None:
            raise RuntimeError(text)
        time.sleep(0.1)
    raise RuntimeError("the demo was not ready in time")


def memory(folder: Path) -> dict[str, float]:
    """Proportional set size in megabytes of everything that runs on the folder, by what it is."""
    found: dict[str, float] = {}
    ours: dict[int, str] = {}
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            surroundings = (path / "environ").read_bytes().decode(errors="replace")
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if str(folder) in surroundings or str(folder) in command or ours.get(parent) == "PostgreSQL":
            ours[int(path.name)] = _label(command)
    for pid, label in ours.items():
        for path in Path("/proc").iterdir():
            if path.name.isdigit() and int(path.name) not in ours and _parent(path) == pid:
                found[label] = found.get(label, 0) + _megabytes(path)
        found[label] = found.get(label, 0) + _megabytes(Path("/proc") / str(pid))
    return found


def _parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _megabytes(path: Path) -> float:
    try:
        found = re.search(r"^Pss:\s+(\d+)", (path / "smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def _label(command: str) -> str:
    for mark, label in (
        ("postgres", "PostgreSQL"),
        ("valkey", "Valkey"),
        ("ais_sandbox", "payment simulator"),
        ("cli worker", "worker"),
        ("cli web", "web"),
        ("cli demo", "supervisor"),
        ("spawn", "web"),
    ):
        if mark in command:
            return label
    return "others"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ais-bench-start-") as name:
        Path(name).chmod(0o755)  # the database's own user must be able to enter it
        for which in ("first", "second"):
            start(Path(name), which)


if __name__ == "__main__":
    main()
