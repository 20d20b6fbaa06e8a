"""Signed tokens: opened by our keys for their own purpose only, and unchanged."""

from __future__ import annotations

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.platform.tokens import TokenKeyError, TokenRing

FIRST = "k1:" + base64.urlsafe_b64encode(b"first key of thirty-two bytes ok").decode().rstrip("=")
SECOND = "k2:" + base64.urlsafe_b64encode(b"second key, of thirty-three bytes").decode().rstrip("=")
RING = TokenRing(FIRST)


@given(st.binary(max_size=600))
def test_what_was_signed_comes_back_and_is_url_safe(payload):
    token = RING.sign("offer", payload)
    assert RING.verify("offer", token) == payload
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_the_signature_costs_sixteen_bytes_and_the_key_s_name():
    assert len(base64.urlsafe_b64decode(RING.sign("offer", b"") + "==")) == 1 + len(b"k1") + 16


@given(st.binary(min_size=32, max_size=200), st.binary(max_size=300))
def test_the_signature_is_the_library_s_hmac(secret, payload):
    ring = TokenRing("k1:" + base64.urlsafe_b64encode(secret).decode().rstrip("="))
    head = b"\x02k1" + payload
    signed = base64.urlsafe_b64decode(ring.sign("offer", payload) + "==")
    assert signed == head + hmac.digest(secret, b"offer\0" + head, "sha256")[:16]


def test_a_token_of_one_purpose_is_not_accepted_for_another():
    assert RING.verify("guest", RING.sign("offer", b"payload")) is None


@given(st.binary(min_size=1, max_size=40), st.data())
def test_no_changed_character_is_accepted(payload, data):
    token = RING.sign("offer", payload)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCDwxyz0189-_").filter(lambda character: character != token[at]))
    assert RING.verify("offer", token[:at] + other + token[at + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "A", "AA", "AAAA", "é" * 30, "A B C", "=" * 40, "A" * 3000, RING.sign("offer", b"x") + "=", "\0"]
)
def test_what_is_no_token_is_refused_without_an_error(text):
    assert RING.verify("offer", text) is None


@given(st.text(max_size=60))
def test_no_text_is_an_error(text):
    assert RING.verify("offer", text) is None


def test_keys_rotate_the_new_one_signs_the_old_one_verifies_until_it_is_taken_away():
    old = RING.sign("offer", b"payload")
    both = TokenRing(f"{SECOND}, {FIRST}")
    assert both.verify("offer", old) == b"payload"
    new = both.sign("offer", b"payload")
    assert RING.verify("offer", new) is None
    assert TokenRing(SECOND).verify("offer", new) == b"payload"
    assert TokenRing(SECOND).verify("offer", old) is None


def test_another_key_of_the_same_name_opens_nothing():
    imposter = TokenRing("k1:" + SECOND.partition(":")[2])
    assert RING.verify("offer", imposter.sign("offer", b"payload")) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "k1",
        "k1:",
        "k1:short",
        "k1:" + "A" * 42,
        ":" + "A" * 43,
        "k" * 17 + ":" + "A" * 43,
        "ключ:" + "A" * 43,
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_telling_them(text):
    with pytest.raises(TokenKeyError) as refused:
        TokenRing(text)
    assert "A" * 20 not in str(refused.value)
