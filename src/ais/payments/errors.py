"""Refusals around money."""

from __future__ import annotations

from ais.kit import AppError, NotFound


class PaymentFailed(AppError):
    """The provider refused to take this payment."""

    code = "PAYMENT_FAILED"
    status = 409
    message = "The payment was not accepted."


class PaymentProcessing(AppError):
    """A payment of this order is on its way; what it brings is known in a moment."""

    code = "PAYMENT_PROCESSING"
    status = 409
    retryable = True
    retry_after_seconds = 5
    message = "A payment for this order is being processed."


class ProviderError(AppError):
    """The payment provider answered with an error of its own."""

    code = "PROVIDER_ERROR"
    status = 502
    retryable = True
    message = "The payment provider has a problem. Please try again."


class ProviderTimeout(AppError):
    """The payment provider did not answer in time; whether it acted is found out by itself."""

    code = "PROVIDER_TIMEOUT"
    status = 504
    retryable = True
    message = "The payment provider did not answer in time. Please try again."


class RefundExceedsPaid(AppError):
    """More would go back than came in."""

    code = "REFUND_EXCEEDS_PAID"
    status = 409
    message = "The refund is larger than what was paid and not yet given back."


class SignatureInvalid(AppError):
    """The message does not carry the provider's signature, or is older than 300 seconds."""

    code = "MALFORMED_REQUEST"
    status = 400
    message = "The signature of this message is not valid."


class EventNotFound(NotFound):
    """No provider has told us anything under this id."""

    message = "There is no such event."


class PaymentNotFound(NotFound):
    """There is no payment of this id."""

    message = "There is no such payment."
