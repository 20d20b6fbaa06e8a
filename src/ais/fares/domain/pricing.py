"""Pricing an itinerary: the cheapest valid combination of fares of each brand, with every tax and charge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ais.fares.domain.book import FareBook
from ais.fares.domain.combination import Pick, cheapest_picks
from ais.fares.domain.explanation import explain_itinerary
from ais.fares.domain.itinerary import (
    Explanation,
    PassengerPrice,
    PricedItinerary,
    PricingPassenger,
)
from ais.fares.domain.layout import Layout, Party, Slices
from ais.fares.domain.sale import Answer, FarePick, Sale
from ais.kit import Money


def price_itinerary(
    book: FareBook,
    slices: Slices,
    passengers: Sequence[PricingPassenger],
    *,
    cabin: str,
    as_of: datetime,
    point_of_sale: str,
    explain: Explanation | None = None,
) -> list[PricedItinerary]:
    """The cheapest valid price of the itinerary in each brand that can cover it, cheapest first; empty if none can.

    ``slices`` are one-way (one), return (two between the same cities) or multi-city, each of one or more connecting
    segments. ``cabin`` is a letter. Fares and taxes are those on sale at ``as_of`` at ``point_of_sale``. With an
    ``explain`` every fare that was looked at is noted in it, with the rule that dropped it.

    Raises :class:`PriceDataMissing` if the point of sale has no currency on file or a needed exchange rate is missing.
    """
    sale = book.sale(as_of, point_of_sale)
    party = Party(passengers)
    layout = Layout(sale, slices, party, cabin, as_of)
    priced: list[PricedItinerary] = []
    if layout.is_open and passengers:
        for brand, picks in _cheapest_by_brand(sale, layout, party):
            priced.append(_assembled(sale, brand, cabin, slices, picks, passengers, party))
        if len(priced) > 1:
            carrier = slices[0][0].carrier
            priced.sort(key=lambda each: (each.total.minor, book.brand_rank(carrier, each.brand)))
    if explain is not None:
        explain.considered.extend(
            explain_itinerary(book, sale, layout, slices, party, priced, cabin=cabin, as_of=as_of)
        )
    return priced


def _cheapest_by_brand(sale: Sale, layout: Layout, party: Party) -> Answer:
    """The cheapest fares of each brand that can cover the itinerary; looked for once for all that are alike, and for
    all parties to which they are the cheapest.
    """
    likeness = layout.likeness()
    known = sale.answer(likeness)
    if known is None:
        known = sale.answer((likeness, party.counts))
    if known is None:
        found, for_all_parties = [], True
        for brand in dict.fromkeys(brand for division in layout.slices[0] for brand in division[0].brands):
            cheapest = cheapest_picks(layout.slices, brand, party, sale.chargeable_multiple)
            for_all_parties = for_all_parties and cheapest.for_all_parties
            if cheapest.picks is not None:
                found.append((brand, _fare_picks(cheapest.picks)))
        known = tuple(found)
        sale.keep_answer(likeness if for_all_parties else (likeness, party.counts), known, layout.spans())
    return known


def _fare_picks(picks: Sequence[Pick]) -> tuple[FarePick, ...]:
    return tuple([(part.span, candidate, part.slice_index, part.first, part.last) for part, candidate in picks])


def assemble(
    sale: Sale,
    brand: str,
    cabin: str,
    slices: Slices,
    picks: Sequence[Pick],
    passengers: Sequence[PricingPassenger],
    party: Party,
) -> PricedItinerary:
    """The priced itinerary that these fares make."""
    return _assembled(sale, brand, cabin, slices, _fare_picks(picks), passengers, party)


def _assembled(
    sale: Sale,
    brand: str,
    cabin: str,
    slices: Slices,
    picks: tuple[FarePick, ...],
    passengers: Sequence[PricingPassenger],
    party: Party,
) -> PricedItinerary:
    ticket = sale.ticket(picks, len(slices), party.counts)
    prices = ticket.prices
    people = tuple(
        [
            PassengerPrice(
                passenger.reference,
                passenger.type,
                price.base_fare,
                price.taxes,
                price.carrier_charges,
                price.total,
                price.charges,
            )
            for passenger, index in zip(passengers, party.type_indexes, strict=True)
            for price in (prices[index],)
        ]
    )
    total = Money(sum([count * prices[index].total.minor for index, count in party.counts]), sale.currency)
    return PricedItinerary(brand, cabin, ticket.components, people, total, ticket.conditions)
