"""An offer's id: everything that was promised, packed into signed text, so that a search writes nothing.

The payload is a version byte and then unsigned LEB128 numbers and length-prefixed words. What all offers of one search
share stands first, so that it is packed once; see docs/algorithms/shopping.md for the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from ais.fares import PassengerType
from ais.kit import Money
from ais.platform.tokens import TokenRing

PREFIX = "ofr_"
LENGTH_MAX = 1024
PURPOSE = "offer"
FORMAT_VERSION = 1
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)


# The place of a type in this tuple is what an id says; it never changes within a format version.
_TYPES = (PassengerType.ADULT, PassengerType.CHILD, PassengerType.INFANT, PassengerType.INFANT_SEAT)


class TokenPassenger(msgspec.Struct, frozen=True):
    """One traveller of an offer; ``age`` in whole years, None if it was not given."""

    type: PassengerType
    age: int | None


class TokenSegment(msgspec.Struct, frozen=True):
    """One sold segment: its id in the timetable, its booking class, and the times (UTC) that were shown."""

    segment_id: int
    rbd: str
    departs_at: datetime
    arrives_at: datetime


class TokenComponent(msgspec.Struct, frozen=True):
    """One fare: the version that was quoted, and over how many segments of the slice it runs."""

    segments: int
    fare_version_id: int


class TokenSlice(msgspec.Struct, frozen=True):
    """One direction of travel and the fares that pay for it, in order, covering each segment once."""

    segments: tuple[TokenSegment, ...]
    components: tuple[TokenComponent, ...]


class TokenSearch(msgspec.Struct, frozen=True):
    """What the offers of one search share.

    ``created_at`` (whole seconds) is the instant as of which fares and taxes were taken; ``nonce`` makes the passenger
    ids of one search differ from those of another; the two versions are those of the data that the prices came from.
    """

    created_at: datetime
    timetable_version: int
    fares_version: int
    nonce: int
    point_of_sale: str
    currency: str
    cabin: str
    passengers: tuple[TokenPassenger, ...]


class OfferToken(msgspec.Struct, frozen=True):
    """Everything that an offer's id says."""

    search: TokenSearch
    expires_at: datetime
    brand: str
    total_minor: int
    slices: tuple[TokenSlice, ...]

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.search.currency)


def pack_search(search: TokenSearch) -> bytes:
    """The bytes with which the payload of every offer of this search begins."""
    parts = [
        bytes([FORMAT_VERSION]),
        _number((search.created_at - _EPOCH) // _SECOND),
        _number(search.timetable_version),
        _number(search.fares_version),
        _number(search.nonce),
        _word(search.point_of_sale),
        _word(search.currency),
        _word(search.cabin),
        _number(len(search.passengers)),
    ]
    for passenger in search.passengers:
        age = 0 if passenger.age is None else passenger.age + 1
        parts.append(_number(age << 2 | _TYPES.index(passenger.type)))
    return b"".join(parts)


def pack_flights(created_at: datetime, flights: Iterable[tuple[int, datetime, datetime]]) -> list[bytes]:
    """The bytes of each flight of a slice, given as id, departure and arrival: what does not depend on the sale.

    Departures are whole minutes: the first counts from ``created_at``, each other from the one before.
    """
    packed = []
    before = _whole_minute(created_at)
    for segment_id, departs_at, arrives_at in flights:
        departs, travels = (departs_at - before) // _MINUTE, (arrives_at - departs_at) // _MINUTE
        packed.append(_number(segment_id) + _number(departs) + _number(travels))
        before = departs_at
    return packed


def pack_slice(flights: Sequence[bytes], rbds: Sequence[str], components: Sequence[tuple[int, int]]) -> bytes:
    """The bytes of one slice: its packed flights, the booking class of each, and the fares as (segments, version)."""
    parts = [_number(len(flights))]
    for flight, rbd in zip(flights, rbds, strict=True):
        parts += (flight, _word(rbd))
    parts.append(_number(len(components)))
    for segments, fare_version_id in components:
        parts += (_number(segments), _number(fare_version_id))
    return b"".join(parts)


def pack_offer(
    search: bytes, *, expires_after_seconds: int, brand: str, total_minor: int, slices: Sequence[bytes]
) -> bytes:
    """The whole payload, from the packed search and the packed slices."""
    head = (search, _number(expires_after_seconds), _word(brand), _number(total_minor), _number(len(slices)))
    return b"".join((*head, *slices))


def sign_payload(ring: TokenRing, payload: bytes) -> str:
    """The offer's id for a packed payload; one longer than :data:`LENGTH_MAX` is a mistake of ours and raises."""
    text = PREFIX + ring.sign(PURPOSE, payload)
    if len(text) > LENGTH_MAX:
        raise ValueError(f"an offer id of {len(text)} characters is longer than the {LENGTH_MAX} promised")
    return text


def write_token(ring: TokenRing, token: OfferToken) -> str:
    """The offer's id, signed with the ring's first key. Instants are kept to the second, flight times to the minute."""
    created_at = token.search.created_at
    payload = pack_offer(
        pack_search(token.search),
        expires_after_seconds=(token.expires_at - created_at) // _SECOND,
        brand=token.brand,
        total_minor=token.total_minor,
        slices=[_pack(created_at, one) for one in token.slices],
    )
    return sign_payload(ring, payload)


def read_token(ring: TokenRing, offer_id: str) -> OfferToken | None:
    """What an offer's id says, or None if we did not sign it. Whether it has expired is the caller's question."""
    if not offer_id.startswith(PREFIX) or len(offer_id) > LENGTH_MAX:
        return None
    payload = ring.verify(PURPOSE, offer_id[len(PREFIX) :])
    # A signed payload of another version is an offer of a program that is no longer, or not yet, this one.
    if payload is None or payload[:1] != bytes([FORMAT_VERSION]):
        return None
    reader = _Reader(payload, 1)
    created_at = _EPOCH + reader.number() * _SECOND
    search = TokenSearch(
        created_at=created_at,
        timetable_version=reader.number(),
        fares_version=reader.number(),
        nonce=reader.number(),
        point_of_sale=reader.word(),
        currency=reader.word(),
        cabin=reader.word(),
        passengers=tuple(_passenger(reader.number()) for _ in range(reader.number())),
    )
    return OfferToken(
        search=search,
        expires_at=created_at + reader.number() * _SECOND,
        brand=reader.word(),
        total_minor=reader.number(),
        slices=tuple(_slice(reader, created_at) for _ in range(reader.number())),
    )


def _pack(created_at: datetime, one: TokenSlice) -> bytes:
    flights = [(segment.segment_id, segment.departs_at, segment.arrives_at) for segment in one.segments]
    components = [(component.segments, component.fare_version_id) for component in one.components]
    return pack_slice(pack_flights(created_at, flights), [segment.rbd for segment in one.segments], components)


def _whole_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _passenger(number: int) -> TokenPassenger:
    age = number >> 2
    return TokenPassenger(_TYPES[number & 3], age - 1 if age else None)


def _slice(reader: _Reader, created_at: datetime) -> TokenSlice:
    segments = []
    before = _whole_minute(created_at)
    for _ in range(reader.number()):
        segment_id = reader.number()
        departs_at = before + reader.number() * _MINUTE
        arrives_at = departs_at + reader.number() * _MINUTE
        segments.append(TokenSegment(segment_id, reader.word(), departs_at, arrives_at))
        before = departs_at
    components = tuple(TokenComponent(reader.number(), reader.number()) for _ in range(reader.number()))
    return TokenSlice(tuple(segments), components)


@lru_cache(maxsize=16_384)
def _number(value: int) -> bytes:
    if value < 0:
        raise ValueError(f"{value} is negative")
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


@lru_cache(maxsize=1_024)
def _word(text: str) -> bytes:
    raw = text.encode()
    return _number(len(raw)) + raw


class _Reader:
    """Reads what :func:`_number` and :func:`_word` wrote; the signature has said that it is whole."""

    def __init__(self, raw: bytes, position: int) -> None:
        self._raw = raw
        self._position = position

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self._raw[self._position]
            self._position += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def word(self) -> str:
        length = self.number()
        self._position += length
        return self._raw[self._position - length : self._position].decode()
