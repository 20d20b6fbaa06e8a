"""Issuing documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from ais.kit import encode_id, ids, new_uuid
from ais.kit.ids import DocumentId, OrderId
from ais.ledger import post_all
from ais.platform.audit import Entry, Fields, record
from ais.platform.database import Connection, UnitOfWork
from ais.ticketing import repository
from ais.ticketing.domain import (
    COUPON_TRANSITIONS,
    DOCUMENT_TRANSITIONS,
    SERIAL_DIGITS,
    CouponStatus,
    CouponToIssue,
    Document,
    DocumentStatus,
    DocumentType,
    Sale,
    TicketToIssue,
    document_number,
    in_documents,
)
from ais.ticketing.errors import TicketNumbersExhausted, TicketRangeInvalid
from ais.ticketing.postings import issued


class DocumentPart(msgspec.Struct, frozen=True):
    """A document to be: the part of a passenger's journey that it holds, ``sequence`` counted from 1."""

    id: DocumentId
    ticket: TicketToIssue
    sequence: int
    coupons: Sequence[CouponToIssue]


async def add_number_range(uow: UnitOfWork, carrier: str, accounting_code: str, first: int, last: int) -> bool:
    """Give the carrier the serials ``first`` to ``last``; False if that range was there already.

    Raises :class:`TicketRangeInvalid` for serials that do not fit ten digits, for an overlap, for a carrier that is not
    known and for an accounting code that is another's than the reference data says.
    """
    if not 0 <= first <= last < 10**SERIAL_DIGITS:
        raise TicketRangeInvalid(reason=f"serials have {SERIAL_DIGITS} digits, the first not above the last")
    if len(accounting_code) != 3 or not (accounting_code.isascii() and accounting_code.isdigit()):
        raise TicketRangeInvalid(reason="the accounting code has three digits")
    known = await repository.carrier_with_code(uow, carrier)
    if known is None:
        raise TicketRangeInvalid(reason=f"there is no carrier {carrier}")
    if known[1] not in {None, accounting_code}:
        raise TicketRangeInvalid(reason=f"the accounting code of {carrier} is {known[1]}")
    if not await repository.insert_range(uow, carrier, accounting_code, first, last):
        return False
    added: Fields = {"accounting_code": accounting_code, "first": first, "last": last}
    await record(uow, Entry(action="tickets.range_added", subject=f"carrier:{carrier}", after=added))
    return True


async def enough_numbers(uow: UnitOfWork, validating_carrier: str, tickets: Sequence[TicketToIssue]) -> bool:
    """Whether the carrier's ranges have room for these tickets now; nothing is locked or taken."""
    return await repository.has_numbers(uow, validating_carrier, _documents_needed(tickets))


def _documents_needed(tickets: Sequence[TicketToIssue]) -> int:
    return sum(1 for ticket in tickets for _ in in_documents(ticket.coupons))


async def issue_tickets(
    uow: UnitOfWork, order_id: OrderId, validating_carrier: str, sale: Sale, tickets: Sequence[TicketToIssue]
) -> list[str]:
    """Issue one document per passenger, more in conjunction beyond four coupons; answers the numbers in order.

    Each document is posted: what the customer had deposited becomes unflown value of its coupons and taxes payable.
    To be called last in the unit of work: the number range's lock is the last one taken, and nothing but the documents
    is written under it. Raises :class:`TicketNumbersExhausted`; the unit of work must not be committed then. A segment
    that a passenger holds a live coupon for is refused by the database.
    """
    issued_at = uow.effective_at
    parts = [
        DocumentPart(DocumentId(new_uuid()), ticket, sequence, coupons)
        for ticket in tickets
        for sequence, coupons in enumerate(in_documents(ticket.coupons), start=1)
    ]
    await post_all(uow, [issued(part.id, part.coupons, order_id, sale, issued_at) for part in parts])
    block = await repository.take_numbers(uow, validating_carrier, len(parts))
    if block is None:
        raise TicketNumbersExhausted
    numbers = [document_number(block.accounting_code, block.first + place) for place in range(len(parts))]
    documents: list[dict[str, Any]] = []
    first_of_journey: UUID | None = None
    for number, part in zip(numbers, parts, strict=True):
        first_of_journey = None if part.sequence == 1 else first_of_journey
        documents.append(
            {
                "id": part.id,
                "number": number,
                "type": DocumentType.TICKET,
                "order_id": order_id,
                "passenger_id": part.ticket.passenger_id,
                "passenger_name": part.ticket.passenger_name,
                "validating_carrier": validating_carrier,
                "conjunction_of": first_of_journey,
                "conjunction_sequence": part.sequence,
                "total_minor": part.ticket.total.minor,
                "currency": part.ticket.total.currency,
                "channel": sale.channel,
                "seller_id": sale.seller_id,
                "agent_id": sale.agent_id,
                "point_of_sale": sale.point_of_sale,
                "issued_by": uow.actor.name,
            }
        )
        first_of_journey = first_of_journey or part.id
    subject = encode_id(ids.ORDER, order_id)
    await record(uow, Entry(action="tickets.issued", subject=subject, order_id=order_id, after={"numbers": numbers}))
    coupons = [row for part in parts for row in _coupon_rows(part)]
    await repository.insert_documents(uow, documents, coupons, issued_at)
    return numbers


def _coupon_rows(part: DocumentPart) -> Iterator[dict[str, Any]]:
    for position, coupon in enumerate(part.coupons, start=1):
        yield {
            "document_id": part.id,
            "number": position,
            "passenger_id": part.ticket.passenger_id,
            "segment_id": coupon.segment_id,
            "carrier": coupon.carrier,
            "flight_number": coupon.flight_number,
            "origin": coupon.origin,
            "destination": coupon.destination,
            "departure_date": coupon.departure_date,
            "booking_class": coupon.booking_class,
            "fare_basis": coupon.fare_basis,
            "value_minor": coupon.value.minor,
            "carrier_charges_minor": coupon.carrier_charges.minor,
            "currency": coupon.value.currency,
        }


async def move_coupons(
    uow: UnitOfWork, coupons: Sequence[tuple[DocumentId, int]], target: CouponStatus, reason: str, *, source: str
) -> None:
    """Move coupons, named by document and number, to ``target``; the caller holds the lock of their order.

    ``source`` names what moves them (a quote, a closed flight) and can move a coupon to one status only once. Raises
    InvalidStateTransition if the table does not allow one of the moves, LookupError for a coupon that does not exist;
    nothing is moved then.
    """
    present = await repository.lock_coupons(uow, coupons)
    if len(present) != len(set(coupons)):
        raise LookupError("a coupon to move does not exist")
    for status in present.values():
        COUPON_TRANSITIONS.require(status, target)
    await repository.write_coupon_status(uow, list(present), target, reason, source)


async def coupons_moved_by(
    connection: Connection, coupons: Sequence[tuple[DocumentId, int]], target: CouponStatus, *, source: str
) -> set[tuple[DocumentId, int]]:
    """Those of the coupons that ``source`` has moved to ``target`` at some time, whatever became of them since."""
    return await repository.coupons_moved_by(connection, coupons, target, source)


async def void_documents(uow: UnitOfWork, documents: Sequence[Document], reason: str, *, source: str) -> None:
    """Undo documents, with all their coupons; the caller holds the lock of their order.

    Whether it is the day of issue is for the caller to see. Raises InvalidStateTransition unless every coupon is open.
    """
    for document in documents:
        DOCUMENT_TRANSITIONS.require(document.status, DocumentStatus.VOID)
    coupons = [(document.id, coupon.number) for document in documents for coupon in document.coupons]
    await move_coupons(uow, coupons, CouponStatus.VOID, reason, source=source)
    await repository.write_document_status(uow, [document.id for document in documents], DocumentStatus.VOID)
