"""The first page: the search form, and what some flights cost."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import msgspec
from litestar import Response, get
from litestar.response import Redirect

from ais.kit import ValidationFailed
from ais.offers import MoneyBody, Shop
from ais.platform.http import PUBLIC, HTTPRequest
from ais.platform.i18n import Language
from ais.reference import Airport
from ais.web.rendering import Mistakes, in_both, page_language, render
from ais.web.shop.trip import Trip, airport_label, read_trip, served_airports, usual_trip

SUGGESTED = 6


class Suggestion(msgspec.Struct, frozen=True):
    """A flight worth a look: the cheapest of a day, for one adult, one way."""

    origin: Airport
    destination: Airport
    day: date
    price: MoneyBody
    query: str


@get("/", access=PUBLIC, include_in_schema=False, sync_to_thread=False)
def choose_language(request: HTTPRequest) -> Redirect:
    """To the shop in the language that the browser prefers."""
    return Redirect(f"/{page_language(request)}/", status_code=302, headers={"Vary": "Accept-Language"})


@get(in_both("/"), access=PUBLIC, include_in_schema=False, sync_to_thread=False)
def show_home(request: HTTPRequest) -> Response[str]:
    """The search form; with a trip in the address, filled in with it."""
    shop: Shop = request.app.state.shop
    today = request.app.state.database.clock.now().date()
    fields = dict(request.query_params)
    trip = read_trip(fields, shop) if fields else usual_trip(today)
    if "swap" in fields:
        trip = msgspec.structs.replace(
            trip,
            origin=trip.destination,
            destination=trip.origin,
            origin_text=trip.destination_text,
            destination_text=trip.origin_text,
        )
    return render(
        request,
        "home.html",
        **form_context(shop, trip, page_language(request), today),
        suggestions=suggestions(shop, today + timedelta(days=14)),
    )


def form_context(
    shop: Shop, trip: Trip, language: Language, today: date, mistakes: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the search form needs, on whatever page it stands."""
    reference = shop.market.reference

    def shown(code: str, text: str) -> str:
        return airport_label(reference.airport(code), language) if code else text

    return {
        "trip": trip,
        "origin_shown": shown(trip.origin, trip.origin_text),
        "destination_shown": shown(trip.destination, trip.destination_text),
        "airports": [(airport, airport_label(airport, language)) for airport in served_airports(shop)],
        "today": today,
        "mistakes": Mistakes(mistakes or {}),
    }


def suggestions(shop: Shop, day: date) -> list[Suggestion]:
    """From the airport with the most flights of that day to where most of them go, each at its cheapest."""
    reference, timetable = shop.market.reference, shop.market.timetable
    leaving = {code: timetable.departures(code, day) for code in sorted(timetable.airports)}
    origin = max(leaving, key=lambda code: len(leaving[code]), default=None)
    if origin is None:
        return []
    found = []
    for destination, _ in Counter(segment.destination for segment in leaving[origin]).most_common(SUGGESTED):
        trip = Trip(origin=origin, destination=destination, depart=day, is_return=False)
        try:
            offers = shop.search(trip.request(limit=1))
        except ValidationFailed:
            continue
        if offers:
            price = offers[0].total
            found.append(
                Suggestion(reference.airport(origin), reference.airport(destination), day, price, trip.query())
            )
    return found
