"""All checks of the repository but the tests, side by side: one line each, and the output of those that fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Step:
    """A command that says nothing of interest and ends with 0 if all is well."""

    name: str
    what: str
    command: Sequence[str | Path]


def _tool(module: str, *arguments: str) -> list[str | Path]:
    return [sys.executable, "-m", f"tools.{module}", *arguments]


# The longest first: they run two at a time.
STEPS = (
    Step("types", "mypy --strict", [BIN / "mypy", "--no-error-summary"]),
    Step("schema", "migrations make migrations/schema.sql", _tool("snapshots", "schema")),
    Step("states", "state tables are the database's", _tool("state_tables")),
    Step("openapi", "the program serves docs/openapi.json", _tool("snapshots", "openapi")),
    Step("translations", "every refusal has its Arabic", _tool("translations")),
    Step("pages", "every sentence of the pages has its Arabic", _tool("page_sentences")),
    Step("schedules", "docs/operations/jobs.md names every schedule", _tool("job_schedules")),
    Step("roles", "docs/roles.md shows the program's roles", _tool("role_table")),
    Step("imports", "import contracts", [BIN / "lint-imports", "--no-logo"]),
    Step("lint", "ruff check", [BIN / "ruff", "check", "--quiet", "--output-format", "concise", "."]),
    Step("format", "ruff format", [BIN / "ruff", "format", "--quiet", "--diff", "."]),
    Step("text", "no foreign hosts and paths, reasons, lengths", _tool("text_rules")),
)


def run(step: Step) -> tuple[Step, bool, float, str]:
    """The step, whether it holds, its seconds and its output."""
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "NO_COLOR": "1"}
    try:
        done = subprocess.run(
            step.command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return step, False, time.monotonic() - began, f"no end within {PATIENCE_SECONDS} s"
    return step, done.returncode == 0, time.monotonic() - began, (done.stdout + done.stderr).strip()


def main(names: Sequence[str] = ()) -> None:
    """Run every step, or those named; exit code 1 if one does not hold."""
    unknown = set(names) - {step.name for step in STEPS}
    if unknown:
        sys.exit(f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(step.name for step in STEPS)}")
    began = time.monotonic()
    failed = []
    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        running = [pool.submit(run, step) for step in STEPS if not names or step.name in names]
        for finished in as_completed(running):
            step, holds, seconds, output = finished.result()
            print(f"{'ok  ' if holds else 'FAIL'}  {step.name:<13} {seconds:5.1f} s  {step.what}", flush=True)
            if not holds:
                failed.append(step.name)
                print("\n".join(f"      {line}" for line in output.splitlines()), flush=True)
    seconds = time.monotonic() - began
    if failed:
        sys.exit(f"{len(failed)} of {len(running)} checks failed in {seconds:.0f} s: {', '.join(sorted(failed))}")
    print(f"all {len(running)} checks hold, {seconds:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
