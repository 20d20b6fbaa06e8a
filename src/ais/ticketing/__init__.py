"""Ticketing: documents of 13 digits, their coupons, and the ranges the numbers come from.

Numbers are unique, never reused, and each is accounted for: a document, issued or void, or unused. A document has at
most four coupons; a longer journey goes on in conjunction. Coupons move only as their table of states allows, each move
is recorded, and of one passenger and segment at most one coupon lives. The order is known here by its id alone.
"""

from ais.ticketing.domain import (
    COUPON_TRANSITIONS,
    DOCUMENT_TRANSITIONS,
    Coupon,
    CouponCharge,
    CouponStatus,
    CouponTax,
    CouponToIssue,
    Document,
    DocumentStatus,
    Sale,
    TicketToIssue,
    check_digit,
    ticket_name,
)
from ais.ticketing.errors import TicketNumbersExhausted, TicketRangeInvalid
from ais.ticketing.invariants import INVARIANTS
from ais.ticketing.repository import (
    NumberRange,
    OpenCoupons,
    documents_of_order,
    documents_of_orders,
    number_ranges,
    open_coupon_values,
)
from ais.ticketing.service import (
    add_number_range,
    coupons_moved_by,
    enough_numbers,
    issue_tickets,
    move_coupons,
    void_documents,
)

__all__ = [
    "COUPON_TRANSITIONS",
    "DOCUMENT_TRANSITIONS",
    "INVARIANTS",
    "Coupon",
    "CouponCharge",
    "CouponStatus",
    "CouponTax",
    "CouponToIssue",
    "Document",
    "DocumentStatus",
    "NumberRange",
    "OpenCoupons",
    "Sale",
    "TicketNumbersExhausted",
    "TicketRangeInvalid",
    "TicketToIssue",
    "add_number_range",
    "check_digit",
    "coupons_moved_by",
    "documents_of_order",
    "documents_of_orders",
    "enough_numbers",
    "issue_tickets",
    "move_coupons",
    "number_ranges",
    "open_coupon_values",
    "ticket_name",
    "void_documents",
]
