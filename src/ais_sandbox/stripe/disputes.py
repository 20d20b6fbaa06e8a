"""Disputes: a cardholder who does not accept a charge.

A chargeback takes the amount and a fee at once; an inquiry takes nothing unless it escalates. Evidence is submitted
once and judged by the bank, which in the sandbox reads `uncategorized_text`, as Stripe's test mode does:
`winning_evidence`, `losing_evidence`, `escalate_inquiry_evidence`; anything else stays under review.
"""

from dataclasses import dataclass

from ais_sandbox.stripe import balance, refunds
from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.errors import Document, StripeError, invalid_parameter
from ais_sandbox.stripe.ids import object_id
from ais_sandbox.stripe.parameters import Parameters
from ais_sandbox.stripe.payment_methods import behaviour_of

OPEN_ACTION, DECIDE_ACTION = "open_dispute", "decide_dispute"
_DAY, _DAYS_TO_ANSWER = 24 * 3600, 8
_LONGEST_EVIDENCE, _MOST_EVIDENCE = 20_000, 150_000
_CLOSED = ("won", "lost", "warning_closed")
_TEXTS = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a charge is disputed: Stripe's reason, and the network's codes for a chargeback and an inquiry."""

    reason: str
    chargeback_code: str
    inquiry_code: str | None


GROUNDS = {
    "fraudulent": Ground("fraudulent", "10.4", "10"),
    "product_not_received": Ground("product_not_received", "13.1", None),
}


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/disputes/{id}`."""
    call.parameters.finish()
    return account.disputes.get(call.ids["id"], param="dispute")


def list_(account: Account, call: Call) -> Document:
    """`GET /v1/disputes`, by charge, payment intent and time of creation."""
    return account.disputes.page(call.parameters, "/v1/disputes")


def update(account: Account, call: Call) -> Document:
    """`POST /v1/disputes/{id}`: evidence, submitted to the bank unless `submit` is false, and metadata."""
    dispute = account.disputes.get(call.ids["id"], param="dispute")
    given = call.parameters
    evidence = _read_evidence(given)
    submit = given.take_boolean("submit", default=True)
    metadata = given.take_metadata(dispute["metadata"])
    given.finish()
    _refuse_if_closed(dispute)
    dispute["metadata"] = metadata
    if evidence is not None:
        dispute["evidence"] |= evidence
        dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"][name] for name in _TEXTS)
        if submit:
            _submit(account, dispute)
    account.disputes.save(dispute)
    account.record("charge.dispute.updated", dispute)
    account.record("charge.updated", account.charges.get(dispute["charge"]))
    return dispute


def close(account: Account, call: Call) -> Document:
    """`POST /v1/disputes/{id}/close`: give up, which loses it."""
    dispute = account.disputes.get(call.ids["id"], param="dispute")
    call.parameters.finish()
    _refuse_if_closed(dispute)
    _close(account, dispute, "warning_closed" if _is_inquiry(dispute) else "lost")
    return dispute


def open_by_card(account: Account, charge: Document) -> None:
    """A test card whose holder disputes whatever it pays does so a moment after the charge."""
    if behaviour_of(charge["payment_method_details"]).disputed_as is not None and charge["captured"]:
        account.later(OPEN_ACTION, charge["id"])


def open_scheduled(account: Account, charge_id: str) -> None:
    """The moment after."""
    charge = account.charges.find(charge_id)
    if charge is not None and not charge["disputed"]:
        method = behaviour_of(charge["payment_method_details"])
        open_dispute(account, charge, method.disputed_as or "fraudulent", inquiry=method.disputed_by_inquiry)


def open_dispute(
    account: Account, charge: Document, reason: str, *, inquiry: bool = False, amount: int | None = None
) -> Document:
    """Dispute a captured charge, or `amount` of it. `StripeError` 400 for one that cannot be disputed."""
    if not charge["captured"] or charge["disputed"]:
        message = f"Charge {charge['id']} cannot be disputed: it was not captured, or is disputed already."
        raise StripeError(400, message)
    if amount is not None and not 0 < amount <= charge["amount_captured"]:
        raise invalid_parameter(f"The disputed amount must lie between 1 and {charge['amount_captured']}.", "amount")
    dispute = _new_dispute(charge, GROUNDS[reason], charge["amount_captured"] if amount is None else amount, inquiry)
    charge.update(disputed=True, dispute=dispute["id"])
    account.charges.save(charge)
    if not inquiry:
        _withdraw(account, dispute)
    account.disputes.insert(dispute)
    account.record("charge.dispute.created", dispute)
    if not inquiry:
        account.record("charge.dispute.funds_withdrawn", dispute)
    return dispute


def decide(account: Account, dispute_id: str) -> None:
    """What the bank says to the evidence that was submitted."""
    dispute = account.disputes.find(dispute_id)
    if dispute is None or not dispute["status"].endswith("under_review"):
        return
    verdict = dispute["evidence"]["uncategorized_text"]
    if verdict == "winning_evidence":
        end(account, dispute, won=True)
    elif verdict == "losing_evidence":
        end(account, dispute, won=False)
    elif _is_inquiry(dispute):
        escalate(account, dispute)


def end(account: Account, dispute: Document, *, won: bool) -> None:
    """Close an open dispute either way; a chargeback that is won gives the amount back. `StripeError` if closed."""
    _refuse_if_closed(dispute)
    if _is_inquiry(dispute):
        _close(account, dispute, "warning_closed")
        return
    if not won:
        _close(account, dispute, "lost")
        return
    back = balance.add(
        account, "adjustment", dispute["amount"], dispute, f"Chargeback reversal for {dispute['charge']}"
    )
    dispute["balance_transactions"].append(back)
    dispute["is_charge_refundable"] = True
    _close(account, dispute, "won")


def escalate(account: Account, dispute: Document) -> None:
    """An inquiry becomes a chargeback: now the money goes. `StripeError` 400 for what is no open inquiry."""
    _refuse_if_closed(dispute)
    if not _is_inquiry(dispute):
        message = f"Dispute {dispute['id']} is no inquiry."
        raise StripeError(400, message)
    ground = GROUNDS[dispute["reason"]]
    dispute["payment_method_details"]["card"].update(case_type="chargeback", network_reason_code=ground.chargeback_code)
    dispute.update(status="needs_response", is_charge_refundable=False, network_reason_code=ground.chargeback_code)
    dispute["evidence_details"]["due_by"] = _due_by()
    for refund in account.refunds.all_where("charge", dispute["charge"]):
        # The money cannot go back twice: what was refunded while the bank only asked fails.
        if refund["created"] >= dispute["created"] and refund["status"] != "failed":
            refunds.move(account, refund, "failed", "charge_for_pending_refund_disputed")
    _withdraw(account, dispute)
    account.disputes.save(dispute)
    account.record("charge.dispute.updated", dispute)
    account.record("charge.dispute.funds_withdrawn", dispute)


def _submit(account: Account, dispute: Document) -> None:
    details = dispute["evidence_details"]
    details["submission_count"] += 1
    details["submission_method"] = "manual"
    details["past_due"] = now_seconds() > details["due_by"]
    dispute["status"] = "warning_under_review" if _is_inquiry(dispute) else "under_review"
    if dispute["evidence"]["uncategorized_text"] in {
        "winning_evidence", "losing_evidence", "escalate_inquiry_evidence",
    }:  # fmt: skip
        account.later(DECIDE_ACTION, dispute["id"])


def _close(account: Account, dispute: Document, status: str) -> None:
    dispute["status"] = status
    account.disputes.save(dispute)
    account.schedule.drop(dispute["id"])
    if status == "won":
        account.record("charge.dispute.funds_reinstated", dispute)
    account.record("charge.dispute.closed", dispute)
    account.record("charge.updated", account.charges.get(dispute["charge"]))


def _withdraw(account: Account, dispute: Document) -> None:
    fee = account.switchboard.money.dispute_fee.get(dispute["currency"], 0)
    taken = balance.add(
        account,
        "adjustment",
        -dispute["amount"],
        dispute,
        f"Chargeback withdrawal for {dispute['charge']}",
        fee=fee,
        fee_name="Dispute fee",
    )
    dispute["balance_transactions"].append(taken)


def _is_inquiry(dispute: Document) -> bool:
    return str(dispute["status"]).startswith("warning_")


def _refuse_if_closed(dispute: Document) -> None:
    if dispute["status"] in _CLOSED:
        message = "This dispute is already closed"
        raise StripeError(400, message)


def _read_evidence(given: Parameters) -> Document | None:
    inner = given.take_hash("evidence")
    if inner is None:
        return None
    evidence: Document = {}
    for name in _TEXTS:
        value = inner.take_text(name, longest=_LONGEST_EVIDENCE)
        if value is not None:
            evidence[name] = value or None
    inner.finish()
    if sum(len(value or "") for value in evidence.values()) > _MOST_EVIDENCE:
        message = f"The combined character count of all evidence fields is limited to {_MOST_EVIDENCE}."
        raise invalid_parameter(message, "evidence")
    return evidence


def _due_by() -> int:
    """The end of the last day on which evidence is taken."""
    return (now_seconds() // _DAY + _DAYS_TO_ANSWER + 1) * _DAY - 1


def _new_dispute(charge: Document, ground: Ground, amount: int, inquiry: bool) -> Document:
    code = ground.inquiry_code if inquiry else ground.chargeback_code
    brand = charge["payment_method_details"]["card"]["brand"]
    return {
        "id": object_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now_seconds(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(_TEXTS) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": _due_by(),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": brand,
                "network_reason_code": code,
            },
            "type": "card",
        },
        "reason": ground.reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
