"""Every sentence of a refusal or a template has its Arabic, with the same placeholders; no translation is left over."""

from __future__ import annotations

import string
import sys
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, nodes
from tools.whole_program import all_refusals

import ais
from ais.platform.i18n import arabic


def placeholders(template: str) -> set[str]:
    """The names that stand in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def mistakes(sentences: Mapping[str, str], translations: Mapping[str, str]) -> list[str]:
    """What is wrong, one sentence each; ``sentences`` maps each English sentence to who says it."""
    found = []
    for sentence, speaker in sorted(sentences.items()):
        translated = translations.get(sentence)
        if translated is None:
            found.append(f'{speaker}: "{sentence}" has no Arabic.')
        elif placeholders(translated) != placeholders(sentence):
            found.append(f'{speaker}: the Arabic of "{sentence}" has other placeholders than the English.')
    found.extend(f'nobody says "{sentence}" any more.' for sentence in sorted(set(translations) - set(sentences)))
    return found


def sentences_of_templates(folder: Path) -> dict[str, str]:
    """Each sentence that a Jinja template below ``folder`` gives to ``t``, and which template that is."""
    environment = Environment(autoescape=True)
    found = {}
    for file in sorted(path for path in folder.rglob("templates/**/*") if path.is_file()):
        for call in environment.parse(file.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t":
                sentence = call.args[0]
                if not isinstance(sentence, nodes.Const):
                    raise TypeError(f"{file}:{call.lineno}: t() takes a sentence as it stands, nothing worked out")
                found[str(sentence.value)] = f"{file.relative_to(folder)}:{call.lineno}"
    return found


def all_sentences() -> dict[str, str]:
    """Every sentence that the program says in both languages, and who says it."""
    refusals = {kind.message: f"{kind.__module__}.{kind.__name__}" for kind in all_refusals()}
    return refusals | sentences_of_templates(Path(ais.__path__[0]) / "notifications")


def main() -> None:
    """Exit code 1 and one line per mistake if there are any."""
    found = mistakes(all_sentences(), arabic())
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
