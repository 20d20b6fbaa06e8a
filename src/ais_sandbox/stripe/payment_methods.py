"""Stripe's test payment methods, and what each of them does when it is charged or refunded.

Names, card numbers and decline codes are those of Stripe's page "Testing". A name such as `pm_card_visa` is resolved
to a new payment method with an id of its own each time it is used, as at Stripe. Its behaviour is found again by the
card's fingerprint, which is the same for the same card number.

`pm_sandbox_...` are this program's own: cards in any currency that pass through `processing`, which at Stripe only
other payment methods do, in few currencies each.
"""

import hashlib
from dataclasses import dataclass

from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.collections import Collection
from ais_sandbox.stripe.errors import Document, invalid_parameter, no_such
from ais_sandbox.stripe.ids import object_id


@dataclass(frozen=True, slots=True)
class Decline:
    """How a refused charge is reported."""

    code: str
    decline_code: str
    message: str
    param: str | None = None
    network_status: str = "declined_by_network"
    outcome_type: str = "issuer_declined"


@dataclass(frozen=True, slots=True)
class TestMethod:
    """One test payment method.

    `authenticate` is `never`, `always` or, for a card that asks only when it is used off session, `off_session`.
    `settles` is `at_once`, `later` (through `processing`) or `never` (stays in `processing`). `refunds` is
    `at_once`, `later` (pending first) or `fails_later` (succeeded first). `disputed_as` is the reason for which its
    holder disputes every charge, a moment later, by a chargeback or first by an inquiry.
    """

    name: str
    number: str
    brand: str = "visa"
    kind: str = "card"
    decline: Decline | None = None
    authenticate: str = "never"
    settles: str = "at_once"
    refunds: str = "at_once"
    cancelable_in_processing: bool = False
    available_at_once: bool = False
    disputed_as: str | None = None
    disputed_by_inquiry: bool = False

    @property
    def fingerprint(self) -> str:
        """The same for the same card or account number."""
        return hashlib.sha256(self.number.encode()).hexdigest()[:16]


_YOUR_CARD_WAS_DECLINED = "Your card was declined."
GENERIC = Decline("card_declined", "generic_decline", _YOUR_CARD_WAS_DECLINED)
INSUFFICIENT_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST_CARD = Decline("card_declined", "lost_card", _YOUR_CARD_WAS_DECLINED)
STOLEN_CARD = Decline("card_declined", "stolen_card", _YOUR_CARD_WAS_DECLINED)
EXPIRED_CARD = Decline("expired_card", "expired_card", "Your card has expired.", "exp_month")
INCORRECT_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc")
PROCESSING_ERROR = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
VELOCITY_EXCEEDED = Decline(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
FRAUDULENT = Decline("card_declined", "fraudulent", _YOUR_CARD_WAS_DECLINED, None, "not_sent_to_network", "blocked")
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
DEBIT_FAILED = Decline(
    "payment_intent_payment_attempt_failed", "insufficient_funds", "The customer's account has insufficient funds."
)


def _declining(suffix: str, number: str, decline: Decline) -> tuple[TestMethod, TestMethod]:
    """Stripe's page has both spellings: with and without the brand."""
    short, long = f"pm_card_chargeDeclined{suffix}", f"pm_card_visa_chargeDeclined{suffix}"
    return TestMethod(short, number, decline=decline), TestMethod(long, number, decline=decline)


TEST_METHODS = (
    TestMethod("pm_card_visa", "4242424242424242"),
    TestMethod("pm_card_visa_debit", "4000056655665556"),
    TestMethod("pm_card_mastercard", "5555555555554444", "mastercard"),
    TestMethod("pm_card_mastercard_debit", "5200828282828210", "mastercard"),
    TestMethod("pm_card_amex", "378282246310005", "amex"),
    TestMethod("pm_card_discover", "6011111111111117", "discover"),
    *_declining("", "4000000000000002", GENERIC),
    *_declining("InsufficientFunds", "4000000000009995", INSUFFICIENT_FUNDS),
    *_declining("LostCard", "4000000000009987", LOST_CARD),
    *_declining("StolenCard", "4000000000009979", STOLEN_CARD),
    *_declining("ExpiredCard", "4000000000000069", EXPIRED_CARD),
    *_declining("IncorrectCvc", "4000000000000127", INCORRECT_CVC),
    *_declining("ProcessingError", "4000000000000119", PROCESSING_ERROR),
    *_declining("VelocityLimitExceeded", "4000000000006975", VELOCITY_EXCEEDED),
    *_declining("Fraudulent", "4100000000000019", FRAUDULENT),
    TestMethod("pm_card_radarBlock", "4100000000000019", decline=FRAUDULENT),
    TestMethod("pm_card_authenticationRequired", "4000002760003184", authenticate="always"),
    TestMethod("pm_card_threeDSecure2Required", "4000000000003220", authenticate="always"),
    TestMethod("pm_card_threeDSecureRequired", "4000000000003063", authenticate="always"),
    TestMethod("pm_card_threeDSecureOptional", "4000000000003055"),
    TestMethod(
        "pm_card_threeDSecureRequiredChargeDeclined", "4000008400001629", decline=GENERIC, authenticate="always"
    ),
    TestMethod(
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        decline=INSUFFICIENT_FUNDS,
        authenticate="always",
    ),
    TestMethod("pm_card_bypassPending", "4000000000000077", available_at_once=True),
    TestMethod("pm_card_createDispute", "4000000000000259", disputed_as="fraudulent"),
    TestMethod(
        "pm_card_createDisputeProductNotReceived", "4000000000002685", disputed_as="product_not_received"
    ),
    TestMethod(
        "pm_card_createDisputeInquiry", "4000000000001976", disputed_as="fraudulent", disputed_by_inquiry=True
    ),
    TestMethod("pm_card_pendingRefund", "4000000000007726", refunds="later"),
    TestMethod("pm_card_refundFail", "4000000000005126", refunds="fails_later"),
    TestMethod(
        "pm_usBankAccount_success", "000123456789", kind="us_bank_account", settles="later",
        refunds="later", cancelable_in_processing=True,
    ),
    TestMethod(
        "pm_usBankAccount_insufficientFunds", "000222222227", kind="us_bank_account", settles="later",
        decline=DEBIT_FAILED, cancelable_in_processing=True,
    ),
    TestMethod(
        "pm_usBankAccount_processing", "000000000009", kind="us_bank_account", settles="never",
        cancelable_in_processing=True,
    ),
    TestMethod("pm_sandbox_processingSucceeds", "4000000000009001", settles="later"),
    TestMethod("pm_sandbox_processingFails", "4000000000009002", settles="later", decline=GENERIC),
    TestMethod("pm_sandbox_processingForever", "4000000000009003", settles="never"),
)  # fmt: skip

_BY_NAME = {method.name: method for method in TEST_METHODS} | {
    "pm_usBankAccount": next(method for method in TEST_METHODS if method.name == "pm_usBankAccount_success")
}
_BY_FINGERPRINT = {method.fingerprint: method for method in TEST_METHODS}


def behaviour_of(payment_method: Document) -> TestMethod:
    """What the payment method, or the one in a charge's `payment_method_details`, does when it is charged."""
    return _BY_FINGERPRINT[payment_method[payment_method["type"]]["fingerprint"]]


def resolve(payment_methods: Collection, given: str, types: list[str], currency: str) -> Document:
    """The payment method of that id, or a new one for the name of a test method.

    `StripeError` 400 when there is none, or when its type or currency does not fit the payment intent.
    """
    method = _BY_NAME.get(given)
    if method is not None:
        document = _document(method)
        payment_methods.insert(document)
    else:
        found = payment_methods.find(given)
        if found is None:
            raise no_such("PaymentMethod", given, param="payment_method", status=400)
        document = found
    if document["type"] not in types:
        message = f"The PaymentMethod provided ({document['type']}) is not allowed for this PaymentIntent. "
        message += f"Please attach a PaymentMethod of one of the following types: {', '.join(types)}."
        raise invalid_parameter(message, "payment_method")
    if document["type"] == "us_bank_account" and currency != "usd":
        message = f"The currency provided ({currency}) is invalid for one or more payment method types on this "
        message += "PaymentIntent: us_bank_account."
        raise invalid_parameter(message, "payment_method")
    return document


def _document(method: TestMethod) -> Document:
    created = now_seconds()
    document: Document = {
        "id": object_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "created": created,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": method.kind,
    }
    document[method.kind] = card_details(method) if method.kind == "card" else _account_details(method)
    return document


def card_details(method: TestMethod) -> Document:
    """The `card` member of a payment method."""
    return {
        "brand": method.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": method.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": method.fingerprint,
        "funding": "credit",
        "generated_from": None,
        "last4": method.number[-4:],
        "networks": {"available": [method.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _account_details(method: TestMethod) -> Document:
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": method.fingerprint,
        "last4": method.number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": None,
    }


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/payment_methods/{id}`."""
    call.parameters.finish()
    return account.payment_methods.get(call.ids["id"], param="payment_method")
