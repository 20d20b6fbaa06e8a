"""Refusals around documents."""

from __future__ import annotations

from ais.kit import AppError


class TicketNumbersExhausted(AppError):
    """The carrier's ticket number ranges have no room left: a matter for staff, never for the passenger."""

    code = "TICKET_NUMBERS_EXHAUSTED"
    status = 503
    retryable = False
    message = "Tickets cannot be issued at the moment. Your payment and your seats are safe."


class TicketRangeInvalid(AppError):
    """The range is not one of ten-digit serials, or overlaps one that exists."""

    code = "TICKET_RANGE_INVALID"
    status = 422
    message = "The ticket number range is not valid: {reason}."
