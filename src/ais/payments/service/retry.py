"""A refund that failed for good is tried again by staff: as a new refund, once, to where it was to go or as credit."""

from __future__ import annotations

from ais.kit import encode_id, ids
from ais.kit.ids import RefundId
from ais.payments import repository
from ais.payments.domain import Refund, RefundDestination, RefundStatus
from ais.payments.errors import RefundNotFound
from ais.payments.service.credit import issue_travel_credit
from ais.payments.service.refund import AT_PROVIDER, begin_refund, retried_as
from ais.payments.service.trail import refund_entry
from ais.platform.audit import record
from ais.platform.database import UnitOfWork
from ais.platform.staff_queue import resolve_staff_queue


async def retry_refund(
    uow: UnitOfWork, refund_id: RefundId, to: RefundDestination = RefundDestination.ORIGINAL_PAYMENT
) -> Refund:
    """Begin what a failed refund was to do once more; the new refund's id follows from the old one's, so that two
    clerks begin one. ``to`` may send it into travel credit instead, for a card that no longer exists.

    Raises :class:`RefundNotFound` for one that has not failed, or that was made at the provider's side;
    ``RefundExceedsPaid`` if the money went back otherwise meanwhile, ``RefundsFrozen`` while it is disputed.
    """
    refund = await repository.lock_refund(uow, refund_id)
    if refund is None or refund.status is not RefundStatus.FAILED or refund.reason == AT_PROVIDER:
        raise RefundNotFound
    again = retried_as(refund_id)
    if await repository.find_refund(uow.connection, again) is None:
        if to is RefundDestination.TRAVEL_CREDIT:
            await issue_travel_credit(uow, again, refund.payment_id, refund.amount, refund.reason)
        else:
            await begin_refund(uow, again, refund.payment_id, refund.amount, refund.reason)
        by = {"refund": encode_id(ids.REFUND, again), "destination": to}
        await record(uow, refund_entry("refund.retried", refund, after=by))
    await resolve_staff_queue(uow, "refund_failed", encode_id(ids.REFUND, refund_id))
    begun = await repository.find_refund(uow.connection, again)
    assert begun is not None
    return begun
