"""The fare files of the format's own description, which are correct and small."""

from __future__ import annotations

import re
from pathlib import Path

CARRIER = "9Z"
DESCRIPTION = Path(__file__).parents[2] / "docs/formats/fares-csv.md"


def example_files() -> dict[str, str]:
    """The example of each file in docs/formats/fares-csv.md, by file name."""
    sections = re.split(r"^## ", DESCRIPTION.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        section.split("\n", 1)[0].strip(): match[1]
        for section in sections
        if (match := re.search(r"```\n(.*?)```", section, re.DOTALL))
    }


def edited(files: dict[str, str], name: str, line: int, column: str, value: str) -> dict[str, str]:
    """The files with one field of one line (the header is line 1) set to another value."""
    lines = files[name].splitlines()
    number = lines[0].split(",").index(column)
    fields = lines[line - 1].split(",")
    fields[number] = value
    lines[line - 1] = ",".join(fields)
    return files | {name: "\n".join(lines) + "\n"}
