"""Templates and the headers that every page carries."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from litestar import Response

from ais.kit import Actor
from ais.offers import Shop
from ais.platform.http import HTTPRequest
from ais.platform.i18n import Language, preferred_language
from ais.web import formats
from ais.web.assets import asset_path
from ais.web.session import ShopSession, form_token, session_cookie
from ais.web.translation import Sentences

if TYPE_CHECKING:
    from jinja2 import Environment

# Nothing may be loaded or run but our own files; no page of ours stands in another's frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class Mistakes(dict[str, str]):
    """What is wrong with a form, a sentence by field; of a field that is not named, nothing."""

    def __missing__(self, field: str) -> str:
        return ""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, each compiled when it is first shown; the library itself is loaded with the first page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # a quick start is a promise

    made = Environment(
        loader=PackageLoader("ais.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["asset"] = asset_path
    made.globals["days_later"] = formats.days_later
    made.globals["hours_and_minutes"] = formats.hours_and_minutes
    made.globals["is_zero"] = formats.is_zero
    return made


LANGUAGES: tuple[Language, ...] = ("en", "ar")


def in_both(path: str) -> list[str]:
    """The addresses of a page, one a language; one handler with both starts in half the time of two."""
    return [f"/{language}{path}" for language in LANGUAGES]


def page_language(request: HTTPRequest) -> Language:
    """The language in the page's path; outside of the two, what the browser prefers."""
    first = request.scope["path"].split("/", 2)[1]
    if first == "ar":
        return "ar"
    return "en" if first == "en" else preferred_language(request.headers.get("accept-language"))


def render(
    request: HTTPRequest,
    template: str,
    *,
    status: int = 200,
    session: ShopSession | None = None,
    headers: dict[str, str] | None = None,
    personal: bool = False,
    leads_to: str = "",
    place: str | None = None,
    **context: Any,
) -> Response[str]:
    """The page of that template in the language of its path.

    ``session`` gives the page's forms their token, and the browser its cookie if it is new. A ``personal`` page is kept
    by nobody. ``leads_to`` is the origin of another site that a form of the page ends at. ``place`` is the address,
    below its language, at which the page can be opened again; unless it is given, the present one, or the first page
    after a form.
    """
    language = page_language(request)
    sentences = Sentences(language)
    values = {
        "language": language,
        "_": sentences.say,
        "ngettext": sentences.count,
        "write": formats.Formats(language),
        "airline": airline_name(request.app.state.shop, language),
        "other_language": _other_language_path(request, language, place),
        "is_signed_in": _is_signed_in(request),
        "form_token": form_token(request.app.state.tokens, session) if session is not None else None,
        **context,
    }
    body = environment().get_template(template).render(values)
    return Response(
        body,
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers={
            "Content-Security-Policy": f"{_POLICY} {leads_to}".rstrip(),
            "Content-Language": language,
            "Cache-Control": "no-store" if personal else "private, no-cache",
            **(headers or {}),
        },
        cookies=[session_cookie(request, session)] if session is not None and session.is_new else [],
    )


def _is_signed_in(request: HTTPRequest) -> bool:
    """Whether somebody has signed in with this browser; of an address that does not exist nobody asks."""
    actor: Actor | None = request.scope["state"].get("actor")
    return actor is not None and actor.session_id is not None


def airline_name(shop: Shop, language: Language) -> str:
    """Whose shop it is: the carrier whose brands are on sale."""
    market = shop.market
    code = min((carrier for carrier, _ in market.fare_book.brands), default="")
    carrier = market.reference.carriers.get(code)
    return carrier.name(language) if carrier is not None else "ais"


def _other_language_path(request: HTTPRequest, language: Language, place: str | None) -> str:
    """The same page in the other language."""
    other = "en" if language == "ar" else "ar"
    if place is None and request.method == "GET":
        path = request.scope["path"]
        query = request.scope["query_string"].decode("latin-1")
        below = path[3:] if path[:4] in {"/ar/", "/en/"} or path in {"/ar", "/en"} else "/"
        place = (below or "/") + (f"?{query}" if query else "")
    return f"/{other}{place or '/'}"


def see_other(path: str, cookies: list[Any] | None = None) -> Response[None]:
    """After a form: the browser goes on to ``path`` by GET, so that a reload sends nothing again."""
    return Response(None, status_code=303, headers={"Location": path, "Cache-Control": "no-store"}, cookies=cookies)
