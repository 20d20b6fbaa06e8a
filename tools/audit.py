"""Known weaknesses of what we depend on: every locked package held against a database of advisories.

    python -m tools.audit               fails on an advisory, and if no database could be asked
    python -m tools.audit --if-possible fails on an advisory; without a database it says so loudly and ends well

A package that the database did not answer for is not audited, and is never counted as clean.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PATIENCE_SECONDS = 300
ADVISORY, NOT_AUDITED = 1, 2
LINE = "!" * 78


def asked(lock: Path) -> list[dict[str, Any]] | None:
    """What the database says of each locked package; None if it cannot be asked."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"),
        *("--format", "json", "--progress-spinner", "off"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return found


def report(found: list[dict[str, Any]] | None, *, if_possible: bool) -> tuple[int, list[str]]:
    """The exit code and the lines that say what was found."""
    audited = [each for each in found or [] if "skip_reason" not in each]
    lines = [
        f"{each['name']} {each['version']}: {advisory['id']}"
        f" (mended in {', '.join(advisory['fix_versions']) or 'no version'})"
        for each in audited
        for advisory in each["vulns"]
    ]
    if lines:
        return ADVISORY, lines
    if not audited:
        return 0 if if_possible else NOT_AUDITED, [
            LINE,
            "NOT AUDITED: no database of advisories answers from this machine.",
            "The dependencies may have known weaknesses. Run `make audit` where one can be reached.",
            LINE,
        ]
    missing = [each["name"] for each in found or [] if "skip_reason" in each]
    lines = [f"{len(audited)} packages have no known advisory."]
    if missing:
        lines.append(f"NOT AUDITED, the database does not know them: {', '.join(missing)}.")
    return (0 if if_possible or not missing else NOT_AUDITED), lines


def main() -> int:
    """The command."""
    code, lines = report(asked(LOCK), if_possible="--if-possible" in sys.argv[1:])
    print("\n".join(lines), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
