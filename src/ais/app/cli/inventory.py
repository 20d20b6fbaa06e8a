"""``ais inventory``: what is left to sell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import click
import msgspec

from ais.app.cli.edge import DAY, actor, with_database
from ais.app.cli.flights import FLIGHT_NUMBER, FlightNumber, flight_on, flight_to_change, leg_of, leg_option
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.app.cli.reasons import reason_option
from ais.inventory import AdjustedCabin, CabinNow, leg_cabins, open_by_rank, set_authorisation
from ais.kit import encode_id, ids
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.schedule import ShownFlightDate, ShownLeg, ShownSegment


class _Counted(msgspec.Struct):
    """A flight date with the counters of its legs, by leg and cabin."""

    flight: ShownFlightDate
    cabins: dict[tuple[int, str], CabinNow]


@click.group()
def inventory() -> None:
    """What is left to sell."""


@inventory.command("show")
@click.argument("flight", type=FLIGHT_NUMBER)
@click.argument("day", type=DAY, metavar="DATE")
@json_option
@click.pass_obj
def show(output: Output, flight: FlightNumber, day: date) -> None:
    """Show the counters of FLIGHT on DATE: seats by leg and cabin, and by booking class.

    Open is what standard nesting leaves of the limits; a segment of several legs is open for the least of them. A hold
    that has ended counts until the sweeper or the next claim on its cabin has taken it off. Exit code 1 if the flight
    does not exist or has no counters.
    """

    async def look(database: Database, _settings: Settings) -> _Counted | None:
        async with database.unit_of_work(actor()) as uow:
            flown = await flight_on(uow.connection, flight, day)
            if flown is None:
                return None
            cabins = await leg_cabins(uow, [leg.id for leg in flown.legs])
            return _Counted(flown, {(cabin.leg_id, cabin.cabin): cabin for cabin in cabins})

    counted = with_database(output, look)
    if counted is None or not counted.cabins:
        why = "does not exist" if counted is None else "has no counters: it is not on sale"
        output.note(f"{flight} on {day} {why}.")
        output.document({"flight": str(flight), "departure_date": day, "legs": [], "segments": []})
        end(NOT_SO)
    legs = {leg.id: leg for leg in counted.flight.legs}
    output.document(_document(flight, day, counted, legs))
    _tables(output, flight, day, counted, legs)


class _Limits(click.ParamType[tuple[int, ...]]):
    """Seats by class, in order of rank."""

    name = "seats,seats,..."

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        parts = str(value).split(",")
        if not all(part.strip().isdecimal() for part in parts):
            self.fail(f"{value!r} is not numbers of seats such as 99,47.", param, ctx)
        return tuple(map(int, parts))


@inventory.command("set-authorisation")
@click.argument("flight", type=FLIGHT_NUMBER)
@click.argument("day", type=DAY, metavar="DATE")
@click.argument("cabin")
@leg_option
@click.option("--authorised", type=click.IntRange(0), help="Seats that may be sold, overbooking included.")
@click.option("--limits", type=_Limits(), help="Limits of the classes below the first, by rank, such as 99,47.")
@click.option("--blocked", type=click.IntRange(0), help="Seats that are kept off sale.")
@reason_option
@json_option
@click.pass_obj
def set_(
    output: Output,
    flight: FlightNumber,
    day: date,
    cabin: str,
    route: str | None,
    authorised: int | None,
    limits: tuple[int, ...] | None,
    blocked: int | None,
    reason: str,
) -> None:
    """Set how many seats of CABIN (a letter such as Y) may be sold on FLIGHT on DATE.

    Without --limits the lower classes keep their share. Fewer seats than are sold and held close the cabin, and the
    matter is put before staff (see `ais staff list`). Exit code 1 if it is refused or there is no such cabin.
    """
    if authorised is None and limits is None and blocked is None:
        raise click.UsageError("Say --authorised, --limits or --blocked.")

    async def change(database: Database, _settings: Settings) -> tuple[AdjustedCabin, CabinNow]:
        async with database.unit_of_work(actor()) as uow:
            leg = leg_of(await flight_to_change(uow.connection, flight, day), route)
            adjusted = await set_authorisation(
                uow, leg.id, cabin.upper(), reason=reason, authorised=authorised, class_limits=limits, blocked=blocked
            )
            now = await leg_cabins(uow, [leg.id])
            return adjusted, next(each for each in now if each.cabin == adjusted.cabin)

    adjusted, now = with_database(output, change, tells=True)
    output.document({"flight": str(flight), "departure_date": day, "cabin": now, "excess": adjusted.excess_after})
    output.table(
        ("Class", "Limit>", "Sold>", "Held>", "Open>"),
        _classes(now),
        title=f"{flight} on {day}, cabin {now.cabin}: {now.authorised} authorised, {now.blocked} blocked",
    )
    if adjusted.excess_after:
        output.say(f"{adjusted.excess_after} seats too many are sold or held: see `ais staff list`.")


def _document(flight: FlightNumber, day: date, counted: _Counted, legs: dict[int, ShownLeg]) -> dict[str, Any]:
    return {
        "flight": str(flight),
        "departure_date": day,
        "flight_date_id": encode_id(ids.FLIGHT_DATE, counted.flight.id),
        "legs": [
            {
                "leg_id": cabin.leg_id,
                "origin": legs[cabin.leg_id].origin,
                "destination": legs[cabin.leg_id].destination,
                "cabin": cabin.cabin,
                "on_sale": cabin.on_sale,
                "capacity": cabin.capacity,
                "authorised": cabin.authorised,
                "blocked": cabin.blocked,
                "excess": cabin.excess,
                "held": cabin.held,
                "sold": cabin.sold,
                "classes": [
                    {"rbd": rbd, "limit": limit, "sold": sold, "held": held, "open": left}
                    for rbd, limit, sold, held, left in _classes(cabin)
                ],
            }
            for cabin in counted.cabins.values()
        ],
        "segments": [
            {"origin": segment.origin, "destination": segment.destination, "cabin": cabin, "open": opened}
            for segment, cabin, opened in _segments(counted)
        ],
    }


def _tables(output: Output, flight: FlightNumber, day: date, counted: _Counted, legs: dict[int, ShownLeg]) -> None:
    def route(cabin: CabinNow) -> str:
        return f"{legs[cabin.leg_id].origin}-{legs[cabin.leg_id].destination}"

    output.table(
        ("Leg", "Cabin", "Capacity>", "Authorised>", "Blocked>", "Excess>", "Sold>", "Held>", "On sale"),
        [
            (route(cabin), cabin.cabin, cabin.capacity, cabin.authorised, cabin.blocked, cabin.excess, cabin.sold,
             cabin.held, cabin.on_sale)
            for cabin in counted.cabins.values()
        ],
        title=f"{flight} on {day}",
    )  # fmt: skip
    output.table(
        ("Leg", "Cabin", "Class", "Limit>", "Sold>", "Held>", "Open>"),
        [(route(cabin), cabin.cabin, *row) for cabin in counted.cabins.values() for row in _classes(cabin)],
        title="By booking class",
    )
    output.table(
        ("Segment", "Cabin", "Open by booking class"),
        [
            (f"{segment.origin}-{segment.destination}", cabin, " ".join(f"{rbd}{n}" for rbd, n in opened.items()))
            for segment, cabin, opened in _segments(counted)
        ],
        title="As it is sold",
    )


def _opened(cabin: CabinNow) -> list[int]:
    """Open seats by rank, none where the cabin is closed for sale or carries an excess."""
    if not cabin.on_sale:
        return [0] * len(cabin.classes)
    taken = [sold + held for sold, held in zip(cabin.sold_by_class, cabin.held_by_class, strict=True)]
    return open_by_rank(cabin.limits, taken, cabin.blocked)


def _classes(cabin: CabinNow) -> list[tuple[str, int, int, int, int]]:
    return list(zip(cabin.classes, cabin.limits, cabin.sold_by_class, cabin.held_by_class, _opened(cabin), strict=True))


def _segments(counted: _Counted) -> list[tuple[ShownSegment, str, dict[str, int]]]:
    """Each segment on sale and cabin with the open seats of its classes: the least of its legs."""
    by_sequence = {leg.sequence: leg.id for leg in counted.flight.legs if leg.status == "scheduled"}
    answer = []
    for segment in counted.flight.segments:
        if segment.status != "scheduled" or not segment.on_sale:
            continue
        flown = [by_sequence[place] for place in range(segment.board_sequence, segment.off_sequence + 1)]
        for cabin in sorted({cabin for _, cabin in counted.cabins}):
            counters = [counted.cabins.get((leg_id, cabin)) for leg_id in flown]
            if all(each is not None for each in counters):
                answer.append((segment, cabin, _least([each for each in counters if each is not None])))
    return answer


def _least(cabins: Sequence[CabinNow]) -> dict[str, int]:
    by_leg = [dict(zip(cabin.classes, _opened(cabin), strict=True)) for cabin in cabins]
    return {rbd: min(opened.get(rbd, 0) for opened in by_leg) for rbd in cabins[0].classes}
