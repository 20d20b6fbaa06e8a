"""Fares: what a journey costs.

A fare version is immutable: carrier, market, fare basis, booking class (RBD), brand, cabin, amount, and its rules. A
fare component runs between fare break points (a connection does not break it) and is one through fare, or the fares of
its parts. Taxes, fees and carrier charges are dated versions too. Pricing is pure: a :class:`FareBook` is an immutable
snapshot, and ``price_itinerary`` finds in it the cheapest valid combination of each brand.

Invariants: base fare + taxes + carrier charges = a passenger's total, the passengers' totals = the total, each the sum
of its price lines; N passengers of one type cost N times one; all who take a seat travel in one RBD per segment that
has seats for all of them; the price of an offer is found again from the versions it names.
"""

from ais.fares.domain.conditions import BagAllowance, Baggage, Conditions, PenaltyTier, Permission
from ais.fares.domain.itinerary import (
    ChangeKind,
    Charge,
    ConsideredFare,
    Explanation,
    LineKind,
    PassengerPrice,
    PassengerType,
    PriceChange,
    PricedComponent,
    PriceDifference,
    PricedItinerary,
    PriceLine,
    PricingPassenger,
    PricingSegment,
    ReasonCode,
    TaxSum,
)
from ais.fares.errors import AlreadyWithdrawn, FareImportRefused, FareVersionNotFound, PriceDataMissing

__all__ = [
    "AlreadyWithdrawn",
    "BagAllowance",
    "Baggage",
    "ChangeKind",
    "Charge",
    "Conditions",
    "ConsideredFare",
    "Explanation",
    "FareImportRefused",
    "FareVersionNotFound",
    "LineKind",
    "PassengerPrice",
    "PassengerType",
    "PenaltyTier",
    "Permission",
    "PriceChange",
    "PriceDataMissing",
    "PriceDifference",
    "PriceLine",
    "PricedComponent",
    "PricedItinerary",
    "PricingPassenger",
    "PricingSegment",
    "ReasonCode",
    "TaxSum",
]
