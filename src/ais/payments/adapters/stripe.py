"""Stripe, by its own SDK: against api.stripe.com or whatever speaks the same API at ``STRIPE_API_BASE``."""

from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import msgspec
import stripe

from ais.kit import Money
from ais.payments.domain import (
    PaymentMethod,
    PaymentStatus,
    ProviderEvent,
    ProviderPayment,
    ProviderRefund,
    RefundStatus,
)
from ais.payments.errors import PaymentFailed, ProviderError, ProviderTimeout, RefundExceedsPaid, SignatureInvalid
from ais.platform.telemetry import get_logger

log = get_logger("stripe")

SIGNATURE_AGE_SECONDS = 300
TIMEOUT_SECONDS = 20.0
SERVER_ERROR = 500
# How far the provider's clock may be behind ours.
_CLOCKS_APART = timedelta(minutes=5)
_PAGE = 100

_STATUS = {
    "requires_payment_method": PaymentStatus.REQUIRES_PAYMENT,
    "requires_confirmation": PaymentStatus.REQUIRES_PAYMENT,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "canceled": PaymentStatus.CANCELLED,
}
_REFUND_STATUS = {
    "succeeded": RefundStatus.SUCCEEDED,
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


class StripeGateway:
    """The payment gateway of Stripe. Amounts travel in the provider's minor units, which for the currencies we know are
    those of ISO 4217; three-decimal ones must end in 0, which pricing sees to.

    Stripe keeps the first answer of a key, an error of its own (5xx) too, so that repeating the key would repeat the
    error for a day. After such an error what the call was to make is looked for by our reference; only if it is not
    there is the call made once more, under a second key that follows from the first.
    """

    name = "stripe"
    methods = frozenset({PaymentMethod.CARD})

    def __init__(self, api_key: str, webhook_secrets: tuple[str, ...], api_base: str) -> None:
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base},
            http_client=stripe.HTTPXClient(
                timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=5.0), allow_sync_methods=False
            ),
            max_network_retries=1,
        )
        self._webhook_secrets = webhook_secrets

    async def create(
        self, amount: Money, *, reference: str, order_reference: str, key: str, since: datetime
    ) -> ProviderPayment:
        async def create(key: str) -> stripe.PaymentIntent:
            return await self._client.v1.payment_intents.create_async(
                {
                    "amount": amount.minor,
                    "currency": amount.currency.lower(),
                    # Confirmed by the payer's own client, without a page to come back to.
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                    "metadata": {"payment_id": reference, "order_id": order_reference},
                },
                {"idempotency_key": key},
            )

        with _Translated():
            try:
                return _payment(await create(key))
            except stripe.StripeError as problem:
                if not _is_kept(problem):
                    raise
            return _payment(await self._find_intent(reference, since) or await create(second_key(key)))

    async def _find_intent(self, reference: str, since: datetime) -> stripe.PaymentIntent | None:
        """The first intent that was made for our payment, if any was."""
        earliest = int((since - _CLOCKS_APART).timestamp())
        page = await self._client.v1.payment_intents.list_async({"created": {"gte": earliest}, "limit": _PAGE})
        found = None
        async for intent in page.auto_paging_iter():
            if _metadata(intent).get("payment_id") == reference:
                found = intent
        return found

    async def retrieve(self, provider_payment_id: str) -> ProviderPayment:
        with _Translated():
            return _payment(await self._client.v1.payment_intents.retrieve_async(provider_payment_id))

    async def cancel(self, provider_payment_id: str) -> ProviderPayment:
        # Cancelling twice is cancelling once, so each call goes under a key of its own, which the SDK makes: an error
        # that Stripe keeps under a key must not be the answer of a later try.
        try:
            with _Translated():
                return _payment(
                    await self._client.v1.payment_intents.cancel_async(
                        provider_payment_id, {"cancellation_reason": "abandoned"}
                    )
                )
        except PaymentFailed:
            return await self.retrieve(provider_payment_id)

    async def refund(self, provider_payment_id: str, amount: Money, *, reference: str, key: str) -> ProviderRefund:
        async def create(key: str) -> stripe.Refund:
            return await self._client.v1.refunds.create_async(
                {"payment_intent": provider_payment_id, "amount": amount.minor, "metadata": {"refund_id": reference}},
                {"idempotency_key": key},
            )

        with _Translated():
            try:
                return _refund(await create(key))
            except stripe.StripeError as problem:
                if not _is_kept(problem):
                    raise
            return _refund(await self._find_refund(provider_payment_id, reference) or await create(second_key(key)))

    async def _find_refund(self, provider_payment_id: str, reference: str) -> stripe.Refund | None:
        """The first refund of the intent that was made for our refund, if any was."""
        page = await self._client.v1.refunds.list_async({"payment_intent": provider_payment_id, "limit": _PAGE})
        found = None
        async for refund in page.auto_paging_iter():
            if _metadata(refund).get("refund_id") == reference:
                found = refund
        return found

    async def retrieve_refund(self, provider_refund_id: str) -> ProviderRefund:
        with _Translated():
            return _refund(await self._client.v1.refunds.retrieve_async(provider_refund_id))

    def verify_event(self, body: bytes, signature: str) -> ProviderEvent:
        for secret in self._webhook_secrets:
            try:
                stripe.WebhookSignature.verify_header(body.decode(), signature, secret, tolerance=SIGNATURE_AGE_SECONDS)
            except (stripe.SignatureVerificationError, UnicodeDecodeError, ValueError):
                continue
            return _event(body)
        raise SignatureInvalid


def second_key(key: str) -> str:
    """The key under which a call is made once more after its first key has come to hold an error."""
    return f"{key}-2"


def _metadata(held: stripe.PaymentIntent | stripe.Refund) -> dict[str, str]:
    """What we gave the provider with it."""
    return held.to_dict().get("metadata") or {}


def _is_kept(problem: stripe.StripeError) -> bool:
    """Whether Stripe answered with an error of its own, which it goes on answering under the same key."""
    return problem.http_status is not None and problem.http_status >= SERVER_ERROR


def _event(body: bytes) -> ProviderEvent:
    content = msgspec.json.decode(body)
    held = content["data"]["object"]
    kind = held.get("object", "")
    payment = held.get("id") if kind == "payment_intent" else held.get("payment_intent")
    return ProviderEvent(
        id=content["id"],
        type=content["type"],
        object_type=kind,
        object_id=str(held.get("id", "")),
        payment_id=payment,
        reference=(held.get("metadata") or {}).get("payment_id"),
    )


def _payment(intent: stripe.PaymentIntent) -> ProviderPayment:
    held = intent.to_dict()
    currency = held["currency"].upper()
    status = _STATUS[held["status"]]
    failure = held.get("last_payment_error")
    if status is PaymentStatus.REQUIRES_PAYMENT and failure:
        status = PaymentStatus.FAILED
    return ProviderPayment(
        id=held["id"],
        status=status,
        amount=Money(held["amount"], currency),
        received=Money(held.get("amount_received") or 0, currency),
        client_secret=held.get("client_secret"),
        reference=(held.get("metadata") or {}).get("payment_id"),
        failure_code=(failure.get("decline_code") or failure.get("code")) if failure else None,
    )


def _refund(refund: stripe.Refund) -> ProviderRefund:
    held = refund.to_dict()
    return ProviderRefund(id=held["id"], status=_REFUND_STATUS[held["status"]], failure_code=held.get("failure_reason"))


class _Translated:
    """Turns the SDK's exceptions into ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, _trace: object) -> None:
        if not isinstance(problem, stripe.StripeError):
            return
        log.warning(
            "provider refused or failed",
            kind=type(problem).__name__,
            code=problem.code,
            status=problem.http_status,
            request_id=problem.request_id,
        )
        if isinstance(problem, stripe.APIConnectionError):
            raise ProviderTimeout from problem
        if problem.code in {"charge_already_refunded", "amount_too_large"}:
            raise RefundExceedsPaid from problem
        if isinstance(problem, (stripe.CardError, stripe.InvalidRequestError)) and problem.code in {
            "payment_intent_unexpected_state",
            "amount_too_small",
            "amount_too_large",
            "card_declined",
        }:
            raise PaymentFailed from problem
        raise ProviderError from problem
