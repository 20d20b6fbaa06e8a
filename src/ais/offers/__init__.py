"""Shopping: itineraries, open seats and prices joined into offers that expire.

A *slice* is one direction of travel; its *itinerary* is a sequence of sold segments with legal connections. An *offer*
is one itinerary per slice in one fare brand at one total. Nothing of it is stored: its id is a signed token that says
all that was promised, so that a search writes nothing and reads no database.

A search reads a :class:`Market`, one version each of timetable, fares and reference data in memory, and open seats that
are at most a second old. An order opens the offer again by :meth:`Shop.open_offer`; seats are decided by the seat desk.

Invariants: an offer is sold at exactly its total or refused; one itinerary is one offer per brand, the brand the same
on every slice; base fare + taxes + carrier charges = a passenger's total, the passengers' totals = the total.
"""

from ais.offers.errors import OfferExpired, OfferNotFound, PriceChanged
from ais.offers.market import Market
from ais.offers.schemas import (
    CABIN_OF_LETTER,
    Cabin,
    ConditionsBody,
    MoneyBody,
    OfferBody,
    OfferSegmentBody,
    SearchAnswer,
    SearchRequest,
    TaxBody,
    money_body,
)
from ais.offers.service.accept import AcceptableOffer, AcceptablePassenger, AcceptableSegment, AcceptableSlice
from ais.offers.service.promise import OfferTerms
from ais.offers.service.search import JourneyExplanation
from ais.offers.service.shop import SearchFindings, Shop
from ais.offers.service.snapshots import SnapshotRefresher, load_market

__all__ = [
    "CABIN_OF_LETTER",
    "AcceptableOffer",
    "AcceptablePassenger",
    "AcceptableSegment",
    "AcceptableSlice",
    "Cabin",
    "ConditionsBody",
    "JourneyExplanation",
    "Market",
    "MoneyBody",
    "OfferBody",
    "OfferExpired",
    "OfferNotFound",
    "OfferSegmentBody",
    "OfferTerms",
    "PriceChanged",
    "SearchAnswer",
    "SearchFindings",
    "SearchRequest",
    "Shop",
    "SnapshotRefresher",
    "TaxBody",
    "load_market",
    "money_body",
]
