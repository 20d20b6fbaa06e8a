"""The environment is made by whatever Python a machine has."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

BOOTSTRAP = Path(__file__).resolve().parents[2] / "tools" / "bootstrap.py"
NOT_IN_EVERY_PYTHON = {"ensurepip", "site-packages", "dist-packages"}


def test_a_python_without_pip_and_ensurepip_says_what_to_install_in_one_sentence(tmp_path: Path):
    stripped = tmp_path / "home" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    stripped.mkdir(parents=True)
    for entry in Path(sysconfig.get_path("stdlib")).iterdir():
        if entry.name not in NOT_IN_EVERY_PYTHON:
            (stripped / entry.name).symlink_to(entry)
    base = sys._base_executable  # type: ignore[attr-defined]  # the interpreter below this environment's
    for _ in range(2):  # what a first try left changes nothing
        done = subprocess.run(
            [base, BOOTSTRAP, tmp_path / "environment"],
            env={**os.environ, "PYTHONHOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr == (
            "Setting up (once; later starts skip this).\n"
            "This python3 comes without ensurepip and pip, which install everything else: install its package"
            " (Debian and Ubuntu: apt install python3-venv), or set PYTHON=… to another one.\n"
        )
