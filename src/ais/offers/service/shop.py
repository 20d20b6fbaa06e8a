"""The shop: what endpoints, orders and the command line ask of offers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from ais.kit import Clock
from ais.offers.market import Market
from ais.offers.schemas import OfferBody, SearchAnswer, SearchRequest
from ais.offers.service.promise import OfferTerms, OfferWriter, new_nonce, passenger_ids
from ais.offers.service.search import JourneyExplanation, JourneySearch, OpenSeats, Party, PricedJourney
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
        writer = OfferWriter(
            search,
            self._ring,
            self._terms,
            passengers=request.passengers,
            nonce=nonce,
            currency=journeys[0].price.priced.total.currency,
            language=language,
        )
        return writer.write(journeys)

    def _now(self) -> datetime:
        """The present second: an offer's id keeps instants to the second, and prices are as of that instant."""
        return self._clock.now().replace(microsecond=0)
