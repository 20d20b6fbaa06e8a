"""Documents, coupons and their states. Pure.

The ticket number has 13 digits: the carrier's three-digit accounting code, then ten digits of form and serial. A
document holds at most four coupons; a longer journey goes on in conjunction tickets with the next serials.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

import msgspec

from ais.kit import Money, Transitions, total
from ais.kit.ids import DocumentId, OrderId

COUPONS_PER_DOCUMENT = 4
SERIAL_DIGITS = 10


class DocumentType(StrEnum):
    """What the document is for."""

    TICKET = "ticket"


class DocumentStatus(StrEnum):
    """Issued, or undone on the day of issue; what happened to its coupons stands on them."""

    ISSUED = "issued"
    VOID = "void"


class CouponStatus(StrEnum):
    """State of one coupon; in brackets the one-letter code of the trade."""

    OPEN = "open"  # O
    AIRPORT_CONTROL = "airport_control"  # A
    CHECKED_IN = "checked_in"  # C
    LIFTED = "lifted"  # L
    FLOWN = "flown"  # F
    EXCHANGED = "exchanged"  # E
    REFUNDED = "refunded"  # R
    VOID = "void"  # V
    SUSPENDED = "suspended"  # S
    NO_SHOW = "no_show"


DOCUMENT_TRANSITIONS: Transitions[DocumentStatus] = Transitions(
    "document.status", {DocumentStatus.ISSUED: (DocumentStatus.VOID,), DocumentStatus.VOID: ()}
)

# Exchanged and refunded may go back to open on the same day only, which the use case checks.
COUPON_TRANSITIONS: Transitions[CouponStatus] = Transitions(
    "coupon.status",
    {
        CouponStatus.OPEN: (
            CouponStatus.AIRPORT_CONTROL,
            CouponStatus.CHECKED_IN,
            CouponStatus.EXCHANGED,
            CouponStatus.REFUNDED,
            CouponStatus.VOID,
            CouponStatus.SUSPENDED,
            CouponStatus.NO_SHOW,
        ),
        CouponStatus.AIRPORT_CONTROL: (CouponStatus.OPEN, CouponStatus.CHECKED_IN, CouponStatus.LIFTED),
        CouponStatus.CHECKED_IN: (
            CouponStatus.OPEN,
            CouponStatus.AIRPORT_CONTROL,
            CouponStatus.LIFTED,
            CouponStatus.NO_SHOW,
        ),
        CouponStatus.LIFTED: (CouponStatus.FLOWN, CouponStatus.CHECKED_IN, CouponStatus.OPEN),
        CouponStatus.FLOWN: (),
        CouponStatus.EXCHANGED: (CouponStatus.OPEN,),
        CouponStatus.REFUNDED: (CouponStatus.OPEN,),
        CouponStatus.VOID: (),
        CouponStatus.SUSPENDED: (CouponStatus.OPEN, CouponStatus.REFUNDED, CouponStatus.EXCHANGED),
        CouponStatus.NO_SHOW: (CouponStatus.OPEN, CouponStatus.REFUNDED, CouponStatus.EXCHANGED),
    },
)


class Sale(msgspec.Struct, frozen=True):
    """Through which door, by whom and where the documents were sold, whoever issues them."""

    channel: str
    seller_id: str | None
    agent_id: str | None
    point_of_sale: str | None


class CouponCharge(msgspec.Struct, frozen=True):
    """A carrier charge of a coupon: the carrier's own money, kept apart from the fare."""

    code: str
    amount: Money


class CouponTax(msgspec.Struct, frozen=True):
    """A tax or fee of a coupon, and to whom it is owed."""

    authority: str
    code: str
    amount: Money


class CouponToIssue(msgspec.Struct, frozen=True):
    """One flight coupon to be: the order's segment and what is printed of it.

    ``value`` is its share of the fare; ``charges``, ``taxes`` and ``rounding`` are what else was paid for it.
    """

    segment_id: UUID
    carrier: str
    flight_number: str
    origin: str
    destination: str
    departure_date: date
    booking_class: str
    fare_basis: str
    value: Money
    charges: tuple[CouponCharge, ...] = ()
    taxes: tuple[CouponTax, ...] = ()
    rounding: Money | None = None

    @property
    def carrier_charges(self) -> Money:
        """All carrier charges of the coupon."""
        return total((charge.amount for charge in self.charges), self.value.currency)


class TicketToIssue(msgspec.Struct, frozen=True):
    """One passenger's journey to be ticketed, in order of travel; ``total`` is all that the passenger pays."""

    passenger_id: UUID
    passenger_name: str
    coupons: tuple[CouponToIssue, ...]
    total: Money


class Coupon(msgspec.Struct, frozen=True):
    """A coupon as it stands: ``number`` 1 to 4 within its document.

    Its value to the carrier is its share of the fare, ``value``, and its ``carrier_charges``.
    """

    number: int
    segment_id: UUID
    status: CouponStatus
    value: Money
    carrier_charges: Money


class Document(msgspec.Struct, frozen=True):
    """A document as it stands. ``conjunction_with`` holds the other numbers of the same journey."""

    id: DocumentId
    order_id: OrderId
    passenger_id: UUID
    number: str
    type: DocumentType
    status: DocumentStatus
    issued_at: datetime
    validating_carrier: str
    conjunction_with: tuple[str, ...]
    coupons: tuple[Coupon, ...]


def document_number(accounting_code: str, serial: int) -> str:
    """The 13 digits of a document: ``document_number("999", 2400000001) == "9992400000001"``."""
    if len(accounting_code) != 3 or not accounting_code.isdigit() or not 0 <= serial < 10**SERIAL_DIGITS:
        raise ValueError(f"{accounting_code!r} and {serial} make no document number")
    return f"{accounting_code}{serial:0{SERIAL_DIGITS}d}"


class CheckDigitBase(StrEnum):
    """Over what the check digit is taken: both are in use."""

    DOCUMENT = "document"  # the 13 digits
    COUPON = "coupon"  # the coupon's number before the 13 digits


def check_digit(number: str, *, coupon: int = 0, base: CheckDigitBase = CheckDigitBase.COUPON) -> int:
    """The remainder modulo 7 that is printed after the number; never part of the number itself.

    ``check_digit("1333417890112", coupon=0) == int("01333417890112") % 7``.
    """
    if len(number) != 13 or not number.isdigit():
        raise ValueError(f"{number!r} is not a document number of 13 digits")
    digits = number if base is CheckDigitBase.DOCUMENT else f"{coupon}{number}"
    return int(digits) % 7


T = TypeVar("T")


def in_documents(coupons: Sequence[T]) -> Iterator[Sequence[T]]:
    """The coupons of a journey, at most four to a document, in order."""
    for first in range(0, len(coupons), COUPONS_PER_DOCUMENT):
        yield coupons[first : first + COUPONS_PER_DOCUMENT]


_NOT_A_LETTER = re.compile(r"[^A-Z ]")
# Letters that do not come apart into a base letter and an accent; spelled as in machine readable documents (ICAO 9303).
_SPELLED = {
    "Æ": "AE", "Œ": "OE", "Ø": "OE", "Å": "AA", "Þ": "TH", "Ð": "D", "ß": "SS", "Ł": "L", "Đ": "D", "Ħ": "H", "ı": "I",
    "Ŋ": "N", "Ä": "AE", "Ö": "OE", "Ü": "UE", "Ñ": "N", "Ŧ": "T", "Ə": "E", "ĸ": "Q",
}  # fmt: skip
UNKNOWN_GIVEN_NAME = "FNU"


def ticket_name(family_name: str, given_name: str, title: str | None = None) -> str:
    """The name as a document shows it: ``ALHARBI/SARA MRS``.

    Upper case A-Z and single spaces; hyphens and apostrophes go; a person with one name shows ``FNU`` (first name
    unknown). At most 59 characters, the length that IATA's ticketing messages carry.
    """
    family = _latin(family_name)
    given = _latin(given_name) or UNKNOWN_GIVEN_NAME
    shown = f"{family}/{given}" + (f" {_latin(title)}" if title else "")
    return shown[:59].rstrip()


def _latin(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    spelled = "".join(_SPELLED.get(character, _SPELLED.get(character.upper(), character)) for character in composed)
    plain = unicodedata.normalize("NFKD", spelled).upper().replace("-", " ")
    return " ".join(_NOT_A_LETTER.sub("", "".join(c for c in plain if not unicodedata.combining(c))).split())
