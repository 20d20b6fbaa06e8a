"""Identifiers: UUIDs inside, opaque prefixed strings outside.

A new id is a UUID of version 7 (RFC 9562), so that rows made one after the other lie beside each other in an index.
Outside it is written as its prefix and 26 characters of Crockford's base 32, lower case: ``ord_01jc…``.
"""

from __future__ import annotations

import os
import time
from typing import NewType
from uuid import UUID

OrderId = NewType("OrderId", UUID)
PassengerId = NewType("PassengerId", UUID)
OrderSegmentId = NewType("OrderSegmentId", UUID)
OrderItemId = NewType("OrderItemId", UUID)
PaymentId = NewType("PaymentId", UUID)
RefundId = NewType("RefundId", UUID)
DocumentId = NewType("DocumentId", UUID)
TravelCreditId = NewType("TravelCreditId", UUID)
AgencyId = NewType("AgencyId", UUID)
DisputeId = NewType("DisputeId", UUID)
CashShiftId = NewType("CashShiftId", UUID)
CancellationQuoteId = NewType("CancellationQuoteId", UUID)
ApprovalId = NewType("ApprovalId", UUID)
ApiKeyId = NewType("ApiKeyId", UUID)
GrantId = NewType("GrantId", UUID)
UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
PersonId = NewType("PersonId", UUID)

ORDER, PASSENGER, SEGMENT, ITEM = "ord", "pas", "seg", "itm"
PAYMENT, REFUND, DOCUMENT, FLIGHT_DATE = "pay", "rfd", "doc", "fld"
POSTING = "pst"
TRAVEL_CREDIT, CANCELLATION_QUOTE = "tcr", "ccq"
AGENCY, CASH_SHIFT, DISPUTE = "agy", "shf", "dsp"
AUDIT_ENTRY = "aud"
USER, SESSION = "usr", "ses"
APPROVAL, API_KEY, GRANT = "apr", "key", "grt"

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 26


def new_uuid() -> UUID:
    """A UUID of version 7: 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)


def encode_id(prefix: str, identifier: UUID) -> str:
    """``prefix_`` and the 26 characters that write ``identifier``."""
    value, characters = identifier.int, []
    for _ in range(_LENGTH):
        characters.append(_ALPHABET[value & 31])
        value >>= 5
    return f"{prefix}_{''.join(reversed(characters))}"


def decode_id(prefix: str, text: str) -> UUID | None:
    """The UUID that ``text`` writes under ``prefix``, or None if it writes none."""
    head, separator, body = text.partition("_")
    if head != prefix or not separator or len(body) != _LENGTH:
        return None
    value = 0
    for character in body:
        digit = _VALUES.get(character)
        if digit is None:
            return None
        value = value << 5 | digit
    return UUID(int=value) if value < 1 << 128 else None
