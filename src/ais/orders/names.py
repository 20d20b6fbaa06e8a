"""Names of people: what a travel document allows, how Arabic reads in Latin letters, how two spellings compare."""

from __future__ import annotations

import re
import unicodedata

_SEPARATORS = frozenset(" -'’.")
_ARABIC = re.compile(r"[\u0600-\u06FF\u0750-\u077F\u08A0-\u08FF\uFB50-\uFDFF\uFE70-\uFEFF]")

# ICAO Doc 9303 part 3, section 6: transliteration of Arabic script in the machine readable zone, in its readable form.
_ICAO_ARABIC = {
    "\u0621": "", "\u0622": "AA", "\u0623": "A", "\u0624": "U", "\u0625": "I", "\u0626": "I", "\u0627": "A",
    "\u0628": "B", "\u0629": "H", "\u062A": "T", "\u062B": "TH", "\u062C": "J", "\u062D": "H", "\u062E": "KH",
    "\u062F": "D", "\u0630": "DH", "\u0631": "R", "\u0632": "Z", "\u0633": "S", "\u0634": "SH", "\u0635": "S",
    "\u0636": "D", "\u0637": "T", "\u0638": "Z", "\u0639": "E", "\u063A": "G", "\u0641": "F", "\u0642": "Q",
    "\u0643": "K", "\u0644": "L", "\u0645": "M", "\u0646": "N", "\u0647": "H", "\u0648": "W", "\u0649": "A",
    "\u064A": "Y", "\u067E": "P", "\u0686": "CH", "\u0698": "ZH", "\u06A9": "K", "\u06AF": "G", "\u06CC": "Y",
}  # fmt: skip
# Names whose usual spelling no letter-by-letter rule finds, because short vowels are not written.
_USUAL = {
    "محمد": "MOHAMMED", "احمد": "AHMED", "عبدالله": "ABDULLAH", "عبدالرحمن": "ABDULRAHMAN", "عبدالعزيز": "ABDULAZIZ",
    "خالد": "KHALID", "سارة": "SARA", "فاطمة": "FATIMAH", "نورة": "NOURA", "علي": "ALI", "عمر": "OMAR", "حسن": "HASSAN",
    "حسين": "HUSSEIN", "يوسف": "YOUSEF", "ابراهيم": "IBRAHIM", "مريم": "MARYAM", "عائشة": "AISHA", "سلطان": "SULTAN",
    "فهد": "FAHAD", "سعود": "SAUD", "فيصل": "FAISAL", "سلمان": "SALMAN", "تركي": "TURKI", "ليلى": "LAYLA",
}  # fmt: skip


def is_latin_name(text: str) -> bool:
    """Whether ``text`` is made of Latin letters (accents allowed), spaces, hyphens, apostrophes and full stops."""
    letters, may_be_marked = 0, False
    for character in text:
        if unicodedata.combining(character):
            # A mark without its letter is drawn over whatever stands before it.
            if not may_be_marked:
                return False
        elif character in _SEPARATORS:
            may_be_marked = False
        elif unicodedata.name(character, "").startswith("LATIN"):
            letters, may_be_marked = letters + 1, True
        else:
            return False
    return letters > 0


def is_arabic(text: str) -> bool:
    """Whether ``text`` holds Arabic letters."""
    return bool(_ARABIC.search(text))


def romanised(text: str) -> str:
    """How an Arabic name may read in a passport: the usual spelling where there is one, else letter by letter (ICAO
    Doc 9303, part 3), the article as ``AL-``. A suggestion for a person to correct, never stored by itself.
    """
    return " ".join(_romanised_word(word) for word in _plain_arabic(text).split())


def _romanised_word(word: str) -> str:
    if word in _USUAL:
        return _USUAL[word]
    if word.startswith("ال") and len(word) > 3:
        return f"AL-{_USUAL.get(word[2:], _letters(word[2:]))}"
    return _letters(word)


def _letters(word: str) -> str:
    return "".join(_ICAO_ARABIC.get(character, character if character.isascii() else "") for character in word)


def _plain_arabic(text: str) -> str:
    """Without vowel signs and lengthening, and with bare alif, as names are usually written."""
    kept = "".join(c for c in unicodedata.normalize("NFKC", text) if not unicodedata.combining(c) and c != "\u0640")
    return re.sub("[\u0622\u0623\u0625]", "\u0627", kept)


def search_name(family_name: str) -> str:
    """What two spellings of a family name have in common: no case, accents, spaces, hyphens, and no Arabic article.

    ``Al-Harbi``, ``ALHARBI``, ``El Harbi`` and ``harbi`` are one; so are ``الحربي`` and ``حربي``.
    """
    plain = unicodedata.normalize("NFKD", _plain_arabic(family_name)).casefold()
    letters = "".join(c for c in plain if c.isalpha() and not unicodedata.combining(c))
    for article in ("ال", "al", "el"):
        if letters.startswith(article) and len(letters) > len(article) + 2:
            return letters.removeprefix(article)
    return letters
