"""What orders do to the books with money that bought nothing."""

from __future__ import annotations

from ais.ledger import Account, Posting, credit, debit
from ais.payments import Payment, Refund


def returned(payment: Payment, refund: Refund) -> Posting:
    """The refund gives back what lay with us as a deposit: it is owed to the customer again."""
    return Posting(
        kind="returned",
        cause_type="refund",
        cause_id=str(refund.id),
        order_id=payment.order_id,
        channel=payment.channel,
        seller_id=payment.seller_id,
        form_of_payment=payment.method,
        entries=(
            debit(Account.CUSTOMER_DEPOSITS, refund.amount),
            credit(Account.REFUNDS_PAYABLE, refund.amount),
        ),
    )
