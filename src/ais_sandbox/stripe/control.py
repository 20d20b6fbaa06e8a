"""The sandbox's own API under `/_sandbox`, in JSON: switches, faults, and what was delivered.

It is not Stripe's and asks for no key: the program listens on this machine only, unless it is told otherwise.
"""

import re
from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qs

import msgspec

from ais_sandbox.http import Request, Response
from ais_sandbox.stripe import balance, checkout_sessions, disputes, payouts, refunds
from ais_sandbox.stripe.account import Account
from ais_sandbox.stripe.attempts import complete_authentication
from ais_sandbox.stripe.clock import now_exact, shift_seconds
from ais_sandbox.stripe.deliveries import Endpoint
from ais_sandbox.stripe.errors import Document, StripeError
from ais_sandbox.stripe.faults import FaultRule, FaultRules
from ais_sandbox.stripe.idempotency import IdempotencyKeys
from ais_sandbox.stripe.webhooks import Background

PREFIX = "/_sandbox"
MOST_LOGGED = 1000


class EndpointBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A webhook endpoint. Several secrets, separated by spaces, sign side by side."""

    url: str
    secret: str
    id: str = "we_sandbox"
    enabled_events: list[str] = msgspec.field(default_factory=lambda: ["*"])


class SettingsBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How long `processing` and pending refunds last."""

    settle_seconds: float


class RedeliverBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How often an event is posted again."""

    times: int = 1


class AuthenticateBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the customer does in the 3-D Secure step."""

    outcome: Literal["succeed", "fail"] = "succeed"


class CompleteBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the customer does on a checkout page, and then in the 3-D Secure step if there is one: null leaves it."""

    payment_method: str = "pm_card_visa"
    authenticate: Literal["succeed", "fail"] | None = "succeed"
    email: str | None = None


class DisputeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A cardholder disputes a charge, or `amount` of it, by a chargeback or first by an inquiry."""

    charge: str
    reason: Literal["fraudulent", "product_not_received"] = "fraudulent"
    inquiry: bool = False
    amount: int | None = None


class RefundBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the bank does with a refund."""

    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    failure_reason: str = "expired_or_canceled_card"


class PayoutBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Whether what is still pending is taken along."""

    with_pending: bool = False


class ClockBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where the clock is to stand: seconds since 1970, or so many seconds further than now."""

    now: float | None = None
    advance_seconds: float = 0.0


class Control:
    """Answers the requests under `/_sandbox`."""

    def __init__(self, account: Account, faults: FaultRules, keys: IdempotencyKeys, background: Background) -> None:
        """Wire the parts that it switches."""
        self._account, self._faults, self._keys, self._background = account, faults, keys, background
        routes: list[tuple[str, str, Callable[[Request, str], object]]] = [
            ("GET", "", self._status),
            ("GET", "/webhooks", self._webhooks),
            ("POST", "/webhooks", self._change_webhooks),
            ("POST", "/webhooks/pause", self._pause),
            ("POST", "/webhooks/resume", self._resume),
            ("POST", "/webhooks/flush", self._flush),
            ("GET", "/deliveries", self._deliveries),
            ("POST", "/events/([A-Za-z0-9_]+)/redeliver", self._redeliver),
            ("POST", "/endpoints", self._put_endpoint),
            ("DELETE", "/endpoints/([A-Za-z0-9_]+)", self._remove_endpoint),
            ("GET", "/faults", self._list_faults),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", self._remove_faults),
            ("DELETE", "/faults/([0-9]+)", self._remove_faults),
            ("POST", "/payment_intents/([A-Za-z0-9_]+)/authenticate", self._authenticate),
            ("POST", "/checkout_sessions/([A-Za-z0-9_]+)/complete", self._complete_session),
            ("POST", "/disputes", self._open_dispute),
            ("POST", "/disputes/([A-Za-z0-9_]+)/win", self._win_dispute),
            ("POST", "/disputes/([A-Za-z0-9_]+)/lose", self._lose_dispute),
            ("POST", "/disputes/([A-Za-z0-9_]+)/escalate", self._escalate_dispute),
            ("POST", "/refunds/([A-Za-z0-9_]+)", self._move_refund),
            ("POST", "/payouts", self._pay_out),
            ("POST", "/money", self._change_money),
            ("POST", "/settings", self._settings),
            ("POST", "/clock", self._move_clock),
            ("POST", "/transitions/run", self._run_transitions),
            ("POST", "/reset", self._reset),
        ]
        self._routes = [(method, re.compile(PREFIX + path + "/?"), handler) for method, path, handler in routes]

    def answer(self, request: Request) -> Response:
        """The reply to one request: 200 with JSON, 404 for an unknown route, 400 for a body that does not fit."""
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(request.path)
            if found is None or method != request.method:
                continue
            try:
                with self._account.storage.transaction():
                    result = handler(request, found[1] if pattern.groups else "")
            except (msgspec.MsgspecError, ValueError) as error:
                return _json(400, {"error": str(error)})
            except StripeError as error:
                return _json(error.status, {"error": error.error})
            self._background.wake()
            return _json(200, result)
        return _json(404, {"error": f"no such route: {request.method} {request.path}"})

    def _status(self, _: Request, __: str) -> Document:
        connection = self._account.storage.connection
        counts = {
            kind.table: connection.execute(f"SELECT count(*) FROM {kind.table}").fetchone()[0]  # noqa: S608 - names from KINDS
            for kind in self._account.collections
        }
        return {
            "objects": counts,
            "deliveries": self._account.deliveries.counts(),
            "webhooks": self._account.switchboard.webhooks,
            "money": self._account.switchboard.money,
            "clock_shift_seconds": round(shift_seconds(), 3),
            "settle_seconds": self._account.switchboard.settle_seconds,
            "faults": self._faults.all(),
        }

    def _webhooks(self, _: Request, __: str) -> object:
        return self._account.switchboard.webhooks

    def _change_webhooks(self, request: Request, _: str) -> object:
        changes = msgspec.json.decode(request.body or b"{}", type=dict[str, object])
        return self._account.switchboard.change_webhooks(changes)

    def _pause(self, _: Request, __: str) -> object:
        return self._account.switchboard.change_webhooks({"paused": True})

    def _resume(self, _: Request, __: str) -> object:
        return self._account.switchboard.change_webhooks({"paused": False})

    def _flush(self, _: Request, __: str) -> Document:
        return {"made_due": self._account.deliveries.make_due()}

    def _deliveries(self, request: Request, _: str) -> Document:
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        limit = min(int(query.get("limit", "100")), MOST_LOGGED)
        return {"deliveries": self._account.deliveries.log(query.get("event"), query.get("state"), limit)}

    def _redeliver(self, request: Request, event_id: str) -> Document:
        times = msgspec.json.decode(request.body or b"{}", type=RedeliverBody).times
        event = self._account.events.get(event_id)
        endpoints = self._account.deliveries.endpoints_for(event["type"])
        for endpoint in endpoints:
            self._account.deliveries.plan(event_id, event["type"], endpoint, [0.0] * times)
        return {"planned": times * len(endpoints)}

    def _put_endpoint(self, request: Request, _: str) -> Document:
        body = msgspec.json.decode(request.body, type=EndpointBody)
        self._account.deliveries.put_endpoint(Endpoint(body.id, body.url, body.secret, tuple(body.enabled_events)))
        return {"id": body.id, "url": body.url, "enabled_events": body.enabled_events}

    def _remove_endpoint(self, _: Request, endpoint_id: str) -> Document:
        self._account.deliveries.remove_endpoint(endpoint_id)
        return {"removed": endpoint_id}

    def _list_faults(self, _: Request, __: str) -> Document:
        return {"faults": self._faults.all()}

    def _add_fault(self, request: Request, _: str) -> object:
        return self._faults.add(msgspec.json.decode(request.body, type=FaultRule))

    def _remove_faults(self, _: Request, number: str) -> Document:
        return {"removed": self._faults.remove(int(number) if number else None)}

    def _authenticate(self, request: Request, intent_id: str) -> Document:
        outcome = msgspec.json.decode(request.body or b"{}", type=AuthenticateBody).outcome
        return complete_authentication(self._account, intent_id, succeeded=outcome == "succeed")

    def _complete_session(self, request: Request, session_id: str) -> Document:
        body = msgspec.json.decode(request.body or b"{}", type=CompleteBody)
        intent = checkout_sessions.pay(self._account, session_id, body.payment_method, email=body.email)
        if intent["status"] == "requires_action" and body.authenticate is not None:
            intent = complete_authentication(self._account, intent["id"], succeeded=body.authenticate == "succeed")
        return {"session": self._account.checkout_sessions.get(session_id), "payment_intent": intent}

    def _move_clock(self, request: Request, _: str) -> Document:
        body = msgspec.json.decode(request.body or b"{}", type=ClockBody)
        before = now_exact()
        wanted = before if body.now is None else body.now
        self._account.switchboard.move_clock(wanted + body.advance_seconds - before)
        back = before - now_exact()
        if back > 0:
            # What waits for a pause, and not for a date, does not wait longer because the date is an earlier one.
            self._account.schedule.bring_forward(back)
            self._account.deliveries.bring_forward(back)
        return {"now": now_exact()}

    def _open_dispute(self, request: Request, _: str) -> Document:
        body = msgspec.json.decode(request.body, type=DisputeBody)
        charge = self._account.charges.get(body.charge)
        return disputes.open_dispute(self._account, charge, body.reason, inquiry=body.inquiry, amount=body.amount)

    def _win_dispute(self, _: Request, dispute_id: str) -> Document:
        dispute = self._account.disputes.get(dispute_id)
        disputes.end(self._account, dispute, won=True)
        return dispute

    def _lose_dispute(self, _: Request, dispute_id: str) -> Document:
        dispute = self._account.disputes.get(dispute_id)
        disputes.end(self._account, dispute, won=False)
        return dispute

    def _escalate_dispute(self, _: Request, dispute_id: str) -> Document:
        dispute = self._account.disputes.get(dispute_id)
        disputes.escalate(self._account, dispute)
        return dispute

    def _move_refund(self, request: Request, refund_id: str) -> Document:
        body = msgspec.json.decode(request.body, type=RefundBody)
        refund = self._account.refunds.get(refund_id)
        self._account.schedule.drop(refund_id)
        refunds.move(self._account, refund, body.status, body.failure_reason)
        return refund

    def _pay_out(self, request: Request, _: str) -> Document:
        if msgspec.json.decode(request.body or b"{}", type=PayoutBody).with_pending:
            balance.make_available(self._account)
        return {"payouts": payouts.pay_out(self._account)}

    def _change_money(self, request: Request, _: str) -> object:
        changes = msgspec.json.decode(request.body or b"{}", type=dict[str, object])
        changed = self._account.switchboard.change_money(changes)
        if changed.automatic_payouts:
            payouts.schedule_daily(self._account)
        return changed

    def _settings(self, request: Request, _: str) -> Document:
        seconds = msgspec.json.decode(request.body, type=SettingsBody).settle_seconds
        self._account.switchboard.change_settle_seconds(seconds)
        return {"settle_seconds": seconds}

    def _run_transitions(self, _: Request, __: str) -> Document:
        waiting = self._account.schedule.count()
        self._background.run_transitions(None)
        return {"done": waiting}

    def _reset(self, _: Request, __: str) -> Document:
        self._background.drop_deliveries()
        self._account.forget_everything()
        self._account.switchboard.reset()
        self._faults.remove()
        self._keys.clear()
        return {"reset_at": now_exact()}


def _json(status: int, value: object) -> Response:
    return Response(status, msgspec.json.encode(value))
