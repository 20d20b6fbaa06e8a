"""Checkout sessions: a page of Stripe's on which one sum is paid, until it is paid or its time is up.

A session is `open`, then `complete` or `expired`. Its payment intent is made when the customer first presses the
button, not with the session (so since API version 2022-08-01), and every further attempt uses the same one. What
happens to the intent reaches the session through events: see `reactions`.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from ais_sandbox.stripe import payment_intents
from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.collections import USUAL_PAGE
from ais_sandbox.stripe.currencies import check_amount, read_currency, written
from ais_sandbox.stripe.errors import Document, StripeError, invalid_parameter, missing_parameter
from ais_sandbox.stripe.ids import object_id, random_text
from ais_sandbox.stripe.parameters import Parameters

EXPIRE_ACTION = "expire_session"
PAGE_PATH = "/c/pay/"
SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
MOST_LINE_ITEMS = 100

# Stripe's own page speaks these and no others; Arabic is not among them.
LOCALES = (
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hi-IN",
    "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl",
    "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
)  # fmt: skip
_SUBMIT_TYPES = ("auto", "book", "donate", "pay", "subscribe")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_INTENT_TEXTS = ("description", "receipt_email", "statement_descriptor_suffix", "transfer_group")


def create(account: Account, call: Call) -> Document:
    """`POST /v1/checkout/sessions`, in `payment` mode on the hosted page."""
    given = call.parameters
    _read_mode(given)
    items = _read_line_items(given)
    currency = items[0]["currency"]
    kinds = payment_intents.read_kinds(given, currency)
    total = sum(item["amount_total"] for item in items)
    _check_total(total, currency)
    intent_data = _read_intent_data(given)
    created = now_seconds()
    session = _new_session(created, items) | kinds.shown()
    session["success_url"] = _read_url(given, "success_url", required=True)
    session["cancel_url"] = _read_url(given, "cancel_url", required=False)
    session["expires_at"] = _read_expiry(given, created)
    _read_descriptive(session, given)
    given.finish()
    session["url"] = f"{account.page_url}{PAGE_PATH}{session['id']}"
    account.checkout_sessions.insert(session)
    account.undisclosed.put(session["id"], {"line_items": items, "payment_intent_data": intent_data})
    account.schedule.add(EXPIRE_ACTION, session["id"], session["expires_at"], deadline=True)
    return session


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/checkout/sessions/{id}`; `line_items` only when expanded."""
    call.parameters.finish()
    return account.checkout_sessions.get(call.ids["id"], param="session")


def list_(account: Account, call: Call) -> Document:
    """`GET /v1/checkout/sessions`, by payment intent, status, customer, e-mail address and time of creation."""
    return account.checkout_sessions.page(call.parameters, "/v1/checkout/sessions")


def list_line_items(account: Account, call: Call) -> Document:
    """`GET /v1/checkout/sessions/{id}/line_items`."""
    session = account.checkout_sessions.get(call.ids["id"], param="session")
    limit = call.parameters.take_integer("limit", least=1)
    call.parameters.finish()
    return line_items(account, session["id"], USUAL_PAGE if limit is None else min(limit, MOST_LINE_ITEMS))


def line_items(account: Account, session_id: str, limit: int = USUAL_PAGE) -> Document:
    """The list object of a session's first `limit` line items."""
    items = account.undisclosed.get(session_id)["line_items"]
    url = f"/v1/checkout/sessions/{session_id}/line_items"
    return {"object": "list", "data": items[:limit], "has_more": len(items) > limit, "url": url}


def update(account: Account, call: Call) -> Document:
    """`POST /v1/checkout/sessions/{id}`: only metadata changes on the hosted page."""
    session = account.checkout_sessions.get(call.ids["id"], param="session")
    session["metadata"] = call.parameters.take_metadata(session["metadata"])
    call.parameters.finish()
    account.checkout_sessions.save(session)
    return session


def expire(account: Account, call: Call) -> Document:
    """`POST /v1/checkout/sessions/{id}/expire`, for an open session only."""
    session = account.checkout_sessions.get(call.ids["id"], param="session")
    call.parameters.finish()
    if session["status"] != "open":
        message = 'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
        raise StripeError(400, message + f"status of `{session['status']}`.")
    _expire(account, session)
    return session


def expire_by_time(account: Account, session_id: str) -> None:
    """What the clock does to a session that is still open."""
    session = account.checkout_sessions.find(session_id)
    if session is not None and session["status"] == "open":
        _expire(account, session)


def pay(
    account: Account, session_id: str, payment_method: str, *, email: str | None = None, language: str = "en"
) -> Document:
    """One attempt of the customer on the page, who may type an `email` where the session came without one.

    The intent as it is afterwards: succeeded, processing, in `requires_action`, or declined with the reason in
    `last_payment_error`. `StripeError` when the session is not open, or when the payment method does not fit.
    """
    session = account.checkout_sessions.get(session_id, param="session")
    if session["status"] == "open" and session["expires_at"] <= now_seconds():
        _expire(account, session)
    if session["status"] != "open":
        message = f"This Checkout Session has a status of `{session['status']}` and can no longer be paid."
        raise StripeError(400, message, keeps_changes=True)
    if email is not None and session["customer_email"] is None:
        session["customer_details"] = _customer(email)
    intent = _intent_of(account, session)
    return_url = f"{session['url']}/return?lang={language}"
    return payment_intents.attempt_for_session(account, intent, payment_method, return_url)


def return_address(session: Document) -> str:
    """Where the customer goes after paying: the success page, with the session's id where it was asked for."""
    address: str = session["success_url"]
    return address.replace("{CHECKOUT_SESSION_ID}", session["id"])


def payment_succeeded(account: Account, intent: Document) -> None:
    """The intent was paid: at once, which completes an open session, or after `processing`."""
    session = _session_of(account, intent)
    if session is None:
        return
    if session["status"] == "open":
        _complete(account, session, intent, "paid")
    elif session["payment_status"] == "unpaid":
        session["payment_status"] = "paid"
        account.checkout_sessions.save(session)
        account.record("checkout.session.async_payment_succeeded", session)


def payment_began_processing(account: Account, intent: Document) -> None:
    """The bank takes its time: the session is complete, and not yet paid."""
    session = _session_of(account, intent)
    if session is not None and session["status"] == "open":
        _complete(account, session, intent, "unpaid")


def payment_failed(account: Account, intent: Document) -> None:
    """A declined attempt leaves an open session open; a payment that failed after `processing` was its last."""
    session = _session_of(account, intent)
    if session is not None and session["status"] == "complete":
        account.record("checkout.session.async_payment_failed", session)


def _complete(account: Account, session: Document, intent: Document, payment_status: str) -> None:
    payment_method = account.payment_methods.get(intent["payment_method"])
    email = (session["customer_details"] or {}).get("email")
    session.update(status="complete", payment_status=payment_status, url=None)
    session["customer_details"] = _customer(email) | {
        "address": payment_method["billing_details"]["address"],
        "name": payment_method["billing_details"]["name"],
    }
    account.checkout_sessions.save(session)
    account.schedule.drop(session["id"])
    account.record("checkout.session.completed", session)


def _expire(account: Account, session: Document) -> None:
    session.update(status="expired", url=None)
    account.checkout_sessions.save(session)
    account.schedule.drop(session["id"])
    if session["payment_intent"] is not None:
        payment_intents.abandon(account, session["payment_intent"])
    account.record("checkout.session.expired", session)


def _session_of(account: Account, intent: Document) -> Document | None:
    found = account.checkout_sessions.all_where("payment_intent", intent["id"])
    return found[0] if found else None


def _intent_of(account: Account, session: Document) -> Document:
    """The session's intent, made now if this is the first attempt."""
    if session["payment_intent"] is not None:
        account.checkout_sessions.save(session)
        return account.payment_intents.get(session["payment_intent"])
    data = account.undisclosed.get(session["id"])["payment_intent_data"]
    intent = payment_intents.create_for_session(account, session, data)
    session["payment_intent"] = intent["id"]
    account.checkout_sessions.save(session)
    return intent


def _read_mode(given: Parameters) -> None:
    mode = given.take_choice("mode", ("payment", "setup", "subscription"))
    if mode is None:
        raise missing_parameter("mode")
    if mode != "payment":
        message = f"The sandbox has Checkout Sessions in payment mode only; mode={mode} is not available in it."
        raise invalid_parameter(message, "mode")
    shown_as = given.take_choice("ui_mode", ("elements", "embedded_page", "form", "hosted_page"))
    if shown_as not in {None, "hosted_page"}:
        message = f"The sandbox has hosted pages only; ui_mode={shown_as} is not available in it."
        raise invalid_parameter(message, "ui_mode")


def _read_line_items(given: Parameters) -> list[Document]:
    hashes = given.take_hashes("line_items")
    if not hashes:
        raise missing_parameter("line_items")
    if len(hashes) > MOST_LINE_ITEMS:
        raise invalid_parameter(f"You may only specify up to {MOST_LINE_ITEMS} line items.", "line_items")
    items = [_read_line_item(one) for one in hashes]
    if len({item["currency"] for item in items}) > 1:
        message = "All prices on a Checkout Session must use the same currency."
        raise invalid_parameter(message, "line_items")
    return items


def _read_line_item(given: Parameters) -> Document:
    price = given.take_hash("price_data")
    if price is None:
        message = "The sandbox has no Prices and Products of its own: give price_data with product_data."
        raise invalid_parameter(message, given.path_of("price_data"), "parameter_missing")
    currency = read_currency(price.need_text("currency"))
    unit_amount = price.need_integer("unit_amount", least=0)
    tax_behavior = price.take_choice("tax_behavior", ("exclusive", "inclusive", "unspecified"))
    product = price.take_hash("product_data")
    if product is None:
        raise missing_parameter(price.path_of("product_data"))
    name = product.need_text("name")
    product.take_text("description")
    product.take_list("images")
    product.take_metadata({})
    product.finish()
    price.finish()
    quantity = given.need_integer("quantity", least=1)
    metadata = given.take_metadata({})
    given.finish()
    amount = unit_amount * quantity
    return {
        "id": f"li_{random_text(24)}",
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": name,
        "metadata": metadata,
        "price": _price(currency, unit_amount, tax_behavior or "unspecified"),
        "quantity": quantity,
    }


def _price(currency: str, unit_amount: int, tax_behavior: str) -> Document:
    return {
        "id": object_id("price"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": now_seconds(),
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": f"prod_{random_text(14)}",
        "recurring": None,
        "tax_behavior": tax_behavior,
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def _check_total(total: int, currency: str) -> None:
    try:
        check_amount(total, currency)
    except StripeError as error:
        if error.error.get("code") != "amount_too_small":
            raise
        message = (
            f"The Checkout Session's total amount due must convert to at least 50 cents. {written(total, currency)}"
        )
        message += " does not."
        raise StripeError(400, message, code="amount_too_small", executed=False) from error


def _read_intent_data(given: Parameters) -> Document:
    """`payment_intent_data`: what the intent that is made later will carry."""
    data: Document = {"metadata": {}}
    inner = given.take_hash("payment_intent_data")
    if inner is None:
        return data
    for name in _INTENT_TEXTS:
        data[name] = inner.take_text(name) or None
    data["setup_future_usage"] = inner.take_choice("setup_future_usage", ("off_session", "on_session"))
    capture_method = inner.take_choice("capture_method", ("automatic", "automatic_async", "manual"))
    if capture_method == "manual":
        message = "The sandbox captures the payments of Checkout Sessions at once; capture_method=manual is not "
        raise invalid_parameter(message + "available for them.", inner.path_of("capture_method"))
    data["capture_method"] = capture_method or "automatic_async"
    data["metadata"] = inner.take_metadata({})
    inner.finish()
    return data


def _read_url(given: Parameters, name: str, *, required: bool) -> str | None:
    address = given.need_text(name) if required else given.take_text(name)
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise invalid_parameter("Not a valid URL", name, "url_invalid")
    return address


def _read_expiry(given: Parameters, created: int) -> int:
    expires_at = given.take_integer("expires_at")
    if expires_at is None:
        return created + LONGEST_SECONDS
    if expires_at < created + SHORTEST_SECONDS:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid_parameter(message, "expires_at")
    if expires_at >= created + LONGEST_SECONDS:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid_parameter(message, "expires_at")
    return expires_at


def _read_descriptive(session: Document, given: Parameters) -> None:
    """The members that say whom the session is for and how its page looks."""
    session["client_reference_id"] = given.take_text("client_reference_id", longest=200) or None
    email = given.take_text("customer_email", longest=800) or None
    if email is not None:
        if _EMAIL.fullmatch(email) is None:
            raise invalid_parameter(f"Invalid email address: {email}", "customer_email", "email_invalid")
        session["customer_email"] = email
        session["customer_details"] = _customer(email)
    session["locale"] = given.take_choice("locale", LOCALES)
    session["submit_type"] = given.take_choice("submit_type", _SUBMIT_TYPES)
    session["metadata"] = given.take_metadata({})


def _customer(email: str | None) -> Document:
    names = ("address", "business_name", "individual_name", "name", "phone", "tax_ids")
    return dict.fromkeys(names) | {"email": email, "tax_exempt": "none"}


def _new_session(created: int, items: Sequence[Document]) -> Document:
    nothing = (
        "adaptive_pricing", "after_expiration", "allow_promotion_codes", "billing_address_collection",
        "branding_settings", "client_secret", "collected_information", "consent", "consent_collection",
        "currency_conversion", "customer", "customer_account", "customer_details", "customer_email",
        "integration_identifier", "invoice", "managed_payments", "origin_context",
        "name_collection", "optional_items", "payment_intent", "payment_link", "payment_method_configuration_details",
        "permissions", "presentment_details", "recovered_from", "redirect_on_completion", "return_url",
        "saved_payment_method_options", "setup_intent", "shipping_address_collection", "shipping_cost", "subscription",
        "tax_id_collection", "wallet_options",
    )  # fmt: skip
    texts = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    return dict.fromkeys(nothing) | {
        "id": f"cs_test_a1{random_text(56)}",
        "object": "checkout.session",
        "amount_subtotal": sum(item["amount_subtotal"] for item in items),
        "amount_total": sum(item["amount_total"] for item in items),
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": created,
        "currency": items[0]["currency"],
        "custom_fields": [],
        "custom_text": dict.fromkeys(texts),
        "customer_creation": "if_required",
        "discounts": [],
        "invoice_creation": {"enabled": False, "invoice_data": None},
        "livemode": False,
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
    }
