"""Those who buy: each shops by a plan that is drawn from the storm's seed, and repeats what was not answered.

A customer knows the program and the provider by their HTTP contracts alone, so that the same customers shop in this
process and at a program that is killed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

import httpx
from tests.factories.shopper import bearer, order_request

if TYPE_CHECKING:
    from tests.simulation.storm.counter import Counter

JSON = dict[str, Any]
REPEATS_MAX = 200
WRONG_AMOUNT = 0.03
# Of all customers so many want the cheapest seat of one day, so that they meet in one cabin.
SAME_FLIGHT = 0.3
# Of those who buy at an agency so many do so at one that pays in what they cost at the same moment.
BARE_AGENCY = 0.4
DECLINED = ("pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedExpiredCard")
PAYING = ("pm_card_visa",) * 6 + (
    "pm_sandbox_processingSucceeds",
    "pm_sandbox_processingSucceeds",
    "pm_sandbox_processingSucceeds",
    "pm_sandbox_processingFails",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
)
FATES = {
    "card": 30,
    "checkout": 20,
    "both": 8,
    "late": 9,
    "abandon": 6,
    "wander": 8,
    "agency": 14,
    "cash": 6,
    "credit": 10,
    "link": 7,
}
STEP = ("pm_card_threeDSecure2Required", "pm_card_threeDSecureRequiredChargeDeclined")


Answered = TypeVar("Answered")


class Surroundings(Protocol):
    """Where a customer shops. ``troubled`` unless it is a calm storm; ``over`` when it ends."""

    over: bool
    troubled: bool

    async def ask(
        self, method: str, path: str, body: JSON | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response | None:
        """The program's answer; None if the connection broke."""
        ...

    async def ask_provider(self, method: str, path: str, form: JSON | None = None) -> httpx.Response | None:
        """The provider's answer to a form; None if the connection broke."""
        ...

    def at_provider(self, path: str, body: JSON) -> Awaitable[Any]:
        """What a person does on the provider's own pages."""
        ...

    @property
    def counter(self) -> Counter | None:
        """Where people pay who do not pay by card; None where there is none."""
        ...

    def wait_long(self) -> Awaitable[None]:
        """Half a minute goes by, for whatever was begun by a process that is gone."""
        ...


@dataclass(frozen=True)
class Market:
    """Where flights go, from when on, and for how many days."""

    routes: tuple[tuple[str, str], ...]
    first_day: date
    days: int


@dataclass
class Bought:
    """What a customer has come to: the order as last seen, and what was done with it."""

    order: JSON
    did: list[str] = field(default_factory=list)


class Unexpected(AssertionError):
    """The program answered with something that no customer can have brought about."""


class Customer:
    """One customer, drawn from the seed and a number."""

    def __init__(self, seed: int, number: int, surroundings: Surroundings, market: Market) -> None:
        self.number = number
        self.chance = random.Random(f"{seed} {number}")
        self.there = surroundings
        self.market = market
        self.bought: Bought | None = None
        self.refusals: list[str] = []
        # Half of what was due came in, so that the rest is due now.
        self.meddled = False

    def key(self) -> str:
        """A key that nobody else uses."""
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    async def shop(self) -> Bought | None:
        """Search, order, pay in one of the ways, or not; then perhaps give some of it back."""
        offer = await self._find_offer()
        if offer is None:
            return None
        order = await self._order(offer)
        if order is None:
            return None
        self.bought = Bought(order)
        fate = self.chance.choices(tuple(FATES), tuple(FATES.values()))[0]
        self.bought.did.append(fate)
        await self._pay(order, fate)
        return self.bought

    async def _find_offer(self) -> JSON | None:
        wanted_by_all = self.chance.random() < SAME_FLIGHT
        origin, destination = self.market.routes[0] if wanted_by_all else self.chance.choice(self.market.routes)
        days = 0 if wanted_by_all else self.chance.randrange(self.market.days)
        day = self.market.first_day + timedelta(days=days)
        slices = [{"origin": origin, "destination": destination, "departure_date": day.isoformat()}]
        if self.chance.random() < 0.2:
            back = day + timedelta(days=self.chance.randint(1, 5))
            slices.append({"origin": destination, "destination": origin, "departure_date": back.isoformat()})
        party = [{"type": "adult"}] * self.chance.choice((1, 1, 1, 2, 2, 3))
        if self.chance.random() < 0.2:
            party.append({"type": "child", "age": 7})
        if self.chance.random() < 0.15:
            party.append({"type": "infant", "age": 1})
        answer = await self.until_answered(
            "POST", "/api/v1/offers/search", {"slices": slices, "passengers": party, "limit": 6}
        )
        offers = answer.json()["offers"] if answer is not None and answer.status_code == 200 else []
        if not offers:
            return None
        offer: JSON = offers[0] if wanted_by_all else self.chance.choice(offers)
        return offer

    async def _order(self, offer: JSON) -> JSON | None:
        body, headers = order_request(offer), {"Idempotency-Key": self.key()}
        answers = await self.doubled(lambda: self.until_answered("POST", "/api/v1/orders", body, headers))
        accepted = [answer.json() for answer in answers if answer is not None and answer.status_code == 201]
        if not accepted:
            self.note(answers[0], {"SEATS_UNAVAILABLE", "OFFER_EXPIRED", "PRICE_CHANGED"})
            return None
        if len({order["id"] for order in accepted}) != 1:
            raise Unexpected(f"one key made orders {accepted}")
        order: JSON = accepted[0]
        if order["total"] != offer["total"]:
            raise Unexpected(f"offered for {offer['total']}, sold for {order['total']}")
        return order

    async def _pay(self, order: JSON, fate: str) -> None:
        if fate == "abandon":
            return
        if fate == "wander":
            # Begins to pay, thinks about it, and perhaps comes back by the other way.
            await self.begin(order, "checkout")
            await asyncio.sleep(self.chance.random() * 0.5)
            fate = self.chance.choice(("card", "checkout", "agency", "cash", "abandon"))
        if fate == "late":
            await asyncio.sleep(0.5 + self.chance.random() * 2)
        if fate == "abandon":
            return
        counter = self.there.counter
        if fate == "agency" and counter is not None and self.chance.random() < BARE_AGENCY:
            await counter.pay_in_and_pay(self, order)
            return
        if fate in {"agency", "cash", "credit"} and counter is not None:
            await counter.wait_for_others(fate)
            await self.doubled(lambda: counter.pay(self, order, fate))
            return
        if fate == "link" and counter is not None:
            for link in await self.doubled(lambda: counter.send_link(self, order)):
                if link is not None:
                    await self._complete(link, self.chance.choice(PAYING + DECLINED))
            return
        ways = ["card", "checkout"] if fate == "both" else [fate if fate == "checkout" else "card"]
        await asyncio.gather(*(self._pay_by(order, way) for way in ways))

    async def _pay_by(self, order: JSON, way: str) -> None:
        for _ in range(2):
            payment = await self.begin(order, way)
            if payment is None:
                return
            await asyncio.sleep(self.chance.random() * 0.3)
            method = self.chance.choice(PAYING + DECLINED + STEP)
            paid = await (self._confirm(payment, method) if way == "card" else self._complete(payment, method))
            if paid:
                return

    async def begin(self, order: JSON, way: str) -> JSON | None:
        """An open attempt to pay, or None if the program says why not."""
        headers = {**bearer(order), "Idempotency-Key": self.key()}
        path = f"/api/v1/orders/{order['id']}/payments"
        answers = await self.doubled(lambda: self.until_answered("POST", path, {"method": way}, headers))
        begun = [answer.json() for answer in answers if answer is not None and answer.status_code == 201]
        if not begun:
            self.note(
                answers[0],
                {"HOLD_EXPIRED", "ORDER_CONFLICT", "PAYMENT_PROCESSING", "PAYMENT_FAILED", "INVALID_STATE_TRANSITION"},
            )
            return None
        if begun[0]["amount"] != order["total"] and not self.meddled:
            raise Unexpected(f"{order['total']} is due and {begun[0]['amount']} is asked for")
        payment: JSON = begun[0]
        return payment

    async def _confirm(self, payment: JSON, method: str) -> bool:
        path = f"/v1/payment_intents/{payment['provider_payment_id']}/confirm"
        if self.there.troubled and self.chance.random() < WRONG_AMOUNT:
            await self._change_sum(payment)
        for _ in range(8):
            answer = await self.there.ask_provider("POST", path, {"payment_method": method})
            if answer is None or answer.status_code >= 500 or answer.status_code == 429:
                continue
            state = answer.json().get("status")
            if state == "requires_action":
                outcome = self.chance.choice(("succeed", "succeed", "fail"))
                intent = payment["provider_payment_id"]
                await self.there.at_provider(f"/payment_intents/{intent}/authenticate", {"outcome": outcome})
                return outcome == "succeed"
            return state in {"succeeded", "processing"}
        return False

    async def _change_sum(self, payment: JSON) -> None:
        """Somebody at the provider's side asks for half of it, or for as much of another currency."""
        path = f"/v1/payment_intents/{payment['provider_payment_id']}"
        found = await self.there.ask_provider("GET", path)
        if found is not None and found.status_code == 200:
            self.meddled = True
            amount = found.json()["amount"]
            other = self.chance.choice((None, "usd", "jpy", "kwd"))
            # The card networks carry two decimals of the dinar's three.
            changed = (
                {"amount": amount // 200 * 100} if other is None else {"amount": amount // 10 * 10, "currency": other}
            )
            await self.there.ask_provider("POST", path, changed)

    async def _complete(self, payment: JSON, method: str) -> bool:
        session = payment["provider_payment_id"]
        outcome = self.chance.choice(("succeed", "succeed", "fail"))
        found = await self.there.at_provider(
            f"/checkout_sessions/{session}/complete", {"payment_method": method, "authenticate": outcome}
        )
        return bool(found and found.get("status") == "complete")

    async def doubled(self, ask: Callable[[], Awaitable[Answered]]) -> list[Answered]:
        """The answers to a click, now and then a double or triple one."""
        times = self.chance.choice((1, 1, 1, 2, 3))
        return await asyncio.gather(*(ask() for _ in range(times)))

    async def until_answered(
        self, method: str, path: str, body: JSON | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response | None:
        """The answer to a request that is repeated, the same each time, while it is lost or retryable; None if the
        customer loses patience.
        """
        answer: httpx.Response | None = None
        for attempt in range(REPEATS_MAX):
            answer = await self.there.ask(method, path, body, headers)
            if answer is not None and answer.status_code < 400:
                return answer
            if answer is not None:
                error = answer.json()["error"]
                if error["code"] == "INTERNAL_ERROR":
                    raise Unexpected(f"{method} {path}: {answer.text}")
                if not error["retryable"] or error["code"] == "PAYMENT_PROCESSING":
                    return answer
                if error["code"] == "IDEMPOTENCY_IN_PROGRESS" and attempt % 4 == 3:
                    await self.there.wait_long()
            if self.there.over:
                return None
            await asyncio.sleep(0.02 + 0.05 * self.chance.random())
        return answer

    def note(self, answer: httpx.Response | None, expected: set[str]) -> None:
        """Remember a refusal; raise :class:`Unexpected` for one that no customer can have brought about."""
        if answer is None:
            return
        code = answer.json()["error"]["code"]
        self.refusals.append(code)
        if code not in expected and not answer.json()["error"]["retryable"]:
            raise Unexpected(f"{answer.request.method} {answer.request.url.path}: {answer.text}")
