"""The shop as the settings want it: for the web process, and for ``ais search``."""

from __future__ import annotations

from ais.inventory import Availability
from ais.offers import OfferTerms, Shop, load_market
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.platform.tokens import TokenRing


async def open_shop(database: Database, availability: Availability, settings: Settings) -> Shop:
    """A shop over the timetable and fares as they are stored now, and the open seats that ``availability`` knows."""
    return Shop(
        await load_market(database),
        availability,
        ring=TokenRing(settings.secret_keys),
        clock=database.clock,
        terms=OfferTerms(
            offer_seconds=round(settings.offer_minutes * 60),
            hold_minutes=settings.hold_minutes,
            sales_close_minutes=settings.sales_close_minutes,
            validating_carrier=settings.carrier,
        ),
        point_of_sale=settings.point_of_sale,
    )
