"""Charges: what each attempt to take money left behind. They are made by payment intents and read here."""

from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.errors import Document, doc_url
from ais_sandbox.stripe.ids import object_id
from ais_sandbox.stripe.payment_methods import Decline


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/charges/{id}`."""
    call.parameters.finish()
    return account.charges.get(call.ids["id"])


def list_(account: Account, call: Call) -> Document:
    """`GET /v1/charges`, by customer, payment intent and time of creation."""
    return account.charges.page(call.parameters, "/v1/charges")


def update(account: Account, call: Call) -> Document:
    """`POST /v1/charges/{id}`: description and metadata."""
    charge = account.charges.get(call.ids["id"])
    given = call.parameters
    before = {name: charge[name] for name in ("description", "metadata")}
    description = given.take_text("description")
    charge["metadata"] = given.take_metadata(charge["metadata"])
    given.finish()
    charge["description"] = charge["description"] if description is None else description or None
    account.charges.save(charge)
    account.record("charge.updated", charge, {name: old for name, old in before.items() if charge[name] != old})
    return charge


def list_refunds(account: Account, call: Call) -> Document:
    """`GET /v1/charges/{id}/refunds`."""
    charge = account.charges.get(call.ids["id"], param="charge")
    return account.refunds.page(call.parameters, f"/v1/charges/{charge['id']}/refunds", ("charge = ?", charge["id"]))


def charge_for(
    intent: Document, payment_method: Document, status: str, *, authenticated: bool, held: bool = False
) -> Document:
    """A new charge of the whole intent, `pending` or `succeeded`; a pending one may be declined afterwards.

    One that is `held` is captured later.
    """
    succeeded = status == "succeeded"
    return {
        "id": object_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if succeeded and not held else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": payment_method["billing_details"],
        "calculated_statement_descriptor": "AIS SANDBOX",
        "captured": succeeded and not held,
        "created": now_seconds(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "dispute": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _accepted_outcome(),
        "paid": succeeded,
        "payment_intent": intent["id"],
        "payment_method": payment_method["id"],
        "payment_method_details": _details(payment_method, authenticated=authenticated),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def mark_succeeded(charge: Document) -> None:
    """A pending charge was paid."""
    charge.update(status="succeeded", paid=True, captured=True, amount_captured=charge["amount"])
    charge["outcome"] = _accepted_outcome()


def mark_failed(charge: Document, decline: Decline) -> None:
    """A charge was refused."""
    charge.update(status="failed", paid=False, captured=False, amount_captured=0)
    charge["failure_code"] = decline.code
    charge["failure_message"] = decline.message
    charge["outcome"] = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": decline.network_status,
        "reason": decline.decline_code,
        "risk_level": "highest" if decline.outcome_type == "blocked" else "normal",
        "risk_score": 90 if decline.outcome_type == "blocked" else 20,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": decline.outcome_type,
    }


def error_of(charge: Document, decline: Decline, payment_method: Document) -> Document:
    """The error that a refused charge leaves on its intent and in the answer."""
    error: Document = {
        "advice_code": "try_again_later",
        "charge": charge["id"],
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": doc_url(decline.code),
        "message": decline.message,
        "payment_method": payment_method,
        "type": "card_error",
    }
    if decline.param is not None:
        error["param"] = decline.param
    return error


def _accepted_outcome() -> Document:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }


def _details(payment_method: Document, *, authenticated: bool) -> Document:
    kind = payment_method["type"]
    source = payment_method[kind]
    if kind != "card":
        shown = {name: source[name] for name in ("account_type", "bank_name", "fingerprint", "last4", "routing_number")}
        return {"type": kind, kind: shown}
    shown = {
        name: source[name] for name in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    }
    shown |= {"last4": source["last4"], "network": source["brand"], "wallet": None, "installments": None}
    shown["three_d_secure"] = (
        {"authentication_flow": "challenge", "result": "authenticated", "result_reason": None, "version": "2.2.0"}
        if authenticated
        else None
    )
    return {"type": "card", "card": shown}
