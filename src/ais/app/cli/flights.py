"""How flights are named and shown on a command line."""

from __future__ import annotations

import re
from datetime import date, datetime

import click
import msgspec

from ais.platform.database import Connection
from ais.reference import ReferenceData
from ais.schedule import FlightDateNotFound, ShownFlightDate, ShownLeg, flight_dates

_FLIGHT = re.compile(r"([A-Z][A-Z0-9]|[0-9][A-Z])\s?0*([1-9][0-9]{0,3})([A-Z]?)")
_ROUTE = re.compile(r"[A-Z]{3}-[A-Z]{3}")


class FlightNumber(msgspec.Struct, frozen=True):
    """A carrier's flight number, as in ``9Z101``."""

    carrier: str
    number: int
    suffix: str

    def __str__(self) -> str:
        return f"{self.carrier}{self.number}{self.suffix}"


class FlightNumberType(click.ParamType[FlightNumber]):
    """A flight number as people write it: carrier, number, perhaps an operational suffix."""

    name = "flight"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> FlightNumber:
        if isinstance(value, FlightNumber):
            return value
        found = _FLIGHT.fullmatch(str(value).upper())
        if found is None:
            self.fail(f"{value!r} is not a flight number such as 9Z101.", param, ctx)
        return FlightNumber(found[1], int(found[2]), found[3])


FLIGHT_NUMBER = FlightNumberType()


class RouteType(click.ParamType[str]):
    """Two airports, as in ``RUH-JED``."""

    name = "route"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        route = str(value).upper()
        if _ROUTE.fullmatch(route) is None:
            self.fail(f"{value!r} is not a leg such as RUH-JED.", param, ctx)
        return route


leg_option = click.option(
    "--leg", "route", type=RouteType(), help="The leg, such as RUH-JED; a flight of several legs needs it."
)


async def flight_on(connection: Connection, flight: FlightNumber, day: date) -> ShownFlightDate | None:
    """The flight date of that number and local date at the flight's first airport, if there is one."""
    found = await flight_dates(
        connection,
        carrier=flight.carrier,
        flight_number=flight.number,
        suffix=flight.suffix,
        first_date=day,
        last_date=day,
    )
    return found[0] if found else None


async def flight_to_change(connection: Connection, flight: FlightNumber, day: date) -> ShownFlightDate:
    """As :func:`flight_on`; raises FlightDateNotFound if there is none."""
    found = await flight_on(connection, flight, day)
    if found is None:
        raise FlightDateNotFound
    return found


def leg_of(flight: ShownFlightDate, route: str | None) -> ShownLeg:
    """The leg of that route, or the only one; wrong use if it is not to be told."""
    legs = {f"{leg.origin}-{leg.destination}": leg for leg in flight.legs if leg.status == "scheduled"}
    if route is None and len(legs) == 1:
        return next(iter(legs.values()))
    if route is None or route not in legs:
        raise click.UsageError(f"Name a leg by --leg: the flight has {', '.join(legs) or 'none that is flown'}.")
    return legs[route]


def clock_time(at: datetime, airport: str, reference: ReferenceData, *, since: datetime | None = None) -> str:
    """The time that the airport's clocks show, with the days that have passed since the local date of ``since``."""
    from ais.kit.localtime import to_local

    local = to_local(at, reference.timezone(airport))
    days = (local.date() - since.date()).days if since is not None else 0
    return f"{local:%H:%M}" + (f"{days:+d}" if days else "")


def local_time(at: datetime, airport: str, reference: ReferenceData) -> datetime:
    """The instant in the airport's own time, offset included."""
    from ais.kit.localtime import to_local

    return to_local(at, reference.timezone(airport))
