"""What the forms of the account have in common: how one is shown, and how what was sent with it is read."""

from __future__ import annotations

from typing import Any

from litestar import Response

from ais.platform.http import HTTPRequest
from ais.web.rendering import page_language, render, see_other
from ais.web.session import ShopSession, read_session, require_own_form
from ais.web.shop.forms import fields_of


class AccountForm:
    """The page of a form. ``place`` is where it is opened again; ``empty`` are the values that its template asks for,
    as they are when nothing was sent or refused yet.
    """

    def __init__(self, template: str, place: str, *, headers: dict[str, str] | None = None, **empty: Any) -> None:
        self._template = template
        self._place = place
        self._headers = headers
        self._empty = empty

    def __call__(self, request: HTTPRequest, session: ShopSession, *, status: int = 200, **shown: Any) -> Response[str]:
        """The page with ``shown`` in the place of what is empty; kept by nobody."""
        unknown = shown.keys() - self._empty.keys()
        if unknown:
            raise TypeError(f"{self._template} asks for no {', '.join(sorted(unknown))}")
        return render(
            request,
            self._template,
            status=status,
            session=session,
            headers=self._headers,
            personal=True,
            place=self._place,
            **{**self._empty, **shown},
        )


async def sent_form(request: HTTPRequest) -> tuple[ShopSession, dict[str, str]]:
    """The browser's session and the fields of a form that we gave it; one of another site is refused."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    return session, fields


def ask_to_sign_in(request: HTTPRequest) -> Response[None]:
    """On to the form for signing in, for who has not."""
    return see_other(f"/{page_language(request)}/account/sign-in")
