"""Who is told of what: each event of a lower package becomes a notice, once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from ais.accounts import (
    ApprovalRequested,
    LetterKind,
    LinkAsked,
    PasswordChanged,
    RefreshTokenReused,
    SecondFactorAdded,
    SecondFactorRemoved,
    SignedInFromNewDevice,
    letter_of_link,
    letter_to_user,
    signers_of,
)
from ais.kit.ids import OrderId, UserId
from ais.notifications.domain import NoticeKind
from ais.notifications.service import tell, tell_account
from ais.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
    OrderFlightsCancelled,
    OrderPaymentFailed,
    PayLinkOpened,
)
from ais.payments import RefundBegun, RefundSettled, RefundStatus
from ais.platform.database import UnitOfWork
from ais.platform.jobs import JobContext, JobRegistry

_LETTERS = {
    LetterKind.VERIFY: NoticeKind.VERIFY_ADDRESS,
    LetterKind.EXISTS: NoticeKind.ACCOUNT_EXISTS,
    LetterKind.RESET: NoticeKind.RESET_PASSWORD,
}
# Most people try another card at once. Whoever has paid meanwhile is not told that it failed.
PAYMENT_FAILED_AFTER = timedelta(minutes=1)


def register(registry: JobRegistry) -> None:
    """Subscribe."""
    registry.handler(OrderConfirmed, "notifications.on_order_confirmed", on_order_confirmed)
    registry.handler(OrderPaymentFailed, "notifications.on_payment_failed", on_payment_failed)
    registry.handler(PayLinkOpened, "notifications.on_pay_link_opened", on_pay_link_opened)
    registry.handler(OrderFlightsCancelled, "notifications.on_flights_cancelled", on_flights_cancelled)
    registry.handler(OrderCancelled, "notifications.on_order_cancelled", on_order_cancelled)
    registry.handler(OrderExpired, "notifications.on_order_expired", on_order_expired)
    registry.handler(RefundBegun, "notifications.on_refund_begun", on_refund_begun)
    registry.handler(RefundSettled, "notifications.on_refund_settled", on_refund_settled)
    registry.handler(LinkAsked, "notifications.on_link_asked", on_link_asked)
    registry.handler(PasswordChanged, "notifications.on_password_changed", on_password_changed)
    registry.handler(SecondFactorAdded, "notifications.on_second_factor_added", on_second_factor_added)
    registry.handler(SecondFactorRemoved, "notifications.on_second_factor_removed", on_second_factor_removed)
    registry.handler(SignedInFromNewDevice, "notifications.on_new_device", on_new_device)
    registry.handler(RefreshTokenReused, "notifications.on_refresh_token_reused", on_refresh_token_reused)
    registry.handler(ApprovalRequested, "notifications.on_approval_requested", on_approval_requested)


async def on_link_asked(context: JobContext, event: LinkAsked) -> None:
    """Which letter it is, if any, is found out here: whoever asked has had the same answer either way."""
    async with context.unit_of_work() as uow:
        letter = await letter_of_link(uow.connection, uow.vault, UUID(event.link_id))
        if letter is not None and letter.kind is not None:
            kind = _LETTERS[letter.kind]
            await tell_account(uow, kind, letter.language, cause=event.link_id, link_id=event.link_id)


async def on_password_changed(context: JobContext, event: PasswordChanged) -> None:
    async with context.unit_of_work() as uow:
        await _tell_user(uow, NoticeKind.PASSWORD_CHANGED, event.user_id, cause=event.change_id)


async def on_second_factor_added(context: JobContext, event: SecondFactorAdded) -> None:
    async with context.unit_of_work() as uow:
        await _tell_user(uow, NoticeKind.SECOND_FACTOR_ADDED, event.user_id, cause=event.change_id)


async def on_second_factor_removed(context: JobContext, event: SecondFactorRemoved) -> None:
    async with context.unit_of_work() as uow:
        await _tell_user(uow, NoticeKind.SECOND_FACTOR_REMOVED, event.user_id, cause=event.change_id)


async def on_new_device(context: JobContext, event: SignedInFromNewDevice) -> None:
    async with context.unit_of_work() as uow:
        await _tell_user(uow, NoticeKind.NEW_DEVICE, event.user_id, cause=event.session_id, session_id=event.session_id)


async def on_refresh_token_reused(context: JobContext, event: RefreshTokenReused) -> None:
    """A session ends once, so that its owner is told once, however often the old token comes."""
    async with context.unit_of_work() as uow:
        await _tell_user(
            uow, NoticeKind.REFRESH_REUSED, event.user_id, cause=event.session_id, session_id=event.session_id
        )


async def on_approval_requested(context: JobContext, event: ApprovalRequested) -> None:
    """Whoever could sign is told, one mail each; whoever gets the right later finds it in the list."""
    async with context.unit_of_work() as uow:
        for user_id in await signers_of(uow.connection, UUID(event.approval_id)):
            await _tell_user(
                uow,
                NoticeKind.APPROVAL_WAITING,
                str(user_id),
                cause=f"{event.approval_id} {user_id}",
                approval_id=event.approval_id,
            )


async def _tell_user(uow: UnitOfWork, kind: NoticeKind, user_id: str, cause: str, **details: str) -> None:
    """Tell the owner of an account, in its language; nobody if it is gone."""
    letter = await letter_to_user(uow.connection, uow.vault, UserId(UUID(user_id)))
    if letter is not None:
        await tell_account(uow, kind, letter.language, cause=cause, user_id=user_id, **details)


async def on_order_confirmed(context: JobContext, event: OrderConfirmed) -> None:
    async with context.unit_of_work() as uow:
        await tell(uow, NoticeKind.ORDER_CONFIRMED, _order(event.order_id), cause=event.order_id)


async def on_payment_failed(context: JobContext, event: OrderPaymentFailed) -> None:
    async with context.unit_of_work() as uow:
        await tell(
            uow,
            NoticeKind.PAYMENT_FAILED,
            _order(event.order_id),
            cause=event.payment_id,
            after=PAYMENT_FAILED_AFTER,
            payment_id=event.payment_id,
        )


async def on_pay_link_opened(context: JobContext, event: PayLinkOpened) -> None:
    async with context.unit_of_work() as uow:
        await tell(
            uow, NoticeKind.PAY_LINK, _order(event.order_id), cause=event.payment_id, payment_id=event.payment_id
        )


async def on_flights_cancelled(context: JobContext, event: OrderFlightsCancelled) -> None:
    """A flight that is cancelled, reinstated and cancelled again is told twice: the event is the cause."""
    async with context.unit_of_work() as uow:
        await tell(
            uow,
            NoticeKind.FLIGHT_CANCELLED,
            _order(event.order_id),
            cause=str(context.event_id),
            segment_ids=event.segment_ids,
        )


async def on_order_cancelled(context: JobContext, event: OrderCancelled) -> None:
    async with context.unit_of_work() as uow:
        await tell(uow, NoticeKind.ORDER_CANCELLED, _order(event.order_id), cause=event.order_id, reason=event.reason)


async def on_order_expired(context: JobContext, event: OrderExpired) -> None:
    async with context.unit_of_work() as uow:
        await tell(uow, NoticeKind.ORDER_EXPIRED, _order(event.order_id), cause=event.order_id)


async def on_refund_begun(context: JobContext, event: RefundBegun) -> None:
    async with context.unit_of_work() as uow:
        await tell(
            uow,
            NoticeKind.REFUND_BEGUN,
            _order(event.order_id),
            cause=event.refund_id,
            refund_id=event.refund_id,
        )


async def on_refund_settled(context: JobContext, event: RefundSettled) -> None:
    """A refund that failed is for staff, who try again or find another way; the payer is told when money moves."""
    async with context.unit_of_work() as uow:
        if event.status == RefundStatus.SUCCEEDED:
            await tell(
                uow,
                NoticeKind.REFUND_DONE,
                _order(event.order_id),
                cause=event.refund_id,
                refund_id=event.refund_id,
            )


def _order(text: str) -> OrderId:
    return OrderId(UUID(text))
