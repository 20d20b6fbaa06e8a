"""Throws a data folder away, unless something still runs on it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from ais.app.servers import running_servers


def main() -> None:
    """Remove the folder named by the first argument, together with a cluster that was placed elsewhere for it."""
    folder = Path(sys.argv[1])
    if not folder.exists():
        sys.exit(f"{folder} does not exist: nothing to do.")
    if running_servers(folder) is not None:
        sys.exit(f"A demo runs on {folder}; end it first.")
    if not (folder / "postgres").exists():
        sys.exit(f"{folder} is not a data folder of ais: it is left alone.")
    shutil.rmtree(folder)
    sys.stderr.write(f"{folder} is gone.\n")


if __name__ == "__main__":
    main()
