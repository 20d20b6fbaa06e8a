"""Cash over a counter: shifts that are opened and counted, receipts in sequence, refunds paid out of a drawer."""

from __future__ import annotations

from uuid import UUID

from ais.kit import Money, encode_id, ids, new_uuid, system_actor
from ais.kit.ids import CashShiftId, PaymentId, RefundId
from ais.ledger import Account, Posting, credit, debit, post
from ais.payments import repository
from ais.payments.domain import (
    CashReceipt,
    CashShift,
    PaymentMethod,
    PaymentOpening,
    ProviderPayment,
    ProviderRefund,
    RefundStatus,
    ShiftStatus,
)
from ais.payments.errors import (
    CodeTaken,
    CurrencyDiffers,
    DrawerTooSmall,
    NothingToWriteOff,
    OfficeNotFound,
    PaymentFailed,
    RefundNotFound,
    ShiftNotFound,
    ShiftNotOpen,
)
from ais.payments.service.own import done_payment, lock_attempt, own_id
from ais.payments.service.refund import settle_refund
from ais.platform.audit import Entry, Fields, record
from ais.platform.database import Connection, Database, UnitOfWork
from ais.platform.staff_queue import ask_staff, resolve_staff_queue


async def create_office(uow: UnitOfWork, code: str, name: str, currency: str) -> None:
    """A place with counters, which has receipt numbers of its own. Raises :class:`CodeTaken`."""
    if not await repository.insert_office(uow, new_uuid(), code, name, currency):
        raise CodeTaken
    await record(uow, Entry(action="cash.office_added", subject=f"office:{code}", after={"currency": currency}))


async def open_shift(uow: UnitOfWork, office: str, clerk: str, opening_float: Money) -> CashShift:
    """A drawer is opened with ``opening_float``, not below zero, from the bank.

    Raises :class:`OfficeNotFound`, :class:`CurrencyDiffers`, and :class:`ShiftNotOpen` if the clerk has a shift open
    there.
    """
    found = await repository.find_office(uow.connection, office)
    if found is None:
        raise OfficeNotFound
    office_id, currency = found
    if opening_float.currency != currency:
        raise CurrencyDiffers
    shift_id = CashShiftId(new_uuid())
    if not await repository.insert_shift(uow, shift_id, office_id, clerk, opening_float):
        raise ShiftNotOpen
    opened = {"office": office, "clerk": clerk, "opening_float": str(opening_float)}
    await record(uow, Entry(action="cash.shift_opened", subject=encode_id(ids.CASH_SHIFT, shift_id), after=opened))
    await post(
        uow,
        Posting(
            kind="shift_opened",
            cause_type="cash_shift",
            cause_id=str(shift_id),
            entries=(
                debit(Account.CASH, opening_float, office=office, shift=str(shift_id)),
                credit(Account.BANK, opening_float),
            ),
        ),
    )
    return await _found(uow.connection, shift_id)


async def close_shift(uow: UnitOfWork, shift_id: CashShiftId, counted: Money) -> CashShift:
    """The drawer was counted and its content goes to the bank. What is missing or too much stays on the shift's own
    account, and staff are asked. Raises :class:`ShiftNotFound`, :class:`ShiftNotOpen`, :class:`CurrencyDiffers`.
    """
    shift = await _lock(uow, shift_id)
    if counted.currency != shift.opening_float.currency:
        raise CurrencyDiffers
    await repository.write_closed(uow, shift_id, counted)
    drawer = {"counted": str(counted), "expected": str(shift.expected)}
    await record(uow, Entry(action="cash.shift_closed", subject=encode_id(ids.CASH_SHIFT, shift_id), after=drawer))
    await post(
        uow,
        Posting(
            kind="shift_closed",
            cause_type="cash_shift",
            cause_id=str(shift_id),
            entries=(
                debit(Account.BANK, counted),
                credit(Account.CASH, counted, office=shift.office, shift=str(shift_id)),
            ),
        ),
    )
    if counted != shift.expected:
        await ask_staff(
            uow,
            "cash_difference",
            encode_id(ids.CASH_SHIFT, shift_id),
            office=shift.office,
            expected=str(shift.expected),
            counted=str(counted),
        )
    return await _found(uow.connection, shift_id)


async def write_off_difference(uow: UnitOfWork, shift_id: CashShiftId, reason: str) -> CashShift:
    """What a closed shift's drawer lacked becomes an expense, what it had too much lessens it; again, changes nothing.

    Raises :class:`ShiftNotFound`, and :class:`NothingToWriteOff` for a shift that is open or had no difference.
    """
    shift = await repository.lock_shift(uow, shift_id)
    if shift is None:
        raise ShiftNotFound
    if not shift.difference:
        raise NothingToWriteOff
    if shift.written_off_at is not None:
        return shift
    subject = encode_id(ids.CASH_SHIFT, shift_id)
    await repository.write_written_off(uow, shift_id)
    after: Fields = {"difference": str(shift.difference), "reason": reason}
    await record(uow, Entry(action="cash.difference_written_off", subject=subject, after=after))
    lacked = -shift.difference
    await post(
        uow,
        Posting(
            kind="cash_written_off",
            cause_type="cash_shift",
            cause_id=str(shift_id),
            entries=(
                debit(Account.CASH_DIFFERENCE, lacked, office=shift.office, shift=str(shift_id)),
                credit(Account.CASH, lacked, office=shift.office, shift=str(shift_id)),
            ),
        ),
    )
    await resolve_staff_queue(uow, "cash_difference", subject)
    return await _found(uow.connection, shift_id)


async def pay_out_refund(uow: UnitOfWork, shift_id: CashShiftId, refund_id: RefundId) -> CashReceipt:
    """Hand the money of a refund of a cash payment over the counter; again, answers the receipt that was given.

    Raises :class:`RefundNotFound` if it is not one that waits at a counter, :class:`ShiftNotFound`,
    :class:`ShiftNotOpen`, :class:`CurrencyDiffers`, :class:`DrawerTooSmall`.
    """
    refund = await repository.lock_refund(uow, refund_id)
    payment = await repository.find_payment(uow.connection, refund.payment_id) if refund is not None else None
    if refund is None or payment is None or payment.provider != CashGateway.name:
        raise RefundNotFound
    known = await repository.find_receipt(uow.connection, "paid_out", refund_id)
    if known is not None:
        return known
    if refund.status is not RefundStatus.PENDING:
        raise RefundNotFound
    shift = await _lock(uow, shift_id)
    if refund.amount.currency != shift.opening_float.currency:
        raise CurrencyDiffers
    if shift.expected < refund.amount:
        raise DrawerTooSmall
    receipt = await repository.write_receipt(uow, shift_id, "paid_out", -refund.amount, refund_id)
    reference = encode_id(ids.REFUND, refund_id)
    handed_out = {"amount": str(refund.amount), "refund": reference}
    await record(uow, _moved("cash.paid_out", shift_id, handed_out, refund.order_id))
    done = ProviderRefund(reference, RefundStatus.SUCCEEDED, None, refund.amount, reference)
    await settle_refund(uow, refund_id, done)
    await resolve_staff_queue(uow, "cash_refund_waiting", reference)
    return receipt


def _moved(action: str, shift_id: UUID, after: Fields, order_id: UUID) -> Entry:
    return Entry(action=action, subject=encode_id(ids.CASH_SHIFT, shift_id), order_id=order_id, after=after)


async def _lock(uow: UnitOfWork, shift_id: CashShiftId) -> CashShift:
    shift = await repository.lock_shift(uow, shift_id)
    if shift is None:
        raise ShiftNotFound
    if shift.status is not ShiftStatus.OPEN:
        raise ShiftNotOpen
    return shift


async def _found(connection: Connection, shift_id: CashShiftId) -> CashShift:
    shift = await repository.find_shift(connection, shift_id)
    assert shift is not None
    return shift


class CashGateway:
    """Takes cash in an open shift. Opening a payment is handing over the money, so one that is open has succeeded; a
    refund waits until a counter pays it out.
    """

    name = "cash"
    methods = frozenset({PaymentMethod.CASH})

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, opening: PaymentOpening) -> ProviderPayment:
        payment_id = own_id(ids.PAYMENT, opening.reference)
        assert opening.funding_id is not None
        async with self._database.unit_of_work(system_actor("payments.cash")) as uow:
            is_open = await lock_attempt(uow, PaymentId(payment_id))
            shift = await repository.lock_shift(uow, CashShiftId(opening.funding_id))
            if await repository.find_receipt(uow.connection, "paid", payment_id) is None:
                if (
                    not is_open
                    or shift is None
                    or shift.status is not ShiftStatus.OPEN
                    or shift.opening_float.currency != opening.amount.currency
                ):
                    raise PaymentFailed
                await repository.write_receipt(uow, shift.id, "paid", opening.amount, payment_id)
                taken = {"amount": str(opening.amount), "payment": opening.reference}
                await record(uow, _moved("cash.taken", shift.id, taken, own_id(ids.ORDER, opening.order_reference)))
        return done_payment(opening.reference, opening.amount)

    async def retrieve(self, provider_payment_id: str) -> ProviderPayment:
        async with self._database.connection() as connection:
            receipt = await repository.find_receipt(connection, "paid", own_id(ids.PAYMENT, provider_payment_id))
        if receipt is None:
            raise LookupError(f"{provider_payment_id} has no receipt")
        return done_payment(provider_payment_id, receipt.amount)

    async def cancel(self, provider_payment_id: str) -> ProviderPayment:
        return await self.retrieve(provider_payment_id)

    async def refund(self, capture_id: str, amount: Money, *, reference: str, key: str) -> ProviderRefund:  # noqa: ARG002  # nothing leaves until a counter pays it out
        async with self._database.unit_of_work(system_actor("payments.cash")) as uow:
            found = await _at_counter(uow.connection, reference, amount)
            if found.status is RefundStatus.PENDING:
                await ask_staff(uow, "cash_refund_waiting", reference)
        return found

    async def retrieve_refund(self, provider_refund_id: str) -> ProviderRefund:
        async with self._database.connection() as connection:
            refund = await repository.find_refund(connection, RefundId(own_id(ids.REFUND, provider_refund_id)))
            if refund is None:
                raise LookupError(f"{provider_refund_id} is gone")
            return await _at_counter(connection, provider_refund_id, refund.amount)


async def _at_counter(connection: Connection, reference: str, amount: Money) -> ProviderRefund:
    receipt = await repository.find_receipt(connection, "paid_out", own_id(ids.REFUND, reference))
    status = RefundStatus.PENDING if receipt is None else RefundStatus.SUCCEEDED
    return ProviderRefund(reference, status, None, amount, reference)
