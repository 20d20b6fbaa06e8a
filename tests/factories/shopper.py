"""A client that knows the program by its HTTP contract alone, and the payment provider by its own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self
from uuid import uuid4

import httpx
from tests.factories.connections import client_of_mortals
from tests.factories.running_program import RunningProgram

FAMILY_NAME = "Al-Harbi"
CONTACT = {"email": "sara@example.com", "phone": "+966500000000"}
JSON = dict[str, Any]
GONE = (httpx.TransportError,)


class Refused(AssertionError):
    """The program answered with another status than the story needs."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.code = ""
        if response.headers.get("content-type", "").startswith("application/json"):
            self.code = response.json().get("error", {}).get("code", "")
        super().__init__(f"{response.request.method} {response.request.url.path}: {self.status} {response.text[:600]}")


class Shopper:
    """Searches, orders and pays at one or several web processes in turn."""

    def __init__(self, program: RunningProgram) -> None:
        self.program = program
        self.urls = [web.url for web in program.web]
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=100)
        self.http = client_of_mortals(limits=limits)
        self.provider = client_of_mortals(
            base_url=program.simulator.url, auth=(program.simulator.api_key, ""), limits=limits
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        await self.provider.aclose()

    async def request(
        self, method: str, path: str, body: object = None, *, web: int = 0, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        content = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if body is not None else {}
        return await self.http.request(
            method, self.urls[web % len(self.urls)] + path, content=content, headers={**sent, **(headers or {})}
        )

    async def search(
        self,
        origin: str,
        destination: str,
        day: date,
        passengers: Sequence[JSON] = ({"type": "adult"},),
        *,
        cabin: str = "economy",
        web: int = 0,
        **more: Any,
    ) -> list[JSON]:
        slices = [{"origin": origin, "destination": destination, "departure_date": day.isoformat()}]
        body = {"slices": slices, "passengers": list(passengers), "cabin": cabin, **more}
        found: list[JSON] = expect(200, await self.request("POST", "/api/v1/offers/search", body, web=web))["offers"]
        return found

    async def offer(self, offer_id: str, *, web: int = 0) -> JSON:
        return expect(200, await self.request("GET", f"/api/v1/offers/{offer_id}", web=web))

    async def order(
        self, offer: JSON, *, key: str | None = None, web: int = 0, people: list[JSON] | None = None
    ) -> JSON:
        response = await self.ask_for_order(order_request(offer, people), key or new_key(), web=web)
        return expect(201, response)

    async def ask_for_order(self, body: JSON, key: str, *, web: int = 0) -> httpx.Response:
        return await self.request("POST", "/api/v1/orders", body, web=web, headers={"Idempotency-Key": key})

    async def read(self, order: JSON, *, web: int = 0) -> JSON:
        return expect(200, await self.request("GET", f"/api/v1/orders/{order['id']}", web=web, headers=bearer(order)))

    async def start_payment(self, order: JSON, *, key: str | None = None, web: int = 0) -> JSON:
        return expect(201, await self.ask_for_payment(order, key or new_key(), web=web))

    async def ask_for_payment(self, order: JSON, key: str, *, web: int = 0) -> httpx.Response:
        headers = {**bearer(order), "Idempotency-Key": key}
        return await self.request(
            "POST", f"/api/v1/orders/{order['id']}/payments", {"method": "card"}, web=web, headers=headers
        )

    async def confirm_card(self, payment: JSON, method: str = "pm_card_visa") -> httpx.Response:
        """What the customer's browser does at the provider."""
        return await self.provider.post(
            f"/v1/payment_intents/{payment['provider_payment_id']}/confirm", data={"payment_method": method}
        )

    async def pay(self, order: JSON, *, web: int = 0) -> JSON:
        payment = await self.start_payment(order, web=web)
        expect(200, await self.confirm_card(payment))
        return payment

    async def wait_for(self, order: JSON, status: str, *, seconds: float = 30, web: int = 0) -> JSON:
        """The order once it has that status; a web process that is away is waited for."""
        give_up_at = time.monotonic() + seconds
        present: JSON = {}
        while time.monotonic() < give_up_at:
            try:
                present = await self.read(order, web=web)
            except GONE:
                pass
            except Refused as refused:
                if refused.status < 500:
                    raise
            if present.get("status") == status:
                return present
            await asyncio.sleep(0.05)
        raise AssertionError(f"order {order['id']} is {present.get('status')}, not {status}")


def expect(status: int, response: httpx.Response) -> Any:
    """The decoded body of an answer with this status; `Refused` otherwise."""
    if response.status_code != status:
        raise Refused(response)
    return response.json()


def new_key() -> str:
    return f"journey-{uuid4()}"


def bearer(order: JSON) -> dict[str, str]:
    return {"Authorization": f"Bearer {order['guest_token']}"}


def order_request(offer: JSON, people: list[JSON] | None = None) -> JSON:
    """An order of all passengers of the offer, with names and ages that fit their types."""
    departs = datetime.fromisoformat(offer["slices"][0]["segments"][0]["departs_at"]).date()
    adults = [each["id"] for each in offer["passengers"] if each["type"] == "adult"]
    laps = iter(adults)
    passengers = []
    for number, each in enumerate(offer["passengers"]):
        person: JSON = {"id": each["id"], "given_name": _letters(number), "family_name": FAMILY_NAME}
        if each["type"] == "child":
            person["born_on"] = (departs - timedelta(days=7 * 366)).isoformat()
        elif each["type"] != "adult":
            person["born_on"] = (departs - timedelta(days=400)).isoformat()
        if each["type"] == "infant":
            person["accompanying_passenger_id"] = next(laps)
        passengers.append({**person, **(people[number] if people else {})})
    return {"offer_id": offer["id"], "passengers": passengers, "contact": CONTACT}


def _letters(number: int) -> str:
    return ("Ali", "Sara", "Omar", "Huda", "Saad", "Noura", "Reem", "Fahad", "Mona", "Hasan")[number % 10]


def days_ahead(days: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=days)
