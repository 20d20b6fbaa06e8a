"""Opening an offer by its id: what it promised, checked against what is on sale now, ready for an order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from ais.fares import (
    ChosenFare,
    PassengerPrice,
    PassengerType,
    PriceChange,
    PricedComponent,
    PricedItinerary,
    reprice,
)
from ais.inventory import ClaimItem, SeatsUnavailable
from ais.kit import Money
from ais.offers.combine import Journey
from ais.offers.errors import OfferExpired
from ais.offers.market import Market, digits
from ais.offers.schemas import CABIN_OF_LETTER
from ais.offers.service.promise import passenger_ids
from ais.offers.service.search import BrandPrice, JourneySearch, OpenSeats, Party, PricedJourney
from ais.offers.token import OfferToken
from ais.offers.wire import write_conditions
from ais.schedule import TimetableSegment


class AcceptableSegment(msgspec.Struct, frozen=True):
    """One flight of an offer as it is to be sold. Instants are UTC, ``departure_date`` is local at the origin, flight
    numbers are digits only as they are shown.
    """

    segment_id: int
    flight_date_id: UUID
    marketing_carrier: str
    flight_number: str
    operating_carrier: str
    operating_flight_number: str
    origin: str
    destination: str
    departs_at: datetime
    departure_timezone: str
    arrives_at: datetime
    arrival_timezone: str
    departure_date: date
    aircraft: str
    leg_ids: tuple[int, ...]
    rbd: str
    fare_basis: str
    fare_version_id: int


class AcceptableSlice(msgspec.Struct, frozen=True):
    """One direction of travel and, in their wire form, the conditions under which it is sold."""

    origin: str
    destination: str
    duration_minutes: int
    segments: tuple[AcceptableSegment, ...]
    conditions: dict[str, Any]


class AcceptablePassenger(msgspec.Struct, frozen=True):
    """One traveller of an offer: ``id`` is what the offer showed and what its price lines refer to."""

    id: str
    type: PassengerType
    age: int | None


class AcceptableOffer(msgspec.Struct, frozen=True):
    """An offer of ours that holds: an order may be made of it at exactly ``total``.

    ``prices`` are the passengers' prices with their lines, by passenger id and by segment position counted from 0 over
    the whole offer; they sum to ``total``. ``cabin`` is a letter. ``claim_items`` are the seats to claim, one item per
    leg: whether they are still open is for the seat desk to decide.
    """

    offer_id: str
    created_at: datetime
    expires_at: datetime
    brand: str
    cabin: str
    point_of_sale: str
    validating_carrier: str
    slices: tuple[AcceptableSlice, ...]
    passengers: tuple[AcceptablePassenger, ...]
    prices: tuple[PassengerPrice, ...]
    total: Money
    claim_items: tuple[ClaimItem, ...]

    @property
    def segments(self) -> tuple[AcceptableSegment, ...]:
        """Every segment in order of travel, as price lines count them."""
        return tuple(segment for one in self.slices for segment in one.segments)

    @property
    def journey(self) -> dict[str, Any]:
        """What is kept with the hold for the booking curve: flights, classes and brand, nothing personal."""
        return {
            "brand": self.brand,
            "cabin": self.cabin,
            "slices": [
                [
                    {
                        "flight_date_id": str(each.flight_date_id),
                        "origin": each.origin,
                        "destination": each.destination,
                        "rbd": each.rbd,
                        "fare_basis": each.fare_basis,
                    }
                    for each in one.segments
                ]
                for one in self.slices
            ],
        }


class OpenedOffer:
    """What an offer's id leads to in the present market: its flights, and its price or what has become of it."""

    def __init__(
        self, token: OfferToken, market: Market, open_seats: OpenSeats, *, now: datetime, sales_close_minutes: int
    ) -> None:
        """Find the offer's flights and price them again.

        Raises :class:`SeatsUnavailable` if one is no longer on sale, :class:`OfferExpired` if one has been retimed.
        """
        search = token.search
        self.token = token
        self.passenger_ids = passenger_ids(search.nonce, len(search.passengers))
        self.party = Party(search.passengers, self.passenger_ids)
        self.search = JourneySearch(
            market,
            open_seats,
            cabin=CABIN_OF_LETTER[search.cabin],
            party=self.party,
            as_of=search.created_at,
            sales_close_minutes=sales_close_minutes,
            point_of_sale=search.point_of_sale,
        )
        itineraries = _flights_of(token, market, self.party.seats)
        self.options = tuple(self.search.option(itinerary) for itinerary in itineraries)
        self._now = now

    def price(self) -> PricedItinerary | PriceChange:
        """The price at exactly the promised total, or what of it no longer holds."""
        token = self.token
        return reprice(
            self.search.market.fare_book,
            [option.pricing for option in self.options],
            self.party.pricing,
            cabin=token.search.cabin,
            brand=token.brand,
            fares=_chosen_fares(token),
            promised_total=token.total,
            as_of=token.search.created_at,
            now=self._now,
            point_of_sale=token.search.point_of_sale,
        )

    def journey(self, priced: PricedItinerary) -> PricedJourney:
        """The offer's journey at a price, as a search would answer it."""
        return Journey(self.options, BrandPrice(priced, len(self.options)), sum(each.minutes for each in self.options))

    def acceptable(self, offer_id: str, priced: PricedItinerary, validating_carrier: str | None) -> AcceptableOffer:
        """The offer at its price, for an order."""
        token = self.token
        slices = tuple(
            AcceptableSlice(
                origin=option.itinerary[0].origin,
                destination=option.itinerary[-1].destination,
                duration_minutes=option.minutes,
                segments=tuple(
                    self._segment(segment, priced.component_of(position, number))
                    for number, segment in enumerate(option.itinerary)
                ),
                conditions=msgspec.json.decode(write_conditions(priced.conditions[position])),
            )
            for position, option in enumerate(self.options)
        )
        return AcceptableOffer(
            offer_id=offer_id,
            created_at=token.search.created_at,
            expires_at=token.expires_at,
            brand=token.brand,
            cabin=token.search.cabin,
            point_of_sale=token.search.point_of_sale,
            validating_carrier=validating_carrier or self.options[0].itinerary[0].marketing_carrier,
            slices=slices,
            passengers=tuple(
                AcceptablePassenger(passenger_id, passenger.type, passenger.age)
                for passenger_id, passenger in zip(self.passenger_ids, token.search.passengers, strict=True)
            ),
            prices=priced.passengers,
            total=priced.total,
            claim_items=_claim_items(slices, token.search.cabin, self.party),
        )

    def _segment(self, segment: TimetableSegment, component: PricedComponent) -> AcceptableSegment:
        flight = self.search.market.flight(segment)
        return AcceptableSegment(
            segment_id=segment.id,
            flight_date_id=segment.flight_date_id,
            marketing_carrier=segment.marketing_carrier,
            flight_number=digits(segment.flight_number),
            operating_carrier=segment.operating_carrier,
            operating_flight_number=digits(segment.operating_flight_number),
            origin=segment.origin,
            destination=segment.destination,
            departs_at=segment.departs_at,
            departure_timezone=flight.departure_timezone,
            arrives_at=segment.arrives_at,
            arrival_timezone=flight.arrival_timezone,
            departure_date=segment.departure_date,
            aircraft=segment.aircraft,
            leg_ids=segment.leg_ids,
            rbd=component.rbd,
            fare_basis=component.fare_basis,
            fare_version_id=component.fare_version_id,
        )


def _flights_of(token: OfferToken, market: Market, seats: int) -> list[tuple[TimetableSegment, ...]]:
    itineraries = []
    for one in token.slices:
        found = []
        for promised in one.segments:
            segment = market.timetable.segment(promised.segment_id)
            if segment is None:
                raise SeatsUnavailable(asked=seats, open_seats=0)
            if (segment.departs_at, segment.arrives_at) != (promised.departs_at, promised.arrives_at):
                raise OfferExpired
            found.append(segment)
        itineraries.append(tuple(found))
    return itineraries


def _chosen_fares(token: OfferToken) -> list[ChosenFare]:
    chosen = []
    for position, one in enumerate(token.slices):
        first = 0
        for component in one.components:
            last = first + component.segments - 1
            chosen.append(ChosenFare(position, first, last, component.fare_version_id))
            first = last + 1
    return chosen


def _claim_items(slices: Sequence[AcceptableSlice], cabin: str, party: Party) -> tuple[ClaimItem, ...]:
    return tuple(
        ClaimItem(leg_id=leg_id, cabin=cabin, rbd=each.rbd, seats=party.seats, infants=party.infants)
        for one in slices
        for each in one.segments
        for leg_id in each.leg_ids
    )
