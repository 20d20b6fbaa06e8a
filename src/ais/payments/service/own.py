"""What our own gateways share: payments that succeed when they are opened, known by our own ids."""

from __future__ import annotations

from uuid import UUID

from ais.kit import Money, decode_id
from ais.kit.ids import PaymentId
from ais.ledger import Account, Entry, debit
from ais.payments import repository
from ais.payments.domain import CreditMovement, Payment, PaymentStatus, ProviderPayment
from ais.platform.database import Connection, UnitOfWork


def own_id(prefix: str, reference: str) -> UUID:
    """The id that our own reference writes; raises LookupError."""
    found = decode_id(prefix, reference)
    if found is None:
        raise LookupError(f"{reference!r} is no reference of ours")
    return found


def done_payment(reference: str, amount: Money) -> ProviderPayment:
    """A payment of ours that has taken its money."""
    return ProviderPayment(
        id=reference,
        status=PaymentStatus.SUCCEEDED,
        amount=amount,
        received=amount,
        client_secret=None,
        reference=reference,
        failure_code=None,
        capture_id=reference,
    )


async def lock_attempt(uow: UnitOfWork, payment_id: PaymentId) -> bool:
    """Lock the attempt that money is about to be taken for, so that nobody ends it meanwhile; answers whether it is
    open. What is taken for one that has ended, nobody would look for.
    """
    payment = await repository.lock_payment(uow, payment_id)
    return payment is not None and payment.is_open


async def has_taken(connection: Connection, payment: Payment) -> bool:
    """Whether money of our own books was taken for the attempt. The caller holds its lock."""
    if payment.provider == "agency":
        return await repository.find_agency_movement(connection, "paid", payment.id) is not None
    if payment.provider == "cash":
        return await repository.find_receipt(connection, "paid", payment.id) is not None
    if payment.provider == "credit":
        return await repository.find_credit_movement(connection, CreditMovement.SPENT, payment.id) is not None
    return False


async def where_it_lies(
    connection: Connection, payment: Payment, money: Money, refund_id: UUID | None = None
) -> tuple[Entry, ...]:
    """The accounts on which money of a payment lies, debited by ``money``: at the provider, in an agency's deposit or
    debt, in a drawer, in a travel credit. Of a refund (``money`` negative) where it has gone to.
    """
    if payment.provider == "agency":
        kind, cause = ("paid", payment.id) if refund_id is None else ("returned", refund_id)
        movement = await repository.find_agency_movement(connection, kind, cause)
        if movement is None or movement.amount != -money:
            raise LookupError(f"payment {payment.id} has not moved {money} of an agency")
        agency = str(payment.funding_id)
        return (
            debit(Account.AGENCY_DEPOSIT, movement.of_deposit, agency_id=agency),
            debit(Account.AGENCY_RECEIVABLE, movement.of_receivable, agency_id=agency),
        )
    if payment.provider == "cash":
        kind, cause = ("paid", payment.id) if refund_id is None else ("paid_out", refund_id)
        receipt = await repository.find_receipt(connection, kind, cause)
        if receipt is None or receipt.amount != money:
            raise LookupError(f"payment {payment.id} has no receipt of {money}")
        return (debit(Account.CASH, money, office=receipt.office, shift=str(receipt.shift_id)),)
    if payment.provider == "credit":
        return (debit(Account.TRAVEL_CREDIT, money, credit_id=payment.funding_id),)
    return (debit(Account.PROVIDER_CLEARING, money, provider=payment.provider),)
