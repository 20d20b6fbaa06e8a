"""Words of reconciliation: what a provider lists, what was found about it, and the report that is kept. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from ais.kit import Money
from ais.payments.domain import ProviderDispute, ProviderPayment, ProviderRefund

PREFIX = "rec"


class Window(msgspec.Struct, frozen=True):
    """From ``since`` on, up to but not including ``until``."""

    since: datetime
    until: datetime


class ListedRefund(msgspec.Struct, frozen=True):
    """A refund in the provider's list; ``capture_id`` is what it calls the money that went back."""

    refund: ProviderRefund
    capture_id: str


class ListedDispute(msgspec.Struct, frozen=True):
    """A dispute in the provider's list; ``capture_id`` is what it calls the money that is disputed."""

    dispute: ProviderDispute
    capture_id: str


class PayoutStatus(StrEnum):
    """Where money on its way to the bank is. A payout that was paid may fail days later."""

    ON_ITS_WAY = "on_its_way"
    PAID = "paid"
    FAILED = "failed"


class Payout(msgspec.Struct, frozen=True):
    """Money that the provider sends to our bank. Of one that a person asked for (``lists_lines`` is False) the provider
    does not say what it is made of.
    """

    id: str
    status: PayoutStatus
    amount: Money
    lists_lines: bool


class LineKind(StrEnum):
    """What moved the balance that is paid out."""

    CAPTURE = "capture"
    REFUND = "refund"
    DISPUTE = "dispute"
    OTHER = "other"  # a fee of the provider, a correction


class PayoutLine(msgspec.Struct, frozen=True):
    """One movement of the balance that a payout is made of: ``amount`` less ``fee``, negative for what left us.

    ``object_id`` names it as the other lists do: the capture of a payment, the refund, the dispute.
    """

    id: str
    kind: LineKind
    object_id: str
    amount: Money
    fee: Money


class ProviderLists(Protocol):
    """The provider's own lists, page by page, the newest first. Raise ``ProviderError`` and ``ProviderTimeout``."""

    name: str

    def payments(self, window: Window) -> AsyncIterator[ProviderPayment]:
        """Everything that money may come or has come from, made in the window; ``id`` is the capture's."""
        ...

    def refunds(self, window: Window) -> AsyncIterator[ListedRefund]:
        """All refunds made in the window, whoever made them."""
        ...

    def disputes(self, window: Window) -> AsyncIterator[ListedDispute]:
        """All disputes that were opened in the window."""
        ...

    def payouts(self, window: Window) -> AsyncIterator[Payout]:
        """All payouts made in the window."""
        ...

    async def payout(self, payout_id: str) -> Payout:
        """One payout as it is now."""
        ...

    def lines_of(self, payout: Payout) -> AsyncIterator[PayoutLine]:
        """What a payout is made of, without the payout itself."""
        ...


class Kind(StrEnum):
    """What a row of the report is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    PAYOUT = "payout"
    PAYOUT_LINE = "payout_line"


class Outcome(StrEnum):
    """``agreed`` is not kept as a row, only counted. ``skipped`` differs and is no fault: it waits for its time, or
    this run was to change nothing.
    """

    AGREED = "agreed"
    FIXED = "fixed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one object of the provider. ``reason`` is a word of :data:`REASONS`."""

    kind: Kind
    object_id: str
    outcome: Outcome
    reason: str
    own_id: str | None = None
    amount: Money | None = None


REASONS = {
    "settled": "the books lacked it; it was settled as any news of it would have been",
    "posted": "a payout was posted to the bank",
    "returned": "a payout that had been posted came back from the bank, and was posted back",
    "never_arrived": "a payout that the bank refused; it was posted and posted back, so that its fees are in the books",
    "dry_run": "it differs; a run that may change something would settle or post it",
    "on_its_way": "a payout that the bank has not confirmed",
    "no_money": "an object of the provider that is not ours and moved no money",
    "not_told": "what the payout is made of, the provider does not say; the sum was posted without fees",
    "not_compared": "a movement that no payment of ours stands for: a fee, a correction",
    "unknown": "money moved at the provider for no payment or refund of ours",
    "differs": "it differs from the books even after it was settled",
    "missing": "the books hold it, the provider does not",
    "sum": "the movements of the payout do not add up to it; nothing was posted",
    "unreachable": "the provider could not be asked about it",
}


class Report(msgspec.Struct, kw_only=True):
    """A run as it is kept. ``scanned`` counts every object; agreed = scanned - fixed - failed - skipped."""

    id: UUID
    provider: str
    window: Window
    is_dry_run: bool
    started_at: datetime
    finished_at: datetime | None = None
    scanned: int = 0
    fixed: int = 0
    failed: int = 0
    skipped: int = 0
    rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Count what was found; what agrees leaves no row."""
        self.scanned += 1
        if row.outcome is Outcome.AGREED:
            return
        self.rows.append(row)
        if row.outcome is Outcome.FIXED:
            self.fixed += 1
        elif row.outcome is Outcome.FAILED:
            self.failed += 1
        else:
            self.skipped += 1

    @property
    def differs(self) -> bool:
        """Whether something is not as the provider has it."""
        return self.failed > 0 or any(row.reason == "dry_run" for row in self.rows)
