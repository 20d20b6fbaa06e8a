"""The check of the pages' sentences finds each kind of mistake, and there is none."""

from __future__ import annotations

from babel.messages.catalog import Catalog
from tools.page_sentences import arabic, mistakes, sentences

from ais.web.translation import Sentences

SIX = ("صفر", "واحد", "اثنان", "{number} أيام", "{number} يومًا", "{number} يوم")


def catalogue(*entries):
    made = Catalog(locale="ar")
    for message, translated in entries:
        made.add(message, translated)
    return made


def test_every_sentence_has_its_arabic_and_none_is_left_over():
    said = sentences()
    assert len(said) > 150
    assert ("{number} seat left", "{number} seats left") in said
    assert list(mistakes(said, arabic())) == []


def test_what_is_missing_incomplete_different_or_left_over_is_named():
    days = ("{number} day", "{number} days")
    said = {"Hello {name}": "a.html:1", days: "a.html:2", "Go": "a.html:3"}
    good = (("Hello {name}", "أهلًا {name}"), (days, SIX), ("Go", "اذهب"))
    assert list(mistakes(said, catalogue(*good))) == []
    assert list(mistakes(said, catalogue(*good[:2]))) == ['a.html:3: "Go" has no Arabic, or not all of its forms.']
    for forms in (SIX[:5], (*SIX[:5], "")):
        assert list(mistakes(said, catalogue(good[0], (days, forms), good[2]))) == [
            'a.html:2: "{number} day" has no Arabic, or not all of its forms.'
        ]
    assert list(mistakes(said, catalogue(("Hello {name}", "أهلًا {nom}"), *good[1:]))) == [
        'a.html:1: "أهلًا {nom}" has other placeholders than "Hello {name}".'
    ]
    assert list(mistakes(said, catalogue(*good, ("Bye", "وداعًا")))) == ['nobody says "Bye" any more.']


def test_each_of_the_six_arabic_plurals_is_taken_by_its_numbers():
    many = {
        number: Sentences("ar").count("{number} flight", "{number} flights", number) for number in (0, 1, 2, 3, 11, 100)
    }
    assert many == {0: "لا رحلات", 1: "رحلة واحدة", 2: "رحلتان", 3: "3 رحلات", 11: "11 رحلة", 100: "100 رحلة"}


def test_what_is_filled_in_is_escaped():
    assert Sentences("en").say("From {city}", city="<b>") == "From &lt;b&gt;"
