"""The offers of a search as a page shows them: by flights first, then by brand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from ais.kit import Money
from ais.offers import OfferBody, OfferSegmentBody
from ais.web.formats import money_of

SORTS = ("price", "duration", "departure")
FEW_SEATS = 9  # an offer says nine for nine and more


class Choice(msgspec.Struct, frozen=True):
    """One way to fly a direction, with every offer that contains it, cheapest first."""

    key: str
    position: int
    offers: tuple[OfferBody, ...]

    @property
    def flights(self) -> Sequence[OfferSegmentBody]:
        return self.offers[0].slices[self.position].segments

    @property
    def minutes(self) -> int:
        return self.offers[0].slices[self.position].duration_minutes

    @property
    def cheapest(self) -> OfferBody:
        return self.offers[0]

    @property
    def is_direct(self) -> bool:
        return len(self.flights) == 1

    @property
    def waits(self) -> list[int]:
        """Minutes on the ground between one flight and the next."""
        return [
            int((after.departs_at - before.arrives_at).total_seconds()) // 60
            for before, after in zip(self.flights, self.flights[1:], strict=False)
        ]


def flight_key(offer: OfferBody, position: int) -> str:
    """What identifies the flights of one direction within a search."""
    return ".".join(f"{each.marketing_carrier}{each.flight_number}" for each in offer.slices[position].segments)


def choices(offers: Iterable[OfferBody], position: int, *, sort: str, only_direct: bool) -> list[Choice]:
    """The ways to fly the direction at ``position``, sorted; one that has no offer is not there."""
    by_key: dict[str, list[OfferBody]] = {}
    for offer in offers:
        by_key.setdefault(flight_key(offer, position), []).append(offer)
    found = [
        Choice(key, position, tuple(sorted(group, key=lambda offer: money_of(offer.total).minor)))
        for key, group in by_key.items()
    ]
    return sorted((each for each in found if each.is_direct or not only_direct), key=_ORDERS[sort])


def one_of_each_brand(choice: Choice) -> list[OfferBody]:
    """The cheapest offer of each brand, cheapest first."""
    found: dict[str, OfferBody] = {}
    for offer in choice.offers:
        found.setdefault(offer.fare_brand, offer)
    return list(found.values())


def seats_left(offer: OfferBody) -> int | None:
    """How many seats are left at this price if they are few, over all flights of the offer."""
    least = min(segment.seats_left for each in offer.slices for segment in each.segments)
    return least if least < FEW_SEATS else None


def price_parts(offer: OfferBody) -> tuple[Money, Money, Money]:
    """Fares, carrier charges and taxes of all passengers; together the total."""
    currency = offer.total.currency
    fares = charges = taxes = Money(0, currency)
    for passenger in offer.passengers:
        fares += money_of(passenger.base_fare)
        charges += money_of(passenger.carrier_charges)
        for tax in passenger.taxes:
            taxes += money_of(tax.amount)
    return fares, charges, taxes


_ORDERS: dict[str, Callable[[Choice], tuple[float, ...]]] = {
    "price": lambda choice: (money_of(choice.cheapest.total).minor, choice.minutes),
    "duration": lambda choice: (choice.minutes, money_of(choice.cheapest.total).minor),
    "departure": lambda choice: (choice.flights[0].departs_at.timestamp(), choice.minutes),
}
