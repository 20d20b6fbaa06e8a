from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.kit import (
    ONE_LINE,
    PRINTED,
    Actor,
    ActorKind,
    Channel,
    InvalidStateTransition,
    Reach,
    Transitions,
    decode_id,
    encode_id,
    localtime,
    new_locator,
    new_uuid,
    printed,
)
from ais.kit.locator import ALPHABET, is_locator, offends


@given(st.uuids())
def test_an_id_reads_back_under_its_own_prefix_only(identifier):
    text = encode_id("ord", identifier)
    assert text.startswith("ord_")
    assert len(text) == 30
    assert decode_id("ord", text) == identifier
    assert decode_id("pay", text) is None


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_an_id(text):
    found = decode_id("ord", text)
    assert found is None or encode_id("ord", found) == text


def test_new_ids_are_version_7_and_in_order_of_time():
    first = new_uuid()
    assert first.version == 7
    assert first.variant == "specified in RFC 4122"
    assert abs((first.int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 5


def test_an_id_beyond_128_bits_is_none():
    assert decode_id("ord", "ord_" + "z" * 26) is None
    assert decode_id("ord", encode_id("ord", UUID(int=(1 << 128) - 1))) == UUID(int=(1 << 128) - 1)


@pytest.mark.parametrize("text", ["Omar O\u2019Neil", "\u0644\u064a\u0644\u0649", "\u200f\u0645\u06cc\u200c\u062e"])
def test_a_text_that_is_seen_is_taken_as_it_is(text):
    assert re.fullmatch(ONE_LINE, text)
    assert printed(text) == text


UNSEEN = ("\0", "\n", "\r", "\x9f", "\u00ad", "\u200b", "\u2028", "\u202e", "\u2066", "\ufeff")


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_is_not_seen_or_turns_others_round_is_no_part_of_a_text(unseen):
    for pattern in (ONE_LINE, PRINTED):
        assert not re.search(pattern, f"a{unseen}b")
    assert printed(f"a{unseen}b") == "ab"


def test_a_text_of_spaces_says_nothing():
    assert not re.search(ONE_LINE, "   ")
    assert re.search(PRINTED, "")


def test_a_locator_has_six_of_31_characters_and_does_not_offend():
    assert len(ALPHABET) == len(set(ALPHABET)) == 31
    assert not set("01OIL") & set(ALPHABET)
    for _ in range(2000):
        locator = new_locator()
        assert is_locator(locator)
        assert not offends(locator)


@pytest.mark.parametrize("locator", ["FUCKAB", "XS3XAB", "A5SHJK"])
def test_offensive_locators_are_seen_through_look_alikes(locator):
    assert offends(locator)


def test_an_offensive_draw_is_drawn_again():
    draws = iter("SEXABC" + "QR7MNP")
    assert new_locator(lambda _alphabet: next(draws)) == "QR7MNP"


def test_moves_outside_the_table_are_refused_by_name():
    table = Transitions("lamp", {"off": ("on",), "on": ("off", "broken"), "broken": ()})
    assert list(table) == [("off", "on"), ("on", "broken"), ("on", "off")]
    assert table.is_final("broken")
    with pytest.raises(InvalidStateTransition) as refused:
        table.require("broken", "on")
    assert refused.value.details == {"aggregate": "lamp", "current": "broken", "target": "on"}
    with pytest.raises(ValueError):
        Transitions("lamp", {"off": ("on",)})


def test_a_skipped_local_time_moves_forward_by_the_gap():
    # Europe/Istanbul keeps one offset; Africa/Cairo jumps from 00:00 to 01:00 on the last Friday of April 2027.
    day = date(2027, 4, 30)
    assert localtime.is_gap(day, time(0, 30), "Africa/Cairo")
    assert localtime.to_local(localtime.to_instant(day, time(0, 30), "Africa/Cairo"), "Africa/Cairo").time() == time(
        1, 30
    )


def test_a_repeated_local_time_is_its_first():
    day = date(2026, 11, 1)
    assert localtime.is_ambiguous(day, time(1, 30), "America/New_York")
    assert localtime.to_instant(day, time(1, 30), "America/New_York") == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_the_local_date_is_the_airports():
    instant = datetime(2027, 3, 1, 22, 30, tzinfo=UTC)
    assert localtime.local_date(instant, "Asia/Riyadh") == date(2027, 3, 2)
    assert localtime.utc_offset(instant, "Asia/Riyadh") == timedelta(hours=3)


def test_the_limits_of_one_grant_say_nothing_about_the_rights_of_another():
    everywhere = Reach(frozenset({"ledger.read"}))
    at_riyadh = Reach(frozenset({"orders.read_any", "cash.take"}), stations=frozenset({"RUH"}))
    rights = everywhere.permissions | at_riyadh.permissions
    actor = Actor(ActorKind.STAFF, "usr_1", Channel.API, rights, reaches=(everywhere, at_riyadh))
    assert actor.may_everywhere("ledger.read")
    assert actor.may("cash.take")
    assert not actor.may_everywhere("cash.take")
    assert actor.reaches_of("orders.read_any") == (at_riyadh,)
    assert actor.reaches_of("refunds.read") == ()
    without_limits = Actor(ActorKind.STAFF, "usr_2", Channel.API, frozenset({"cash.take"}))
    assert without_limits.may_everywhere("cash.take")
