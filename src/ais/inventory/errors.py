"""Why inventory refuses: one class per refusal, all of them part of the contract of the API."""

from __future__ import annotations

from ais.kit import AppError, NotFound, ServiceUnavailable


class SeatsUnavailable(AppError):
    """Fewer seats, or places for infants on a lap, are open than were asked for; nothing was taken.

    ``details``: ``asked`` and ``open``, where ``open`` is what the whole claim could still have, the least over its
    legs. When the places for infants are what is missing, both count infants and ``of`` is ``"infants"``.
    """

    code = "SEATS_UNAVAILABLE"
    status = 409
    message = "Fewer seats are left than you asked for."

    def __init__(self, asked: int, open_seats: int, of: str = "seats") -> None:
        details = {"of": of} if of != "seats" else {}
        super().__init__(asked=asked, open=open_seats, **details)


class HoldHasExpired(AppError):
    """The hold's end has passed: its seats may already be another's."""

    code = "HOLD_EXPIRED"
    status = 410
    message = "The seats were held until {expires_at} and are no longer held."


class HoldNotFound(NotFound):
    """There is no hold of that id."""


class SeatsNotSold(AppError):
    """More seats were to be given back than the hold has sold in that leg cabin and class; nothing was given back."""

    code = "ORDER_CONFLICT"
    status = 409
    message = "These seats are not sold, or were given back already."


class SeatDeskUnavailable(ServiceUnavailable):
    """The claim could not be decided in time; it may be repeated. Seats it took come back when the hold ends."""

    message = "Seats cannot be reserved at the moment. Please try again."


class AuthorisationRefused(AppError):
    """The authorisation, limits or blocked seats asked for cannot be of this leg cabin."""

    code = "VALIDATION_ERROR"
    status = 422
    message = "This authorisation cannot be: {reason}."
