"""Who travels: the form of an offer, and the order that it becomes."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post

from ais.inventory import SeatsUnavailable
from ais.kit import Actor, AppError, ServiceUnavailable, ValidationFailed, decode_id, ids
from ais.offers import MoneyBody, OfferBody, OfferExpired, OfferNotFound, PriceChanged, Shop
from ais.orders import (
    CreateOrder,
    NameRomanisationRequired,
    OrderBody,
    OrderRequest,
    PassengerAge,
    buyer_access_ends_at,
    create_order,
    refusals_of_order,
)
from ais.platform.http import PUBLIC, Authenticator, HTTPRequest, correlation_id_of
from ais.platform.i18n import Language
from ais.platform.idempotency import Answer, IdempotencyConflict, IdempotencyInProgress, RequestKey, fingerprint
from ais.web.browser import buyer
from ais.web.rendering import Mistakes, in_both, page_language, render, see_other
from ais.web.session import (
    ShopSession,
    new_form_key,
    read_session,
    require_own_form,
    session_cookie,
)
from ais.web.shop.forms import fields_of
from ais.web.shop.journeys import price_parts
from ais.web.shop.traveller_form import OFFER_ID_LONGEST, TravellerForm, read_form
from ais.web.shop.trip import Trip, read_trip
from ais.web.translation import mark

KEY_SCOPE = "shop order"
PATIENCE = 4  # times two seconds, which is how long one try waits for its twin
TRY_AGAIN = mark("Seats cannot be held at the moment. Please send the form again.")
_OFFER_REFUSALS = (OfferExpired, OfferNotFound, SeatsUnavailable, PriceChanged)
_REFUSALS = (*_OFFER_REFUSALS, IdempotencyConflict, ServiceUnavailable)


@get(in_both("/travellers"), access=PUBLIC, include_in_schema=False, sync_to_thread=False)
def show_travellers(request: HTTPRequest, offer: str = "") -> Response[str]:
    """The form of the offer in the address."""
    session = read_session(request)
    trip = read_trip(dict(request.query_params), request.app.state.shop)
    return _form(request, session, trip, TravellerForm.blank(offer[:OFFER_ID_LONGEST]))


@post(in_both("/travellers"), access=PUBLIC, limit="order", include_in_schema=False, status_code=200)
async def book(request: HTTPRequest) -> Response[Any]:
    """Make the order, its seats held, and go on to it; or show the form again with what is wrong."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    trip = read_trip(fields, request.app.state.shop)
    form = read_form(fields)
    if form.only_shown_again:
        return _form(request, session, trip, form)
    language = page_language(request)
    services: CreateOrder = request.app.state.create_order
    body, mistakes = form.order_request(language)
    if body is None or mistakes:
        return _with_mistakes(request, session, trip, form, body, mistakes)
    try:
        key = RequestKey(
            KEY_SCOPE, form.key or session.order_form_key(form.offer_id), fingerprint(msgspec.to_builtins(body))
        )
        answer = await _ordered(services, buyer(request), key, body, language)
    except (ValidationFailed, NameRomanisationRequired, PassengerAge) as refusal:
        return _with_mistakes(request, session, trip, form, body, form.mistakes_of(refusal))
    except _REFUSALS as refusal:
        return _refused(request, session, trip, form, refusal)
    order = msgspec.json.decode(answer.body, type=OrderBody)
    kept = session.with_token(_token(request, order))
    return see_other(f"/{language}/orders/{order.id}", [session_cookie(request, kept)])


async def _ordered(
    services: CreateOrder, who: Actor, key: RequestKey, body: OrderRequest, language: Language
) -> Answer:
    """The order, also for the second of two clicks that came while the first was slow."""
    for _ in range(PATIENCE):
        try:
            return await create_order(services, who, correlation_id_of(), key, body, language)
        except IdempotencyInProgress:
            continue
    raise IdempotencyInProgress


def _token(request: HTTPRequest, order: OrderBody) -> str:
    authenticator: Authenticator = request.app.state.authenticator
    order_id = decode_id(ids.ORDER, order.id)
    assert order_id is not None
    return authenticator.guest_token(order_id, expires_at_seconds=int(buyer_access_ends_at(order).timestamp()))


def _form(
    request: HTTPRequest,
    session: ShopSession,
    trip: Trip,
    form: TravellerForm,
    mistakes: dict[str, str] | None = None,
    *,
    status: int = 422,
) -> Response[str]:
    """The form of an offer as it is now, filled in as it was; or why the offer cannot be had any more."""
    shop: Shop = request.app.state.shop
    language = page_language(request)
    try:
        offer = msgspec.json.decode(shop.show_offer_json(form.offer_id, language=language), type=OfferBody)
    except _OFFER_REFUSALS as refusal:
        return _refused(request, session, trip, form, refusal)
    fares, charges, taxes = price_parts(offer)
    return render(
        request,
        "travellers.html",
        status=status if mistakes else 200,
        session=session,
        trip=trip,
        offer=offer,
        brand=shop.market.fare_book.brands.get((offer.validating_carrier, offer.fare_brand)),
        airport=shop.market.reference.airport,
        form=form,
        key=form.key or session.order_form_key(offer.id),
        mistakes=Mistakes(mistakes or {}),
        fares=fares,
        charges=charges,
        taxes=taxes,
        flights_query=trip.query(),
        switch_path=f"/{'en' if language == 'ar' else 'ar'}/travellers",
    )


def _with_mistakes(
    request: HTTPRequest,
    session: ShopSession,
    trip: Trip,
    form: TravellerForm,
    body: OrderRequest | None,
    mistakes: dict[str, str],
) -> Response[str]:
    """The form again with ``mistakes`` and with everything else for which an order of it would be refused: nobody sends
    it in vain twice.
    """
    services: CreateOrder = request.app.state.create_order
    try:
        refusals = refusals_of_order(services, body) if body is not None else []
    except ValidationFailed as refusal:
        refusals = [refusal]
    except _OFFER_REFUSALS as refusal:
        return _refused(request, session, trip, form, refusal)
    for each in refusals:
        # What was found first stands: a field that is empty is not wrong too.
        mistakes = {**form.mistakes_of(each), **mistakes}
    return _form(request, session, trip, form, mistakes)


def _refused(
    request: HTTPRequest, session: ShopSession, trip: Trip, form: TravellerForm, refusal: AppError
) -> Response[str]:
    """Why the offer of the form cannot be had: expired, sold, at another price; or the form, to be sent again."""
    match refusal:
        case ServiceUnavailable():
            return _form(request, session, trip, form, {"form": TRY_AGAIN}, status=503)
        case IdempotencyConflict():
            return _ordered_already(request, session, trip, form)
        case PriceChanged() if refusal.details["offer"] is not None:
            return _price_changed(request, session, trip, form, refusal)
    gone = isinstance(refusal, (OfferExpired, OfferNotFound))
    return render(
        request,
        "offer_expired.html" if gone else "sold_out.html",
        status=410 if gone else 409,
        flights_query=_again(trip),
        place=f"/flights?{_again(trip)}" if _again(trip) else "/",
    )


def _again(trip: Trip) -> str:
    return trip.query() if trip.origin and trip.destination and trip.depart else ""


def _price_changed(
    request: HTTPRequest, session: ShopSession, trip: Trip, form: TravellerForm, change: PriceChanged
) -> Response[str]:
    """Old and new price, and the same form for the new one; nothing that was typed is lost."""
    offer = msgspec.convert(change.details["offer"], OfferBody)
    return render(
        request,
        "price_changed.html",
        status=409,
        session=session,
        previous=msgspec.convert(change.details["previous_total"], MoneyBody),
        current=offer.total,
        kept=form.kept_fields(offer, session.order_form_key(offer.id)) | trip.fields(),
        is_filled_in=bool(form.values),
        offer_query=trip.query(offer=offer.id),
        place=f"/travellers?{trip.query(offer=offer.id)}",
        flights_query=_again(trip),
    )


def _ordered_already(request: HTTPRequest, session: ShopSession, trip: Trip, form: TravellerForm) -> Response[str]:
    """The browser has an order of this very offer, with other details: whether another is wanted is for it to say."""
    return render(
        request,
        "ordered_already.html",
        status=409,
        place="/booking",
        session=session,
        kept=form.sent_again(new_form_key()) | trip.fields(),
    )
