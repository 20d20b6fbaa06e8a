"""Finding airports by what people type, in Latin or Arabic letters.

Text is reduced before it is compared: case, accents, vowel marks and tatweel go; the forms of alef become one, as do
ya and alef maqsura, ha and ta marbuta; the article is optional. Then each typed word must begin a word of the airport.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property

import msgspec

_ARABIC_FORMS = str.maketrans({
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ک": "ك", "ـ": None,
})  # fmt: skip
_LETTERS_WITHOUT_MARK = str.maketrans(
    {"ı": "i", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "ß": "ss", "'": None, "’": None, "ʻ": None}
)
_ARTICLE = "ال"
_WORD = re.compile(r"[^\W_]+")
_PAST_EVERY_LETTER = "\U0010ffff"


def reduced(text: str) -> str:
    """``text`` in the form in which texts are compared."""
    folded = text.casefold().translate(_ARABIC_FORMS).translate(_LETTERS_WITHOUT_MARK)
    decomposed = unicodedata.normalize("NFD", folded)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def words(text: str) -> list[str]:
    """The reduced words of ``text``, Arabic ones without their article."""
    return [_without_article(word) for word in _WORD.findall(reduced(text))]


def _without_article(word: str) -> str:
    return word[2:] if word.startswith(_ARTICLE) and len(word) > 3 else word


class SearchEntry(msgspec.Struct, frozen=True):
    """What one airport is found by. Texts of ``city`` weigh more than ``other`` ones."""

    iata: str
    city_code: str
    city: tuple[str, ...]
    other: tuple[str, ...]
    prominence: int


class AirportIndex:
    """All words of all airports in one sorted list, so that a prefix is two bisections."""

    def __init__(self, entries: Iterable[SearchEntry]) -> None:
        self._entries = sorted(entries, key=lambda entry: entry.iata)
        self._city_words = [frozenset(word for text in entry.city for word in words(text)) for entry in self._entries]
        found: set[tuple[str, int]] = set()
        for position, entry in enumerate(self._entries):
            texts = (entry.iata, entry.city_code, *entry.city, *entry.other)
            found.update((word, position) for text in texts for word in _indexed_words(text))
        pairs = sorted(found)
        self._words = [word for word, _ in pairs]
        self._positions = [position for _, position in pairs]

    def find(self, query: str, limit: int) -> list[str]:
        """Codes of the airports that match every word of ``query``, best first; see ``ReferenceData.find_airports``."""
        typed = words(query)
        if not typed:
            return self._all[: max(limit, 0)]
        matching = self._beginning_with(typed[0])
        for word in typed[1:]:
            matching &= self._beginning_with(word)
        return self._ranked(matching, typed)[: max(limit, 0)]

    @cached_property
    def _all(self) -> list[str]:
        """All airports for whom nothing was typed, the best first; ranking thousands takes milliseconds."""
        return self._ranked(range(len(self._entries)), [])

    def _ranked(self, positions: Iterable[int], typed: list[str]) -> list[str]:
        ranked = sorted(positions, key=lambda position: self._rank(position, typed))
        return [self._entries[position].iata for position in ranked]

    def _beginning_with(self, prefix: str) -> set[int]:
        first = bisect_left(self._words, prefix)
        last = bisect_left(self._words, prefix + _PAST_EVERY_LETTER)
        return set(self._positions[first:last])

    def _rank(self, position: int, typed: list[str]) -> tuple[bool, bool, int, bool, bool, str]:
        entry = self._entries[position]
        whole = "".join(typed)
        in_city = all(any(word.startswith(prefix) for word in self._city_words[position]) for prefix in typed)
        return (
            whole != entry.iata.casefold(),
            whole != entry.city_code.casefold(),
            -entry.prominence,
            not in_city,
            entry.iata != entry.city_code,
            entry.iata,
        )


def _indexed_words(text: str) -> Iterable[str]:
    """Each word with and without the article, so that a half-typed article still finds it."""
    for word in _WORD.findall(reduced(text)):
        yield word
        yield _without_article(word)
