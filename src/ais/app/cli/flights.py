"""How flights are named and shown on a command line."""

from __future__ import annotations

import re
from datetime import datetime

import click
import msgspec

from ais.reference import ReferenceData

_FLIGHT = re.compile(r"([A-Z][A-Z0-9]|[0-9][A-Z])\s?0*([1-9][0-9]{0,3})([A-Z]?)")


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
