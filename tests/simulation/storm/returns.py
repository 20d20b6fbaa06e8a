"""What customers give back: all of it or a part, by quote and confirmation, clicked twice or in two tabs."""

from __future__ import annotations

import asyncio
import random

from tests.factories.shopper import bearer
from tests.simulation.storm.customers import JSON, Customer, Surroundings, Unexpected

LAP = 0.6
REFUSED = {
    "ORDER_CONFLICT",
    "QUOTE_EXPIRED",
    "INVALID_STATE_TRANSITION",
    "REFUND_EXCEEDS_PAID",
    "PAYMENT_PROCESSING",
    "VALIDATION_ERROR",
}


async def give_back(customer: Customer, there: Surroundings) -> None:
    """Perhaps cancel, in one or several steps; never more may come back than was paid."""
    assert customer.bought is not None
    chance, order = customer.chance, customer.bought.order
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        present = await read(customer, order)
        if present is None:
            return
        # Whose bank decides about the money is not offered it, and asks all the same.
        if "cancel" not in present["available_actions"] and present["payment_status"] != "disputed":
            return
        body: JSON = {}
        part = chance.choice(("all", "all", "passenger", "segment"))
        if part == "passenger" and len(present["passengers"]) > 1:
            body["passenger_ids"] = [_who_leaves(chance, present["passengers"])]
        if part == "segment":
            segments = [segment["id"] for each in present["slices"] for segment in each["segments"]]
            body["segment_ids"] = [chance.choice(segments)]
        if chance.random() < 0.3:
            body["refund_to"] = "travel_credit"
        quotes = [await quote(customer, order, body) for _ in range(chance.choice((1, 1, 2)))]
        confirmed = await asyncio.gather(*(confirm(customer, order, each) for each in quotes if each is not None))
        if any(confirmed):
            customer.bought.did.append(f"gave back {part}")
        if sum(confirmed) > 1:
            raise Unexpected(f"two quotes for one thing were both confirmed: {quotes}")


def _who_leaves(chance: random.Random, passengers: list[JSON]) -> str:
    """One of them; where there is an infant, often the one on whose lap it travels."""
    laps = [each["accompanying_passenger_id"] for each in passengers if each.get("accompanying_passenger_id")]
    chosen: str = chance.choice(laps) if laps and chance.random() < LAP else chance.choice(passengers)["id"]
    return chosen


async def read(customer: Customer, order: JSON) -> JSON | None:
    """The order now."""
    answer = await customer.until_answered("GET", f"/api/v1/orders/{order['id']}", headers=bearer(order))
    if answer is None or answer.status_code != 200:
        return None
    present: JSON = answer.json()
    return present


async def quote(customer: Customer, order: JSON, body: JSON) -> JSON | None:
    """What would come back, if the program says so."""
    path = f"/api/v1/orders/{order['id']}/cancellation-quotes"
    answer = await customer.until_answered("POST", path, body, bearer(order))
    if answer is None or answer.status_code != 201:
        customer.note(answer, REFUSED)
        return None
    quoted: JSON = answer.json()
    return quoted


async def confirm(customer: Customer, order: JSON, quoted: JSON) -> bool:
    """Whether it was given back; the same click may come several times."""
    path = f"/api/v1/cancellation-quotes/{quoted['id']}/confirm"

    async def click() -> bool:
        headers = {**bearer(order), "Idempotency-Key": customer.key()}
        answer = await customer.until_answered("POST", path, {}, headers)
        if answer is None or answer.status_code != 200:
            customer.note(answer, REFUSED)
            return False
        return True

    return any(await asyncio.gather(*(click() for _ in range(customer.chance.choice((1, 2, 3))))))
