"""Travel credit: issued by a refund, never below zero, each movement kept."""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID, uuid5

from ais.kit import Money, encode_id, ids, system_actor
from ais.kit.ids import PaymentId, RefundId, TravelCreditId
from ais.ledger import Account, Posting, debit, post
from ais.ledger import credit as book_credit
from ais.payments import postings, repository
from ais.payments.domain import (
    TRAVEL_CREDIT_VALIDITY,
    CreditMovement,
    PaymentMethod,
    PaymentOpening,
    ProviderPayment,
    ProviderRefund,
    RefundDestination,
    RefundStatus,
    TravelCredit,
)
from ais.payments.errors import PaymentFailed
from ais.payments.service.own import done_payment, lock_attempt, own_id
from ais.payments.service.refund import lock_payment, require_undisputed, tell_settled
from ais.platform.audit import Entry, Fields, record
from ais.platform.database import Database, UnitOfWork

# Money that comes back to a credit can be used at least so long, even if the credit was over meanwhile.
RETURNED_CREDIT_VALIDITY = timedelta(days=90)

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
    :class:`RefundExceedsPaid` if less than ``amount`` was received and not yet given back, :class:`RefundsFrozen` while
    the payment is disputed, LookupError for one that is gone. The order is told by ``RefundSettled``.
    """
    payment = await lock_payment(uow, payment_id)
    known = await repository.find_credit_of_refund(uow.connection, refund_id)
    if known is not None:
        return known
    await require_undisputed(uow, payment, amount)
    refund = await repository.insert_refund(uow, refund_id, payment, amount, reason, RefundDestination.TRAVEL_CREDIT)
    credit_id = TravelCreditId(uuid5(refund_id, "travel credit"))
    code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
    credit = await repository.insert_credit(
        uow, credit_id, code, payment.order_id, refund_id, amount, uow.clock.now() + valid_for
    )
    await repository.write_refund_state(
        uow, refund, RefundStatus.SUCCEEDED, encode_id(ids.TRAVEL_CREDIT, credit_id), None
    )
    after = {"amount": str(amount), "refund": encode_id(ids.REFUND, refund_id)}
    await record(uow, _entry("credit.issued", credit_id, after, payment.order_id))
    await post(uow, postings.refunded_as_credit(payment, refund, credit_id))
    tell_settled(uow, refund, RefundStatus.SUCCEEDED)
    return credit


async def expire_credit(uow: UnitOfWork, credit_id: TravelCreditId) -> None:
    """Take what is left of a credit whose time is over: it is ours from then on. Harmless if there is nothing left."""
    credit = await repository.lock_credit(uow, credit_id)
    if credit is None or not credit.balance or credit.expires_at > uow.clock.now():
        return
    await record(uow, _entry("credit.expired", credit_id, {"amount": str(credit.balance)}, credit.order_id))
    cause_id = uuid5(credit_id, f"expired {credit.expires_at.isoformat()}")
    await repository.move_credit(uow, credit, CreditMovement.EXPIRED, -credit.balance, cause_id)
    await post(
        uow,
        Posting(
            kind="credit_expired",
            cause_type="travel_credit",
            cause_id=str(cause_id),
            entries=(
                debit(Account.TRAVEL_CREDIT, credit.balance, credit_id=credit_id),
                book_credit(Account.BREAKAGE, credit.balance),
            ),
        ),
    )


def _entry(action: str, credit_id: UUID, after: Fields, order_id: UUID | None) -> Entry:
    return Entry(action=action, subject=encode_id(ids.TRAVEL_CREDIT, credit_id), order_id=order_id, after=after)


class CreditGateway:
    """Pays from a travel credit as much as an order needs. Opening a payment takes the money at once; a credit that is
    too small, over, or of another currency is refused and keeps what it has.
    """

    name = "credit"
    methods = frozenset({PaymentMethod.TRAVEL_CREDIT})

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, opening: PaymentOpening) -> ProviderPayment:
        payment_id = own_id(ids.PAYMENT, opening.reference)
        assert opening.funding_id is not None
        async with self._database.unit_of_work(system_actor("payments.credit")) as uow:
            is_open = await lock_attempt(uow, PaymentId(payment_id))
            credit = await repository.lock_credit(uow, TravelCreditId(opening.funding_id))
            if await repository.find_credit_movement(uow.connection, CreditMovement.SPENT, payment_id) is None:
                if (
                    not is_open
                    or credit is None
                    or credit.expires_at <= uow.clock.now()
                    or credit.balance.currency != opening.amount.currency
                ):
                    raise PaymentFailed
                if credit.balance < opening.amount:
                    raise PaymentFailed(reason="travel_credit_too_small")
                await repository.move_credit(uow, credit, CreditMovement.SPENT, -opening.amount, payment_id)
                after = {"amount": str(opening.amount), "payment": opening.reference}
                await record(uow, _entry("credit.spent", credit.id, after, own_id(ids.ORDER, opening.order_reference)))
        return done_payment(opening.reference, opening.amount)

    async def retrieve(self, provider_payment_id: str) -> ProviderPayment:
        payment_id = own_id(ids.PAYMENT, provider_payment_id)
        async with self._database.connection() as connection:
            spent = await repository.find_credit_movement(connection, CreditMovement.SPENT, payment_id)
        if spent is None:
            raise LookupError(f"{provider_payment_id} took nothing from a travel credit")
        return done_payment(provider_payment_id, -spent)

    async def cancel(self, provider_payment_id: str) -> ProviderPayment:
        return await self.retrieve(provider_payment_id)

    async def refund(self, capture_id: str, amount: Money, *, reference: str, key: str) -> ProviderRefund:  # noqa: ARG002  # the reference is the key
        refund_id = own_id(ids.REFUND, reference)
        async with self._database.unit_of_work(system_actor("payments.credit")) as uow:
            payment = await repository.find_payment(uow.connection, PaymentId(own_id(ids.PAYMENT, capture_id)))
            if payment is None or payment.funding_id is None:
                raise LookupError(f"{capture_id} is no payment by travel credit")
            credit = await repository.lock_credit(uow, TravelCreditId(payment.funding_id))
            assert credit is not None
            if await repository.find_credit_movement(uow.connection, CreditMovement.RETURNED, refund_id) is None:
                await repository.move_credit(uow, credit, CreditMovement.RETURNED, amount, refund_id)
                after = {"amount": str(amount), "refund": reference}
                await record(uow, _entry("credit.returned", credit.id, after, payment.order_id))
                await repository.lengthen_credit(uow, credit.id, uow.clock.now() + RETURNED_CREDIT_VALIDITY)
        return await self.retrieve_refund(reference)

    async def retrieve_refund(self, provider_refund_id: str) -> ProviderRefund:
        refund_id = own_id(ids.REFUND, provider_refund_id)
        async with self._database.connection() as connection:
            returned = await repository.find_credit_movement(connection, CreditMovement.RETURNED, refund_id)
        if returned is None:
            raise LookupError(f"{provider_refund_id} has not gone back to a travel credit")
        return ProviderRefund(provider_refund_id, RefundStatus.SUCCEEDED, None, returned, provider_refund_id)
