"""The flights of a search: one direction after the other, with the brands and what each of them allows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from litestar import Response, get

from ais.kit import ValidationFailed
from ais.offers import MoneyBody, OfferBody, Shop
from ais.platform.http import PUBLIC, HTTPRequest
from ais.web.rendering import in_both, page_language, render
from ais.web.shop.home import form_context
from ais.web.shop.journeys import SORTS, Choice, choices, flight_key, one_of_each_brand, seats_left
from ais.web.shop.trip import OFFERS_MAX, Trip, mistakes_of, read_trip, refused_fields

DAYS_EITHER_SIDE = 3


class DayPrice(msgspec.Struct, frozen=True):
    """A day beside the chosen one, with its cheapest total."""

    day: date
    price: MoneyBody | None
    query: str
    is_chosen: bool


@get(in_both("/flights"), access=PUBLIC, limit="search", include_in_schema=False)
async def show_flights(request: HTTPRequest) -> Response[str]:
    """The flights of the trip in the address; the form with what is missing, if something is."""
    shop: Shop = request.app.state.shop
    today = request.app.state.database.clock.now().date()
    fields = dict(request.query_params)
    trip = read_trip(fields, shop)
    mistakes = mistakes_of(trip)
    offers: Sequence[OfferBody] = ()
    if not mistakes:
        try:
            offers = shop.search(trip.request(), language=page_language(request))
        except ValidationFailed as refusal:
            mistakes = refused_fields(refusal)
    form = form_context(shop, trip, page_language(request), today, mistakes)
    if mistakes:
        return render(request, "search_again.html", status=422, **form)
    return render(request, "flights.html", **form, **await _found(shop, trip, offers, fields, today))


async def _found(
    shop: Shop, trip: Trip, offers: Sequence[OfferBody], fields: dict[str, str], today: date
) -> dict[str, Any]:
    sort = fields.get("sort", "")
    sort = sort if sort in SORTS else SORTS[0]
    only_direct = fields.get("direct") == "1"
    outbound = fields.get("out", "") if trip.is_return else ""
    matching = [offer for offer in offers if flight_key(offer, 0) == outbound] if outbound else []
    position = 1 if matching else 0
    view = ({"sort": sort} if sort != SORTS[0] else {}) | ({"direct": "1"} if only_direct else {})
    chosen = {"out": outbound} if matching else {}
    found = choices(matching or offers, position, sort=sort, only_direct=only_direct)
    return {
        "position": position,
        "choices": found,
        "has_any": bool(offers),
        "outbound_gone": bool(outbound) and not matching,
        "chosen_outbound": choices(matching, 0, sort=sort, only_direct=False)[0] if matching else None,
        "is_last": position == len(offers[0].slices) - 1 if offers else True,
        "sort": sort,
        "only_direct": only_direct,
        "has_connections": any(not each.is_direct for each in choices(offers, position, sort=sort, only_direct=False)),
        "sort_queries": {each: trip.query(**(view | chosen | {"sort": each})) for each in SORTS},
        "direct_query": trip.query(**(view | chosen | {"direct": "" if only_direct else "1"})),
        "pick_queries": {each.key: trip.query(**view, out=each.key) for each in found},
        "all_outbound_query": trip.query(**view),
        "search_query": trip.query(),
        "brands": _brands(shop, found),
        "seats_left": seats_left,
        "one_of_each_brand": one_of_each_brand,
        "airport": shop.market.reference.airport,
        "days": await _days_around(shop, trip, position, chosen | view, today),
    }


def _brands(shop: Shop, found: Sequence[Choice]) -> dict[str, Any]:
    """The brands of these offers by their code."""
    known = shop.market.fare_book.brands
    used = {(offer.validating_carrier, offer.fare_brand) for choice in found for offer in choice.offers}
    return {code: known[carrier, code] for carrier, code in used if (carrier, code) in known}


async def _days_around(shop: Shop, trip: Trip, position: int, more: dict[str, str], today: date) -> list[DayPrice]:
    """The days around the chosen one with their cheapest price, the other direction's day unchanged."""
    chosen = trip.return_ if position else trip.depart
    assert chosen is not None
    wanted = more.get("out")
    found = []
    for offset in range(-DAYS_EITHER_SIDE, DAYS_EITHER_SIDE + 1):
        day = chosen + timedelta(days=offset)
        beside = msgspec.structs.replace(trip, return_=day) if position else msgspec.structs.replace(trip, depart=day)
        if day < today or (beside.is_return and (beside.depart or day) > (beside.return_ or day)):
            continue
        # Others get their turn between two searches.
        await asyncio.sleep(0)
        try:
            offers = shop.search(beside.request(limit=1 if wanted is None else OFFERS_MAX))
        except ValidationFailed:
            continue
        offers = tuple(offer for offer in offers if wanted is None or flight_key(offer, 0) == wanted)
        price = offers[0].total if offers else None
        found.append(DayPrice(day, price, beside.query(**more), is_chosen=offset == 0))
    return found
