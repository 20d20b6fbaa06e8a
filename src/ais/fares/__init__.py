"""Fares: what a journey costs.

A fare version is immutable: carrier, market, fare basis, booking class (RBD), brand, cabin, amount, and its rules. A
fare component runs between fare break points (a connection does not break it) and is one through fare, or the fares of
its parts. Taxes, fees and carrier charges are dated versions too. Pricing is pure: a :class:`FareBook` is an immutable
snapshot, and ``price_itinerary`` finds in it the cheapest valid combination of each brand.

Invariants: base fare + taxes + carrier charges = a passenger's total, the passengers' totals = the total, each the sum
of its price lines; N passengers of one type cost N times one; all who take a seat travel in one RBD per segment that
has seats for all of them; the price of an offer is found again from the versions it names.
"""

from ais.fares.domain.book import FareBook
from ais.fares.domain.conditions import (
    BagAllowance,
    Baggage,
    Conditions,
    PenaltyRules,
    PenaltyTier,
    Permission,
    RuleTier,
    tier_at,
)
from ais.fares.domain.facts import AirportFact, AirportFacts, ExchangeRates
from ais.fares.domain.fare import (
    Brand,
    Combination,
    DateRange,
    DiscountVersion,
    FareRule,
    FareVersion,
    MarketLevel,
    PointOfSale,
    TripType,
)
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
from ais.fares.domain.pricing import price_itinerary
from ais.fares.domain.repricing import ChosenFare, reprice
from ais.fares.domain.tax import UNKNOWN_AUTHORITY, CircularPercentages, TaxKind, TaxPoint, TaxScope, TaxVersion
from ais.fares.errors import AlreadyWithdrawn, FareImportRefused, FareVersionNotFound, PriceDataMissing
from ais.fares.events import FaresImported, FareWithdrawn, TaxWithdrawn
from ais.fares.invariants import INVARIANTS
from ais.fares.repository import selling_carrier
from ais.fares.service import (
    FareImportReport,
    VersionCounts,
    import_fares,
    load_fare_book,
    penalty_rules,
    show_brands,
    show_fares,
    show_points_of_sale,
    show_taxes,
    withdraw_fare,
    withdraw_tax,
)

__all__ = [
    "INVARIANTS",
    "UNKNOWN_AUTHORITY",
    "AirportFact",
    "AirportFacts",
    "AlreadyWithdrawn",
    "BagAllowance",
    "Baggage",
    "Brand",
    "ChangeKind",
    "Charge",
    "ChosenFare",
    "CircularPercentages",
    "Combination",
    "Conditions",
    "ConsideredFare",
    "DateRange",
    "DiscountVersion",
    "ExchangeRates",
    "Explanation",
    "FareBook",
    "FareImportRefused",
    "FareImportReport",
    "FareRule",
    "FareVersion",
    "FareVersionNotFound",
    "FareWithdrawn",
    "FaresImported",
    "LineKind",
    "MarketLevel",
    "PassengerPrice",
    "PassengerType",
    "PenaltyRules",
    "PenaltyTier",
    "Permission",
    "PointOfSale",
    "PriceChange",
    "PriceDataMissing",
    "PriceDifference",
    "PriceLine",
    "PricedComponent",
    "PricedItinerary",
    "PricingPassenger",
    "PricingSegment",
    "ReasonCode",
    "RuleTier",
    "TaxKind",
    "TaxPoint",
    "TaxScope",
    "TaxSum",
    "TaxVersion",
    "TaxWithdrawn",
    "TripType",
    "VersionCounts",
    "import_fares",
    "load_fare_book",
    "penalty_rules",
    "price_itinerary",
    "reprice",
    "selling_carrier",
    "show_brands",
    "show_fares",
    "show_points_of_sale",
    "show_taxes",
    "tier_at",
    "withdraw_fare",
    "withdraw_tax",
]
