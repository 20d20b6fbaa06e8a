"""Refusals around orders."""

from __future__ import annotations

from typing import Any

from ais.kit import AppError, NotFound


class OrderNotFound(NotFound):
    """There is no such order, or it is not the caller's."""

    message = "There is no such order."


class HoldExpired(AppError):
    """The seats are no longer held: the time to pay is over."""

    code = "HOLD_EXPIRED"
    status = 410
    message = "The time to pay for this order is over. Please search again."


class OrderConflict(AppError):
    """The order has changed meanwhile, or is in no state for this."""

    code = "ORDER_CONFLICT"
    status = 409
    message = "The order has changed meanwhile."


class FlightCancelled(AppError):
    """A flight of the order does not operate: nothing is to be paid for it."""

    code = "ORDER_CONFLICT"
    status = 409
    message = "A flight of this order has been cancelled. Please search again."


class NothingDue(AppError):
    """The order is paid."""

    code = "ORDER_CONFLICT"
    status = 409
    message = "There is nothing left to pay for this order."


class PaymentRequired(AppError):
    """The order is not paid."""

    code = "PAYMENT_REQUIRED"
    status = 409
    message = "This order must be paid first."


class NameRomanisationRequired(AppError):
    """A name is not written in Latin letters; ``details.suggestions`` holds how it may read in a passport."""

    code = "NAME_ROMANISATION_REQUIRED"
    status = 422
    message = "Write the name in Latin letters as in the travel document."

    def __init__(self, path: str, suggestions: dict[str, str]) -> None:
        super().__init__(fields=[{"path": path, "reason": "is not written in Latin letters"}], suggestions=suggestions)


class PassengerAge(AppError):
    """A passenger's age on the day of a flight does not fit the type that was priced."""

    code = "PASSENGER_AGE"
    status = 422
    message = "The age of a passenger does not fit the fare."

    def __init__(self, path: str, reason: str, **details: Any) -> None:
        super().__init__(fields=[{"path": path, "reason": reason}], **details)


class NothingToGiveUp(AppError):
    """Nothing of what was named can be given up: it is flown, or was given up before."""

    code = "ORDER_CONFLICT"
    status = 409
    message = "There is nothing left of this to give up."


class QuoteNotFound(NotFound):
    """There is no such quote, or its order is not the caller's."""

    message = "There is no such cancellation quote."


class QuoteExpired(AppError):
    """The time in which the quote could be confirmed is over."""

    code = "QUOTE_EXPIRED"
    status = 410
    message = "This cancellation quote has expired. Please ask for a new one."


class QuoteSuperseded(AppError):
    """A newer quote has taken its place, or the order has changed since it was made."""

    code = "ORDER_CONFLICT"
    status = 409
    message = "This cancellation quote no longer holds. Please ask for a new one."


class VoidTooLate(AppError):
    """Documents are voided on their day of issue only; later they are refunded by their rules."""

    code = "INVALID_STATE_TRANSITION"
    status = 409
    message = "The day of issue is over: these documents can be refunded, not voided."
