"""Money that never comes near the provider: an agency's deposit, cash at a counter, travel credit; and the clerks who
pay refunds out of their drawers, two of them at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import ROUND_UP, Decimal

import httpx
from tests.factories.in_process import OPERATOR
from tests.factories.shopper import bearer
from tests.simulation.storm.customers import JSON, Customer, Surroundings, Unexpected

# So little that agents who pay at the same moment must be told that it does not suffice for all of them.
DEPOSIT, CREDIT_LIMIT = "900.00", "300.00"
FLOAT = "90000.00"
PARTS = 5
CROWD_SECONDS = 1.0
CURRENCY = "SAR"
REFUSED = {
    "HOLD_EXPIRED",
    "ORDER_CONFLICT",
    "PAYMENT_PROCESSING",
    "PAYMENT_FAILED",
    "INVALID_STATE_TRANSITION",
    "NOTHING_DUE",
    "FLIGHT_CANCELLED",
}


class Crowd:
    """People who do something at the same moment: each waits for enough others, or until nobody comes any more."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._there = 0
        self._complete = asyncio.Event()

    async def gather(self) -> None:
        complete = self._complete
        self._there += 1
        if self._there == self._size:
            complete.set()
            self._there, self._complete = 0, asyncio.Event()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(CROWD_SECONDS):
                await complete.wait()


class Counter:
    """One agency and one office with two drawers. ``codes`` answers the travel credits that somebody may pay with,
    ``waiting`` the refunds that people stand at the counter for.
    """

    def __init__(
        self,
        there: Surroundings,
        codes: Callable[[], Awaitable[list[str]]],
        waiting: Callable[[], Awaitable[list[str]]],
    ) -> None:
        self._there = there
        self._codes = codes
        self._waiting = waiting
        self._agency = ""
        self._bare_agency = ""
        self._shifts: list[str] = []
        self._number = 0
        # Agents of one agency, and people who have found out about one credit.
        self._crowds = {"agency": Crowd(2), "credit": Crowd(2)}

    async def open(self) -> None:
        """Take the agency on and open the drawers."""
        limit = {"amount": CREDIT_LIMIT, "currency": CURRENCY}
        agency = await self._must("agencies", {"code": "STORM", "name": "Storm Travel", "credit_limit": limit})
        self._agency = agency["id"]
        nothing = {"amount": "0.00", "currency": CURRENCY}
        bare = await self._must("agencies", {"code": "BARE", "name": "Bare Travel", "credit_limit": nothing})
        self._bare_agency = bare["id"]
        deposit = {"amount": DEPOSIT, "currency": CURRENCY}
        await self._must(f"agencies/{self._agency}/top-ups", {"amount": deposit, "reference": "storm"})
        await self._must("cash/offices", {"code": "STORM", "name": "Storm counter", "currency": CURRENCY})
        opening = {"amount": FLOAT, "currency": CURRENCY}
        for clerk in ("first", "second"):
            shift = await self._must("cash/shifts", {"office": "STORM", "clerk": clerk, "opening_float": opening})
            self._shifts.append(shift["id"])

    async def wait_for_others(self, way: str) -> None:
        """Who pays from what others pay from too, does so at the same moment as they."""
        if way in self._crowds:
            await self._crowds[way].gather()

    async def pay(self, customer: Customer, order: JSON, way: str) -> bool:
        """Pay the order from the deposit, in cash or by a travel credit that somebody was given; answers whether it was
        refused for lack of money.
        """
        body: JSON = {"order_id": order["id"]}
        headers = {**OPERATOR, "Idempotency-Key": customer.key()}
        if way in {"agency", "bare agency"}:
            agency = self._agency if way == "agency" else self._bare_agency
            path = f"/api/v1/agencies/{agency}/payments"
        elif way == "cash":
            path = f"/api/v1/cash/shifts/{customer.chance.choice(self._shifts)}/payments"
        else:
            codes = await self._codes()
            for _ in range(30):
                if codes:
                    break
                await asyncio.sleep(0.1)
                codes = await self._codes()
            else:
                return False
            path = f"/api/v1/orders/{order['id']}/payments"
            body = {"method": "travel_credit", "travel_credit_code": codes[0]}
            headers = {**bearer(order), "Idempotency-Key": headers["Idempotency-Key"]}
        answer = await customer.until_answered("POST", path, body, headers)
        if answer is None:
            return False
        if answer.status_code != 201:
            customer.note(answer, REFUSED)
            return bool(answer.json()["error"]["code"] == "PAYMENT_FAILED")
        paid = answer.json()
        if paid["status"] != "succeeded" or (paid["amount"] != order["total"] and not customer.meddled):
            raise Unexpected(f"{order['total']} is due, and paid was {paid}")
        return False

    async def pay_in_and_pay(self, customer: Customer, order: JSON) -> None:
        """Of an agency that has nothing four agents click again and again, while what it costs is paid in bit by bit:
        money comes between a click that was refused and its twin.
        """

        async def click() -> None:
            for _ in range(PARTS + 1):
                if not await self.pay(customer, order, "bare agency"):
                    return

        await asyncio.gather(self._pay_in(customer, order["total"]), *(click() for _ in range(4)))
        await click()

    async def _pay_in(self, customer: Customer, money: JSON) -> None:
        part = (Decimal(money["amount"]) / PARTS).quantize(Decimal("0.01"), ROUND_UP)
        body = {"amount": {**money, "amount": str(part)}, "reference": "storm"}
        for _ in range(PARTS):
            headers = {**OPERATOR, "Idempotency-Key": customer.key()}
            await customer.until_answered("POST", f"/api/v1/agencies/{self._bare_agency}/top-ups", body, headers)

    async def send_link(self, customer: Customer, order: JSON) -> JSON | None:
        """The hosted page whose address an agent has mailed to the customer; None if there is nothing to pay."""
        path = f"/api/v1/orders/{order['id']}/payment-links"
        answer = await customer.until_answered("POST", path, {}, {**OPERATOR, "Idempotency-Key": customer.key()})
        if answer is None or answer.status_code != 201:
            customer.note(answer, REFUSED)
            return None
        link: JSON = answer.json()
        return link

    async def pay_out(self) -> None:
        """Hand out what people wait for; both clerks reach for the same refund."""
        for refund in await self._waiting():
            receipts = await asyncio.gather(*(self._hand_out(shift, refund) for shift in self._shifts))
            numbers = {answer.json()["receipt"] for answer in receipts if answer is not None and answer.is_success}
            if len(numbers) > 1:
                raise Unexpected(f"{refund} was paid out under the receipts {numbers}")

    async def _hand_out(self, shift: str, refund: str) -> httpx.Response | None:
        path = f"cash/shifts/{shift}/pay-outs"
        answer = await self._ask(path, {"refund_id": refund})
        if answer is not None and answer.status_code >= 500 and not answer.json()["error"]["retryable"]:
            raise Unexpected(f"{path}: {answer.text}")
        return answer

    async def _ask(self, path: str, body: JSON) -> httpx.Response | None:
        self._number += 1
        headers = {**OPERATOR, "Idempotency-Key": f"storm-counter-{self._number:08}"}
        return await self._there.ask("POST", f"/api/v1/{path}", body, headers)

    async def _must(self, path: str, body: JSON) -> JSON:
        answer = await self._ask(path, body)
        if answer is None or not answer.is_success:
            raise Unexpected(f"{path}: {answer.text if answer is not None else 'lost'}")
        opened: JSON = answer.json()
        return opened
