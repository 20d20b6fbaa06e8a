"""The record locator: six characters that a person can read over the telephone.

31 letters and digits without 0/O, 1/I/L; drawn by a cryptographic source, so that one locator says nothing of the next.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NewType

RecordLocator = NewType("RecordLocator", str)

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
LENGTH = 6

# Stems that would offend on a ticket, in the look-alike spellings the alphabet allows (5 for S, 8 for B ...).
_OFFENSIVE_STEMS = (
    "ANUS", "ARSE", "ASS", "BASTARD", "BUTT", "CRAP", "CUM", "CUNT", "DAMN", "DEAD", "DEATH", "DUMB", "FAG", "FART",
    "FAT", "FCK", "FUC", "FUK", "FVCK", "GAY", "HATE", "JEW", "KAFR", "KKK", "KUFAR", "NAZ", "NGGR", "PEE", "PENS",
    "PHUC", "PHUK", "PUSY", "RAPE", "SATAN", "SEX", "SHAG", "SHT", "STD", "SUCK", "TERR", "TURD", "TWAT", "UGLY",
    "WANK", "WHR", "XXX", "ZEB", "KAHBA", "SHARMUT", "KUS", "TEZ", "NEEK", "HMAR", "KALB",
)  # fmt: skip
_LOOK_ALIKES = str.maketrans({"5": "S", "8": "B", "2": "Z", "3": "E", "4": "A", "7": "T", "6": "G", "9": "G", "V": "U"})
_STEMS = tuple(stem.translate(_LOOK_ALIKES) for stem in _OFFENSIVE_STEMS)


def offends(locator: str) -> bool:
    """Whether the locator spells something that must not stand on a ticket."""
    plain = locator.translate(_LOOK_ALIKES)
    return any(stem in plain for stem in _STEMS)


def new_locator(choose: Callable[[str], str] = secrets.choice) -> RecordLocator:
    """A random locator that does not offend. That it is free is for the database to say."""
    while True:
        locator = "".join(choose(ALPHABET) for _ in range(LENGTH))
        if not offends(locator):
            return RecordLocator(locator)


def is_locator(text: str) -> bool:
    """Whether ``text`` has the form of a locator (upper case)."""
    return len(text) == LENGTH and all(character in ALPHABET for character in text)
