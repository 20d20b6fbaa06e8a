"""Makes the virtual environment from the committed lock file; needs nothing but Python 3.11 or newer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def run(what: str, argv: list[str]) -> None:
    """Run a step, showing that it lasts; its output only if it fails."""
    done = threading.Event()
    thread = threading.Thread(target=_show, args=(what, done), daemon=True)
    thread.start()
    environment = {**os.environ, "UV_NO_PROGRESS": "1", "VIRTUAL_ENV": str(Path(sys.argv[1]).resolve())}
    result = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    done.set()
    thread.join()
    if result.returncode != 0:
        say(result.stdout + result.stderr)
        sys.exit(f"{what} failed; the lines above say why.")


def _show(what: str, done: threading.Event) -> None:
    began = time.monotonic()
    if not sys.stderr.isatty():
        say(f"{what} ...")
        while not done.wait(10):
            say(f"{what}: {time.monotonic() - began:.0f} s")
        return
    width = 24
    while not done.wait(0.1):
        seconds = time.monotonic() - began
        place = int(seconds * 8) % (2 * width - 2)
        place = place if place < width else 2 * width - 2 - place
        bar = "".join("#" if abs(cell - place) < 3 else "-" for cell in range(width))
        sys.stderr.write(f"\r[{bar}] {what} {seconds:4.0f} s")
    sys.stderr.write("\r" + " " * 78 + "\r")


def locked_version(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        sys.exit(f"{LOCK.name} does not name {package}.")
    return found[1]


def _output(argv: list[str | Path]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def _works(argv: list[str]) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def pip_for(python: Path) -> list[str]:
    """A pip that installs into the environment of ``python``: its own, or that of the Python which runs this."""
    own = [str(python), "-m", "pip"]
    if _works([*own, "--version"]) or _works([str(python), "-m", "ensurepip"]):
        return own
    outer = [sys.executable, "-m", "pip", "--python", str(python)]
    if _works([*outer, "--version"]):
        return outer
    # Debian and Ubuntu keep ensurepip in a package of its own.
    sys.exit(
        "This python3 comes without ensurepip and pip, which install everything else: install its package"
        " (Debian and Ubuntu: apt install python3-venv), or set PYTHON=… to another one."
    )


def main() -> None:
    """Create the environment named by the first argument, or bring it up to date."""
    if sys.version_info < (3, 11):  # noqa: UP036  # it runs with whatever python3 is
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Set PYTHON=… to another one.")
    folder = Path(sys.argv[1])
    python = folder / "bin" / "python"
    uv = folder / "bin" / "uv"
    say("Setting up (once; later starts skip this).")
    if not python.exists():
        venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    wanted = locked_version("uv")
    if not uv.exists() or wanted not in _output([uv, "--version"]):
        pip = pip_for(python)
        run("Installing uv", [*pip, "install", "--quiet", "--disable-pip-version-check", f"uv=={wanted}"])
    run("Installing the locked dependencies", [str(uv), "pip", "sync", "--require-hashes", str(LOCK)])
    run("Installing ais itself", [str(uv), "pip", "install", "--no-deps", "--no-build-isolation", "--editable", "."])
    (folder / ".ready").touch()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        say("Interrupted; the next start goes on with it.")
        sys.exit(130)
