"""What a payment service provider must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ais.kit import Actor, Money
from ais.kit.ids import PaymentId
from ais.payments.domain import (
    PaymentMethod,
    PaymentOpening,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderRefund,
)
from ais.platform.database import Database


class PaymentGateway(Protocol):
    """Takes and returns money at a provider. Every call is safe to repeat with the same key.

    All raise ``ProviderTimeout`` when it is unknown whether the provider acted, and ``ProviderError`` when it answered
    with trouble of its own. None is called inside a transaction.
    """

    name: str
    methods: frozenset[PaymentMethod]

    async def create(self, opening: PaymentOpening) -> ProviderPayment:
        """Open the payment; a repeat answers the one that is open. Raises ``PaymentFailed`` if it will not be opened,
        in which case nothing is open.
        """
        ...

    async def retrieve(self, provider_payment_id: str) -> ProviderPayment:
        """The payment as it is now, with its client secret or the address of its page."""
        ...

    async def cancel(self, provider_payment_id: str) -> ProviderPayment:
        """Close the payment so that no money can come from it. One that cannot be closed any more (it has succeeded or
        is being processed) is answered as it is.
        """
        ...

    async def refund(self, capture_id: str, amount: Money, *, reference: str, key: str) -> ProviderRefund:
        """Send ``amount`` back to where the payment came from; ``reference`` is our refund's id. Raises
        ``RefundExceedsPaid`` if so much is not left there.
        """
        ...

    async def retrieve_refund(self, provider_refund_id: str) -> ProviderRefund:
        """The refund as it is now."""
        ...


class ProviderGateway(PaymentGateway, Protocol):
    """A provider outside, which also tells us of things, and on whose side people act."""

    def verify_event(self, body: bytes, signature: str) -> ProviderEvent:
        """The event in a raw message that carries the provider's signature; raises ``SignatureInvalid``."""
        ...

    def read_event(self, body: bytes) -> ProviderEvent:
        """The event in a message that was verified when it came."""
        ...

    def without_persons(self, body: bytes) -> bytes:
        """What of a message is kept: enough to handle it again, and nothing about whoever pays."""
        ...

    async def retrieve_dispute(self, provider_dispute_id: str) -> ProviderDispute:
        """The dispute as it is now."""
        ...

    async def refunds_of(self, capture_id: str) -> list[ProviderRefund]:
        """All refunds of a payment, those that were made at the provider's side too."""
        ...


class SettlesPayments(Protocol):
    """Whoever brings an order to what its payment is now; the orders above do."""

    async def __call__(
        self, database: Database, gateways: Gateways, payment_id: PaymentId, actor: Actor, correlation_id: str
    ) -> None: ...


class Gateways:
    """The gateways of this installation. Each is found by the name that a payment keeps as its provider, or by the
    method that it takes; of several that take a method the first is asked.
    """

    def __init__(self, providers: Sequence[ProviderGateway], own: Sequence[PaymentGateway] = ()) -> None:
        self._providers = {gateway.name: gateway for gateway in providers}
        self._by_name: dict[str, PaymentGateway] = {**self._providers, **{gateway.name: gateway for gateway in own}}

    def of(self, provider: str) -> PaymentGateway:
        """The gateway that began what is kept under this provider; raises LookupError if it is not installed."""
        try:
            return self._by_name[provider]
        except KeyError:
            raise LookupError(f"no payment gateway is named {provider!r}") from None

    def provider(self, name: str) -> ProviderGateway:
        """The provider outside of this name; raises LookupError if it is not installed."""
        try:
            return self._providers[name]
        except KeyError:
            raise LookupError(f"no payment provider is named {name!r}") from None

    def taking(self, method: PaymentMethod) -> PaymentGateway:
        """The gateway for new payments by this method; raises LookupError if none takes it."""
        for gateway in self._by_name.values():
            if method in gateway.methods:
                return gateway
        raise LookupError(f"no payment gateway takes {method}")
