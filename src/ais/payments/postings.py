"""What money that comes and goes does to the books. Channel and seller are those under which the payment was begun."""

from __future__ import annotations

from ais.kit import Money
from ais.kit.ids import TravelCreditId
from ais.ledger import Account, Entry, Posting, credit, debit
from ais.payments.domain import Payment, Refund


def captured(payment: Payment, received: Money, lies: tuple[Entry, ...]) -> Posting:
    """The payment has brought ``received``: it is the customer's until it buys something. ``lies`` says where it is."""
    return Posting(
        kind="captured",
        cause_type="payment",
        cause_id=str(payment.id),
        order_id=payment.order_id,
        channel=payment.channel,
        seller_id=payment.seller_id,
        form_of_payment=payment.method,
        entries=(*lies, credit(Account.CUSTOMER_DEPOSITS, received)),
    )


def refunded(payment: Payment, refund: Refund, went: tuple[Entry, ...]) -> Posting:
    """The refund has left for where its payment came from; ``went`` says from which account."""
    return _of_refund(
        "refunded",
        payment,
        refund,
        (debit(Account.REFUNDS_PAYABLE, refund.amount), *went),
    )


def refund_taken_back(payment: Payment, refund: Refund, came: tuple[Entry, ...]) -> Posting:
    """The bank returned what had left: it is owed again; ``came`` says to which account."""
    return _of_refund(
        "refund_taken_back",
        payment,
        refund,
        (*came, credit(Account.REFUNDS_PAYABLE, refund.amount)),
    )


def given_at_provider(payment: Payment, refund: Refund, from_deposits: Money) -> Posting:
    """Somebody gave money back at the provider's side, without any coupon given up: what the customer had left with us
    (``from_deposits``) first, the rest is compensation.
    """
    return _of_refund(
        "given_at_provider",
        payment,
        refund,
        (
            debit(Account.CUSTOMER_DEPOSITS, from_deposits),
            debit(Account.COMPENSATION, refund.amount - from_deposits),
            credit(Account.REFUNDS_PAYABLE, refund.amount),
        ),
    )


def gift_taken_back(payment: Payment, refund: Refund) -> Posting:
    """What somebody gave back at the provider's side came back from the bank: it was no compensation after all."""
    return _of_refund(
        "gift_taken_back",
        payment,
        refund,
        (debit(Account.REFUNDS_PAYABLE, refund.amount), credit(Account.COMPENSATION, refund.amount)),
    )


def refunded_as_credit(payment: Payment, refund: Refund, credit_id: TravelCreditId) -> Posting:
    """What was owed to the customer is now owed as travel."""
    return _of_refund(
        "refunded",
        payment,
        refund,
        (
            debit(Account.REFUNDS_PAYABLE, refund.amount),
            credit(Account.TRAVEL_CREDIT, refund.amount, credit_id=credit_id),
        ),
    )


def _of_refund(kind: str, payment: Payment, refund: Refund, entries: tuple[Entry, ...]) -> Posting:
    return Posting(
        kind=kind,
        cause_type="refund",
        cause_id=str(refund.id),
        order_id=refund.order_id,
        channel=payment.channel,
        seller_id=payment.seller_id,
        form_of_payment=payment.method,
        entries=entries,
    )
