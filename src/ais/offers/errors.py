"""Why an offer is refused: one class per refusal."""

from __future__ import annotations

from typing import Any

from ais.kit import AppError, NotFound


class OfferNotFound(NotFound):
    """The id is not that of an offer of ours."""

    message = "There is no such offer."


class OfferExpired(AppError):
    """The offer's time is over, or a flight of it has been retimed since: search again."""

    code = "OFFER_EXPIRED"
    status = 410
    message = "This offer is no longer valid. Please search again."


class PriceChanged(AppError):
    """A fare or tax of the offer was withdrawn, so that its total no longer holds; nothing was charged.

    ``details``: ``previous_total``, ``current_total`` and ``offer``, the same flights and brand at today's price; the
    last two are null if the brand can no longer be sold on them.
    """

    code = "PRICE_CHANGED"
    status = 409
    message = "The price has changed since the offer was made."

    def __init__(
        self,
        previous_total: dict[str, str],
        current_total: dict[str, str] | None,
        offer: dict[str, Any] | None,
    ) -> None:
        super().__init__(previous_total=previous_total, current_total=current_total, offer=offer)
