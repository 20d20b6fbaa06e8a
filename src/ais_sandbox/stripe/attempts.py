"""Attempts to take the money of a payment intent: confirmation, the customer's proof, the bank's answer."""

from dataclasses import dataclass
from typing import Self

from ais_sandbox.stripe import balance, captures, charges
from ais_sandbox.stripe.account import Account
from ais_sandbox.stripe.errors import Document, StripeError, doc_url, invalid_parameter, unexpected_state
from ais_sandbox.stripe.parameters import Parameters
from ais_sandbox.stripe.payment_methods import AUTHENTICATION_REQUIRED, Decline, behaviour_of

SETTLE_ACTION = "settle_payment"

_ONLY_WITH_CONFIRM = ("return_url", "off_session", "error_on_requires_action")


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an intent is to be confirmed."""

    return_url: str | None
    off_session: bool = False
    refuse_action: bool = False

    @classmethod
    def read(cls, given: Parameters, *, confirm_now: bool) -> Self:
        """Read what only a confirmation may carry. `StripeError` 400 where there is none."""
        texts = {name: given.take_text(name) for name in _ONLY_WITH_CONFIRM}
        for name, value in texts.items():
            if value is not None and not confirm_now:
                message = f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is "
                raise invalid_parameter(message + "set to true.", name)
        return cls(
            texts["return_url"] or None,
            off_session=texts["off_session"] not in {None, "", "false"},
            refuse_action=texts["error_on_requires_action"] == "true",
        )


def check_return_url(intent: Document, attempt: Attempt) -> None:
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


def confirm(account: Account, intent: Document, attempt: Attempt) -> None:
    """One attempt with the intent's payment method, which is saved. Raises the card error of a declined one."""
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
    held = intent["capture_method"] == "manual"
    charge = charges.charge_for(intent, payment_method, status, authenticated=authenticated, held=held)
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
    if held:
        captures.hold(account, intent, charge)
    else:
        _succeed(account, intent, charge)
    return None


def _succeed(account: Account, intent: Document, charge: Document) -> None:
    asynchronous = intent["capture_method"] == "automatic_async"
    if not asynchronous:
        balance.book_charge(account, charge, asynchronous=False)
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        next_action=None,
        processing=None,
    )
    account.record("charge.succeeded", charge)
    account.record("payment_intent.succeeded", intent)
    if asynchronous:
        balance.book_charge(account, charge, asynchronous=True)


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
        account.charges.save(charge)
        _succeed(account, intent, charge)
        account.payment_intents.save(intent)
    else:
        _refuse(account, intent, charge, decline, payment_method)
