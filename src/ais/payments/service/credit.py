"""Travel credit: issued by a refund, never below zero, each movement kept."""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import uuid5

from ais.kit import Money, encode_id, ids
from ais.kit.ids import PaymentId, RefundId, TravelCreditId
from ais.ledger import post
from ais.payments import postings, repository
from ais.payments.domain import TRAVEL_CREDIT_VALIDITY, RefundDestination, RefundStatus, TravelCredit
from ais.payments.service.refund import lock_payment, require_refundable, tell_settled
from ais.platform.database import UnitOfWork

# Crockford's base 32: nothing that is read as something else. 20 of them are 100 bits, too many to guess.
_CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 20


async def issue_travel_credit(
    uow: UnitOfWork,
    refund_id: RefundId,
    payment_id: PaymentId,
    amount: Money,
    reason: str,
    valid_for: timedelta = TRAVEL_CREDIT_VALIDITY,
) -> TravelCredit:
    """Give ``amount`` of a payment back as travel credit: a refund that is done at once, and the credit it issues.

    The caller holds the order's lock. Repeating it with the same ``refund_id`` answers the credit that exists. Raises
    :class:`RefundExceedsPaid` if less than ``amount`` was received and not yet given back, LookupError for a payment
    that is gone. The order is told as of every refund, by ``RefundSettled``.
    """
    payment = await lock_payment(uow, payment_id)
    known = await repository.find_credit_of_refund(uow.connection, refund_id)
    if known is not None:
        return known
    require_refundable(payment, amount)
    refund = await repository.insert_refund(uow, refund_id, payment, amount, reason, RefundDestination.TRAVEL_CREDIT)
    credit_id = TravelCreditId(uuid5(refund_id, "travel credit"))
    code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
    credit = await repository.insert_credit(
        uow, credit_id, code, payment.order_id, refund_id, amount, uow.clock.now() + valid_for
    )
    await repository.write_refund_state(
        uow, refund, RefundStatus.SUCCEEDED, encode_id(ids.TRAVEL_CREDIT, credit_id), None
    )
    await post(uow, postings.refunded_as_credit(payment, refund, credit_id))
    tell_settled(uow, refund, RefundStatus.SUCCEEDED)
    return credit
