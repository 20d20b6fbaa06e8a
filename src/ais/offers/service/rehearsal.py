"""The rehearsal: what a process searches for itself, so that its first travellers do not wait for what it has to learn.

A search remembers what it derives from timetable and fares: the departures of an airport and day, a flight as it is
shown, the fares between two airports, what they cost. A new process, or a new market, knows nothing of it, and a search
takes half as long again. So it is derived beforehand: before a process says that it is ready, and right after a new
market took the place of another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice

from ais.fares import PassengerType
from ais.kit import AppError
from ais.offers.market import Market
from ais.offers.schemas import PassengerRequest, SearchRequest, SliceRequest
from ais.offers.service.shop import Shop
from ais.platform.telemetry import get_logger

SEARCHES_MAX = 900
DAYS_AHEAD = 366
_ADULT = (PassengerRequest(PassengerType.ADULT),)
# So far ahead, and for so long, most fares on file may be sold.
_DEPARTS_AFTER = timedelta(days=30)
_LATER_IN_THE_WEEK = timedelta(days=33)
_TRIPS = (
    (_DEPARTS_AFTER, None),
    (_LATER_IN_THE_WEEK, None),
    *((departs, timedelta(days=stays)) for departs in (_DEPARTS_AFTER, _LATER_IN_THE_WEEK) for stays in (7, 10)),
)
_DAY = timedelta(days=1)
_LOG = get_logger("offers.rehearsal")


async def rehearse(shop: Shop, today: date) -> int:
    """Let the shop's market remember the departures of the coming year, as far as there is room, and search its pairs
    of airports, at most :data:`SEARCHES_MAX` times; answers how many searches that were. Between two steps, of about a
    millisecond each, the process does what else it has to do.
    """
    market = shop.market
    for number in range(DAYS_AHEAD):
        if not market.remember_departures(today + number * _DAY):
            break
        await asyncio.sleep(0)
    searches = 0
    try:
        for request in islice(requests(market, today), SEARCHES_MAX):
            shop.search_json(request)
            searches += 1
            await asyncio.sleep(0)
    except AppError as problem:
        # Data is missing, and each traveller will be told so; the process is no less ready for it.
        _LOG.warning("market.rehearsal_refused", problem=problem.code)
    return searches


def requests(market: Market, today: date) -> Iterator[SearchRequest]:
    """One adult between airports with a flight of their own, one-way and there and back on two days of the week each,
    for fares may ask for days; then one-way by a connection.
    """
    direct = market.network.markets
    for departs_after, stays in _TRIPS:
        for origin, destination in direct:
            yield _request(today + departs_after, origin, destination, stays)
    for destination in sorted(market.timetable.airports):
        for origin, flights in sorted(market.network.flights_to(destination).items()):
            if flights == 2:
                yield _request(today + _DEPARTS_AFTER, origin, destination, None)


def _request(day: date, origin: str, destination: str, stays: timedelta | None) -> SearchRequest:
    slices = [SliceRequest(origin, destination, day)]
    if stays is not None:
        slices.append(SliceRequest(destination, origin, day + stays))
    return SearchRequest(tuple(slices), _ADULT)
