"""What our own gateways share: payments that succeed when they are opened, known by our own ids."""

from __future__ import annotations

from uuid import UUID

from ais.kit import Money, decode_id
from ais.ledger import Account, Entry, debit
from ais.payments import repository
from ais.payments.domain import Payment, PaymentStatus, ProviderPayment
from ais.platform.database import Connection


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
