"""Refusals of the fares package, one class each."""

from __future__ import annotations

from ais.kit import AppError, NotFound


class FareImportRefused(AppError):
    """The files hold mistakes; ``details.errors`` lists each with file, line, column and what was expected."""

    code = "FARE_IMPORT_REFUSED"
    status = 422
    message = "The fare files hold {count} mistakes; nothing was imported."

    def __init__(self, errors: list[dict[str, str | int]]) -> None:
        super().__init__(count=len(errors), errors=errors)


class FareVersionNotFound(NotFound):
    """No fare, tax or charge has this version number."""

    message = "There is no such fare or tax."


class AlreadyWithdrawn(AppError):
    """The version was withdrawn before; the first withdrawal stands."""

    code = "ALREADY_WITHDRAWN"
    status = 409
    message = "This was withdrawn on {withdrawn_at} already."


class PriceDataMissing(AppError):
    """Fares cannot be priced because a rate, or the currency of the point of sale, is not in the data."""

    code = "PRICE_DATA_MISSING"
    status = 503
    message = "A price cannot be given: {missing} is missing."
