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
from ais.fares.domain.sale import Sale
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
        brands = dict.fromkeys(brand for division in layout.slices[0] for brand in division[0].brands)
        for brand in brands:
            picks = cheapest_picks(layout.slices, brand, party, sale.chargeable_multiple)
            if picks is not None:
                priced.append(assemble(sale, brand, cabin, slices, picks, passengers, party))
        if len(priced) > 1:
            carrier = slices[0][0].carrier
            priced.sort(key=lambda each: (each.total.minor, book.brand_rank(carrier, each.brand)))
    if explain is not None:
        explain.considered.extend(
            explain_itinerary(book, sale, layout, slices, party, priced, cabin=cabin, as_of=as_of)
        )
    return priced


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
    ticket = sale.ticket(
        tuple([(part.span, candidate, part.slice_index, part.first, part.last) for part, candidate in picks]),
        len(slices),
        party.counts,
    )
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
