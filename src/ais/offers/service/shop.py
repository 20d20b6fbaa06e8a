"""The shop: what endpoints, orders and the command line ask of offers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from ais.fares import PriceChange, PricedItinerary
from ais.kit import Clock, Money, ServiceUnavailable
from ais.offers.combine import Journey
from ais.offers.errors import OfferExpired, OfferNotFound, PriceChanged
from ais.offers.market import Market
from ais.offers.schemas import OfferBody, SearchAnswer, SearchRequest
from ais.offers.service.accept import AcceptableOffer, OpenedOffer
from ais.offers.service.promise import OfferTerms, OfferWriter, new_nonce, passenger_ids
from ais.offers.service.search import (
    JourneyExplanation,
    JourneySearch,
    OpenSeats,
    Party,
    PricedJourney,
    TypedPassenger,
)
from ais.offers.token import OfferToken, read_token
from ais.offers.validation import require_valid_search
from ais.offers.wire import write_answer
from ais.platform.i18n import Language
from ais.platform.tokens import TokenRing


class SearchFindings(msgspec.Struct, frozen=True):
    """A search with everything that was considered on the way; ``offers`` and ``journeys`` correspond."""

    offers: tuple[OfferBody, ...]
    journeys: Sequence[PricedJourney]
    explanations: Sequence[JourneyExplanation]


class Shop:
    """Searches and opens offers over the present :class:`Market`, in memory. ``market`` may be replaced at any time:
    each call reads it once.
    """

    def __init__(
        self,
        market: Market,
        open_seats: OpenSeats,
        *,
        ring: TokenRing,
        clock: Clock,
        terms: OfferTerms,
        point_of_sale: str,
    ) -> None:
        self.market = market
        self._open_seats = open_seats
        self._ring = ring
        self._clock = clock
        self._terms = terms
        self._point_of_sale = point_of_sale

    def search(
        self, request: SearchRequest, *, point_of_sale: str | None = None, language: Language = "en"
    ) -> tuple[OfferBody, ...]:
        """The offers for a request, by total, then duration; raises ValidationFailed for a request that cannot be."""
        body = self.search_json(request, point_of_sale=point_of_sale, language=language)
        return msgspec.json.decode(body, type=SearchAnswer).offers

    def search_json(
        self, request: SearchRequest, *, point_of_sale: str | None = None, language: Language = "en"
    ) -> bytes:
        """The same as the body of the answer, which is how offers are made in the first place."""
        search, nonce = self._begin(request, point_of_sale)
        return write_answer(self._write(search, request, nonce, search.journeys(request), language))

    def explain(
        self, request: SearchRequest, *, point_of_sale: str | None = None, language: Language = "en"
    ) -> SearchFindings:
        """The same, with every fare that was considered and the rule that dropped it."""
        search, nonce = self._begin(request, point_of_sale, explain=True)
        journeys = search.journeys(request)
        body = write_answer(self._write(search, request, nonce, journeys, language))
        offers = msgspec.json.decode(body, type=SearchAnswer).offers
        return SearchFindings(offers, journeys, search.explanations or ())

    def show_offer_json(self, offer_id: str, *, language: Language = "en") -> bytes:
        """The body of an offer with seats as they are now. Raises what :meth:`open_offer` raises."""
        opened, priced = self._open(offer_id)
        token = opened.token
        writer = self._writer(opened.search, token.search.passengers, token.search.nonce, priced, language)
        return writer.show(opened.journey(priced), offer_id, token.expires_at).encode()

    def open_offer(self, offer_id: str) -> AcceptableOffer:
        """The offer of that id as it is to be sold, at exactly the total it promised.

        Raises OfferNotFound for an id that is not ours, OfferExpired after its end or if a flight was retimed,
        PriceChanged if a fare or tax was withdrawn, SeatsUnavailable if a flight is no longer on sale, the retryable
        ServiceUnavailable if the offer was made from data that is newer than ours. Seats are not counted here: the
        seat desk decides.
        """
        opened, priced = self._open(offer_id)
        return opened.acceptable(offer_id, priced, self._terms.validating_carrier)

    def _open(self, offer_id: str) -> tuple[OpenedOffer, PricedItinerary]:
        token = read_token(self._ring, offer_id)
        if token is None:
            raise OfferNotFound
        now = self._clock.now()
        if token.expires_at <= now:
            raise OfferExpired
        if self._is_older_than(token):
            raise ServiceUnavailable
        opened = OpenedOffer(
            token, self.market, self._open_seats, now=now, sales_close_minutes=self._terms.sales_close_minutes
        )
        priced = opened.price()
        if isinstance(priced, PriceChange):
            raise self._price_changed(opened, now.replace(microsecond=0))
        return opened, priced

    def _is_older_than(self, token: OfferToken) -> bool:
        """Whether another process made the offer from data that we are about to load."""
        market, made_from = self.market, token.search
        return (
            market.timetable.version < made_from.timetable_version or market.fare_book.version < made_from.fares_version
        )

    def _price_changed(self, opened: OpenedOffer, now: datetime) -> PriceChanged:
        """The refusal with the same flights and brand at today's price, if they can still be sold."""
        token, nonce = opened.token, new_nonce()
        passengers = token.search.passengers
        search = JourneySearch(
            opened.search.market,
            self._open_seats,
            cabin=opened.search.cabin,
            party=Party(passengers, passenger_ids(nonce, len(passengers))),
            as_of=now,
            sales_close_minutes=self._terms.sales_close_minutes,
            point_of_sale=token.search.point_of_sale,
        )
        options = tuple(search.option(option.itinerary) for option in opened.options)
        minutes = sum(option.minutes for option in options)
        for price in search.prices(options):
            if price.brand == token.brand:
                writer = self._writer(search, passengers, nonce, price.priced, "en")
                offer = msgspec.json.decode(writer.write([Journey(options, price, minutes)])[0])
                return PriceChanged(_sum(token.total), _sum(price.priced.total), offer)
        return PriceChanged(_sum(token.total), None, None)

    def _begin(
        self, request: SearchRequest, point_of_sale: str | None, *, explain: bool = False
    ) -> tuple[JourneySearch, int]:
        market, now = self.market, self._now()
        require_valid_search(request, market.reference, now)
        nonce = new_nonce()
        search = JourneySearch(
            market,
            self._open_seats,
            cabin=request.cabin,
            party=Party(request.passengers, passenger_ids(nonce, len(request.passengers))),
            as_of=now,
            sales_close_minutes=self._terms.sales_close_minutes,
            point_of_sale=point_of_sale or self._point_of_sale,
            explain=explain,
        )
        return search, nonce

    def _write(
        self,
        search: JourneySearch,
        request: SearchRequest,
        nonce: int,
        journeys: Sequence[PricedJourney],
        language: Language,
    ) -> list[str]:
        if not journeys:
            return []
        return self._writer(search, request.passengers, nonce, journeys[0].price.priced, language).write(journeys)

    def _writer(
        self,
        search: JourneySearch,
        passengers: Sequence[TypedPassenger],
        nonce: int,
        priced: PricedItinerary,
        language: Language,
    ) -> OfferWriter:
        return OfferWriter(
            search,
            self._ring,
            self._terms,
            passengers=passengers,
            nonce=nonce,
            currency=priced.total.currency,
            language=language,
        )

    def _now(self) -> datetime:
        """The present second: an offer's id keeps instants to the second, and prices are as of that instant."""
        return self._clock.now().replace(microsecond=0)


def _sum(money: Money) -> dict[str, str]:
    return {"amount": money.amount, "currency": money.currency}
