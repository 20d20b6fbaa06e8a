"""Payment intents: one sum to be taken from one customer, however many attempts that needs.

Which call is legal in which status follows Stripe's page "How PaymentIntents work". A confirmed intent ends
`succeeded`, waits in `requires_action` for the customer or in `processing` for the bank, or falls back to
`requires_payment_method` with the reason in `last_payment_error`.
"""

from ais_sandbox.stripe import charges
from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.currencies import check_amount, read_currency
from ais_sandbox.stripe.errors import (
    Document,
    StripeError,
    doc_url,
    invalid_parameter,
    missing_parameter,
    no_such,
    unexpected_state,
)
from ais_sandbox.stripe.ids import object_id, random_text
from ais_sandbox.stripe.parameters import Parameters
from ais_sandbox.stripe.payment_methods import AUTHENTICATION_REQUIRED, Decline, behaviour_of, resolve

SETTLE_ACTION = "settle_payment"

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
_CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
_ONLY_WITH_CONFIRM = ("return_url", "off_session", "error_on_requires_action")

# What a caller with the publishable key and the client secret may see.
_SEEN_BY_CLIENTS = (
    "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "last_payment_error", "livemode", "next_action", "payment_method", "payment_method_types", "processing",
    "receipt_email", "setup_future_usage", "shipping", "source", "status",
)  # fmt: skip


def create(account: Account, call: Call) -> Document:
    """`POST /v1/payment_intents`, confirmed in the same call if `confirm` says so."""
    given = call.parameters
    amount = given.take_integer("amount", least=1)
    if amount is None:
        raise missing_parameter("amount")
    currency = read_currency(given.need_text("currency"))
    check_amount(amount, currency)
    automatic, types = _read_payment_method_types(given, currency)
    capture_method = given.take_choice("capture_method", ("automatic", "automatic_async", "manual"))
    if capture_method == "manual":
        message = "The sandbox captures at once; capture_method=manual is not available in it."
        raise invalid_parameter(message, "capture_method")
    confirm_now = given.take_boolean("confirm")
    attempt = _Attempt(given, confirm_now=confirm_now)
    intent = _new_intent(amount, currency, automatic, types, capture_method or "automatic_async")
    payment_method = given.take_text("payment_method")
    _read_descriptive(intent, given)
    given.finish()
    if payment_method:
        intent["payment_method"] = resolve(account.payment_methods, payment_method, types, currency)["id"]
        intent["status"] = "requires_confirmation"
    if confirm_now:
        _check_return_url(intent, attempt)
        if intent["payment_method"] is None:
            raise missing_parameter("payment_method")
    account.payment_intents.insert(intent)
    account.record("payment_intent.created", intent)
    if confirm_now:
        _confirm(account, intent, attempt)
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
        if wanted and intent["status"] not in _OPEN:
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
    attempt = _Attempt(given, confirm_now=True)
    payment_method = given.take_text("payment_method")
    given.take_text("receipt_email")
    given.take_boolean("use_stripe_sdk")
    given.finish()
    if intent["status"] == "succeeded":
        message = "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
        raise unexpected_state(message + "confirmed.", intent)
    if intent["status"] not in _OPEN:
        message = f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}. Only a "
        message += f"PaymentIntent with one of the following statuses may be confirmed: {', '.join(_OPEN[1:])}."
        raise unexpected_state(message, intent)
    _check_return_url(intent, attempt)
    if payment_method:
        types, currency = intent["payment_method_types"], intent["currency"]
        intent["payment_method"] = resolve(account.payment_methods, payment_method, types, currency)["id"]
    if intent["payment_method"] is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
        message += "the PaymentIntent with a payment method and then confirm it again, or confirm it again directly "
        message += "with a payment method or ConfirmationToken."
        raise unexpected_state(message, intent)
    _confirm(account, intent, attempt)
    return intent


def cancel(account: Account, call: Call) -> Document:
    """`POST /v1/payment_intents/{id}/cancel`."""
    intent = _find(account, call)
    reason = call.parameters.take_choice("cancellation_reason", _CANCELLATION_REASONS)
    call.parameters.finish()
    statuses: tuple[str, ...] = _CANCELABLE
    if intent["status"] == "processing":
        payment_method = account.payment_methods.get(intent["payment_method"])
        if not behaviour_of(payment_method).cancelable_in_processing:
            statuses = _CANCELABLE[:-1]
    if intent["status"] not in statuses:
        message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
        message += f"PaymentIntent with one of the following statuses may be canceled: {', '.join(statuses)}."
        raise unexpected_state(message, intent)
    if intent["status"] == "processing":
        account.schedule.drop(intent["id"])
        charge = account.charges.get(intent["latest_charge"])
        charge.update(status="failed", failure_message="The payment was canceled.")
        account.charges.save(charge)
    intent.update(status="canceled", canceled_at=now_seconds(), cancellation_reason=reason, next_action=None)
    account.payment_intents.save(intent)
    account.record("payment_intent.canceled", intent)
    return intent


def complete_authentication(account: Account, intent_id: str, *, succeeded: bool) -> Document:
    """What the customer did on the page of the bank, in `requires_action`. `StripeError` in any other status."""
    intent = account.payment_intents.get(intent_id, param="intent")
    if intent["status"] != "requires_action":
        message = f"This PaymentIntent has a status of {intent['status']}; there is nothing to authenticate."
        raise unexpected_state(message, intent)
    intent["next_action"] = None
    payment_method = account.payment_methods.get(intent["payment_method"])
    if succeeded:
        decline = _charge(account, intent, payment_method, authenticated=True)
        if decline is None:
            account.payment_intents.save(intent)
        return intent
    code = "payment_intent_authentication_failure"
    message = "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    message += "PaymentMethod to attempt to fulfill this PaymentIntent again."
    error = {
        "code": code,
        "doc_url": doc_url(code),
        "message": message,
        "payment_method": payment_method,
        "type": "invalid_request_error",
    }
    _fail(account, intent, error)
    return intent


def settle(account: Account, intent_id: str) -> None:
    """The bank's answer to a payment in `processing`; without effect in any other status."""
    intent = account.payment_intents.find(intent_id)
    if intent is None or intent["status"] != "processing":
        return
    payment_method = account.payment_methods.get(intent["payment_method"])
    charge = account.charges.get(intent["latest_charge"])
    decline = behaviour_of(payment_method).decline
    if decline is None:
        charges.mark_succeeded(charge)
        _succeed(account, intent, charge)
        account.payment_intents.save(intent)
    else:
        _refuse(account, intent, charge, decline, payment_method)


def seen_by_client(intent: Document) -> Document:
    """The members that Stripe shows to a caller with the publishable key."""
    return {name: intent[name] for name in _SEEN_BY_CLIENTS if name in intent}


class _Attempt:
    """How an intent is to be confirmed."""

    def __init__(self, given: Parameters, *, confirm_now: bool) -> None:
        texts = {name: given.take_text(name) for name in _ONLY_WITH_CONFIRM}
        for name, value in texts.items():
            if value is not None and not confirm_now:
                message = f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is "
                raise invalid_parameter(message + "set to true.", name)
        self.return_url = texts["return_url"] or None
        self.off_session = texts["off_session"] not in {None, "", "false"}
        self.refuse_action = texts["error_on_requires_action"] == "true"


def _find(account: Account, call: Call) -> Document:
    intent = account.payment_intents.get(call.ids["id"], param="intent")
    secret = call.parameters.take_text("client_secret")
    if (secret is not None or call.client_secret_only) and secret != intent["client_secret"]:
        raise no_such("payment_intent", call.ids["id"], param="intent")
    return intent


def _new_intent(
    amount: int, currency: str, automatic: Document | None, types: list[str], capture_method: str
) -> Document:
    intent_id = object_id("pi")
    return {
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
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": types,
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


def _read_payment_method_types(given: Parameters, currency: str) -> tuple[Document | None, list[str]]:
    """Automatic payment methods, which are also the default, or an explicit list of types."""
    types = given.take_list("payment_method_types")
    automatic = given.take_hash("automatic_payment_methods")
    redirects = "always"
    enabled = not types
    if automatic is not None:
        enabled = automatic.take_boolean("enabled")
        redirects = automatic.take_choice("allow_redirects", ("always", "never")) or "always"
        automatic.finish()
    if types and automatic is not None and enabled:
        message = "You may only specify one of these parameters: automatic_payment_methods, payment_method_types."
        raise invalid_parameter(message, "payment_method_types")
    for kind in types:
        if kind not in {"card", "us_bank_account"}:
            message = f"The payment method type provided: {kind} is invalid. Please ensure the provided type is "
            message += "activated in your dashboard and your account is enabled for any preview features that you are "
            raise invalid_parameter(message + "trying to use.", "payment_method_types")
    if enabled:
        usual = ["card", "us_bank_account"] if currency == "usd" else ["card"]
        return {"allow_redirects": redirects, "enabled": True}, usual
    return None, types or ["card"]


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


def _check_return_url(intent: Document, attempt: _Attempt) -> None:
    """Automatic payment methods may redirect the customer, so that Stripe wants to know the way back."""
    automatic = intent["automatic_payment_methods"]
    if automatic is None:
        return
    if automatic["allow_redirects"] == "always" and attempt.return_url is None and not attempt.off_session:
        message = "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some "
        message += "of these payment methods might redirect your customer off of your page, you must provide a "
        message += "`return_url`. If you don't want to accept redirect-based payment methods, set "
        message += "`automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to "
        message += "`never` when creating Setup Intents and Payment Intents."
        raise invalid_parameter(message, "return_url")


def _confirm(account: Account, intent: Document, attempt: _Attempt) -> None:
    """One attempt with the intent's payment method. Raises the card error of a declined one."""
    payment_method = account.payment_methods.get(intent["payment_method"])
    method = behaviour_of(payment_method)
    intent["last_payment_error"] = None
    if method.authenticate == "always":
        if attempt.off_session or attempt.refuse_action:
            charge = charges.charge_for(intent, payment_method, "pending", authenticated=False)
            account.charges.insert(charge)
            _refuse(account, intent, charge, AUTHENTICATION_REQUIRED, payment_method)
            raise _card_error(intent)
        intent.update(status="requires_action", next_action=_next_action(account, intent, attempt.return_url))
        account.payment_intents.save(intent)
        account.record("payment_intent.requires_action", intent)
        return
    if _charge(account, intent, payment_method, authenticated=False) is not None:
        raise _card_error(intent)
    account.payment_intents.save(intent)


def _next_action(account: Account, intent: Document, return_url: str | None) -> Document:
    page = f"{account.page_url}/authenticate/{intent['client_secret']}"
    if return_url is not None:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": page}}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page, "source": intent["payment_method"]},
    }


def _charge(account: Account, intent: Document, payment_method: Document, *, authenticated: bool) -> Decline | None:
    """Try to take the money; the decline if it was refused. The caller saves an intent that was not."""
    method = behaviour_of(payment_method)
    status = "succeeded" if method.settles == "at_once" and method.decline is None else "pending"
    charge = charges.charge_for(intent, payment_method, status, authenticated=authenticated)
    account.charges.insert(charge)
    if method.settles != "at_once":
        intent.update(status="processing", latest_charge=charge["id"], processing={"type": method.kind})
        account.record("charge.pending", charge)
        account.record("payment_intent.processing", intent)
        if method.settles == "later":
            account.later(SETTLE_ACTION, intent["id"])
        return None
    if method.decline is not None:
        _refuse(account, intent, charge, method.decline, payment_method)
        return method.decline
    _succeed(account, intent, charge)
    return None


def _succeed(account: Account, intent: Document, charge: Document) -> None:
    account.charges.save(charge)
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        next_action=None,
        processing=None,
    )
    account.record("charge.succeeded", charge)
    account.record("payment_intent.succeeded", intent)


def _refuse(account: Account, intent: Document, charge: Document, decline: Decline, payment_method: Document) -> None:
    charges.mark_failed(charge, decline)
    account.charges.save(charge)
    intent["latest_charge"] = charge["id"]
    account.record("charge.failed", charge)
    _fail(account, intent, charges.error_of(charge, decline, payment_method))


def _fail(account: Account, intent: Document, error: Document) -> None:
    intent.update(
        status="requires_payment_method",
        last_payment_error=error,
        next_action=None,
        payment_method=None,
        processing=None,
    )
    account.payment_intents.save(intent)
    account.record("payment_intent.payment_failed", intent)


def _card_error(intent: Document) -> StripeError:
    """The answer to a declined confirmation: the intent's last error, with the intent in it."""
    error = dict(intent["last_payment_error"])
    message, code, param = error.pop("message"), error.pop("code"), error.pop("param", None)
    return StripeError(
        402,
        message,
        error_type=error.pop("type"),
        code=code,
        param=param,
        keeps_changes=True,
        extra=error | {"payment_intent": intent},
    )
