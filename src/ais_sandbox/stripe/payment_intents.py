"""Payment intents: one sum to be taken from one customer, however many attempts that needs.

Which call is legal in which status follows Stripe's page "How PaymentIntents work". A confirmed intent ends
`succeeded`, waits in `requires_action` for the customer or in `processing` for the bank, or falls back to
`requires_payment_method` with the reason in `last_payment_error`.
"""

from dataclasses import dataclass

from ais_sandbox.stripe import attempts, captures
from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.attempts import Attempt, check_return_url
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.currencies import check_amount, read_currency
from ais_sandbox.stripe.errors import (
    Document,
    StripeError,
    invalid_parameter,
    missing_parameter,
    no_such,
    unexpected_state,
)
from ais_sandbox.stripe.ids import object_id, random_text
from ais_sandbox.stripe.parameters import Parameters
from ais_sandbox.stripe.payment_methods import behaviour_of, resolve

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
_CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")

# What a caller with the publishable key and the client secret may see.
_SEEN_BY_CLIENTS = (
    "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "last_payment_error", "livemode", "next_action", "payment_method", "payment_method_types", "processing",
    "receipt_email", "setup_future_usage", "shipping", "source", "status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PaymentKinds:
    """Which kinds of payment method will do, and what the client allowed or excluded, None where it said nothing."""

    types: list[str]
    allowed: list[str] | None
    excluded: list[str] | None

    def shown(self) -> Document:
        """The members of an intent or a session that tell them."""
        return {
            "payment_method_types": self.types,
            "allowed_payment_method_types": self.allowed,
            "excluded_payment_method_types": self.excluded,
        }


def create(account: Account, call: Call) -> Document:
    """`POST /v1/payment_intents`, confirmed in the same call if `confirm` says so."""
    given = call.parameters
    amount = given.take_integer("amount", least=1)
    if amount is None:
        raise missing_parameter("amount")
    currency = read_currency(given.need_text("currency"))
    check_amount(amount, currency)
    automatic, kinds = _read_payment_method_types(given, currency)
    capture_method = given.take_choice("capture_method", ("automatic", "automatic_async", "manual"))
    confirm_now = given.take_boolean("confirm")
    attempt = Attempt.read(given, confirm_now=confirm_now)
    intent = _new_intent(amount, currency, automatic, kinds, capture_method or "automatic_async")
    if capture_method == "manual":
        intent["payment_method_types"] = ["card"]
    payment_method = given.take_text("payment_method")
    _read_descriptive(intent, given)
    given.finish()
    if payment_method:
        types = intent["payment_method_types"]
        intent["payment_method"] = resolve(account.payment_methods, payment_method, types, currency)["id"]
        intent["status"] = "requires_confirmation"
    if confirm_now:
        check_return_url(intent, attempt)
        if intent["payment_method"] is None:
            raise missing_parameter("payment_method")
    account.payment_intents.insert(intent)
    account.record("payment_intent.created", intent)
    if confirm_now:
        attempts.confirm(account, intent, attempt)
    return intent


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/payment_intents/{id}`; with the publishable key only together with the client secret."""
    intent = _find(account, call)
    call.parameters.finish()
    return intent


def list_(account: Account, call: Call) -> Document:
    """`GET /v1/payment_intents`."""
    return account.payment_intents.page(call.parameters, "/v1/payment_intents")


def update(account: Account, call: Call) -> Document:
    """`POST /v1/payment_intents/{id}`: sum and payment method only while the intent is open, the rest always."""
    intent = _find(account, call)
    given = call.parameters
    _refuse_payment_method_types(given)
    amount = given.take_integer("amount", least=1)
    currency_text = given.take_text("currency")
    currency = intent["currency"] if currency_text is None else read_currency(currency_text)
    payment_method = given.take_text("payment_method")
    _read_descriptive(intent, given)
    given.finish()
    changed = {
        "amount": amount is not None,
        "currency": currency != intent["currency"],
        "payment_method": payment_method is not None,
    }
    for field, wanted in changed.items():
        if not wanted:
            continue
        _refuse_for_session(account, intent)
        if intent["status"] not in _OPEN:
            message = f"This PaymentIntent's {field} could not be updated because it has a status of "
            message += f"{intent['status']}. You may only update the {field} of a PaymentIntent with one of the "
            message += f"following statuses: {', '.join(_OPEN)}."
            raise unexpected_state(message, intent, param=field)
    if changed["amount"] or changed["currency"]:
        intent["amount"] = intent["amount"] if amount is None else amount
        intent["currency"] = currency
        check_amount(intent["amount"], currency)
    if payment_method:
        chosen = resolve(account.payment_methods, payment_method, intent["payment_method_types"], currency)
        intent.update(payment_method=chosen["id"], status="requires_confirmation", next_action=None)
    elif payment_method == "":
        intent.update(payment_method=None, status="requires_payment_method", next_action=None)
    account.payment_intents.save(intent)
    return intent


def confirm(account: Account, call: Call) -> Document:
    """`POST /v1/payment_intents/{id}/confirm`."""
    intent = _find(account, call)
    given = call.parameters
    _refuse_payment_method_types(given)
    attempt = Attempt.read(given, confirm_now=True)
    payment_method = given.take_text("payment_method")
    given.take_text("receipt_email")
    given.take_boolean("use_stripe_sdk")
    given.finish()
    _refuse_for_session(account, intent)
    if intent["status"] == "succeeded":
        message = "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
        raise unexpected_state(message + "confirmed.", intent)
    if intent["status"] not in _OPEN:
        message = f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}. Only a "
        message += f"PaymentIntent with one of the following statuses may be confirmed: {', '.join(_OPEN[1:])}."
        raise unexpected_state(message, intent)
    check_return_url(intent, attempt)
    if payment_method:
        types, currency = intent["payment_method_types"], intent["currency"]
        intent["payment_method"] = resolve(account.payment_methods, payment_method, types, currency)["id"]
    if intent["payment_method"] is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
        message += "the PaymentIntent with a payment method and then confirm it again, or confirm it again directly "
        message += "with a payment method or ConfirmationToken."
        raise unexpected_state(message, intent)
    attempts.confirm(account, intent, attempt)
    return intent


def cancel(account: Account, call: Call) -> Document:
    """`POST /v1/payment_intents/{id}/cancel`."""
    intent = _find(account, call)
    reason = call.parameters.take_choice("cancellation_reason", _CANCELLATION_REASONS)
    call.parameters.finish()
    _refuse_for_session(account, intent)
    statuses: tuple[str, ...] = _CANCELABLE
    if intent["status"] == "processing":
        payment_method = account.payment_methods.get(intent["payment_method"])
        if not behaviour_of(payment_method).cancelable_in_processing:
            statuses = _CANCELABLE[:-1]
    if intent["status"] not in statuses:
        message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
        message += f"PaymentIntent with one of the following statuses may be canceled: {', '.join(statuses)}."
        raise unexpected_state(message, intent)
    captures.let_go(account, intent)
    if intent["status"] == "processing":
        account.schedule.drop(intent["id"])
        charge = account.charges.get(intent["latest_charge"])
        charge.update(status="failed", failure_message="The payment was canceled.")
        account.charges.save(charge)
    _cancel(account, intent, reason)
    return intent


def create_for_session(account: Account, session: Document, data: Document) -> Document:
    """The intent behind a checkout session; `data` is what the session's creator wanted it to carry."""
    kinds = PaymentKinds(session["payment_method_types"], None, None)
    intent = _new_intent(session["amount_total"], session["currency"], None, kinds, "automatic_async")
    intent.update({name: value for name, value in data.items() if value is not None})
    account.payment_intents.insert(intent)
    account.record("payment_intent.created", intent)
    return intent


def attempt_for_session(account: Account, intent: Document, payment_method: str, return_url: str) -> Document:
    """One attempt of a customer on a checkout page; a decline is told by the intent, not by a refusal."""
    chosen = resolve(account.payment_methods, payment_method, intent["payment_method_types"], intent["currency"])
    intent["payment_method"] = chosen["id"]
    try:
        attempts.confirm(account, intent, Attempt(return_url))
    except StripeError as error:
        if error.error["type"] != "card_error":
            raise
    return intent


def abandon(account: Account, intent_id: str) -> None:
    """Cancel the intent of a session whose time is up."""
    intent = account.payment_intents.get(intent_id)
    if intent["status"] in _OPEN:
        _cancel(account, intent, "expired")


def seen_by_client(intent: Document) -> Document:
    """The members that Stripe shows to a caller with the publishable key."""
    return {name: intent[name] for name in _SEEN_BY_CLIENTS if name in intent}


def _cancel(account: Account, intent: Document, reason: str | None) -> None:
    intent.update(status="canceled", canceled_at=now_seconds(), cancellation_reason=reason, next_action=None)
    account.payment_intents.save(intent)
    account.record("payment_intent.canceled", intent)


def _refuse_for_session(account: Account, intent: Document) -> None:
    """`StripeError` 400 for an intent that a checkout session moves."""
    if account.checkout_sessions.all_where("payment_intent", intent["id"]):
        message = "You cannot perform this action on PaymentIntents created by Checkout. Try expiring the Checkout "
        raise StripeError(400, message + "Session instead.")


def _find(account: Account, call: Call) -> Document:
    intent = account.payment_intents.get(call.ids["id"], param="intent")
    secret = call.parameters.take_text("client_secret")
    if (secret is not None or call.client_secret_only) and secret != intent["client_secret"]:
        raise no_such("payment_intent", call.ids["id"], param="intent")
    return intent


def _new_intent(
    amount: int, currency: str, automatic: Document | None, kinds: PaymentKinds, capture_method: str
) -> Document:
    intent_id = object_id("pi")
    return kinds.shown() | {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": capture_method,
        "client_secret": f"{intent_id}_secret_{random_text(25)}",
        "confirmation_method": "automatic",
        "created": now_seconds(),
        "currency": currency,
        "customer": None,
        "customer_account": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def read_kinds(given: Parameters, currency: str) -> PaymentKinds:
    """Since API version 2026-09-30 the kinds are Stripe's to find.

    A client may allow some or exclude some, and what does not fit the payment drops out without a word.
    """
    _refuse_payment_method_types(given)
    usual = ["card", "us_bank_account"] if currency == "usd" else ["card"]
    allowed, excluded = (
        given.take_list("allowed_payment_method_types"),
        given.take_list("excluded_payment_method_types"),
    )
    if allowed and excluded:
        message = "You may only specify one of these parameters: allowed_payment_method_types, "
        raise invalid_parameter(message + "excluded_payment_method_types.", "allowed_payment_method_types")
    types = [kind for kind in usual if kind not in excluded and (not allowed or kind in allowed)]
    if not types:
        message = "None of the payment method types that may be used fits this payment. Please ensure that at least "
        message += "one type that is activated in your dashboard is compatible with its currency."
        raise invalid_parameter(message, "allowed_payment_method_types")
    return PaymentKinds(types, allowed or None, excluded or None)


def _refuse_payment_method_types(given: Parameters) -> None:
    """`StripeError` 400 for the parameter that no call takes any more."""
    if given.take_json("payment_method_types") is not None:
        message = "The `payment_method_types` parameter is no longer supported in this API version. Use "
        message += "`allowed_payment_method_types`, `excluded_payment_method_types` or dynamic payment methods instead."
        code = "payment_method_types_no_longer_supported"
        raise invalid_parameter(message, "payment_method_types", code)


def _read_payment_method_types(given: Parameters, currency: str) -> tuple[Document | None, PaymentKinds]:
    """Automatic payment methods, which are also the default, or the kinds that are allowed."""
    kinds = read_kinds(given, currency)
    automatic = given.take_hash("automatic_payment_methods")
    if automatic is None:
        return (None if kinds.allowed is not None else {"allow_redirects": "always", "enabled": True}), kinds
    if kinds.allowed is not None:
        message = "You may only specify one of these parameters: automatic_payment_methods, "
        raise invalid_parameter(message + "allowed_payment_method_types.", "allowed_payment_method_types")
    enabled = automatic.take_boolean("enabled")
    redirects = automatic.take_choice("allow_redirects", ("always", "never")) or "always"
    automatic.finish()
    if enabled:
        return {"allow_redirects": redirects, "enabled": True}, kinds
    return None, PaymentKinds(["card"], None, kinds.excluded)


def _read_descriptive(intent: Document, given: Parameters) -> None:
    """The members that say what the payment is for and do not change how it goes."""
    for name in ("description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix",
                 "transfer_group"):  # fmt: skip
        value = given.take_text(name)
        if value is not None:
            intent[name] = value or None
    future = given.take_choice("setup_future_usage", ("off_session", "on_session", ""))
    if future is not None:
        intent["setup_future_usage"] = future or None
    shipping = given.take_json("shipping")
    if shipping is not None:
        intent["shipping"] = shipping or None
    customer = given.take_text("customer")
    if customer:
        raise no_such("customer", customer, param="customer", status=400)
    confirmation = given.take_choice("confirmation_method", ("automatic", "manual"))
    if confirmation is not None:
        intent["confirmation_method"] = confirmation
    given.take_boolean("use_stripe_sdk")
    intent["metadata"] = given.take_metadata(intent["metadata"])
