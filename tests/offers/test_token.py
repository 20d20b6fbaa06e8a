"""An offer's id says all that was promised, to us alone, and cannot be changed by anybody."""

import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ais.fares import PassengerType
from ais.offers.token import (
    LENGTH_MAX,
    PURPOSE,
    OfferToken,
    TokenComponent,
    TokenPassenger,
    TokenSearch,
    TokenSegment,
    TokenSlice,
    read_token,
    write_token,
)
from ais.platform.tokens import TokenRing

CREATED = datetime(2027, 1, 5, 12, 30, 41, tzinfo=UTC)


def key(name, character):
    return f"{name}:{base64.urlsafe_b64encode(character * 32).decode().rstrip('=')}"


OLD, NEW = key("2026-1", b"o"), key("2027-1", b"n")
RING = TokenRing(OLD)


def token(**changes):
    segment = TokenSegment(815, "Q", datetime(2027, 3, 1, 7, 5, tzinfo=UTC), datetime(2027, 3, 1, 8, 50, tzinfo=UTC))
    search = TokenSearch(
        created_at=CREATED,
        timetable_version=3,
        fares_version=12,
        nonce=123456789012,
        point_of_sale="SA",
        currency="SAR",
        cabin="Y",
        passengers=(TokenPassenger(PassengerType.ADULT, None), TokenPassenger(PassengerType.CHILD, 7)),
    )
    plain = OfferToken(
        search=search,
        expires_at=CREATED + timedelta(minutes=15),
        brand="LIGHT",
        total_minor=61750,
        slices=(TokenSlice((segment,), (TokenComponent(1, 44),)),),
    )
    return msgspec.structs.replace(plain, **changes)


@st.composite
def tokens(draw):
    passengers = tuple(
        TokenPassenger(draw(st.sampled_from(PassengerType)), draw(st.none() | st.integers(0, 120)))
        for _ in range(draw(st.integers(1, 18)))
    )
    created_at = draw(st.datetimes(datetime(2024, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)))
    created_at = created_at.replace(microsecond=0)
    slices = []
    for _ in range(draw(st.integers(1, 6))):
        at = created_at.replace(second=0) + timedelta(minutes=draw(st.integers(0, 500_000)))
        segments = []
        for _ in range(draw(st.integers(1, 3))):
            lands = at + timedelta(minutes=draw(st.integers(1, 1200)))
            segments.append(TokenSegment(draw(st.integers(1, 2**40)), draw(st.sampled_from("YBMHQKLVTJCD")), at, lands))
            at = lands + timedelta(minutes=draw(st.integers(0, 1440)))
        cuts = draw(st.sampled_from([[len(segments)], [1] * len(segments)]))
        components = tuple(TokenComponent(count, draw(st.integers(1, 2**40))) for count in cuts)
        slices.append(TokenSlice(tuple(segments), components))
    return OfferToken(
        search=TokenSearch(
            created_at=created_at,
            timetable_version=draw(st.integers(0, 2**40)),
            fares_version=draw(st.integers(0, 2**40)),
            nonce=draw(st.integers(0, 2**48 - 1)),
            point_of_sale=draw(st.text(max_size=12)),
            currency=draw(st.sampled_from(["SAR", "KWD", "JPY"])),
            cabin=draw(st.sampled_from("YC")),
            passengers=passengers,
        ),
        expires_at=created_at + timedelta(seconds=draw(st.integers(0, 10**6))),
        brand=draw(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12)),
        total_minor=draw(st.integers(0, 10**12)),
        slices=tuple(slices),
    )


@settings(max_examples=120)
@given(tokens())
def test_what_is_written_is_read(written):
    text = write_token(RING, written)
    assert read_token(RING, text) == written
    assert len(text) <= LENGTH_MAX
    assert text.startswith("ofr_")
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def test_the_largest_offer_fits_into_the_promised_length():
    """Six slices of three segments, each a fare of its own, for 9 travellers with seats and 9 on laps."""
    segments = tuple(
        TokenSegment(
            2**35 + n,
            "Q",
            CREATED.replace(second=0) + timedelta(days=330 + n),
            CREATED.replace(second=0) + timedelta(days=330 + n, hours=18),
        )
        for n in range(3)
    )
    largest = token(
        search=msgspec.structs.replace(
            token().search,
            timetable_version=2**40,
            fares_version=2**40,
            nonce=2**48 - 1,
            point_of_sale="AGENCY-12345",
            passengers=(TokenPassenger(PassengerType.ADULT, 120),) * 9 + (TokenPassenger(PassengerType.INFANT, 1),) * 9,
        ),
        brand="ABCDEFGHIJKL",
        total_minor=10**12,
        slices=(TokenSlice(segments, (TokenComponent(1, 2**35),) * 3),) * 6,
    )
    text = write_token(RING, largest)
    assert len(text) == 639
    assert read_token(RING, text) == largest


def test_a_usual_offer_is_short():
    assert len(write_token(RING, token())) == 100


@settings(max_examples=100)
@given(st.data())
def test_no_changed_character_is_accepted(data):
    text = write_token(RING, token())
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != text[position]))
    assert read_token(RING, text[:position] + other + text[position + 1 :]) is None
    assert read_token(RING, text[:position]) is None
    assert read_token(RING, text + other) is None


@given(st.text(max_size=2000))
def test_what_is_not_ours_is_refused(text):
    assert read_token(RING, text) is None
    assert read_token(RING, "ofr_" + text) is None


def test_a_token_of_another_purpose_or_format_is_not_an_offer():
    text = write_token(RING, token())
    payload = RING.verify(PURPOSE, text[4:])
    assert payload is not None
    assert read_token(RING, "ofr_" + RING.sign("guest", payload)) is None
    assert read_token(RING, "ofr_" + RING.sign(PURPOSE, b"\x02" + payload[1:])) is None
    assert read_token(RING, "ofr_" + RING.sign(PURPOSE, payload)) == token()


def test_keys_can_be_rotated():
    old = write_token(RING, token())
    rotated = TokenRing(f"{NEW},{OLD}")
    assert read_token(rotated, old) == token()
    new = write_token(rotated, token())
    assert new != old
    assert read_token(TokenRing(NEW), new) == token()
    assert read_token(RING, new) is None
    assert read_token(TokenRing(NEW), old) is None


def test_a_negative_number_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="negative"):
        write_token(RING, token(total_minor=-1))
