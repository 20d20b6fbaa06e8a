"""When what the airline keeps becomes its revenue: by the rule of the day on which it is kept."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from ais.kit import Money
from ais.ledger.domain import MOMENTS, Account, Entry, Item, Moment, Posting, PostingError, credit, debit
from ais.ledger.repository import recognition as repository
from ais.ledger.service.posting import post_all
from ais.platform import audit
from ais.platform.database import UnitOfWork

_DEFERRED_AT_ONCE = 500
_RECOGNISED = {
    Account.DEFERRED_PENALTIES: ("penalty_recognised", Account.PENALTY_REVENUE),
    Account.DEFERRED_BREAKAGE: ("breakage_recognised", Account.BREAKAGE),
}


async def recognise_penalty(
    uow: UnitOfWork, money: Money, *, document_id: UUID, coupon_number: int, kept_at: datetime, departs_at: datetime
) -> Entry:
    """The credit for a penalty of ``money`` that is kept at ``kept_at`` when a coupon is given up.

    Penalty revenue at once, or deferred until the flight's departure, as the airline's rule of that day says. A flight
    that has departed by then leaves nothing to wait for.
    """
    moment = await _moment(uow, Item.PENALTY, kept_at)
    if moment is Moment.CANCELLATION or departs_at <= kept_at:
        return credit(Account.PENALTY_REVENUE, money, document_id=document_id, coupon_number=coupon_number)
    return credit(
        Account.DEFERRED_PENALTIES, money, document_id=document_id, coupon_number=coupon_number, due_at=departs_at
    )


async def recognise_breakage(
    uow: UnitOfWork, money: Money, *, document_id: UUID, coupon_number: int, kept_at: datetime, expires_at: datetime
) -> Entry:
    """The credit for value of ``money`` that nobody used: of a no-show at ``kept_at``, of a document that expired.

    Breakage at once, or deferred until the document expires at ``expires_at``, as the rule of that day says.
    """
    moment = await _moment(uow, Item.BREAKAGE, kept_at)
    if moment is Moment.NO_SHOW or expires_at <= kept_at:
        return credit(Account.BREAKAGE, money, document_id=document_id, coupon_number=coupon_number)
    return credit(
        Account.DEFERRED_BREAKAGE, money, document_id=document_id, coupon_number=coupon_number, due_at=expires_at
    )


async def _moment(uow: UnitOfWork, item: Item, at: datetime) -> Moment:
    moment = await repository.rule_on(uow.connection, item, at.date())
    if moment is None:
        raise PostingError(f"there was no rule for {item} on {at.date()}")
    return moment


async def set_recognition_rule(uow: UnitOfWork, item: Item, moment: Moment, valid_from: date) -> bool:
    """From ``valid_from`` on (a day in UTC) ``item`` is recognised at ``moment``; False if it has a rule from that day.

    What was posted before stays as it is. Raises ValueError for a moment that the item does not know and for a day that
    has begun: a rule that reached back would contradict what is posted.
    """
    if moment not in MOMENTS[item]:
        raise ValueError(f"{item} is recognised at one of {', '.join(MOMENTS[item])}")
    if valid_from <= uow.clock.now().date():
        raise ValueError("a rule begins tomorrow at the earliest")
    if not await repository.insert_rule(uow, item, moment, valid_from):
        return False
    rule = {"moment": moment, "valid_from": valid_from.isoformat()}
    await audit.record(uow, audit.Entry(action="ledger.rule_set", subject=f"rule:{item}", after=rule))
    return True


async def recognise_deferred(uow: UnitOfWork) -> int:
    """Turn into revenue what has become due, at most some hundred coupons at once; how many were found.

    Harmless beside itself: a coupon's sum has one posting for the instant at which it is due.
    """
    due = await repository.due_deferrals(uow.connection, _DEFERRED_AT_ONCE)
    if due:
        await audit.record(
            uow, audit.Entry(action="ledger.recognised", subject="ledger", after={"coupon_count": len(due)})
        )
    await post_all(uow, [_recognised(each) for each in due])
    return len(due)


def _recognised(due: repository.DeferredSum) -> Posting:
    kind, revenue = _RECOGNISED[due.account]
    money = Money(due.minor, due.currency)
    return Posting(
        kind=kind,
        cause_type="coupon",
        cause_id=f"{due.document_id}:{due.coupon_number}:{due.due_at.isoformat()}",
        order_id=due.order_id,
        channel=due.channel,
        seller_id=due.seller_id,
        happened_at=due.due_at,
        entries=(
            debit(
                due.account,
                money,
                document_id=due.document_id,
                coupon_number=due.coupon_number,
                due_at=due.due_at,
            ),
            credit(revenue, money, document_id=due.document_id, coupon_number=due.coupon_number),
        ),
    )
