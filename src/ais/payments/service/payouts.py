"""Payouts: what the provider has sent to the bank is matched to the minor unit, and posted once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from ais.kit import Actor, Money, encode_id, ids
from ais.ledger import Account, Posting, credit, debit, post
from ais.payments import repository
from ais.payments.errors import ProviderError, ProviderTimeout
from ais.payments.reconciliation import (
    Kind,
    LineKind,
    Outcome,
    Payout,
    PayoutLine,
    PayoutStatus,
    ProviderLists,
    Row,
)
from ais.payments.repository import reconciliation as kept
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, Database
from ais.platform.staff_queue import ask_staff

# A payout takes days to arrive, and may come back days after it did.
PAYOUTS_BEFORE = timedelta(days=14)
# The kind under which staff are asked about what reconciliation cannot mend.
MATTER = "reconciliation"


async def reconcile_payout(
    database: Database,
    lists: ProviderLists,
    payout: Payout,
    actor: Actor,
    correlation_id: str,
    *,
    is_dry_run: bool = False,
) -> AsyncIterator[Row]:
    """Bring the books to a payout: its row, and one for each of its lines that a new posting makes us look at.

    One that is paid is posted: bank and the provider's fees against clearing, if its lines add up to it. One that came
    back is posted back; its fees stay, and so they do of one that never arrived: no later payout lists them again.
    Safe to repeat.
    """
    async with database.connection() as connection:
        known = (await kept.posted_payouts(connection, lists.name, [payout.id])).get(payout.id)
    failed = payout.status is PayoutStatus.FAILED
    ended = payout.status is PayoutStatus.PAID or (failed and payout.lists_lines)
    if not (ended if known is None else failed and not known):
        waits = known is None and payout.status is PayoutStatus.ON_ITS_WAY
        yield _row(payout, *((Outcome.SKIPPED, "on_its_way") if waits else (Outcome.AGREED, "")))
        return
    if known is not None:
        yield await _return(database, lists.name, payout, actor, correlation_id, is_dry_run=is_dry_run)
        return
    try:
        lines = [line async for line in lists.lines_of(payout)] if payout.lists_lines else []
    except (ProviderError, ProviderTimeout):
        yield _row(payout, Outcome.FAILED, "unreachable")
        return
    nothing = Money(0, payout.amount.currency)
    fees = sum((line.fee for line in lines), nothing)
    if payout.lists_lines and sum((line.amount for line in lines), nothing) - fees != payout.amount:
        yield _row(payout, Outcome.FAILED, "sum")
        return
    if is_dry_run:
        yield _row(payout, Outcome.SKIPPED, "dry_run")
        return
    async with database.unit_of_work(actor, correlation_id) as uow:
        if await kept.insert_payout(uow, lists.name, payout, fees):
            posted = {"amount": str(payout.amount), "fees": str(fees)}
            await record(uow, Entry(action="payout.posted", subject=f"{lists.name}:{payout.id}", after=posted))
            await post(uow, _paid_out(lists.name, payout, fees))
        if failed and await kept.return_payout(uow, lists.name, payout.id):
            await record(uow, _return_entry(lists.name, payout))
            await post(uow, _returned(lists.name, payout))
    yield _row(payout, Outcome.FIXED, "never_arrived" if failed else "posted" if payout.lists_lines else "not_told")
    for line in lines:
        async with database.connection() as connection:
            row = await _line_row(connection, lists.name, line)
        yield row


async def follow_payout(
    database: Database, lists: ProviderLists, payout_id: str, actor: Actor, correlation_id: str
) -> None:
    """Bring the books to one payout that the provider tells of; what does not match goes to staff.

    Raises ValueError if its lines do not add up to it, and ``ProviderError`` if they cannot be read.
    """
    payout = await lists.payout(payout_id)
    rows = [row async for row in reconcile_payout(database, lists, payout, actor, correlation_id)]
    failed = [row for row in rows if row.outcome is Outcome.FAILED]
    if any(row.kind is Kind.PAYOUT for row in failed):
        raise ValueError(f"payout {payout_id} is not posted: {failed[0].reason}")
    async with database.unit_of_work(actor, correlation_id) as uow:
        for row in failed:
            await ask_staff(
                uow, MATTER, f"{lists.name}:{row.object_id}", reason=row.reason, about=row.kind, own_id=row.own_id
            )


async def _return(
    database: Database, provider: str, payout: Payout, actor: Actor, correlation_id: str, *, is_dry_run: bool
) -> Row:
    if is_dry_run:
        return _row(payout, Outcome.SKIPPED, "dry_run")
    async with database.unit_of_work(actor, correlation_id) as uow:
        if await kept.return_payout(uow, provider, payout.id):
            await record(uow, _return_entry(provider, payout))
            await post(uow, _returned(provider, payout))
    return _row(payout, Outcome.FIXED, "returned")


async def _line_row(connection: Connection, provider: str, line: PayoutLine) -> Row:
    """Whether a line is a payment, a refund or a dispute of ours, of that very sum."""
    outcome, reason, own_id = Outcome.FAILED, "unknown", None
    if line.kind is LineKind.OTHER:
        outcome, reason = Outcome.SKIPPED, "not_compared"
    elif line.kind is LineKind.CAPTURE:
        payment = await repository.find_payment_at_provider(connection, provider, line.object_id)
        if payment is not None:
            own_id = encode_id(ids.PAYMENT, payment.id)
            outcome, reason = _compared(line.amount, payment.received)
    elif line.kind is LineKind.DISPUTE:
        dispute = await kept.find_dispute_at_provider(connection, provider, line.object_id)
        if dispute is not None:
            own_id = encode_id(ids.DISPUTE, dispute.id)
            # What the bank took, or what came back of it.
            outcome, reason = _compared(line.amount, -dispute.amount, dispute.amount)
    else:
        refund_id = await repository.find_refund_at_provider(connection, line.object_id)
        refund = await repository.find_refund(connection, refund_id) if refund_id is not None else None
        if refund is not None:
            own_id = encode_id(ids.REFUND, refund.id)
            # A refund that failed has a line for what left and one for what came back.
            outcome, reason = _compared(line.amount, -refund.amount, refund.amount)
    return Row(
        kind=Kind.PAYOUT_LINE,
        object_id=line.object_id,
        outcome=outcome,
        reason=reason,
        own_id=own_id,
        amount=line.amount,
    )


def _compared(amount: Money, *expected: Money) -> tuple[Outcome, str]:
    return (Outcome.AGREED, "") if amount in expected else (Outcome.FAILED, "differs")


def _row(payout: Payout, outcome: Outcome, reason: str) -> Row:
    return Row(kind=Kind.PAYOUT, object_id=payout.id, outcome=outcome, reason=reason, amount=payout.amount)


def _paid_out(provider: str, payout: Payout, fees: Money) -> Posting:
    """The bank has the payout, the provider has its fees, and clearing has both less."""
    return Posting(
        kind="paid_out",
        cause_type="payout",
        cause_id=f"{provider}:{payout.id}",
        entries=(
            debit(Account.BANK, payout.amount),
            debit(Account.PROVIDER_FEES, fees),
            credit(Account.PROVIDER_CLEARING, payout.amount + fees, provider=provider),
        ),
    )


def _return_entry(provider: str, payout: Payout) -> Entry:
    return Entry(action="payout.returned", subject=f"{provider}:{payout.id}", after={"amount": str(payout.amount)})


def _returned(provider: str, payout: Payout) -> Posting:
    """The bank sent the payout back: the provider holds it again. Its fees were for the sales, and stay."""
    return Posting(
        kind="payout_returned",
        cause_type="payout",
        cause_id=f"{provider}:{payout.id}",
        entries=(
            debit(Account.PROVIDER_CLEARING, payout.amount, provider=provider),
            credit(Account.BANK, payout.amount),
        ),
    )
