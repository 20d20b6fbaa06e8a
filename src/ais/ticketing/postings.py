"""What documents do to the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ais.kit import Money
from ais.kit.ids import DocumentId, OrderId
from ais.ledger import Account, Entry, Posting, credit, debit
from ais.ticketing.domain import CouponToIssue, Sale


def issued(
    document_id: DocumentId, coupons: Sequence[CouponToIssue], order_id: OrderId, sale: Sale, issued_at: datetime
) -> Posting:
    """The document is sold: what was paid for its coupons leaves the deposits and is owed as carriage and as taxes."""
    entries: list[Entry] = []
    for number, coupon in enumerate(coupons, start=1):
        entries.append(credit(Account.UNFLOWN_FARE, coupon.value, document_id=document_id, coupon_number=number))
        entries.extend(
            credit(
                Account.UNFLOWN_CARRIER_CHARGES,
                charge.amount,
                code=charge.code,
                document_id=document_id,
                coupon_number=number,
            )
            for charge in coupon.charges
        )
        entries.extend(
            credit(
                Account.TAX_PAYABLE,
                tax.amount,
                authority=tax.authority,
                code=tax.code,
                document_id=document_id,
                coupon_number=number,
            )
            for tax in coupon.taxes
        )
        if coupon.rounding is not None:
            entries.append(credit(Account.ROUNDING, coupon.rounding, document_id=document_id, coupon_number=number))
    sold = Money(-sum(entry.amount_minor for entry in entries), coupons[0].value.currency)
    return Posting(
        kind="issued",
        cause_type="document",
        cause_id=str(document_id),
        order_id=order_id,
        channel=sale.channel,
        seller_id=sale.seller_id,
        happened_at=issued_at,
        entries=(debit(Account.CUSTOMER_DEPOSITS, sold), *entries),
    )
