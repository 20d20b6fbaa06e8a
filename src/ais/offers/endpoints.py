"""Shopping over HTTP. The application keeps the shop as ``app.state.shop``."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, get, post
from litestar.params import Parameter

from ais.inventory import SeatsUnavailable
from ais.offers.errors import OfferExpired, OfferNotFound, PriceChanged
from ais.offers.schemas import OfferBody, SearchAnswer, SearchRequest
from ais.offers.service.shop import Shop
from ais.platform.http import (
    BODY_REFUSALS,
    PUBLIC,
    HTTPRequest,
    JSONBody,
    actor_of,
    json_response,
    language_of,
    refusals,
)


class OffersController(Controller):
    """Searching for offers and looking at one again."""

    path = "/api/v1/offers"
    tags = ("offers",)

    @post(
        "/search",
        name="search_offers",
        access=PUBLIC,
        limit="search",
        dto=JSONBody[SearchRequest],
        return_dto=None,
        status_code=200,
        sync_to_thread=False,
        responses=refusals(*BODY_REFUSALS),
    )
    def search_offers(self, request: HTTPRequest, data: SearchRequest) -> Response[SearchAnswer]:
        """Offers for one slice (one-way), two (a return) or up to six, by total, then by duration.

        A search writes nothing. Each itinerary is one offer per brand; the brands share the `limit` in turns.
        """
        shop: Shop = request.app.state.shop
        language = language_of(request)
        body = shop.search_json(data, point_of_sale=actor_of(request).point_of_sale, language=language)
        return _answer(body, language)

    @get(
        "/{offer_id:str}",
        name="read_offer",
        access=PUBLIC,
        sync_to_thread=False,
        responses=refusals(OfferNotFound, OfferExpired, PriceChanged, SeatsUnavailable),
    )
    def read_offer(
        self, request: HTTPRequest, offer_id: Annotated[str, Parameter(description="Id of an offer")]
    ) -> Response[OfferBody]:
        """The offer with seats as they are now; 410 after its end."""
        shop: Shop = request.app.state.shop
        language = language_of(request)
        return _answer(shop.show_offer_json(offer_id, language=language), language)


def _answer(body: bytes, language: str) -> Response:  # type: ignore[type-arg]  # the caller's annotation names the model
    return json_response(body, headers={"Content-Language": language, "Vary": "Accept-Language"})


ROUTES = (OffersController,)
