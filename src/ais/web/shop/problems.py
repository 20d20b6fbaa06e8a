"""What people see when something is refused or breaks."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from litestar import Response

from ais.kit import AppError, NotFound, ServiceUnavailable
from ais.orders import OrderNotFound
from ais.platform.http import HTTPRequest, MethodNotAllowed, correlation_id_of
from ais.platform.i18n import translate
from ais.platform.rate_limits import RateLimited
from ais.web.rendering import LANGUAGES, page_language, render, see_other
from ais.web.session import FormTooOld
from ais.web.translation import mark

_PROGRAMS = ("/api/", "/webhooks/", "/health/", "/schema/", "/assets/")

_TITLES: tuple[tuple[type[AppError], str], ...] = (
    (OrderNotFound, mark("We cannot open this booking here")),
    (NotFound, mark("This page does not exist")),
    (FormTooOld, mark("Please send the form again")),
    (RateLimited, mark("A short pause, please")),
    (ServiceUnavailable, mark("We will be right back")),
)
_TEXTS: tuple[tuple[type[AppError], str], ...] = (
    (
        OrderNotFound,
        mark("Open it with your booking reference and family name; after some time a browser forgets a booking."),
    ),
    (NotFound, mark("The address may be mistyped, or the page has moved. Your bookings are safe.")),
    (FormTooOld, mark("The page was open for too long, or its cookie is gone. Nothing was changed or charged.")),
    (
        ServiceUnavailable,
        mark("A part of our system is restarting. Nothing was charged. Please try again in a moment."),
    ),
)
_TITLE = mark("Something went wrong")
_ACCIDENT = mark("We have been told of it. Nothing was charged that your booking does not show. Please try again.")

# Whoever pays by a link from a mail comes back to a browser that does not know the order.
_PAID_ELSEWHERE = (
    mark("Thank you"),
    mark("Your payment reaches us by itself, and the tickets come by mail. To see the booking here, open it once."),
)


def error_page(request: HTTPRequest, error: AppError, headers: dict[str, str]) -> Response[Any] | None:
    """The error as a page, for every address of the shop and for a browser that asks for another page; else None."""
    path = request.scope["path"]
    first = path.split("/", 2)[1]
    wants_page = "text/html" in request.headers.get("accept", "") and not path.startswith(_PROGRAMS)
    if path != "/" and first not in LANGUAGES and not wants_page:
        return None
    if isinstance(error, MethodNotAllowed) and request.method == "GET":
        # The address of a form, opened by hand: what it belongs to stands above it.
        return see_other(quote(path.rsplit("/", 1)[0]))
    language = page_language(request)
    accident = error.status >= 500 and not isinstance(error, ServiceUnavailable)
    text = next((text for kind, text in _TEXTS if isinstance(error, kind)), None)
    title = next((title for kind, title in _TITLES if isinstance(error, kind)), _TITLE)
    if isinstance(error, OrderNotFound) and request.query_params.get("payment") == "done":
        title, text = _PAID_ELSEWHERE
    return render(
        request,
        "problem.html",
        status=error.status,
        headers=headers,
        title=title,
        text=_ACCIDENT if accident else text,
        sentence=None if accident or text else error.sentence(translate(error.message, language)),
        is_order=isinstance(error, OrderNotFound),
        correlation_id=correlation_id_of() if accident else None,
    )
