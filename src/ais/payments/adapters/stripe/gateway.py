"""Calls to Stripe. The SDK's own retries cover a cut connection: they repeat the key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import stripe

from ais.kit import Money
from ais.payments.adapters.stripe.amounts import to_stripe
from ais.payments.adapters.stripe.client import open_client
from ais.payments.adapters.stripe.translate import (
    Translated,
    dispute_of,
    event_of,
    kept_of,
    payment_of_intent,
    payment_of_session,
    refund_of,
)
from ais.payments.domain import (
    PaymentMethod,
    PaymentOpening,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderRefund,
)
from ais.payments.errors import PaymentFailed, RefundExceedsPaid, SignatureInvalid

SIGNATURE_AGE_SECONDS = 300
SERVER_ERROR = 500
# So often one call is tried under a key of its own after Stripe has kept an error under the one before.
KEYS_AT_MOST = 5
# How far the provider's clock may be behind ours.
_CLOCKS_APART = timedelta(minutes=5)
_PAGE = 100
_SESSION = "cs_"
# Stripe takes sessions that live from 30 minutes to 24 hours from when it sees them. The hour leaves half of it for a
# call that has to be repeated; our own time limit ends the session before.
_SESSION_LEAST, _SESSION_MOST = timedelta(minutes=60), timedelta(hours=23, minutes=55)
_INTENT: list[str] = ["payment_intent"]
_Made = TypeVar("_Made")


class StripeGateway:
    """The payment gateway of Stripe: intents for clients that collect the card by Stripe's own library, and checkout
    sessions, hosted pages on which people pay.

    Stripe keeps the first answer of a key, an error of its own (5xx) too, so that repeating the key would repeat the
    error for a day. After such an error what the call was to make is looked for by our reference; only if it is not
    there is the call made once more, under a second key that follows from the first.
    """

    name = "stripe"
    methods = frozenset({PaymentMethod.CARD, PaymentMethod.CHECKOUT, PaymentMethod.PAY_LINK})

    def __init__(self, api_key: str, webhook_secrets: tuple[str, ...], api_base: str) -> None:
        self._client = open_client(api_key, api_base, retries=1)
        self._webhook_secrets = webhook_secrets

    async def create(self, opening: PaymentOpening) -> ProviderPayment:
        if opening.method is not PaymentMethod.CARD:
            return await self._create_session(opening)

        async def create(key: str) -> stripe.PaymentIntent:
            return await self._client.v1.payment_intents.create_async(
                {
                    "amount": to_stripe(opening.amount),
                    "currency": opening.amount.currency.lower(),
                    # Confirmed by the payer's own client, without a page to come back to.
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                    "metadata": _metadata_for(opening),
                },
                {"idempotency_key": key},
            )

        async def find() -> stripe.PaymentIntent | None:
            return await self._find_intent(opening.reference, opening.since)

        with Translated():
            return payment_of_intent(await _made_once(opening.reference, create, find))

    async def _create_session(self, opening: PaymentOpening) -> ProviderPayment:
        assert opening.return_url is not None
        success_url, cancel_url = opening.return_url, opening.cancel_url or opening.return_url
        expires_at = min(max(opening.expires_at, opening.since + _SESSION_LEAST), opening.since + _SESSION_MOST)

        async def create(key: str) -> stripe.checkout.Session:
            return await self._client.v1.checkout.sessions.create_async(
                {
                    "mode": "payment",
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": opening.amount.currency.lower(),
                                "unit_amount": to_stripe(opening.amount),
                                "product_data": {"name": opening.description},
                            },
                        }
                    ],
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                    "expires_at": int(expires_at.timestamp()),
                    "client_reference_id": opening.reference,
                    "metadata": _metadata_for(opening),
                    # On the intent too, and with it on the charge: what is told of those must find our payment.
                    "payment_intent_data": {"metadata": _metadata_for(opening)},
                    "expand": _INTENT,
                },
                {"idempotency_key": key},
            )

        async def find() -> stripe.checkout.Session | None:
            return await self._find_session(opening.reference, opening.since)

        with Translated():
            return payment_of_session(await _made_once(opening.reference, create, find))

    async def _find_intent(self, reference: str, since: datetime) -> stripe.PaymentIntent | None:
        """The first intent that was made for our payment, if any was."""
        earliest = int((since - _CLOCKS_APART).timestamp())
        page = await self._client.v1.payment_intents.list_async({"created": {"gte": earliest}, "limit": _PAGE})
        found = None
        async for intent in page.auto_paging_iter():
            if _metadata(intent).get("payment_id") == reference:
                found = intent
        return found

    async def _find_session(self, reference: str, since: datetime) -> stripe.checkout.Session | None:
        """The first session that was made for our payment, if any was."""
        earliest = int((since - _CLOCKS_APART).timestamp())
        page = await self._client.v1.checkout.sessions.list_async(
            {"created": {"gte": earliest}, "limit": _PAGE, "expand": ["data.payment_intent"]}
        )
        found = None
        async for session in page.auto_paging_iter():
            if session.client_reference_id == reference:
                found = session
        return found

    async def retrieve(self, provider_payment_id: str) -> ProviderPayment:
        with Translated():
            if provider_payment_id.startswith(_SESSION):
                return await self._retrieve_session(provider_payment_id)
            return payment_of_intent(await self._client.v1.payment_intents.retrieve_async(provider_payment_id))

    async def _retrieve_session(self, session_id: str) -> ProviderPayment:
        session = await self._client.v1.checkout.sessions.retrieve_async(session_id, {"expand": _INTENT})
        return payment_of_session(session)

    async def cancel(self, provider_payment_id: str) -> ProviderPayment:
        # Cancelling twice is cancelling once, so each call goes under a key of its own, which the SDK makes: an error
        # that Stripe keeps under a key must not be the answer of a later try.
        if provider_payment_id.startswith(_SESSION):
            return await self._expire_session(provider_payment_id)
        try:
            with Translated():
                return payment_of_intent(
                    await self._client.v1.payment_intents.cancel_async(
                        provider_payment_id, {"cancellation_reason": "abandoned"}
                    )
                )
        except PaymentFailed:
            return await self.retrieve(provider_payment_id)

    async def _expire_session(self, session_id: str) -> ProviderPayment:
        """End an open session; one that is complete, or has ended, is answered as it is."""
        with Translated():
            try:
                return payment_of_session(
                    await self._client.v1.checkout.sessions.expire_async(session_id, {"expand": _INTENT})
                )
            except stripe.InvalidRequestError:
                return await self._retrieve_session(session_id)

    async def refund(self, capture_id: str, amount: Money, *, reference: str, key: str) -> ProviderRefund:
        async def create(key: str) -> stripe.Refund:
            return await self._client.v1.refunds.create_async(
                {"payment_intent": capture_id, "amount": to_stripe(amount), "metadata": {"refund_id": reference}},
                {"idempotency_key": key},
            )

        async def find() -> stripe.Refund | None:
            return await self._find_refund(capture_id, reference)

        with Translated():
            try:
                return refund_of(await _made_once(key, create, find))
            except stripe.InvalidRequestError as refused:
                # That less is left than asked for, because somebody gave a part back there, has no code at Stripe.
                if refused.param == "amount" and refused.code is None:
                    raise RefundExceedsPaid from refused
                raise

    async def _find_refund(self, capture_id: str, reference: str) -> stripe.Refund | None:
        """The first refund of the intent that was made for our refund, if any was."""
        page = await self._client.v1.refunds.list_async({"payment_intent": capture_id, "limit": _PAGE})
        found = None
        async for refund in page.auto_paging_iter():
            if _metadata(refund).get("refund_id") == reference:
                found = refund
        return found

    async def retrieve_dispute(self, provider_dispute_id: str) -> ProviderDispute:
        with Translated():
            return dispute_of(await self._client.v1.disputes.retrieve_async(provider_dispute_id))

    async def refunds_of(self, capture_id: str) -> list[ProviderRefund]:
        with Translated():
            page = await self._client.v1.refunds.list_async({"payment_intent": capture_id, "limit": _PAGE})
            return [refund_of(refund) async for refund in page.auto_paging_iter()]

    async def retrieve_refund(self, provider_refund_id: str) -> ProviderRefund:
        with Translated():
            return refund_of(await self._client.v1.refunds.retrieve_async(provider_refund_id))

    def verify_event(self, body: bytes, signature: str) -> ProviderEvent:
        for secret in self._webhook_secrets:
            try:
                stripe.WebhookSignature.verify_header(body.decode(), signature, secret, tolerance=SIGNATURE_AGE_SECONDS)
            except (stripe.SignatureVerificationError, UnicodeDecodeError, ValueError):
                continue
            return event_of(body)
        raise SignatureInvalid

    def read_event(self, body: bytes) -> ProviderEvent:
        return event_of(body)

    def without_persons(self, body: bytes) -> bytes:
        return kept_of(body)


async def _made_once(
    key: str, create: Callable[[str], Awaitable[_Made]], find: Callable[[], Awaitable[_Made | None]]
) -> _Made:
    """What ``create`` makes under the key. After an error that Stripe keeps under it, what ``find`` sees there, else
    what ``create`` makes under the next key: one that has come to hold an error would answer it for a day.
    """
    for number in range(1, KEYS_AT_MOST + 1):
        try:
            return await create(numbered_key(key, number))
        except stripe.StripeError as problem:
            if not _is_kept(problem) or number == KEYS_AT_MOST:
                raise
        found = await find()
        if found is not None:
            return found
    raise AssertionError("the last key answers or raises")


def numbered_key(key: str, number: int) -> str:
    """The key under which a call is made for the ``number``-th time, after the keys before have come to hold errors."""
    return key if number == 1 else f"{key}-{number}"


def _metadata_for(opening: PaymentOpening) -> dict[str, str]:
    return {"payment_id": opening.reference, "order_id": opening.order_reference}


def _metadata(held: stripe.PaymentIntent | stripe.Refund) -> dict[str, str]:
    """What we gave the provider with it."""
    return held.to_dict().get("metadata") or {}


def _is_kept(problem: stripe.StripeError) -> bool:
    """Whether Stripe answered with an error of its own, which it goes on answering under the same key."""
    return problem.http_status is not None and problem.http_status >= SERVER_ERROR
