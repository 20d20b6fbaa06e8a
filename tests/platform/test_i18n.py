"""The language of a request and the translations of sentences."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.translations import all_sentences, mistakes, placeholders

from ais.platform.i18n import arabic, preferred_language, translate


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("ar", "ar"),
        ("AR", "ar"),
        ("ar-SA", "ar"),
        ("en-GB,ar;q=0.5", "en"),
        ("en;q=0.4, ar;q=0.5", "ar"),
        ("fr, ar;q=0.2", "ar"),
        ("fr", "en"),
        ("*", "en"),
        ("ar;q=0", "en"),
        ("ar,en", "ar"),
        ("en,ar", "en"),
        ("ar;q=nonsense", "en"),
        ("arabic", "en"),
    ],
)
def test_the_best_weighted_of_our_languages_is_taken(header, language):
    assert preferred_language(header) == language


@given(st.text(alphabet=string.printable, max_size=80))
def test_no_header_is_an_error(header):
    assert preferred_language(header) in {"ar", "en"}


def test_a_sentence_is_its_own_key_and_stays_english_where_there_is_no_translation():
    assert translate("Your token has expired.", "en") == "Your token has expired."
    assert translate("Your token has expired.", "ar") == "انتهت صلاحية الرمز."
    assert translate("Nobody says this.", "ar") == "Nobody says this."


def test_every_sentence_of_the_program_has_its_arabic_with_the_same_placeholders():
    assert mistakes(all_sentences(), arabic()) == []


def test_the_arabic_is_arabic():
    for sentence, translated in arabic().items():
        assert any("\u0600" <= character <= "\u06ff" for character in translated), sentence
        assert placeholders(translated) == placeholders(sentence)
