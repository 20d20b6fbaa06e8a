"""Builders of fares, taxes and itineraries with the plainest values, over the packaged reference data."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

from ais.fares import (
    Brand,
    DiscountVersion,
    FareBook,
    FareRule,
    FareVersion,
    MarketLevel,
    PassengerType,
    PointOfSale,
    PricingPassenger,
    PricingSegment,
    TaxKind,
    TaxPoint,
    TaxScope,
    TaxVersion,
    TripType,
)
from ais.kit import Money
from ais.reference import ReferenceData, packaged_reference

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
CARRIER = "QZ"
BRANDS = tuple(
    Brand(CARRIER, code, rank, code.title(), code.title()) for rank, code in enumerate(("LIGHT", "VALUE", "FLEX"), 1)
)
RIYADH = PointOfSale("*", "SAR")


@cache
def reference() -> ReferenceData:
    """The real airports and rates that are packaged with the program."""
    return packaged_reference()


def make_fare(
    number: int, market: str = "RUH-JED", amount: str = "199.00", currency: str = "SAR", **changes
) -> FareVersion:
    """A fare of class Q and brand LIGHT in both directions, without rules; ``rule`` is a FareRule."""
    origin, destination = market.split("-")
    values = {
        "id": number,
        "carrier": CARRIER,
        "market_level": MarketLevel.CITY,
        "origin": origin,
        "destination": destination,
        "both_directions": True,
        "trip_type": TripType.ONE_WAY,
        "fare_basis": f"QX{number}",
        "rbd": "Q",
        "brand": "LIGHT",
        "cabin": "Y",
        "amount": Money.parse(amount, currency),
        "rule": FareRule(name="FREE"),
        "sale_starts_at": LONG_AGO,
    }
    return FareVersion(**(values | changes))


def make_tax(
    number: int, code: str = "SA", amount: str | None = "87.00", currency: str = "SAR", **changes
) -> TaxVersion:
    """A departure fee of every flight; give ``amount=None`` with ``basis_points`` and ``percent_of``."""
    values = {
        "id": number,
        "code": code,
        "kind": TaxKind.FEE,
        "name_en": f"Tax {code}",
        "name_ar": f"ضريبة {code}",
        "point": TaxPoint.DEPARTURE,
        "scope": TaxScope.ANY,
        "sale_starts_at": LONG_AGO,
        "amount": None if amount is None else Money.parse(amount, currency),
    }
    return TaxVersion(**(values | changes))


def make_book(
    fares=(),
    taxes=(),
    discounts: tuple[DiscountVersion, ...] = (),
    points_of_sale=(RIYADH,),
    version: int = 1,
    facts=None,
) -> FareBook:
    """A fare book over the packaged airports and rates."""
    world = facts or reference()
    return FareBook(
        version=version,
        fares=fares,
        taxes=taxes,
        discounts=discounts,
        brands=BRANDS,
        points_of_sale=points_of_sale,
        facts=world,
        rates=world,
    )


def make_segment(
    market: str = "RUH-JED",
    day: date = date(2027, 3, 1),
    hour: int = 9,
    *,
    hours: float = 2,
    seats: dict[str, int] | int = 9,
    infants: int = 9,
    carrier: str = CARRIER,
    cabin: str = "Y",
) -> PricingSegment:
    """A flight of some hours that leaves at an hour UTC with as many seats in every class, or those given by class."""
    origin, destination = market.split("-")
    departs = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)
    arrives = departs + timedelta(hours=hours)
    open_by_rbd = dict.fromkeys("YBMHQKLVTCDJ", seats) if isinstance(seats, int) else seats
    return PricingSegment(
        segment_id=abs(hash((market, day, hour))) % 100_000,
        carrier=carrier,
        flight_number="101",
        origin=origin,
        destination=destination,
        departs_at=departs,
        arrives_at=arrives,
        departure_date=departs.date(),
        arrival_date=arrives.date(),
        cabin=cabin,
        open_by_rbd=open_by_rbd,
        infants_open=infants,
    )


def make_party(
    adults: int = 1, children: int = 0, infants: int = 0, infants_with_seat: int = 0
) -> list[PricingPassenger]:
    """Passengers named by their type and number: adult1, adult2, child1 …"""
    counts = (
        (PassengerType.ADULT, adults),
        (PassengerType.CHILD, children),
        (PassengerType.INFANT, infants),
        (PassengerType.INFANT_SEAT, infants_with_seat),
    )
    return [PricingPassenger(f"{kind}{number}", kind) for kind, count in counts for number in range(1, count + 1)]
