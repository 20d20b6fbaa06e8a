"""docs/roles.md: which role has which permission, written from the program's own table and checked against it."""

from __future__ import annotations

import sys
from pathlib import Path

from ais.accounts.roles import PERMISSIONS, ROLES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "roles.md"
BEGIN, END = "<!-- roles: begin -->", "<!-- roles: end -->"


def table() -> str:
    """One line per permission, one column per role."""
    lines = [
        "| permission | " + " | ".join(ROLES) + " | to |",
        "|---|" + ":-:|" * len(ROLES) + "---|",
    ]
    for permission, meaning in PERMISSIONS.items():
        marks = " | ".join("●" if permission in held else "" for held in ROLES.values())
        lines.append(f"| `{permission}` | {marks} | {meaning} |")
    return "\n".join(lines)


def page_with_table(page: str) -> str:
    """The page with the present table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def mistakes(page: str) -> list[str]:
    """What is wrong with the table in the program, and whether the page shows another one."""
    found = [
        f"{role} has {permission}, which is no permission"
        for role, held in ROLES.items()
        for permission in sorted(held - set(PERMISSIONS))
    ]
    nobodys = set(PERMISSIONS).difference(*ROLES.values())
    found.extend(f"no role has {permission}" for permission in sorted(nobodys))
    if BEGIN not in page or END not in page or page_with_table(page) != page:
        found.append("docs/roles.md shows another table than the program has: run make snapshots")
    return found


def main() -> None:
    """``--write`` writes the page anew; else exit code 1 if it is not the program's table."""
    page = PAGE.read_text(encoding="utf-8")
    if sys.argv[1:] == ["--write"]:
        page = page_with_table(page)
        PAGE.write_text(page, encoding="utf-8")
    found = mistakes(page)
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
