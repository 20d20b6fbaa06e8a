"""Every sentence of the pages has its Arabic: in all plurals, with the same placeholders, and none is left over."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from tools.translations import placeholders

WEB = Path(__file__).resolve().parents[1] / "src" / "ais" / "web"
ARABIC = WEB / "ar.po"
_KEYWORDS = {"_": None, "mark": None, "ngettext": (1, 2)}
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
_OPTIONS = {"**/templates/**.html": {"silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"}}


def sentences(folder: Path = WEB) -> dict[str | tuple[str, str], str]:
    """Each sentence, or pair of one and many, with where it is said."""
    found: dict[str | tuple[str, str], str] = {}
    for name, line, message, _, _ in extract_from_dir(folder, _METHODS, _OPTIONS, _KEYWORDS):
        pair = (str(message[0]), str(message[1])) if isinstance(message, tuple) else str(message)
        found.setdefault(pair, f"{name}:{line}")
    return found


def arabic(path: Path = ARABIC) -> Catalog:
    """The Arabic catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale="ar", abort_invalid=True)


def mistakes(said: dict[str | tuple[str, str], str], catalogue: Catalog) -> Iterator[str]:
    """What is wrong, one sentence each."""
    for message, place in sorted(said.items(), key=str):
        singular = message if isinstance(message, str) else message[0]
        entry = catalogue.get(singular)
        forms = () if entry is None else (entry.string,) if isinstance(message, str) else tuple(entry.string)
        count = 1 if isinstance(message, str) else catalogue.num_plurals
        if len(forms) != count or not all(forms):
            yield f'{place}: "{singular}" has no Arabic, or not all of its forms.'
            continue
        wanted = placeholders(singular) | (set() if isinstance(message, str) else placeholders(message[1]))
        for form in forms:
            # One and two are words in Arabic, so that the figure itself may be left out.
            if placeholders(form) | {"number"} != wanted | {"number"}:
                yield f'{place}: "{form}" has other placeholders than "{singular}".'
    known = {message if isinstance(message, str) else message[0] for message in said}
    for entry in catalogue:
        text = entry.id if isinstance(entry.id, str) else entry.id[0]
        if text and text not in known:
            yield f'nobody says "{text}" any more.'


def main() -> None:
    """Exit code 1 and one line per mistake if there are any."""
    found = list(mistakes(sentences(), arabic()))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
