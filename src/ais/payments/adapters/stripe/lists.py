"""Stripe's own lists, for reconciliation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import stripe

from ais.payments.adapters.stripe.amounts import from_stripe
from ais.payments.adapters.stripe.client import open_client
from ais.payments.adapters.stripe.gateway import StripeGateway
from ais.payments.adapters.stripe.translate import Translated, dispute_of, payment_of_intent, refund_of
from ais.payments.domain import ProviderPayment
from ais.payments.reconciliation import LineKind, ListedDispute, ListedRefund, Payout, PayoutLine, PayoutStatus, Window

_PAGE = 100
_LINE_KINDS = {"charge": LineKind.CAPTURE, "refund": LineKind.REFUND, "dispute": LineKind.DISPUTE}
_PAYOUT_STATUS = {"paid": PayoutStatus.PAID, "failed": PayoutStatus.FAILED, "canceled": PayoutStatus.FAILED}


class StripeLists:
    """Pages through what an account holds."""

    name = StripeGateway.name

    def __init__(self, api_key: str, api_base: str) -> None:
        self._client = open_client(api_key, api_base, retries=2)

    async def payments(self, window: Window) -> AsyncIterator[ProviderPayment]:
        with Translated():
            page = await self._client.v1.payment_intents.list_async({"created": _created(window), "limit": _PAGE})
            async for intent in page.auto_paging_iter():
                yield payment_of_intent(intent)

    async def refunds(self, window: Window) -> AsyncIterator[ListedRefund]:
        with Translated():
            page = await self._client.v1.refunds.list_async({"created": _created(window), "limit": _PAGE})
            async for refund in page.auto_paging_iter():
                yield ListedRefund(refund_of(refund), str(refund.payment_intent or refund.charge))

    async def disputes(self, window: Window) -> AsyncIterator[ListedDispute]:
        with Translated():
            page = await self._client.v1.disputes.list_async({"created": _created(window), "limit": _PAGE})
            async for dispute in page.auto_paging_iter():
                yield ListedDispute(dispute_of(dispute), str(dispute.payment_intent or dispute.charge))

    async def payouts(self, window: Window) -> AsyncIterator[Payout]:
        with Translated():
            page = await self._client.v1.payouts.list_async({"created": _created(window), "limit": _PAGE})
            async for payout in page.auto_paging_iter():
                yield _payout(payout)

    async def payout(self, payout_id: str) -> Payout:
        with Translated():
            return _payout(await self._client.v1.payouts.retrieve_async(payout_id))

    async def lines_of(self, payout: Payout) -> AsyncIterator[PayoutLine]:
        with Translated():
            page = await self._client.v1.balance_transactions.list_async(
                {"payout": payout.id, "limit": _PAGE, "expand": ["data.source"]}
            )
            async for transaction in page.auto_paging_iter():
                if transaction.type != "payout":
                    yield _line_of(transaction)


def _payout(payout: stripe.Payout) -> Payout:
    return Payout(
        id=payout.id,
        status=_PAYOUT_STATUS.get(payout.status, PayoutStatus.ON_ITS_WAY),
        amount=from_stripe(payout.amount, payout.currency),
        lists_lines=payout.automatic,
    )


def _created(window: Window) -> Any:
    return {"gte": int(window.since.timestamp()), "lt": int(window.until.timestamp())}


def _line_of(transaction: stripe.BalanceTransaction) -> PayoutLine:
    held = transaction.to_dict()
    source: dict[str, Any] = held["source"] if isinstance(held["source"], dict) else {"id": str(held["source"])}
    kind = _LINE_KINDS.get(source.get("object", ""), LineKind.OTHER)
    object_id = source.get("payment_intent") if kind is LineKind.CAPTURE else None
    return PayoutLine(
        id=held["id"],
        kind=kind,
        object_id=object_id or source["id"],
        amount=from_stripe(held["amount"], held["currency"]),
        fee=from_stripe(held["fee"], held["currency"]),
    )
