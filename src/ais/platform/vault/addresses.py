"""E-mail addresses: when two are the same, and which are refused because they only look like another."""

from __future__ import annotations

import unicodedata

import idna

_LONGEST = 254
# What separates, brackets or quotes addresses in a letter's head (RFC 5322); quoted forms are not taken.
_SPECIAL = frozenset('<>()[],;:\\"')
# Letters of other scripts that a reader takes for Latin ones (Unicode UTS 39, confusables, small letters).
_LIKE_LATIN = frozenset("аеорсухіјѕһԁԛԝӏѵԍᴦαεικνορτυχωϲϳ")
# Marks and digits that belong to no script of their own.
_COMMON = {"COMBINING", "DIGIT", "ARABIC-INDIC", "EXTENDED"}
# Written together by everybody who writes them.
_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}


class UnusableAddress(ValueError):
    """The text is no address, or one that passes for another; the text itself is not repeated."""


def normalise_email(text: str) -> str:
    """The form in which two addresses of one mailbox are equal.

    Compatibility forms are folded (NFKC) and case is dropped on both sides of the ``@``, for no provider of weight
    tells mailboxes apart by case; the domain is written in its ASCII form (IDNA 2008 after UTS 46). Dots and ``+``
    parts are kept: what they mean is the provider's affair. Look-alikes are refused, not folded: a part that mixes
    scripts, or is written wholly in letters that pass for Latin ones, and whatever holds invisible characters. Raises
    :class:`UnusableAddress`.
    """
    folded = unicodedata.normalize("NFKC", text.strip()).casefold()
    folded = unicodedata.normalize("NFKC", folded)
    local, separator, domain = folded.rpartition("@")
    if not separator or not local or not domain or "@" in local or len(folded) > _LONGEST:
        raise UnusableAddress("is not an address")
    if any(unicodedata.category(character)[0] in "CZ" for character in folded):
        raise UnusableAddress("has characters that are not seen")
    if _SPECIAL & set(folded):
        raise UnusableAddress("has characters that mail programs read as more than an address")
    _refuse_look_alikes(local)
    return f"{local}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    labels = domain.rstrip(".").split(".")
    for label in labels:
        _refuse_look_alikes(_shown(label))
    if all(label.isascii() for label in labels):
        return ".".join(labels)
    try:
        return idna.encode(domain.rstrip("."), uts46=True).decode()
    except idna.IDNAError:
        raise UnusableAddress("has a domain that cannot be") from None


def _shown(label: str) -> str:
    """A label as a reader sees it; one that only claims to be encoded is taken as it stands."""
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except idna.IDNAError:
        return label


def _refuse_look_alikes(part: str) -> None:
    if part.isascii():
        return
    letters = [character for character in part if character.isalpha()]
    scripts = {_script(character) for character in letters} - _COMMON
    if len(scripts) > 1 and not scripts <= _JAPANESE:
        raise UnusableAddress("mixes letters of several scripts")
    if letters and all(character in _LIKE_LATIN for character in letters):
        raise UnusableAddress("is written in letters that pass for others")


def _script(character: str) -> str:
    return unicodedata.name(character, "?").split(" ", 1)[0]
