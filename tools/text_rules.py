"""Rules about the text of the repository that no linter has.

No host of a package registry, no path of one machine and no mark of a merge; every exception from a linter's or type
checker's rule carries its reason on the line; no file over 600 lines and no function over 70.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES = 600
FUNCTION_LINES = 70
_LEAST_REASON = 4

# Hosts and folders are written in parts, so that this file does not break its own rule.
_FOREIGN = re.compile(
    "|".join((
        r"\bpypi" + r"\.org",
        r"python" + r"hosted\.org",
        r"registry\.npm" + r"js\.org",
        r"\bnpm" + r"js\.com",
        r"\bfind-" + r"links\b",
        r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|opt/wheels|opt/pypi)" + r"/",
    ))
)  # fmt: skip
# What a merge leaves behind that nobody has decided.
_UNDECIDED = re.compile(r"^(<{7}|>{7}) ")
_CODES = r":?\s*(?:\[[^\]]*\]|[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?"
_EXCEPTION = re.compile(rf"#\s*(?P<kind>noqa|type:\s*ignore|pragma){_CODES}")


def repository_files(root: Path = ROOT) -> list[Path]:
    """Every file that git knows or would take in."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(path for name in listed.stdout.split("\0") if name and (path := root / name).is_file())


def mistakes_of_text(text: str) -> Iterator[tuple[int, str]]:
    """Registry hosts, machine paths and what merges leave behind, by line."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _FOREIGN.search(line):
            yield number, f"{found[0]!r} is a registry's host or a path of one machine"
        if _UNDECIDED.match(line):
            yield number, "a merge's two sides stand beside each other"


def mistakes_of_python(text: str, *, functions: bool = True) -> Iterator[tuple[int, str]]:
    """Exceptions without a reason, and what is too long, by line."""
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield 1, f"the file has {lines} lines; {FILE_LINES} are allowed"
    for token in tokenize.generate_tokens(StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        for found in _EXCEPTION.finditer(token.string):
            reason = token.string[found.end() :].partition("# type:")[0].partition("# noqa")[0].strip(" #")
            if len(reason) < _LEAST_REASON:
                yield token.start[0], f"{found['kind']} says no reason on its line"
    if functions:
        yield from _long_functions(ast.parse(text))


def _long_functions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {lines} lines; {FUNCTION_LINES} are allowed"


def mistakes(root: Path = ROOT) -> list[str]:
    """Every mistake as ``path:line: sentence``."""
    found = []
    for path in repository_files(root):
        name = path.relative_to(root).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        here = list(mistakes_of_text(text))
        if path.suffix == ".py":
            # A test may tell a whole story, a revision is a piece of SQL: their functions are not counted.
            here.extend(mistakes_of_python(text, functions=not name.startswith(("tests/", "migrations/"))))
        found.extend(f"{name}:{line}: {sentence}." for line, sentence in here)
    return found


def main() -> None:
    """Exit code 1 and one line per mistake if there are any."""
    found = mistakes()
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
