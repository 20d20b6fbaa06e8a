"""Why an itinerary costs what it costs: every fare that was looked at, and the rule that dropped it.

Runs only when it is asked for, rule by rule over all filed fares, beside the indexed search and independent of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ais.fares.domain.book import FareBook
from ais.fares.domain.fare import FareVersion
from ais.fares.domain.itinerary import ConsideredFare, PricedItinerary, PricingSegment, ReasonCode
from ais.fares.domain.layout import Layout, Part, Party, Slices
from ais.fares.domain.rules import advance_reason, date_reason, is_filed_for, sale_reason, stay_reason
from ais.fares.domain.sale import Sale


def explain_itinerary(
    book: FareBook,
    sale: Sale,
    layout: Layout,
    slices: Slices,
    party: Party,
    priced: Sequence[PricedItinerary],
    *,
    cabin: str,
    as_of: datetime,
) -> Iterator[ConsideredFare]:
    """Every fare filed for any part of the itinerary with what became of it, by part, then by amount."""
    parts = {
        (part.slice_index, part.first, part.last): part
        for divisions in layout.slices
        for division in divisions
        for part in division
    }
    for place, part in sorted(parts.items()):
        segments = slices[place[0]][place[1] : place[2] + 1]
        for fare in _filed_for(book, segments):
            reason = _dropped_by(fare, layout, part, party, sale, cabin=cabin, as_of=as_of)
            if reason is None:
                reason = _outcome(fare, part, sale, priced)
            yield ConsideredFare(
                *place,
                fare_version_id=fare.id,
                fare_basis=fare.fare_basis,
                brand=fare.brand,
                rbd=fare.rbd,
                amount=fare.amount,
                reason=reason,
                sentence=_sentence(reason, fare, segments, layout, party, as_of),
            )


def _filed_for(book: FareBook, segments: Sequence[PricingSegment]) -> list[FareVersion]:
    """All fares of the marketing carrier between the two ends, in either direction, on sale or not."""
    if any(segment.carrier != segments[0].carrier for segment in segments):
        return []
    origin, destination = segments[0].origin, segments[-1].destination
    ends = (
        (origin, destination),
        (book.facts.airport(origin).city_code, book.facts.airport(destination).city_code),
    )
    found = {
        fare.id: fare
        for begin, end in ends
        for pair in ((begin, end), (end, begin))
        for fare in book.fares_between(segments[0].carrier, *pair)
    }
    return sorted(found.values(), key=lambda fare: (fare.amount.currency, fare.amount.minor, fare.id))


def _dropped_by(
    fare: FareVersion, layout: Layout, part: Part, party: Party, sale: Sale, *, cabin: str, as_of: datetime
) -> ReasonCode | None:
    segments = part.segments
    begin, end = segments[0], segments[-1]
    reason = sale_reason(fare, as_of, sale.seller)
    if reason is not None:
        return reason
    if fare.cabin != cabin:
        return ReasonCode.CABIN
    role = layout.roles(part.slice_index)
    if not is_filed_for(fare, role, sale.ends(begin.origin), sale.ends(end.destination)):
        return ReasonCode.TRIP_TYPE
    reason = (
        date_reason(fare, begin.departure_date)
        or advance_reason(fare, as_of, begin.departs_at)
        or stay_reason(fare, layout.stay_days)
    )
    if reason is not None:
        return reason
    if any(segment.open_by_rbd.get(fare.rbd, 0) < party.seats for segment in segments):
        return ReasonCode.CLASS_CLOSED
    return None if layout.is_open else ReasonCode.INFANTS


def _outcome(fare: FareVersion, part: Part, sale: Sale, priced: Sequence[PricedItinerary]) -> ReasonCode:
    """What became of a fare that no rule of its own dropped."""
    answer = next((each for each in priced if each.brand == fare.brand), None)
    if answer is None:
        return ReasonCode.INCOMPLETE
    chosen = answer.component_of(part.slice_index, part.first)
    if chosen.fare_version_id == fare.id and (chosen.first_segment, chosen.last_segment) == (part.first, part.last):
        return ReasonCode.CHOSEN
    head = part.head(fare.brand)
    taken = next(
        (
            each
            for each in part.valid(fare.brand)
            if each.id == chosen.fare_version_id
            and (chosen.first_segment, chosen.last_segment) == (part.first, part.last)
        ),
        None,
    )
    mine = sale.in_sale_currency(fare.amount).minor
    if head is not None and taken is not None and (mine, fare.id) < (taken.amount, taken.id):
        return ReasonCode.COMBINATION
    return ReasonCode.DEARER


_PLAIN_SENTENCES = {
    ReasonCode.CHOSEN: "Taken: the cheapest valid combination of its brand.",
    ReasonCode.DEARER: "Valid, but another fare or another division of the slice is cheaper in its brand.",
    ReasonCode.NOT_ON_SALE: "Not on sale at that time.",
    ReasonCode.WITHDRAWN: "Withdrawn from sale.",
    ReasonCode.TRIP_TYPE: "Filed for another direction, or half a return fare on a journey that is no return.",
    ReasonCode.INFANTS: "There is no room for the infants on laps.",
    ReasonCode.COMBINATION: "Does not combine with any fare that the rest of the journey can be sold at.",
    ReasonCode.INCOMPLETE: "No fare of its brand covers the rest of the journey, or none that it combines with.",
}


def _sentence(
    reason: ReasonCode,
    fare: FareVersion,
    segments: Sequence[PricingSegment],
    layout: Layout,
    party: Party,
    as_of: datetime,
) -> str:
    plain = _PLAIN_SENTENCES.get(reason)
    if plain is not None:
        return plain
    rule, day = fare.rule, segments[0].departure_date
    least = min(segment.open_by_rbd.get(fare.rbd, 0) for segment in segments)
    days_left = (segments[0].departs_at - as_of).days
    worded = {
        ReasonCode.POINT_OF_SALE: f"Sold only by {', '.join(fare.points_of_sale)}.",
        ReasonCode.CABIN: f"Filed for cabin {fare.cabin}.",
        ReasonCode.VALIDITY: f"Valid for departures {_period(fare)}, not {day}.",
        ReasonCode.SEASON: f"Out of season on {day}.",
        ReasonCode.TRAVEL_DAY: (
            f"Not valid on day {day.isoweekday()} of the week, only on {', '.join(map(str, rule.travel_days))}."
        ),
        ReasonCode.BLACKOUT: f"Blacked out on {day}.",
        ReasonCode.ADVANCE_PURCHASE: (
            f"To be bought {rule.advance_purchase_days} days ahead; {days_left} full days are left."
        ),
        ReasonCode.MINIMUM_STAY: (
            f"Asks for a stay of at least {rule.min_stay_days} days; this one is {layout.stay_days}."
        ),
        ReasonCode.MAXIMUM_STAY: (
            f"Asks for a stay of at most {rule.max_stay_days} days; this one is {layout.stay_days}."
        ),
        ReasonCode.CLASS_CLOSED: f"Class {fare.rbd} has {least} seats for {party.seats} passengers.",
    }
    return worded[reason]


def _period(fare: FareVersion) -> str:
    begin = f"from {fare.travel_from}" if fare.travel_from else "from any date"
    return f"{begin} until {fare.travel_until}" if fare.travel_until else begin
