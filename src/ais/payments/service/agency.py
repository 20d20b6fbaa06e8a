"""Agency deposits: an agency tops up, its agents pay from it, never beyond its credit limit."""

from __future__ import annotations

from uuid import UUID

from ais.kit import Money, encode_id, ids, new_uuid, system_actor
from ais.kit.ids import AgencyId, PaymentId
from ais.ledger import Account, Posting, debit, post
from ais.payments import repository
from ais.payments.domain import (
    Agency,
    AgencyMovement,
    PaymentMethod,
    PaymentOpening,
    ProviderPayment,
    ProviderRefund,
    RefundStatus,
)
from ais.payments.errors import AgencyNotFound, CodeTaken, CreditLimitTooLow, CurrencyDiffers, PaymentFailed
from ais.payments.service.own import done_payment, lock_attempt, own_id
from ais.platform.audit import Entry, Fields, record
from ais.platform.database import Database, UnitOfWork


async def create_agency(uow: UnitOfWork, code: str, name: str, credit_limit: Money) -> Agency:
    """A new agency with no deposit, in the currency of its limit. Raises :class:`CodeTaken`."""
    agency = await repository.insert_agency(uow, AgencyId(new_uuid()), code, name, credit_limit)
    if agency is None:
        raise CodeTaken
    await record(uow, _entry("agency.created", agency.id, {"code": code, "credit_limit": str(credit_limit)}))
    return agency


async def top_up_agency(uow: UnitOfWork, agency_id: AgencyId, amount: Money, reference: str) -> AgencyMovement:
    """Money of the agency, above zero, has come to our bank; ``reference`` is the bank's.

    Raises :class:`AgencyNotFound`, :class:`CurrencyDiffers`.
    """
    agency = await _lock(uow, agency_id, amount.currency)
    movement = await repository.move_agency(uow, agency.id, "topped_up", amount, new_uuid(), reference)
    await record(uow, _entry("agency.topped_up", agency.id, {"amount": str(amount)}))
    await post(
        uow,
        Posting(
            kind="agency_topped_up",
            cause_type="agency_movement",
            cause_id=str(movement.cause_id),
            entries=(
                debit(Account.BANK, amount),
                debit(Account.AGENCY_DEPOSIT, movement.of_deposit, agency_id=str(agency_id)),
                debit(Account.AGENCY_RECEIVABLE, movement.of_receivable, agency_id=str(agency_id)),
            ),
        ),
    )
    return movement


async def find_transfer(uow: UnitOfWork, agency_id: AgencyId, reference: str) -> AgencyMovement | None:
    """What was noted before under the bank's reference, for whoever has no key to repeat a top-up by. The agency is
    locked, so that a twin waits and finds it. Raises :class:`AgencyNotFound`.
    """
    if await repository.lock_agency(uow, agency_id) is None:
        raise AgencyNotFound
    return await repository.find_top_up(uow.connection, agency_id, reference)


async def set_credit_limit(uow: UnitOfWork, agency_id: AgencyId, credit_limit: Money) -> Agency:
    """How much the agency may owe from now, not below zero.

    Raises :class:`AgencyNotFound`, :class:`CurrencyDiffers`, and :class:`CreditLimitTooLow` if it owes more already.
    """
    agency = await _lock(uow, agency_id, credit_limit.currency)
    if (agency.balance + credit_limit).minor < 0:
        raise CreditLimitTooLow
    await repository.write_credit_limit(uow, agency, credit_limit)
    before, after = {"credit_limit": str(agency.credit_limit)}, {"credit_limit": str(credit_limit)}
    await record(uow, _entry("agency.credit_limit_set", agency_id, after, before=before))
    changed = await repository.find_agency(uow.connection, agency_id=agency_id)
    assert changed is not None
    return changed


async def _lock(uow: UnitOfWork, agency_id: AgencyId, currency: str) -> Agency:
    agency = await repository.lock_agency(uow, agency_id)
    if agency is None:
        raise AgencyNotFound
    if agency.balance.currency != currency:
        raise CurrencyDiffers
    return agency


def _entry(
    action: str, agency_id: UUID, after: Fields, *, before: Fields | None = None, order_id: UUID | None = None
) -> Entry:
    subject = encode_id(ids.AGENCY, agency_id)
    return Entry(action=action, subject=subject, order_id=order_id, before=before, after=after)


def statement_exported(agency: Agency) -> Entry:
    """What the audit trail says when an agency's statement leaves as a file."""
    return _entry("agency.statement_exported", agency.id, {"format": "csv"})


class AgencyGateway:
    """Pays from an agency's deposit and credit. Opening a payment takes the money at once, so one that is open has
    succeeded; one that the agency cannot afford is refused and leaves nothing.
    """

    name = "agency"
    methods = frozenset({PaymentMethod.AGENCY_DEPOSIT})

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, opening: PaymentOpening) -> ProviderPayment:
        payment_id = own_id(ids.PAYMENT, opening.reference)
        assert opening.funding_id is not None
        async with self._database.unit_of_work(system_actor("payments.agency")) as uow:
            is_open = await lock_attempt(uow, PaymentId(payment_id))
            agency = await repository.lock_agency(uow, AgencyId(opening.funding_id))
            if await repository.find_agency_movement(uow.connection, "paid", payment_id) is None:
                if not is_open or agency is None or agency.balance.currency != opening.amount.currency:
                    raise PaymentFailed
                if agency.available < opening.amount:
                    raise PaymentFailed(reason="credit_limit")
                await repository.move_agency(uow, agency.id, "paid", -opening.amount, payment_id, opening.description)
                order_id = own_id(ids.ORDER, opening.order_reference)
                after = {"amount": str(opening.amount), "payment": opening.reference}
                await record(uow, _entry("agency.paid", agency.id, after, order_id=order_id))
        return done_payment(opening.reference, opening.amount)

    async def retrieve(self, provider_payment_id: str) -> ProviderPayment:
        payment_id = own_id(ids.PAYMENT, provider_payment_id)
        async with self._database.connection() as connection:
            movement = await repository.find_agency_movement(connection, "paid", payment_id)
        if movement is None:
            raise LookupError(f"{provider_payment_id} took nothing from an agency")
        return done_payment(provider_payment_id, -movement.amount)

    async def cancel(self, provider_payment_id: str) -> ProviderPayment:
        return await self.retrieve(provider_payment_id)

    async def refund(self, capture_id: str, amount: Money, *, reference: str, key: str) -> ProviderRefund:  # noqa: ARG002  # the reference is the key
        refund_id = own_id(ids.REFUND, reference)
        async with self._database.unit_of_work(system_actor("payments.agency")) as uow:
            payment = await repository.find_payment(uow.connection, PaymentId(own_id(ids.PAYMENT, capture_id)))
            if payment is None or payment.funding_id is None:
                raise LookupError(f"{capture_id} is no payment of an agency")
            await repository.lock_agency(uow, AgencyId(payment.funding_id))
            if await repository.find_agency_movement(uow.connection, "returned", refund_id) is None:
                await repository.move_agency(
                    uow, AgencyId(payment.funding_id), "returned", amount, refund_id, payment.description
                )
                after = {"amount": str(amount), "refund": reference}
                await record(uow, _entry("agency.refunded", payment.funding_id, after, order_id=payment.order_id))
        return await self.retrieve_refund(reference)

    async def retrieve_refund(self, provider_refund_id: str) -> ProviderRefund:
        refund_id = own_id(ids.REFUND, provider_refund_id)
        async with self._database.connection() as connection:
            movement = await repository.find_agency_movement(connection, "returned", refund_id)
        if movement is None:
            raise LookupError(f"{provider_refund_id} has not gone back to an agency")
        return ProviderRefund(provider_refund_id, RefundStatus.SUCCEEDED, None, movement.amount, provider_refund_id)
