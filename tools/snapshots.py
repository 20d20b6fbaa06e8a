"""The snapshots beside the code: the schema that the migrations make, and the OpenAPI document that the program serves.

``python -m tools.snapshots`` compares them with what the code makes now and prints the differences;
``--write`` writes them anew; ``schema`` or ``openapi`` chooses one of the two.
"""

from __future__ import annotations

import argparse
import difflib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "migrations" / "schema.sql"
OPENAPI = ROOT / "docs" / "openapi.json"
_DIFF_LINES = 80


def made_schema() -> str:
    """The schema of a database that all migrations have run on, in the form of the snapshot."""
    from ais.platform.embedded import SharedServers
    from ais.platform.migration import migrate

    with (
        tempfile.TemporaryDirectory(prefix="ais-snapshot-") as folder,
        SharedServers(Path(folder)).private_postgres() as server,
    ):
        migrate(server.url())
        return dumped_schema(server.url())


def dumped_schema(url: str) -> str:
    """What ``pg_dump`` says of the database at ``url``, without what differs between two dumps of the same schema."""
    from ais.platform.embedded import postgres_programs

    dump = subprocess.run(
        [
            postgres_programs() / "pg_dump",
            "--schema-only",
            "--no-owner",
            "--no-privileges",
            "--restrict-key=ais",
            f"--dbname={url}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if dump.returncode != 0:
        sys.exit(f"pg_dump failed: {dump.stderr.strip()}")
    return normalised(dump.stdout)


def normalised(dump: str) -> str:
    """A dump without comments, session settings, psql's own commands and doubled empty lines."""
    kept: list[str] = []
    for line in dump.splitlines():
        noise = line.startswith(("-- ", "SET ", "\\", "SELECT pg_catalog.set_config(")) or line == "--"
        if not noise and (line or (kept and kept[-1])):
            kept.append(line.rstrip())
    return "\n".join(kept).strip() + "\n"


def made_openapi() -> str:
    """The OpenAPI document of the whole program, as the file holds it."""
    from ais.app.asgi import litestar_application
    from ais.platform.http.document import openapi_document
    from ais.platform.settings import Settings

    document = openapi_document(litestar_application(Settings())).to_schema()
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def difference(file: Path, made: str) -> list[str]:
    """What ``made`` has differently from the snapshot in ``file``, as a diff; nothing if they agree."""
    kept = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = list(
        difflib.unified_diff(
            kept.splitlines(), made.splitlines(), f"{file.name} (snapshot)", f"{file.name} (made now)", lineterm=""
        )
    )
    if len(lines) > _DIFF_LINES:
        lines[_DIFF_LINES:] = [f"... {len(lines) - _DIFF_LINES} more lines"]
    return lines


SNAPSHOTS = {"schema": (SCHEMA, made_schema), "openapi": (OPENAPI, made_openapi)}


def main() -> None:
    """Compare or write; exit code 1 if a snapshot differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="schema, openapi; both if none is named")
    parser.add_argument("--write", action="store_true", help="write the snapshots anew")
    arguments = parser.parse_args()
    differs = False
    for name in arguments.names or SNAPSHOTS:
        file, make = SNAPSHOTS[name]
        made = make()
        if arguments.write:
            file.write_text(made, encoding="utf-8")
            print(f"wrote {file.relative_to(ROOT)}")
        elif lines := difference(file, made):
            differs = True
            print(*lines, sep="\n")
            print(f"{file.relative_to(ROOT)} is not what the code makes; if that is meant, run `make snapshots`.")
    sys.exit(differs)


if __name__ == "__main__":
    main()
