"""An itinerary laid out for pricing: each slice's divisions into parts, and the fares that may cover each part."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from datetime import date, datetime, timedelta

from ais.fares.domain.itinerary import PassengerType, PricingPassenger, PricingSegment
from ais.fares.domain.rules import Role
from ais.fares.domain.sale import PASSENGER_TYPES, Candidate, CandidatesByBrand, Sale, Span
from ais.fares.domain.valuation import CouponTaxes

Slices = Sequence[Sequence[PricingSegment]]

_TYPE_INDEX = {passenger_type: index for index, passenger_type in enumerate(PASSENGER_TYPES)}
_NO_CANDIDATES: CandidatesByBrand = {}


class Party:
    """Who travels: how many of each type (by index into PASSENGER_TYPES), seats taken, infants on laps."""

    __slots__ = ("counts", "infants", "seats", "type_indexes")

    def __init__(self, passengers: Sequence[PricingPassenger]) -> None:
        self.type_indexes = [_TYPE_INDEX[passenger.type] for passenger in passengers]
        self.infants = self.type_indexes.count(_TYPE_INDEX[PassengerType.INFANT])
        self.seats = len(self.type_indexes) - self.infants
        self.counts = tuple([(index, self.type_indexes.count(index)) for index in sorted(set(self.type_indexes))])


class Part:
    """Consecutive segments of a slice, ``first`` to ``last`` inclusive, that one fare would cover."""

    __slots__ = (
        "_advance_band",
        "_by_brand",
        "_heads",
        "_lead",
        "_party",
        "_stay_days",
        "first",
        "last",
        "segments",
        "slice_index",
        "span",
    )

    def __init__(
        self,
        span: Span,
        segments: Sequence[PricingSegment],
        by_brand: CandidatesByBrand,
        party: Party,
        place: tuple[int, int, int],
        lead: timedelta,
        advance_band: int,
        stay_days: int | None,
    ) -> None:
        self.span = span
        self.segments = segments
        self.slice_index, self.first, self.last = place
        self._by_brand = by_brand
        self._party = party
        self._lead = lead
        self._advance_band = advance_band
        self._stay_days = stay_days
        self._heads: dict[str, Candidate | None] = {}

    @property
    def brands(self) -> Iterator[str]:
        return iter(self._by_brand)

    def valid(self, brand: str) -> Iterator[Candidate]:
        """The brand's fares that may cover this part alone, cheapest first: sold early enough, the stay right, and
        seats for the whole party in their booking class on every segment.
        """
        lead, stay, seats, segments = self._lead, self._stay_days, self._party.seats, self.segments
        for candidate in self._by_brand.get(brand, ()):
            if candidate.advance > lead:
                continue
            if stay is not None and not candidate.min_stay <= stay <= candidate.max_stay:
                continue
            rbd = candidate.rbd
            for segment in segments:
                if segment.open_by_rbd.get(rbd, 0) < seats:
                    break
            else:
                yield candidate

    def head(self, brand: str) -> Candidate | None:
        """The cheapest valid fare of the brand for this part, whatever it combines with."""
        if brand not in self._heads:
            self._heads[brand] = next(self.valid(brand), None)
        return self._heads[brand]

    @property
    def likeness(self) -> Hashable:
        """All in which pricing can tell this part from another, but for the stay, which is the whole journey's."""
        seats = self._party.seats
        return (
            id(self.span),
            id(self._by_brand),
            self._advance_band,
            *[frozenset([rbd for rbd, open_ in each.open_by_rbd.items() if open_ >= seats]) for each in self.segments],
        )

    def cost(self, candidate: Candidate) -> int:
        """What the fare costs the whole party on this part, taxes and charges included, in minor units."""
        return self.span.cost(candidate, self._party.counts)


Division = tuple[Part, ...]


class Layout:
    """The itinerary: for each slice its divisions, the whole slice first. ``is_open`` is False where nothing can be
    sold because there is no room for the infants on laps.
    """

    __slots__ = ("_as_of", "_cabin", "_party", "_sale", "is_open", "slices", "stay_days")

    def __init__(self, sale: Sale, slices: Slices, party: Party, cabin: str, as_of: datetime) -> None:
        self._sale = sale
        self._party = party
        self._cabin = cabin
        self._as_of = as_of
        infants = party.infants
        self.is_open = not infants or all(each.infants_open >= infants for segments in slices for each in segments)
        self.stay_days = _stay_days(sale, slices)
        is_domestic = sale.is_domestic(slices)
        self.slices: list[list[Division]] = []
        position = 0
        for index, segments in enumerate(slices):
            coupons = [
                _coupon(sale, segments, number, cabin, is_first=position + number == 0, is_domestic=is_domestic)
                for number in range(len(segments))
            ]
            self.slices.append(self._divide(index, segments, coupons, position))
            position += len(segments)

    def roles(self, slice_index: int) -> Role:
        if self.stay_days is None:
            return Role.ONE_WAY
        return Role.RETURN if slice_index else Role.OUTBOUND

    def likeness(self) -> Hashable:
        """All in which pricing can tell this itinerary from another, but for who travels."""
        return (
            self._sale.stay_band(self.stay_days),
            *[tuple([part.likeness for division in divisions for part in division]) for divisions in self.slices],
        )

    def spans(self) -> tuple[Span, ...]:
        """The spans of all parts."""
        return tuple([part.span for divisions in self.slices for division in divisions for part in division])

    def part(self, slice_index: int, first: int, last: int) -> Part:
        """The part of a slice from one segment to another, both included."""
        for division in self.slices[slice_index]:
            for part in division:
                if (part.first, part.last) == (first, last):
                    return part
        raise IndexError(f"slice {slice_index} has no part from {first} to {last}")

    def _divide(
        self, slice_index: int, segments: Sequence[PricingSegment], coupons: Sequence[CouponTaxes], position: int
    ) -> list[Division]:
        count = len(segments)
        if count == 1:
            return [(self._part(slice_index, segments, coupons, 0, 0, position),)]
        parts: dict[tuple[int, int], Part] = {}
        divisions = []
        for cuts in range(1 << (count - 1)):
            division, first = [], 0
            for last in range(count):
                if last == count - 1 or cuts >> last & 1:
                    if (first, last) not in parts:
                        parts[first, last] = self._part(slice_index, segments, coupons, first, last, position)
                    division.append(parts[first, last])
                    first = last + 1
            divisions.append(tuple(division))
        return divisions

    def _part(
        self,
        slice_index: int,
        segments: Sequence[PricingSegment],
        coupons: Sequence[CouponTaxes],
        first: int,
        last: int,
        position: int,
    ) -> Part:
        covered = segments if first == 0 and last == len(segments) - 1 else segments[first : last + 1]
        begin, end = covered[0], covered[-1]
        by_brand = _NO_CANDIDATES
        if first == last or all(each.carrier == begin.carrier for each in covered):
            market = self._sale.market(begin.carrier, begin.origin, end.destination)
            by_brand = market.candidates(self.roles(slice_index), self._cabin, begin.departure_date)
        lead = begin.departs_at - self._as_of
        return Part(
            self._sale.span(tuple(coupons[first : last + 1]), position + first),
            covered,
            by_brand,
            self._party,
            (slice_index, first, last),
            lead,
            self._sale.advance_band(lead),
            self.stay_days,
        )


def _stay_days(sale: Sale, slices: Slices) -> int | None:
    """Days between the departure dates of a return journey (two slices between the same two cities), else None."""
    if len(slices) != 2:
        return None
    out, back = slices
    if sale.same_city(out[0].origin, back[-1].destination) and sale.same_city(out[-1].destination, back[0].origin):
        outbound: date = out[0].departure_date
        return (back[0].departure_date - outbound).days
    return None


def _coupon(
    sale: Sale, segments: Sequence[PricingSegment], number: int, cabin: str, *, is_first: bool, is_domestic: bool
) -> CouponTaxes:
    segment = segments[number]
    before = after = None
    if number:
        before = sale.transit_limit(segment.departs_at - segments[number - 1].arrives_at)
    if number + 1 < len(segments):
        after = sale.transit_limit(segments[number + 1].departs_at - segment.arrives_at)
    return sale.coupon(
        segment.carrier,
        segment.origin,
        segment.destination,
        segment.departure_date,
        cabin,
        transit_before=before,
        transit_after=after,
        is_first=is_first,
        is_domestic_journey=is_domestic,
    )
