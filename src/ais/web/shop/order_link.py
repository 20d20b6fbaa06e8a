"""The link of a mail: its token opens one order for this browser, and leaves the address at once."""

from __future__ import annotations

import re
from urllib.parse import quote

from litestar import Response

from ais.kit import ActorKind, decode_id, ids
from ais.platform.http import Authenticator, Forbidden, HTTPRequest, TokenExpired, Unauthorized
from ais.web.rendering import page_language, see_other
from ais.web.session import ShopSession, session_cookie

_SHAPE = re.compile(r"gst_[A-Za-z0-9_-]{20,120}")


def open_by_link(request: HTTPRequest, session: ShopSession, order_id: str, token: str) -> Response[None]:
    """Keep the token in the browser's session if it opens that order, and go on to the address without it.

    So it stands in no history, is sent to nobody as a referrer, and is not shared with a copied address.
    """
    path = f"/{page_language(request)}/orders/{quote(order_id)}"
    cookies = [session_cookie(request, session.with_token(token))] if _opens(request, order_id, token) else None
    answer = see_other(path, cookies)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _opens(request: HTTPRequest, order_id: str, token: str) -> bool:
    authenticator: Authenticator = request.app.state.authenticator
    if not _SHAPE.fullmatch(token):
        return False
    try:
        actor = authenticator.guest(token)
    except (Unauthorized, TokenExpired, Forbidden):
        return False
    return actor.kind is ActorKind.GUEST and actor.id == str(decode_id(ids.ORDER, order_id))
