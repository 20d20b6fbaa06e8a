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
    PricedComponent,
    PricedItinerary,
    PricingPassenger,
)
from ais.fares.domain.layout import Layout, Party, Slices
from ais.fares.domain.sale import Sale
from ais.fares.domain.valuation import ComponentPrice
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
    prices = {index: _passenger_price(sale, picks, index) for index, _ in party.counts}
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
    fares = tuple(
        [tuple([candidate for part, candidate in picks if part.slice_index == index]) for index in range(len(slices))]
    )
    return PricedItinerary(
        brand=brand,
        cabin=cabin,
        components=tuple(
            [
                PricedComponent(
                    part.slice_index, part.first, part.last, candidate.id, candidate.fare.fare_basis, candidate.rbd
                )
                for part, candidate in picks
            ]
        ),
        passengers=people,
        total=Money(sum([each.total.minor for each in people]), sale.currency),
        conditions=sale.conditions(fares, sum([candidate.amount for _, candidate in picks])),
    )


def _passenger_price(sale: Sale, picks: Sequence[Pick], type_index: int) -> ComponentPrice:
    """One passenger's price over all components, with the line that brings it to a sum that can be charged."""
    return sale.ticket_price(tuple([part.span.price(candidate, type_index) for part, candidate in picks]))
