"""One whole story over HTTP, printed as it happens: search, hold, pay, tickets, and a hold that ends by itself.

A program of its own; it knows the server by its HTTP contract alone.
"""

from __future__ import annotations

import os
import random
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from rich.console import Console
from rich.table import Table

console = Console(highlight=False, width=100)
PATIENCE_SECONDS = 20.0


class StoryFailed(Exception):
    """The story did not go as it must; the text says where."""


class Shopper:
    """A client of the program and of the payment provider."""

    def __init__(self, base_url: str, provider_url: str, provider_key: str) -> None:
        self.http = httpx.Client(base_url=base_url, timeout=20.0)
        self.provider = httpx.Client(base_url=provider_url, timeout=20.0, auth=(provider_key, ""))

    def search(self, origin: str, destination: str, day: str, passengers: list[dict[str, Any]], cabin: str) -> Any:
        return self._expect(
            200,
            self.http.post(
                "/api/v1/offers/search",
                json={
                    "slices": [{"origin": origin, "destination": destination, "departure_date": day}],
                    "passengers": passengers,
                    "cabin": cabin,
                },
            ),
        )["offers"]

    def offer(self, offer_id: str) -> Any:
        return self._expect(200, self.http.get(f"/api/v1/offers/{offer_id}"))

    def order(self, offer: Any, people: list[dict[str, Any]]) -> Any:
        passengers = [{"id": each["id"], **person} for each, person in zip(offer["passengers"], people, strict=True)]
        for passenger in passengers:
            if passenger.pop("on_lap", False):
                passenger["accompanying_passenger_id"] = passengers[0]["id"]
        return self._expect(
            201,
            self.http.post(
                "/api/v1/orders",
                headers={"Idempotency-Key": f"story-{uuid4()}"},
                json={
                    "offer_id": offer["id"],
                    "passengers": passengers,
                    "contact": {"email": "sara@example.com", "phone": "+966500000000"},
                },
            ),
        )

    def read(self, order: Any) -> Any:
        token = {"Authorization": f"Bearer {order['guest_token']}"}
        return self._expect(200, self.http.get(f"/api/v1/orders/{order['id']}", headers=token))

    def pay(self, order: Any) -> Any:
        payment = self._expect(
            201,
            self.http.post(
                f"/api/v1/orders/{order['id']}/payments",
                headers={"Authorization": f"Bearer {order['guest_token']}", "Idempotency-Key": str(uuid4())},
                json={"method": "card"},
            ),
        )
        self._expect(
            200,
            self.provider.post(
                f"/v1/payment_intents/{payment['provider_payment_id']}/confirm",
                data={"payment_method": "pm_card_visa"},
            ),
        )
        return payment

    def wait_for(self, order: Any, status: str) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            present = self.read(order)
            if present["status"] == status:
                return present
            time.sleep(0.1)
        raise StoryFailed(f"order {order['record_locator']} is {present['status']}, not {status}")

    @staticmethod
    def _expect(status: int, response: httpx.Response) -> Any:
        if response.status_code != status:
            raise StoryFailed(f"{response.request.method} {response.request.url.path}: {response.text[:500]}")
        return response.json()


def _money(sum_: dict[str, str]) -> str:
    return f"{sum_['amount']} {sum_['currency']}"


def _flight(segment: dict[str, Any]) -> str:
    return (
        f"{segment['marketing_carrier']}{segment['flight_number']} {segment['origin']}-{segment['destination']}"
        f" {segment['departs_at'][5:16].replace('T', ' ')}"
    )


FAMILY: list[dict[str, Any]] = [
    {"given_name": "Sara", "family_name": "Al-Harbi", "name_local": {"given": "سارة", "family": "الحربي"}},
    {"given_name": "Omar", "family_name": "Al-Harbi"},
    {"given_name": "Layla", "family_name": "Al-Harbi"},
    {"given_name": "Yousef", "family_name": "Al-Harbi", "on_lap": True},
]


def tell(shopper: Shopper, brief_url: str | None, rng: random.Random) -> None:
    """Tell the whole story; raises :class:`StoryFailed` where it does not go as it must."""
    day = datetime.now(UTC).date() + timedelta(days=rng.randint(205, 290))
    _buy(shopper, day.isoformat())
    if brief_url is not None:
        _wait_until_ready(brief_url)
        patient, shopper.http = shopper.http, httpx.Client(base_url=brief_url, timeout=20.0)
        _let_lapse(shopper, day.isoformat())
        shopper.http = patient


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 3 * PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):  # while it is still starting
            if httpx.get(f"{url}/health/ready", timeout=2.0).status_code == 200:
                return
        time.sleep(0.1)
    raise StoryFailed(f"{url} is not ready")


def _buy(shopper: Shopper, day: str) -> None:
    party: list[dict[str, Any]] = [
        {"type": "adult"},
        {"type": "adult"},
        {"type": "child", "age": 7},
        {"type": "infant", "age": 1},
    ]
    console.print(f"\n[bold]A family of four wants to fly from Riyadh to Cairo on {day}.[/bold]")
    offers = shopper.search("RUH", "CAI", day, party, "economy")
    if not offers:
        raise StoryFailed(f"no offers RUH-CAI on {day}")
    table = Table("brand", "flights", "class", "left", "total", box=None, padding=(0, 2, 0, 2))
    for offer in offers[:6]:
        segments = [segment for each in offer["slices"] for segment in each["segments"]]
        table.add_row(
            offer["fare_brand"],
            " + ".join(_flight(segment) for segment in segments),
            " ".join(segment["booking_class"] for segment in segments),
            str(min(segment["seats_left"] for segment in segments)),
            _money(offer["total"]),
        )
    console.print(table)
    offer = offers[0]
    departs = datetime.fromisoformat(offer["slices"][0]["segments"][0]["departs_at"]).date()
    people = [dict(person) for person in FAMILY]
    people[2]["born_on"] = departs.replace(year=departs.year - 8, day=1).isoformat()
    people[3]["born_on"] = (departs - timedelta(days=400)).isoformat()
    order = shopper.order(offer, people)
    console.print(
        f"Order [bold]{order['record_locator']}[/bold] holds the seats for {_money(order['total'])},"
        f" to be paid by {order['payment_required_by'][11:19]} UTC."
    )
    payment = shopper.pay(order)
    console.print(f"Paid {_money(payment['amount'])} by card ({payment['provider_payment_id']}); the webhook follows.")
    order = {**shopper.wait_for(order, "confirmed"), "guest_token": order["guest_token"]}
    tickets = Table("ticket", "passenger", "coupons", box=None, padding=(0, 2, 0, 2))
    names = {passenger["id"]: passenger for passenger in order["passengers"]}
    for document in order["documents"]:
        passenger = names[document["passenger_id"]]
        coupons = ", ".join(
            f"{coupon['number']} {coupon['status']} {_money(coupon['value'])}" for coupon in document["coupons"]
        )
        tickets.add_row(
            document["number"], f"{passenger['given_name']} {passenger['family_name']} ({passenger['type']})", coupons
        )
    console.print(f"Confirmed. {len(order['documents'])} tickets were issued:")
    console.print(tickets)


def _let_lapse(shopper: Shopper, day: str) -> None:
    console.print("\n[bold]Nine colleagues hold business seats to Jeddah for two seconds and do not pay.[/bold]")
    offers = shopper.search("RUH", "JED", day, [{"type": "adult"}] * 9, "business")
    if not offers:
        raise StoryFailed(f"no business offers RUH-JED on {day}")
    offer = offers[-1]
    before = offer["slices"][0]["segments"][0]["seats_left"]
    people = [
        {"given_name": name, "family_name": "Al-Otaibi"}
        for name in ["Ali", "Omar", "Hasan", "Saad", "Fahad", "Noura", "Huda", "Mona", "Reem"]
    ]
    order = shopper.order(offer, people)
    held = _seats_until(shopper, offer, lambda left: left < before)
    console.print(
        f"Order {order['record_locator']}: seats left on {_flight(offer['slices'][0]['segments'][0])}"
        f" fall from {before} to {held}."
    )
    shopper.wait_for(order, "expired")
    after = _seats_until(shopper, offer, lambda left: left >= before)
    console.print(f"The time limit passes, the order is expired, and {after} seats are left again.")


def _seats_until(shopper: Shopper, offer: Any, reached: Any) -> int:
    deadline = time.monotonic() + PATIENCE_SECONDS
    left = -1
    while time.monotonic() < deadline:
        left = shopper.offer(offer["id"])["slices"][0]["segments"][0]["seats_left"]
        if reached(left):
            return int(left)
        time.sleep(0.1)
    raise StoryFailed(f"seats left stay at {left}")


def main() -> int:
    """Tell the story to the server at ``AIS_STORY_URL``; 0 if it went as it must."""
    shopper = Shopper(
        os.environ.get("AIS_STORY_URL", "http://127.0.0.1:8000"),
        os.environ.get("STRIPE_API_BASE", "http://127.0.0.1:12111"),
        os.environ.get("AIS_STRIPE_SECRET_KEY", "sk_test_ais_demo"),
    )
    try:
        tell(shopper, os.environ.get("AIS_STORY_BRIEF_URL"), random.Random())  # noqa: S311  # which day the family travels is no secret
    except (StoryFailed, httpx.HTTPError) as problem:
        console.print(f"[bold red]The story did not go as it must:[/bold red] {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
