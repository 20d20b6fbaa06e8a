"""Postings that tests need for what they do by hand."""

from __future__ import annotations

from uuid import UUID

from ais.kit import Money
from ais.ledger import Account, Posting, credit, debit, post
from ais.platform.database import UnitOfWork


async def grant(uow: UnitOfWork, order_id: UUID, refund_id: UUID, money: Money) -> None:
    """The airline promises ``money`` back without taking anything for it, so that a refund of it has its ground."""
    await post(
        uow,
        Posting(
            kind="granted",
            cause_type="refund",
            cause_id=str(refund_id),
            order_id=order_id,
            entries=(debit(Account.COMPENSATION, money), credit(Account.REFUNDS_PAYABLE, money)),
        ),
    )
