"""The page of one order: where it stands, what is to be done, the journey, the tickets, the receipt."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from litestar import Response, get
from litestar.response import Redirect

from ais.kit import Actor
from ais.kit.localtime import to_local
from ais.orders import OrderBody, OrderPaymentStatus, OrderStatus, read_own_order, show_order
from ais.platform.database import Database
from ais.platform.http import PUBLIC, HTTPRequest
from ais.web.rendering import in_both, page_language, render
from ais.web.session import ShopSession, guest_of, read_session
from ais.web.shop.order_link import open_by_link
from ais.web.shop.trip import Trip
from ais.web.translation import mark

REFRESH_SECONDS = 2
REFRESHES_MAX = 30
COUPON_WORDS = {
    "open": mark("valid"),
    "airport_control": mark("at the airport"),
    "checked_in": mark("checked in"),
    "lifted": mark("boarded"),
    "flown": mark("flown"),
    "exchanged": mark("exchanged"),
    "refunded": mark("refunded"),
    "void": mark("void"),
    "suspended": mark("on hold"),
    "no_show": mark("not used"),
}


@get(in_both("/orders/{order_id:str}"), access=PUBLIC, include_in_schema=False)
async def show_own_order(request: HTTPRequest, order_id: str) -> Response[Any]:
    """The order, for a browser that may open it; a mail's link brings the token that does."""
    session = read_session(request)
    if token := request.query_params.get("token"):
        return open_by_link(request, session, order_id, token)
    actor = guest_of(request, session, order_id)
    order = await read_order_body(request, actor, order_id)
    return order_page(request, session, order)


@get("/orders/{order_id:str}", access=PUBLIC, include_in_schema=False, sync_to_thread=False)
def choose_language_of_order(request: HTTPRequest, order_id: str) -> Redirect:
    """An order's address without a language, as messages and the payment page may have it."""
    outcome = request.query_params.get("payment", "")
    query = f"?payment={outcome}" if outcome in {"done", "cancelled"} else ""
    return Redirect(
        f"/{page_language(request)}/orders/{quote(order_id)}{query}",
        status_code=302,
        headers={"Vary": "Accept-Language"},
    )


async def read_order_body(request: HTTPRequest, actor: Actor, order_id: str) -> OrderBody:
    """The order as its guest sees it now, in the language of the page."""
    database: Database = request.app.state.database
    order = await read_own_order(database, actor, order_id)
    return await show_order(database, order, page_language(request), actor)


def order_page(
    request: HTTPRequest,
    session: ShopSession,
    order: OrderBody,
    *,
    status: int = 200,
    notice: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response[str]:
    """The page of an order, with a notice above it if something was refused."""
    market = request.app.state.shop.market
    now = request.app.state.database.clock.now()
    due = order.payment_required_by
    left = (due - now).total_seconds() if due is not None else 0
    stage = stage_of(order)
    tries = _tries(request)
    if stage in {"held", "declined"} and request.query_params.get("payment") == "done" and tries <= REFRESHES_MAX:
        # The payer came back before the provider's message did.
        stage = "processing"
    first = order.slices[0].segments[0]
    passengers = {each.id: each for each in order.passengers}
    return render(
        request,
        "order.html",
        status=status,
        session=session,
        personal=True,
        headers=headers,
        place=None if request.method == "GET" else f"/orders/{order.id}",
        order=order,
        stage=stage,
        notice=notice,
        came_back=request.query_params.get("payment") == "cancelled",
        can_pay="pay" in order.available_actions,
        refresh=_refresh(request, order, tries) if stage == "processing" else None,
        refresh_seconds=REFRESH_SECONDS,
        leads_to=request.app.state.hosted_payment_origin,
        seconds_left=max(0, int(left)),
        local_deadline=to_local(due, first.departure_timezone) if due is not None else None,
        deadline_city=market.reference.airport(first.origin).city(page_language(request)),
        coupon_words=COUPON_WORDS,
        brand=market.fare_book.brands.get((order.validating_carrier, order.fare_brand)),
        airport=market.reference.airport,
        passengers=passengers,
        flights_by_segment={segment.id: segment for each in order.slices for segment in each.segments},
        again_query=trip_of(order).query(),
    )


def _tries(request: HTTPRequest) -> int:
    text = request.query_params.get("try", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _refresh(request: HTTPRequest, order: OrderBody, tries: int) -> str | None:
    """Where the page looks again whether the money has arrived; None when it has looked often enough."""
    if tries > REFRESHES_MAX:
        return None
    query = urlencode({"payment": "done", "try": tries + 1})
    return f"/{page_language(request)}/orders/{order.id}?{query}"


def stage_of(order: OrderBody) -> str:
    """Which of the page's faces the order's states call for."""
    if order.status is OrderStatus.RESERVED:
        return {
            OrderPaymentStatus.PROCESSING: "processing",
            OrderPaymentStatus.PAID: "processing",
            OrderPaymentStatus.FAILED: "declined",
        }.get(order.payment_status, "held")
    if order.status in {OrderStatus.CONFIRMED, OrderStatus.COMPLETED}:
        return "confirmed"
    if order.status is OrderStatus.EXPIRED:
        return "refunded" if order.payment_status is OrderPaymentStatus.REFUNDED else "expired"
    return "cancelled"


def trip_of(order: OrderBody) -> Trip:
    """The search that would find the order's flights again."""
    first, *others = order.slices

    def departs(position: int) -> Any:
        return order.slices[position].segments[0].departs_at.date()

    kinds = [each.type for each in order.passengers]
    return Trip(
        origin=first.origin,
        destination=first.destination,
        depart=departs(0),
        return_=departs(1) if others else None,
        is_return=bool(others),
        adults=max(1, kinds.count("adult")),
        children=kinds.count("child"),
        infants=kinds.count("infant"),
        cabin=first.segments[0].cabin,
    )
