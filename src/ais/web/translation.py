"""Sentences of the pages. The English sentence is its own key; ``ar.po`` holds the Arabic, with its six plurals.

``make check`` refuses a sentence of a template or of a module here that has no Arabic, and an Arabic that nobody says.
"""

from __future__ import annotations

from functools import lru_cache
from gettext import GNUTranslations
from importlib.resources import files
from io import BytesIO
from typing import Any

from ais.platform.i18n import Language


def mark(sentence: str) -> str:
    """Marks a sentence that is translated later, where it is shown."""
    return sentence


@lru_cache(maxsize=1)
def _arabic() -> GNUTranslations:
    from babel.messages.mofile import write_mo  # needed by the first Arabic page, not by the start
    from babel.messages.pofile import read_po  # see above

    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO((files(__package__) / "ar.po").read_bytes()), locale="ar", abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)


class Sentences:
    """The sentences of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def say(self, sentence: str, **values: Any) -> str:
        """The sentence with its ``{names}`` filled in. In a page, values are escaped."""
        return self._filled(_arabic().gettext(sentence) if self.language == "ar" else sentence, values)

    def count(self, one: str, many: str, number: int, **values: Any) -> str:
        """The sentence for so many; ``{number}`` is the number."""
        english = one if number == 1 else many
        chosen = _arabic().ngettext(one, many, number) if self.language == "ar" else english
        return self._filled(chosen, {"number": number, **values})

    @staticmethod
    def _filled(sentence: str, values: dict[str, Any]) -> str:
        if not values:
            return sentence
        from markupsafe import Markup  # comes with the templates, which the start does not need

        return Markup(sentence).format_map(values)  # noqa: S704  # our own sentences; what is filled in is escaped
