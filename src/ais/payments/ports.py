"""What a payment service provider must be able to do."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ais.kit import Money
from ais.payments.domain import ProviderEvent, ProviderPayment, ProviderRefund


class PaymentGateway(Protocol):
    """Takes and returns money at a provider. Every call is safe to repeat with the same key.

    All raise ``ProviderTimeout`` when it is unknown whether the provider acted, and ``ProviderError`` when it answered
    with trouble of its own. None is called inside a transaction.
    """

    name: str

    async def create(
        self, amount: Money, *, reference: str, order_reference: str, key: str, since: datetime
    ) -> ProviderPayment:
        """Open a payment of ``amount``; ``reference`` is our payment's id, kept by the provider with the payment.

        ``since`` is when the attempt began: nothing under this reference can be older at the provider.
        """
        ...

    async def retrieve(self, provider_payment_id: str) -> ProviderPayment:
        """The payment as it is now, with its client secret."""
        ...

    async def cancel(self, provider_payment_id: str) -> ProviderPayment:
        """Close the payment so that no money can come from it. One that cannot be closed any more (it has succeeded or
        is being processed) is answered as it is.
        """
        ...

    async def refund(self, provider_payment_id: str, amount: Money, *, reference: str, key: str) -> ProviderRefund:
        """Send ``amount`` back to where the payment came from; ``reference`` is our refund's id. Raises
        ``RefundExceedsPaid`` if so much is not left there.
        """
        ...

    async def retrieve_refund(self, provider_refund_id: str) -> ProviderRefund:
        """The refund as it is now."""
        ...

    def verify_event(self, body: bytes, signature: str) -> ProviderEvent:
        """The event in a raw message; raises ``SignatureInvalid``."""
        ...
