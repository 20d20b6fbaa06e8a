"""Turning priced journeys into offers: the signed id that holds the promise, and the body that shows it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from ais.fares import PricedItinerary
from ais.offers.service.search import JourneySearch, PricedJourney, SliceOption, TypedPassenger
from ais.offers.token import TokenPassenger, TokenSearch, pack_offer, pack_search, pack_slice, sign_payload
from ais.offers.wire import (
    write_instant,
    write_offer,
    write_passengers,
    write_payment_requirements,
    write_segment,
    write_slice,
)
from ais.platform.i18n import Language
from ais.platform.tokens import TokenRing

SEATS_SHOWN_MAX = 9
NONCE_BITS = 48
_SECOND = timedelta(seconds=1)


class OfferTerms(msgspec.Struct, frozen=True):
    """What the installation promises with every offer. ``validating_carrier`` None: the first marketing carrier's."""

    offer_seconds: int
    hold_minutes: float
    sales_close_minutes: int
    validating_carrier: str | None = None


def new_nonce() -> int:
    """What tells the passengers of one search from those of another. It is no secret.

    Not from the system's source: reading that hands the interpreter to the server's other threads, which costs a
    search more than pricing does.
    """
    return random.getrandbits(NONCE_BITS)


def passenger_ids(nonce: int, count: int) -> tuple[str, ...]:
    """The ids of an offer's passengers, in order; the offer's own id says the nonce again."""
    return tuple([f"pas_{nonce << 5 | position:014x}" for position in range(count)])


class OfferWriter:
    """Writes the offers of one search. What several of them share is packed and encoded once."""

    def __init__(
        self,
        search: JourneySearch,
        ring: TokenRing,
        terms: OfferTerms,
        *,
        passengers: Sequence[TypedPassenger],
        nonce: int,
        currency: str,
        language: Language,
    ) -> None:
        self._search = search
        self._market = search.market
        self._ring = ring
        self._terms = terms
        self._in_arabic = language == "ar"
        self._payment_requirements = write_payment_requirements(terms.hold_minutes)
        self._packed_search = pack_search(
            TokenSearch(
                created_at=search.as_of,
                timetable_version=search.market.timetable.version,
                fares_version=search.market.fare_book.version,
                nonce=nonce,
                point_of_sale=search.point_of_sale,
                currency=currency,
                cabin=search.cabin.letter,
                passengers=tuple([TokenPassenger(passenger.type, passenger.age) for passenger in passengers]),
            )
        )
        self._slices: dict[tuple[int, int, tuple[int, ...]], tuple[str, bytes]] = {}
        self._passengers: dict[int, str] = {}
        self._instants: dict[int, str] = {}

    def write(self, journeys: Iterable[PricedJourney]) -> list[str]:
        """One offer per journey, each with an id of its own, as JSON text."""
        return [self._offer(journey) for journey in journeys]

    def _offer(self, journey: PricedJourney) -> str:
        priced = journey.price.priced
        parts = [self._slice(position, option, journey) for position, option in enumerate(journey.options)]
        seconds = offer_seconds(self._terms, self._search.as_of, journey.options[0].departs_at)
        payload = pack_offer(
            self._packed_search,
            expires_after_seconds=seconds,
            brand=priced.brand,
            total_minor=priced.total.minor,
            slices=[packed for _, packed in parts],
        )
        offer_id = sign_payload(self._ring, payload)
        return self._written(journey, offer_id, self._instant_after(seconds), [written for written, _ in parts])

    def show(self, journey: PricedJourney, offer_id: str, expires_at: datetime) -> str:
        """An offer that was made before, under the id and with the end that it has."""
        slices = [self._slice(position, option, journey)[0] for position, option in enumerate(journey.options)]
        return self._written(journey, offer_id, write_instant(expires_at), slices)

    def _written(self, journey: PricedJourney, offer_id: str, expires_at: str, slices: Sequence[str]) -> str:
        priced = journey.price.priced
        return write_offer(
            offer_id=offer_id,
            expires_at=expires_at,
            validating_carrier=self._terms.validating_carrier or journey.options[0].itinerary[0].marketing_carrier,
            brand=priced.brand,
            slices=slices,
            passengers=self._passengers_of(priced),
            total=priced.total,
            payment_requirements=self._payment_requirements,
        )

    def _instant_after(self, seconds: int) -> str:
        known = self._instants.get(seconds)
        if known is None:
            known = self._instants[seconds] = write_instant(self._search.as_of + seconds * _SECOND)
        return known

    def _passengers_of(self, priced: PricedItinerary) -> str:
        known = self._passengers.get(id(priced))
        if known is None:
            written, in_arabic = self._market.passenger_sums_text, self._in_arabic
            known = self._passengers[id(priced)] = write_passengers(
                [(price.reference, written(price, in_arabic=in_arabic)) for price in priced.passengers]
            )
        return known

    def _slice(self, position: int, option: SliceOption, journey: PricedJourney) -> tuple[str, bytes]:
        key = (position, id(option), journey.price.slice_keys[position])
        known = self._slices.get(key)
        if known is None:
            known = self._slices[key] = self._new_slice(position, option, journey.price.priced)
        return known

    def _new_slice(self, position: int, option: SliceOption, priced: PricedItinerary) -> tuple[str, bytes]:
        itinerary, seats, cabin = option.itinerary, self._search.seats, self._search.cabin.value
        segments, rbds, components = [], [], []
        for component in priced.components:
            if component.slice_index != position:
                continue
            components.append((component.last_segment - component.first_segment + 1, component.fare_version_id))
            for segment in itinerary[component.first_segment : component.last_segment + 1]:
                rbds.append(component.rbd)
                segments.append(
                    write_segment(
                        self._market.flight(segment).written,
                        cabin=cabin,
                        rbd=component.rbd,
                        fare_basis=component.fare_basis,
                        seats_left=min(SEATS_SHOWN_MAX, seats.open_by_class(segment).get(component.rbd, 0)),
                    )
                )
        written = write_slice(
            origin=itinerary[0].origin,
            destination=itinerary[-1].destination,
            duration_minutes=option.minutes,
            conditions=self._market.conditions_text(priced.conditions[position]),
            segments=segments,
        )
        return written, pack_slice(option.flights, rbds, components)


def offer_seconds(terms: OfferTerms, created_at: datetime, departs_at: datetime) -> int:
    """How long an offer is good for: the usual time, but not past the end of sales of its first flight."""
    until_close = (departs_at - created_at) // _SECOND - 60 * terms.sales_close_minutes
    return max(0, min(terms.offer_seconds, until_close))
