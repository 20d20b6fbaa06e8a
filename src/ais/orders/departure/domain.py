"""The list of a departure: its lines, what is wrong with them, and the coupons that they name. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import msgspec

from ais.kit import AppError
from ais.kit.ids import DocumentId, OrderId
from ais.ticketing import COUPON_TRANSITIONS, CouponStatus

COLUMNS = ("ticket", "coupon", "locator", "name", "status")
BOARDED, NO_SHOW = "boarded", "no_show"


class WrongLine(msgspec.Struct, frozen=True):
    """A line of the list that cannot be so; ``line`` counts from 1, the heading included."""

    line: int
    column: str
    found: str
    expected: str


class DepartureListRefused(AppError):
    """The list holds mistakes; ``details.errors`` names each with its line, and no coupon was moved."""

    code = "DEPARTURE_LIST_REFUSED"
    status = 422
    message = "The list of the departure holds {count} mistakes; nothing was changed."

    def __init__(self, errors: Sequence[WrongLine]) -> None:
        super().__init__(count=len(errors), errors=[msgspec.to_builtins(error) for error in errors])


class DepartureTooEarly(AppError):
    """The flight does not leave for hours: nobody can have boarded it, and nobody can have missed it."""

    code = "DEPARTURE_TOO_EARLY"
    status = 409
    message = "The flight leaves at {departs_at}: it is too early to close it."


class ListedPassenger(msgspec.Struct, frozen=True):
    """One line: a ticket number and, if it is needed, its coupon; or a record locator and a name; and what happened."""

    line: int
    ticket: str
    coupon: int | None
    locator: str
    name: str
    boarded: bool


class CouponOnFlight(msgspec.Struct, frozen=True):
    """A coupon that may be flown on the flight, with what a list may name it by."""

    order_id: OrderId
    locator: str
    document_id: DocumentId
    ticket: str
    number: int
    passenger_name: str
    status: CouponStatus


def read_list(text: str) -> list[ListedPassenger]:
    """The lines of a CSV with the heading ``ticket,coupon,locator,name,status``.

    Raises :class:`DepartureListRefused` with every line that is not one.
    """
    try:
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    except csv.Error as problem:
        raise DepartureListRefused([WrongLine(1, "file", str(problem), "a CSV")]) from None
    if not rows or tuple(cell.strip() for cell in rows[0]) != COLUMNS:
        found = ",".join(rows[0]) if rows else ""
        raise DepartureListRefused([WrongLine(1, "heading", found, ",".join(COLUMNS))])
    read = [
        _read_row(line, [cell.strip() for cell in row])
        for line, row in enumerate(rows[1:], start=2)
        if any(cell.strip() for cell in row)
    ]
    wrong = [each for each in read if isinstance(each, WrongLine)]
    if wrong:
        raise DepartureListRefused(wrong)
    return [each for each in read if isinstance(each, ListedPassenger)]


def _read_row(line: int, row: Sequence[str]) -> ListedPassenger | WrongLine:
    if len(row) != len(COLUMNS):
        return WrongLine(line, "line", ",".join(row), f"{len(COLUMNS)} columns")
    ticket, coupon, locator, name, status = row
    ticket = ticket.replace("-", "").replace(" ", "")
    if status not in {BOARDED, NO_SHOW}:
        return WrongLine(line, "status", status, f"{BOARDED} or {NO_SHOW}")
    if coupon and not (coupon.isascii() and coupon.isdigit() and 1 <= int(coupon) <= 4):
        return WrongLine(line, "coupon", coupon, "1 to 4")
    if ticket and not (ticket.isascii() and ticket.isdigit() and len(ticket) == 13):
        return WrongLine(line, "ticket", ticket, "13 digits")
    if not ticket and not (locator and name):
        return WrongLine(line, "ticket", ticket, "a ticket number, or a locator and a name")
    return ListedPassenger(
        line,
        ticket,
        int(coupon) if coupon else None,
        locator.upper(),
        " ".join(name.upper().split()),
        status == BOARDED,
    )


def match(listed: Sequence[ListedPassenger], coupons: Sequence[CouponOnFlight]) -> dict[CouponOnFlight, bool]:
    """Whether each coupon of the flight was flown. Who is not on the list did not come; a suspended coupon is nobody's
    to fly or to miss, and is left out.

    Raises :class:`DepartureListRefused` with every line that names no coupon, or more than one, or one that another
    line has named, or one that was closed otherwise, and with every suspended one that was flown all the same.
    """
    flown: dict[CouponOnFlight, bool] = {}
    wrong: list[WrongLine] = []
    for each in listed:
        named = [coupon for coupon in coupons if _names(each, coupon)]
        what = ("ticket", each.ticket) if each.ticket else ("name", f"{each.locator} {each.name}")
        if not named:
            wrong.append(WrongLine(each.line, *what, "somebody who holds a coupon for this flight"))
        elif len(named) > 1:
            wrong.append(WrongLine(each.line, *what, "one coupon: several answer to this, so name ticket and coupon"))
        elif named[0] in flown:
            wrong.append(WrongLine(each.line, *what, "somebody whom no earlier line names"))
        elif named[0].status is CouponStatus.SUSPENDED and each.boarded:
            wrong.append(WrongLine(each.line, *what, "a coupon that is not suspended"))
        elif _closed_otherwise(named[0], boarded=each.boarded):
            was = f"{named[0].status}, as the flight was closed before"
            wrong.append(WrongLine(each.line, "status", BOARDED if each.boarded else NO_SHOW, was))
        else:
            flown[named[0]] = each.boarded
    if wrong:
        raise DepartureListRefused(wrong)
    return {
        coupon: flown.get(coupon, coupon.status is CouponStatus.FLOWN)
        for coupon in coupons
        if coupon.status is not CouponStatus.SUSPENDED
    }


def _names(listed: ListedPassenger, coupon: CouponOnFlight) -> bool:
    if listed.ticket:
        return coupon.ticket == listed.ticket and listed.coupon in {None, coupon.number}
    # A ticket shows the title after the name, which a list may leave out.
    same_name = coupon.passenger_name == listed.name or coupon.passenger_name.startswith(f"{listed.name} ")
    return coupon.locator == listed.locator and same_name and listed.coupon in {None, coupon.number}


def _closed_otherwise(coupon: CouponOnFlight, *, boarded: bool) -> bool:
    final = {CouponStatus.FLOWN: True, CouponStatus.NO_SHOW: False}
    return final.get(coupon.status, boarded) is not boarded


_AT_THE_AIRPORT = (
    CouponStatus.OPEN,
    CouponStatus.CHECKED_IN,
    CouponStatus.AIRPORT_CONTROL,
    CouponStatus.LIFTED,
    CouponStatus.FLOWN,
    CouponStatus.NO_SHOW,
)


def steps(status: CouponStatus, target: CouponStatus) -> list[CouponStatus]:
    """The moves by which a coupon comes from ``status`` to ``target`` by its table, the fewest of them.

    Raises LookupError if there are none: a suspended coupon is nobody's to fly.
    """
    ways: dict[CouponStatus, list[CouponStatus]] = {status: []}
    waiting = [status]
    while waiting:
        current = waiting.pop(0)
        if current is target:
            return ways[current]
        for following in _AT_THE_AIRPORT:
            if following not in ways and COUPON_TRANSITIONS.allows(current, following):
                ways[following] = [*ways[current], following]
                waiting.append(following)
    raise LookupError(f"no coupon comes from {status} to {target}")


def by_steps(
    outcomes: Mapping[CouponOnFlight, bool],
) -> dict[tuple[CouponStatus, CouponStatus], list[CouponOnFlight]]:
    """The coupons that have to move, by where they are and where they end."""
    groups: dict[tuple[CouponStatus, CouponStatus], list[CouponOnFlight]] = {}
    for coupon, flown in outcomes.items():
        target = CouponStatus.FLOWN if flown else CouponStatus.NO_SHOW
        if coupon.status is not target:
            groups.setdefault((coupon.status, target), []).append(coupon)
    return groups
