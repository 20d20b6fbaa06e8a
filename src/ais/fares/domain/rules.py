"""The rules of a fare, one by one: each answers which of them, if any, keeps a fare from a part of an itinerary."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import Enum

from ais.fares.domain.fare import FareVersion, MarketLevel, TripType
from ais.fares.domain.itinerary import ReasonCode


class Role(Enum):
    """Where in a journey a fare component lies: in a one-way or multi-city journey, or on a return journey's way."""

    ONE_WAY = 0
    OUTBOUND = 1
    RETURN = 2


def is_filed_for(fare: FareVersion, role: Role, origin: tuple[str, str], destination: tuple[str, str]) -> bool:
    """Whether the fare's market and trip type fit a component between two points, each given as (airport, city).

    A half-return fare begins where the journey begins: on the way back it is read against its direction.
    """
    level = 0 if fare.market_level is MarketLevel.AIRPORT else 1
    begin, end = origin[level], destination[level]
    if fare.trip_type is TripType.HALF_RETURN:
        if role is Role.ONE_WAY:
            return False
        if role is Role.RETURN:
            begin, end = end, begin
    if (fare.origin, fare.destination) == (begin, end):
        return True
    return fare.both_directions and (fare.destination, fare.origin) == (begin, end)


def sale_reason(fare: FareVersion, at: datetime, point_of_sale: str) -> ReasonCode | None:
    """Why the fare is not sold at that instant at that point of sale."""
    if fare.withdrawn_at is not None and fare.withdrawn_at <= at:
        return ReasonCode.WITHDRAWN
    if not fare.is_on_sale(at):
        return ReasonCode.NOT_ON_SALE
    if fare.points_of_sale and point_of_sale not in fare.points_of_sale:
        return ReasonCode.POINT_OF_SALE
    return None


def date_reason(fare: FareVersion, day: date) -> ReasonCode | None:
    """Why the component may not depart on that local date."""
    rule = fare.rule
    if (fare.travel_from is not None and day < fare.travel_from) or (
        fare.travel_until is not None and day > fare.travel_until
    ):
        return ReasonCode.VALIDITY
    if rule.seasons and not any(day in season for season in rule.seasons):
        return ReasonCode.SEASON
    if rule.travel_days and day.isoweekday() not in rule.travel_days:
        return ReasonCode.TRAVEL_DAY
    if any(day in blackout for blackout in rule.blackouts):
        return ReasonCode.BLACKOUT
    return None


def advance_reason(fare: FareVersion, at: datetime, departs_at: datetime) -> ReasonCode | None:
    """Whether it is too late to buy the fare: so many times 24 hours before departure, to the second."""
    days = fare.rule.advance_purchase_days
    if days is not None and departs_at - at < timedelta(days=days):
        return ReasonCode.ADVANCE_PURCHASE
    return None


def stay_reason(fare: FareVersion, stay_days: int | None) -> ReasonCode | None:
    """Whether the stay is too short or too long; None days: the journey is not a return, there is no stay."""
    if stay_days is None:
        return None
    rule = fare.rule
    if rule.min_stay_days is not None and stay_days < rule.min_stay_days:
        return ReasonCode.MINIMUM_STAY
    if rule.max_stay_days is not None and stay_days > rule.max_stay_days:
        return ReasonCode.MAXIMUM_STAY
    return None
