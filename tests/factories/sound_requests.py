"""For every operation of the OpenAPI document a request that the program can grant, made of earlier answers."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import random
import time
from collections import defaultdict
from datetime import timedelta

from tests.factories.people_at_large import OPERATOR, People
from tests.factories.shopper import JSON, days_ahead, new_key, order_request
from tests.factories.sound_accounts import Parts, sound_account_request
from tests.factories.sound_returns import Returns
from tests.factories.stripe_simulator import WEBHOOK_SECRET

# What must be asked for first where nothing is left of what an operation is about.
MADE_BY: dict[str, tuple[str, ...]] = {
    "approve": ("ask_for_role",),
    "decline_approval": ("ask_to_revoke_role",),
    "revoke_api_key": ("create_api_key",),
    "add_agency_user": ("add_agency",),
    "list_agency_users": ("add_agency",),
    "lock_agency_user": ("add_agency_user",),
    "start_shift": ("add_office",),
    "end_shift": ("start_shift",),
    "write_off": ("end_shift",),
    "create_order_from_offer": ("search_offers",),
    "pay_in_cash": ("start_shift", "create_order_from_offer"),
    "pay_from_deposit": ("add_agency", "create_order_from_offer"),
    "void_documents_of_order": ("pay_from_deposit",),
    "start_payment": ("create_order_from_offer",),
    "send_payment_link": ("create_order_from_offer",),
    "confirm_cancellation_quote": ("quote_cancellation_of_order",),
}
# What staff may read at any time, and how it is asked for.
STAFF_READS: dict[str, JSON] = {
    "read_balances": {"details": "true"},
    "read_chain": {},
    "read_daily_sales": {},
    "list_postings": {"limit": 5},
    "read_trial_balance": {"first_day": "2026-01-01"},
    "read_unflown": {},
    "list_webhook_events": {},
    "list_agencies": {},
    "list_shifts": {},
    "list_refunds": {},
    "list_disputes": {},
    "list_api_keys": {"limit": 5},
    "list_audit_entries": {"limit": 5},
    "read_audit_chain": {},
}
# What staff do with agencies and drawers: of which of the things made before, and how its id is called in the path.
MONEY: dict[str, tuple[str, str]] = {
    "add_agency": ("", ""),
    "change_credit_limit": ("agencies", "agency_id"),
    "top_up": ("agencies", "agency_id"),
    "read_statement": ("agencies", "agency_id"),
    "read_statement_csv": ("agencies", "agency_id"),
    "pay_from_deposit": ("agencies", "agency_id"),
    "add_office": ("", ""),
    "start_shift": ("offices", ""),
    "pay_in_cash": ("drawers", "shift_id"),
    "end_shift": ("drawers", "shift_id"),
    "write_off": ("counted", "shift_id"),
}
KINDS = {
    "add_agency": "agencies",
    "add_office": "offices",
    "start_shift": "drawers",
    "end_shift": "counted",
    "ask_for_role": "approvals",
    "ask_to_revoke_role": "approvals",
    "create_api_key": "keys",
    "start_payment": "payments",
    "quote_cancellation_of_order": "quotes",
}
CODES = (f"D{number:04d}" for number in itertools.count(1))
KEPT = 40
BUYERS = ("nobody", "traveller", "agent", "key", "support")
AIRPORTS = ("RUH", "JED", "DMM", "CAI", "DXB", "AMM", "AHB", "MED", "GIZ", "KWI", "IST", "BAH", "DOH", "TUU")
PARTIES = (
    [{"type": "adult"}],
    [{"type": "adult"}, {"type": "adult"}],
    [{"type": "adult"}, {"type": "child", "age": 7}],
    [{"type": "adult"}, {"type": "infant", "age": 1}],
    [{"type": "adult"}, {"type": "infant_seat", "age": 0}],
)
WORDS = ("ria", "Jed", "القاهرة", "d", "AMM", "الرياض", "madinah", "du")


class SoundRequests:
    """Makes requests out of what was answered before, in the name of whoever may ask."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.returns = Returns(people)
        self.made: dict[str, list[JSON]] = defaultdict(list)

    def remember(self, name: str, parts: Parts, answer: JSON) -> None:
        """Keep what later requests are made of; an order with the credentials of its buyer."""
        headers = parts.get("headers", {})
        if name in {"create_order_from_offer", "look_up_order"}:
            token = answer.get("guest_token")
            answer = {**answer, "token": f"Bearer {token}" if token else headers["Authorization"]}
            self._keep("orders", answer)
            if name == "create_order_from_offer" and answer["total"]["currency"] == "SAR":
                self._keep("unpaid", answer)
        elif name == "search_offers":
            self._keep("offers", *answer["offers"][:3])
        elif name == "list_webhook_events":
            self._keep("events", *answer["items"])
        elif name == "add_agency_user":
            self._keep("agency_users", {**answer, "agency_id": parts["path_parameters"]["agency_id"]})
        elif name in {"pay_in_cash", "pay_from_deposit"}:
            self._keep("paid", {"id": parts["body"]["order_id"]})
        elif name in KINDS:
            self._keep(KINDS[name], answer)

    def _keep(self, kind: str, *things: JSON) -> None:
        self.made[kind] = [*things, *self.made[kind]][:KEPT]

    def request(self, name: str, chance: random.Random) -> Parts | None:
        """A request that the program can grant; None as long as what it needs has not been answered."""
        known = sound_account_request(name, self.people, self.made, chance) or self.returns.request(name)
        if known is not None:
            return known
        if name == "search_offers":
            return {"body": search(chance), "headers": self.people.headers[chance.choice(BUYERS)]}
        if name == "find_airports":
            return {"query": {"q": chance.choice(WORDS), "limit": chance.randint(1, 20)}}
        if name == "receive_stripe_event":
            return _signed(_message(chance, self.made["payments"]))
        if name in {"read_liveness", "read_readiness"}:
            return {}
        if name in STAFF_READS:
            return {"query": STAFF_READS[name], "headers": self._staff(chance)}
        if name in MONEY:
            return self._about_money(name, chance)
        return self._about_things(name, chance)

    def _staff(self, chance: random.Random) -> dict[str, str]:
        return self.people.headers[chance.choice(("operator", "chief"))]

    def _about_things(self, name: str, chance: random.Random) -> Parts | None:
        """About an offer, an order, a quote or a message that was answered before."""
        match name:
            case "read_offer" | "create_order_from_offer":
                buyer = self.people.headers[chance.choice(BUYERS)]
                return _about_offer(name, chance.choice(self.made["offers"]), buyer) if self.made["offers"] else None
            case "confirm_cancellation_quote":
                return self._about_quote(chance)
            case "read_webhook_event" | "replay_webhook_event":
                return _about_event(name, chance.choice(self.made["events"])) if self.made["events"] else None
            case "void_documents_of_order":
                # The oldest one, whose tickets are the likeliest to be there.
                order = self.made["paid"].pop() if self.made["paid"] else None
                return _about_paid(order) if order else None
            case "start_payment" | "send_payment_link":
                return _about_order(name, self.made["unpaid"].pop(0), chance) if self.made["unpaid"] else None
            case "approve" | "decline_approval" | "revoke_api_key" | "lock_agency_user":
                return None  # nothing is left of what they are about
            case "add_agency_user" | "list_agency_users":
                return None
        return _about_order(name, chance.choice(self.made["orders"]), chance) if self.made["orders"] else None

    def _about_money(self, name: str, chance: random.Random) -> Parts | None:
        """What staff do with agencies and drawers, of what they have made before."""
        wanted, field = MONEY[name]
        made = self.made[wanted] if wanted else []
        pays = name in {"pay_in_cash", "pay_from_deposit"}
        if (wanted and not made) or (pays and not self.made["unpaid"]):
            return None
        which = made.pop() if name == "end_shift" else chance.choice(made) if made else {}
        body = {"order_id": self.made["unpaid"].pop(0)["id"]} if pays else _money_body(name, which)
        parts: Parts = {"headers": _keyed(self._staff(chance))}
        if field:
            parts["path_parameters"] = {field: which["id"]}
        return parts if body is None else {**parts, "body": body}

    def _about_quote(self, chance: random.Random) -> Parts | None:
        tokens = {order["id"]: order["token"] for order in self.made["orders"]}
        quotes = [quote for quote in self.made["quotes"] if quote["order_id"] in tokens]
        if not quotes:
            return None
        quote = chance.choice(quotes)
        headers = _keyed({"Authorization": tokens[quote["order_id"]]})
        return {"path_parameters": {"quote_id": quote["id"]}, "body": {}, "headers": headers}


def _keyed(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "Idempotency-Key": new_key()}


def _money_body(name: str, which: JSON) -> JSON | None:
    """What is said in a sound request; a drawer is counted with a riyal too little, so that it can be written off."""
    match name:
        case "add_agency":
            return {"code": next(CODES), "name": "Desert Travel", "credit_limit": _sar("90000.00")}
        case "change_credit_limit":
            return {"credit_limit": _sar("95000.00")}
        case "top_up":
            return {"amount": _sar("10.00"), "reference": "FT1"}
        case "add_office":
            return {"code": next(CODES), "name": "Olaya", "currency": "SAR"}
        case "start_shift":
            return {"office": which["code"], "clerk": next(CODES), "opening_float": _sar("100.00")}
        case "end_shift":
            return {"counted": _sar("99.00")}
        case "write_off":
            return {"reason": "shortage"}
    return None


def _sar(amount: str) -> JSON:
    return {"amount": amount, "currency": "SAR"}


def _about_event(name: str, event: JSON) -> Parts:
    about_it = {"path_parameters": {"event_id": event["id"]}, "headers": OPERATOR}
    return about_it if name == "read_webhook_event" else {**about_it, "body": {}}


def _about_paid(order: JSON) -> Parts:
    body = {"reason": "asked for within the day"}
    return {"path_parameters": {"order_id": order["id"]}, "body": body, "headers": _keyed(OPERATOR)}


def _about_offer(name: str, offer: JSON, buyer: dict[str, str]) -> Parts:
    if name == "read_offer":
        return {"path_parameters": {"offer_id": offer["id"]}}
    return {"body": order_request(offer), "headers": _keyed(buyer)}


def _about_order(name: str, order: JSON, chance: random.Random) -> Parts:
    token = {"Authorization": order["token"]}
    about_it: Parts = {"path_parameters": {"order_id": order["id"]}}
    match name:
        case "look_up_order":
            family_name = order["passengers"][0]["family_name"]
            return {"body": {"record_locator": order["record_locator"], "family_name": family_name}}
        case "list_orders":
            return {"query": {"limit": chance.randint(1, 5)}, "headers": token}
        case "read_order":
            return {**about_it, "headers": token}
        case "quote_cancellation_of_order":
            return {**about_it, "body": {}, "headers": token}
        case "send_payment_link":
            return {**about_it, "body": {}, "headers": _keyed(OPERATOR)}
        case "start_payment":
            return {**about_it, "body": {"method": "card"}, "headers": _keyed(token)}
    raise AssertionError(f"no sound request is known for {name}")


def search(chance: random.Random) -> JSON:
    """A search for flights that the market has, mostly."""
    origin, destination = chance.sample(AIRPORTS, 2)
    day = days_ahead(chance.randint(3, 30))
    slices = [{"origin": origin, "destination": destination, "departure_date": day.isoformat()}]
    if chance.random() < 0.3:
        back = day + timedelta(days=chance.randint(3, 7))
        slices.append({"origin": destination, "destination": origin, "departure_date": back.isoformat()})
    cabin = chance.choice(("economy", "economy", "business"))
    return {"slices": slices, "passengers": chance.choice(PARTIES), "cabin": cabin, "limit": 10}


def _message(chance: random.Random, payments: list[JSON]) -> bytes:
    """A message as the provider writes it: about a payment of ours, about an unknown one, or about something else."""
    kind = chance.choice(("payment_intent.succeeded", "payment_intent.payment_failed", "charge.refunded", "customer.x"))
    about = chance.choice(payments)["provider_payment_id"] if payments and chance.random() < 0.7 else "pi_unknown"
    held: JSON = {"id": about, "object": "payment_intent", "metadata": {}, "status": "requires_payment_method"}
    if kind.startswith("charge"):
        held = {"id": "ch_1", "object": "charge", "payment_intent": about, "metadata": {}}
    message = {"id": f"evt_{chance.randint(1, 10**9)}", "object": "event", "type": kind, "data": {"object": held}}
    return json.dumps({**message, "api_version": "2026-10-28", "created": 1, "livemode": False}).encode()


def _signed(body: bytes) -> Parts:
    now = int(time.time())
    digest = hmac.new(WEBHOOK_SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content": body,
        "headers": {"Stripe-Signature": f"t={now},v1={digest}", "Content-Type": "application/json"},
    }
