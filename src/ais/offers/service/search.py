"""One search: from slices and passengers to journeys with prices, in memory and without a write."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ais.fares import Explanation, PassengerType, PricedItinerary, PricingPassenger, PricingSegment, price_itinerary
from ais.offers.combine import Journey, combine
from ais.offers.market import Market
from ais.offers.network import Itinerary, duration_minutes, find_itineraries
from ais.offers.schemas import Cabin, SearchRequest, SliceRequest
from ais.offers.token import pack_flights
from ais.offers.validation import lap_infants, seats_needed
from ais.schedule import TimetableSegment

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class OpenSeats(Protocol):
    """What shopping asks of inventory. Both answers are for a segment of several legs, the least of them."""

    def booking_classes_open(self, leg_ids: Sequence[int], cabin: str) -> Mapping[str, int]: ...
    def infants_open(self, leg_ids: Sequence[int]) -> int: ...


class Party:
    """Who travels together, as pricing and inventory see them; ``references`` are the ids of the offer's passengers."""

    __slots__ = ("infants", "pricing", "references", "seats")

    def __init__(self, passengers: Sequence[TypedPassenger], references: Sequence[str]) -> None:
        self.references = references
        self.seats = seats_needed(passengers)
        self.infants = lap_infants(passengers)
        self.pricing = [
            PricingPassenger(reference, passenger.type, passenger.age)
            for reference, passenger in zip(references, passengers, strict=True)
        ]


class TypedPassenger(Protocol):
    """A traveller of a request or of an offer's id."""

    @property
    def type(self) -> PassengerType: ...
    @property
    def age(self) -> int | None: ...


class SeatView:
    """What is open for one party in one cabin, looked up once per segment. Called, it says whether one may be sold."""

    def __init__(self, open_seats: OpenSeats, cabin: str, party: Party) -> None:
        self._open_seats = open_seats
        self.cabin = cabin
        self.party = party
        self._known: dict[int, tuple[Mapping[str, int], frozenset[str]]] = {}

    def __call__(self, segment: TimetableSegment) -> bool:
        known = self._known.get(segment.id)
        return bool((self._look(segment) if known is None else known)[1])

    def classes(self, segment: TimetableSegment) -> frozenset[str]:
        """The booking classes that have seats for the whole party."""
        known = self._known.get(segment.id)
        return (self._look(segment) if known is None else known)[1]

    def open_by_class(self, segment: TimetableSegment) -> Mapping[str, int]:
        known = self._known.get(segment.id)
        return (self._look(segment) if known is None else known)[0]

    def _look(self, segment: TimetableSegment) -> tuple[Mapping[str, int], frozenset[str]]:
        opened = self._open_seats.booking_classes_open(segment.leg_ids, self.cabin)
        seats = self.party.seats
        enough = frozenset([rbd for rbd, count in opened.items() if count >= seats])
        if self.party.infants and self._open_seats.infants_open(segment.leg_ids) < self.party.infants:
            enough = frozenset()
        known = self._known[segment.id] = (opened, enough)
        return known


class SliceOption:
    """One itinerary of a slice, ready for pricing.

    ``signature`` holds everything in which pricing can tell it from another itinerary of the same slice: carriers,
    airports and local dates of its segments, which advance purchases and transit exemptions its times satisfy, and the
    classes open for the party. Two with one signature cost the same beside the same others. ``flights`` is the part of
    the slice in an offer's id that does not depend on the price.
    """

    __slots__ = ("arrives_at", "departs_at", "flights", "itinerary", "minutes", "pricing", "signature")

    def __init__(
        self,
        itinerary: Itinerary[TimetableSegment],
        pricing: tuple[PricingSegment, ...],
        signature: Hashable,
        as_of: datetime,
    ) -> None:
        self.flights = pack_flights(as_of, [(each.id, each.departs_at, each.arrives_at) for each in itinerary])
        self.itinerary = itinerary
        self.pricing = pricing
        self.signature = signature
        self.departs_at = itinerary[0].departs_at
        self.arrives_at = itinerary[-1].arrives_at
        self.minutes = duration_minutes(itinerary)


class BrandPrice:
    """The price of a journey in one brand, with what identifies it slice by slice: equal keys are sold alike."""

    __slots__ = ("brand", "priced", "slice_keys", "total_minor")

    def __init__(self, priced: PricedItinerary, slice_count: int) -> None:
        self.priced = priced
        self.brand = priced.brand
        self.total_minor = priced.total.minor
        keys: list[list[int]] = [[id(conditions)] for conditions in priced.conditions]
        for component in priced.components:
            keys[component.slice_index] += (component.last_segment, component.fare_version_id)
        self.slice_keys = [tuple(key) for key in keys]
        assert len(self.slice_keys) == slice_count, "pricing answers conditions for every slice"


PricedJourney = Journey[SliceOption, BrandPrice]


class JourneyExplanation:
    """How one combination of flights was priced: the fares considered and what became of each."""

    def __init__(self, options: tuple[SliceOption, ...], explanation: Explanation) -> None:
        self.options = options
        self.considered = explanation.considered


class JourneySearch:
    """Everything that one search reads, fixed at one instant: ``as_of`` is also the instant of its prices."""

    def __init__(
        self,
        market: Market,
        open_seats: OpenSeats,
        *,
        cabin: Cabin,
        party: Party,
        as_of: datetime,
        sales_close_minutes: int,
        point_of_sale: str,
        explain: bool = False,
    ) -> None:
        self.market = market
        self.seats = SeatView(open_seats, cabin.letter, party)
        self.party = party
        self.cabin = cabin
        self.as_of = as_of
        self.sales_close_at = as_of + sales_close_minutes * _MINUTE
        self.point_of_sale = point_of_sale
        self.explanations: list[JourneyExplanation] | None = [] if explain else None

    def journeys(self, request: SearchRequest) -> list[PricedJourney]:
        """The journeys of a valid request, at most ``limit``, by total, then duration."""
        slices = []
        for one in request.slices:
            options = self.options(one, request.max_connections)
            if not options:
                return []
            slices.append(options)
        return combine(slices, follows=self.follows, price=self.prices, limit=request.limit)

    def options(self, one: SliceRequest, max_connections: int) -> list[SliceOption]:
        """The itineraries of one slice that have seats for the party, in order of preference."""
        found = find_itineraries(
            self.market.network,
            one.origin,
            one.destination,
            one.departure_date,
            max_connections=max_connections,
            sales_close_at=self.sales_close_at,
            sellable=self.seats,
        )
        return [self.option(itinerary) for itinerary in found]

    def option(self, itinerary: Itinerary[TimetableSegment]) -> SliceOption:
        """An itinerary with its pricing segments and its price signature."""
        seats, market = self.seats, self.market
        pricing, signature = [], []
        before: datetime | None = None
        for segment in itinerary:
            pricing.append(self._pricing_segment(segment))
            departs_at = segment.departs_at
            transit = None if before is None else market.transit_band(departs_at - before)
            before = segment.arrives_at
            signature.append(
                (
                    segment.marketing_carrier,
                    segment.origin,
                    segment.destination,
                    segment.departure_date,
                    market.advance_band(departs_at - self.as_of),
                    transit,
                    seats.classes(segment),
                )
            )
        return SliceOption(itinerary, tuple(pricing), tuple(signature), self.as_of)

    def _pricing_segment(self, segment: TimetableSegment) -> PricingSegment:
        return PricingSegment(
            segment_id=segment.id,
            carrier=segment.marketing_carrier,
            flight_number=segment.flight_number,
            origin=segment.origin,
            destination=segment.destination,
            departs_at=segment.departs_at,
            arrives_at=segment.arrives_at,
            departure_date=segment.departure_date,
            arrival_date=self.market.flight(segment).arrival_date,
            cabin=self.seats.cabin,
            open_by_rbd=self.seats.open_by_class(segment),
            # The view has refused the segment already if the party's infants do not fit.
            infants_open=self.party.infants,
        )

    def follows(self, before: SliceOption, after: SliceOption) -> bool:
        """Whether a slice can be travelled after another: at one airport not before the minimum connecting time."""
        inbound, outbound = before.itinerary[-1], after.itinerary[0]
        wait = after.departs_at - before.arrives_at
        if inbound.destination != outbound.origin:
            return wait > timedelta()
        # The usual stay of days needs no look at the table.
        return wait >= _DAY or wait >= self.market.timetable.connecting_minutes(inbound, outbound) * _MINUTE

    def prices(self, options: tuple[SliceOption, ...]) -> list[BrandPrice]:
        """The journey's price in each brand that it can be sold in."""
        explanation = None if self.explanations is None else Explanation()
        priced = price_itinerary(
            self.market.fare_book,
            [option.pricing for option in options],
            self.party.pricing,
            cabin=self.cabin.letter,
            as_of=self.as_of,
            point_of_sale=self.point_of_sale,
            explain=explanation,
        )
        if self.explanations is not None and explanation is not None:
            self.explanations.append(JourneyExplanation(options, explanation))
        return [BrandPrice(each, len(options)) for each in priced]
