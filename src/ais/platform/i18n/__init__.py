"""Arabic and English: the language of a request, and the translations of sentences.

The English sentence is its own key. The Arabic catalogues are gettext files beside this one: ``ar.po`` holds the
refusals, ``ar_mails.po`` the mails. ``make check`` refuses a sentence without its translation.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Literal

from babel.messages.pofile import read_po

Language = Literal["ar", "en"]


@lru_cache(maxsize=1)
def arabic() -> dict[str, str]:
    """The Arabic sentence of each English one."""
    sentences: dict[str, str] = {}
    for name in ("ar.po", "ar_mails.po"):
        catalogue = read_po(BytesIO((files(__name__) / name).read_bytes()), locale="ar", abort_invalid=True)
        sentences |= {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
    return sentences


def translate(sentence: str, language: Language) -> str:
    """``sentence`` in ``language``; English where a translation is missing."""
    return arabic().get(sentence, sentence) if language == "ar" else sentence


@lru_cache(maxsize=1024)
def preferred_language(accept_language: str | None) -> Language:
    """The language of an ``Accept-Language`` header (RFC 9110): the best weighted of ours, English if none."""
    best: tuple[float, Language] = (0.0, "en")
    for position, part in enumerate((accept_language or "").split(",")):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        language: Language | None = "ar" if primary == "ar" else "en" if primary in {"en", "*"} else None
        if language is None:
            continue
        weight = _weight(parameters) - position * 1e-6
        if weight > best[0]:
            best = (weight, language)
    return best[1]


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
