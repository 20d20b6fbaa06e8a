"""Issuing documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ais.kit import new_uuid
from ais.kit.ids import OrderId
from ais.platform.database import UnitOfWork
from ais.ticketing import repository
from ais.ticketing.domain import SERIAL_DIGITS, DocumentType, Sale, TicketToIssue, document_number, in_documents
from ais.ticketing.errors import TicketNumbersExhausted, TicketRangeInvalid


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
    return await repository.insert_range(uow, carrier, accounting_code, first, last)


async def enough_numbers(uow: UnitOfWork, validating_carrier: str, tickets: Sequence[TicketToIssue]) -> bool:
    """Whether the carrier's ranges have room for these tickets now; nothing is locked or taken."""
    return await repository.has_numbers(uow, validating_carrier, _documents_needed(tickets))


def _documents_needed(tickets: Sequence[TicketToIssue]) -> int:
    return sum(1 for ticket in tickets for _ in in_documents(ticket.coupons))


async def issue_tickets(
    uow: UnitOfWork, order_id: OrderId, validating_carrier: str, sale: Sale, tickets: Sequence[TicketToIssue]
) -> list[str]:
    """Issue one document per passenger, more in conjunction beyond four coupons; answers the numbers in order.

    To be called last in the unit of work: the number range's lock is the last one taken. Raises
    :class:`TicketNumbersExhausted` before anything is written. A segment that a passenger holds a live coupon for is
    refused by the database.
    """
    block = await repository.take_numbers(uow, validating_carrier, _documents_needed(tickets))
    if block is None:
        raise TicketNumbersExhausted
    documents: list[dict[str, Any]] = []
    coupons: list[dict[str, Any]] = []
    for ticket in tickets:
        first_of_journey: UUID | None = None
        for sequence, part in enumerate(in_documents(ticket.coupons), start=1):
            document_id = new_uuid()
            number = document_number(block.accounting_code, block.first + len(documents))
            documents.append(
                {
                    "id": document_id,
                    "number": number,
                    "type": DocumentType.TICKET,
                    "order_id": order_id,
                    "passenger_id": ticket.passenger_id,
                    "passenger_name": ticket.passenger_name,
                    "validating_carrier": validating_carrier,
                    "conjunction_of": first_of_journey,
                    "conjunction_sequence": sequence,
                    "total_minor": ticket.total.minor,
                    "currency": ticket.total.currency,
                    "channel": sale.channel,
                    "seller_id": sale.seller_id,
                    "agent_id": sale.agent_id,
                    "point_of_sale": sale.point_of_sale,
                    "issued_by": uow.actor.name,
                }
            )
            coupons.extend(
                {
                    "document_id": document_id,
                    "number": position,
                    "passenger_id": ticket.passenger_id,
                    "segment_id": coupon.segment_id,
                    "carrier": coupon.carrier,
                    "flight_number": coupon.flight_number,
                    "origin": coupon.origin,
                    "destination": coupon.destination,
                    "departure_date": coupon.departure_date,
                    "booking_class": coupon.booking_class,
                    "fare_basis": coupon.fare_basis,
                    "value_minor": coupon.value.minor,
                    "currency": coupon.value.currency,
                }
                for position, coupon in enumerate(part, start=1)
            )
            first_of_journey = first_of_journey or document_id
    await repository.insert_documents(uow, documents, coupons)
    return [document["number"] for document in documents]
