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


class RefundsFrozen(AppError):
    """The payer disputes the payment at the bank: nothing goes back until that is decided."""

    code = "INVALID_STATE_TRANSITION"
    status = 409
    message = "The payment is disputed at the bank, so nothing can be refunded until that is decided."


class EventNotFound(NotFound):
    """No provider has told us anything under this id."""

    message = "There is no such event."


class PaymentNotFound(NotFound):
    """There is no payment of this id."""

    message = "There is no such payment."


class AgencyNotFound(NotFound):
    """There is no agency of this id."""

    message = "There is no such agency."


class CodeTaken(AppError):
    """Another agency or office has this code."""

    code = "CODE_TAKEN"
    status = 409
    message = "This code is already in use."


class CurrencyDiffers(AppError):
    """The sum is in another currency than the account."""

    code = "CURRENCY_DIFFERS"
    status = 409
    message = "The sum is in another currency than the account."


class CreditLimitTooLow(AppError):
    """The agency already owes more than this."""

    code = "CREDIT_LIMIT_TOO_LOW"
    status = 409
    message = "The agency already owes more than this limit."


class OfficeNotFound(NotFound):
    """There is no office of this code."""

    message = "There is no such office."


class ShiftNotFound(NotFound):
    """There is no shift of this id."""

    message = "There is no such cash shift."


class ShiftNotOpen(AppError):
    """The shift is closed, or the clerk has another one open."""

    code = "SHIFT_NOT_OPEN"
    status = 409
    message = "This cash shift is closed, or another one of this clerk is still open."


class NothingToWriteOff(AppError):
    """The shift is open, or its drawer held what it should."""

    code = "NOTHING_TO_WRITE_OFF"
    status = 409
    message = "This cash shift has no difference to write off."


class DrawerTooSmall(AppError):
    """So much is not in the drawer."""

    code = "DRAWER_TOO_SMALL"
    status = 409
    message = "There is not enough cash in the drawer."


class RefundNotFound(NotFound):
    """There is no refund of this id that could be dealt with in this way."""

    message = "There is no such refund."


class TravelCreditNotFound(NotFound):
    """No travel credit has this code."""

    message = "There is no travel credit with this code."
