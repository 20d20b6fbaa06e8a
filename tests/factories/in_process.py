"""The whole program in the test's own process: its HTTP application and its jobs, the real Stripe simulator beside it.

Webhooks do not travel by themselves: a test takes the provider's events and delivers them when and as often as it
wants, signed as Stripe signs them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import httpx
from litestar import Litestar
from tests.factories.stripe_simulator import API_KEY, WEBHOOK_SECRET, StripeSimulator
from tests.factories.unlimited import UNLIMITED
from tests.factories.vault import VAULT

from ais.app.asgi import application_over, litestar_application, surrounded
from ais.app.composition import open_gateways, own_gateways, web_state
from ais.app.invariants import INVARIANTS
from ais.app.registry import build_registry
from ais.kit import SystemClock, ids, system_actor
from ais.kit.ids import OrderId, decode_id
from ais.orders import expire_order
from ais.payments import Gateways
from ais.platform.database import Connection, Database
from ais.platform.invariants import find_violations, find_violations_on
from ais.platform.jobs import JobRegistry
from ais.platform.jobs.worker import JobRun, run_due_jobs
from ais.platform.settings import DEMO_OPERATOR_TOKEN, Settings
from ais.platform.telemetry import configure_logging

JSON = dict[str, Any]
_DAYS = itertools.cycle(range(4, 39))
_CHECKS = itertools.count()
PLANS_LAST = 16
CONTACT = {"email": "sara@example.com", "phone": "+966500000000"}
FAMILY_NAME = "Al-Harbi"
ADULT: JSON = {"type": "adult"}
CHILD: JSON = {"type": "child", "age": 7}
INFANT: JSON = {"type": "infant", "age": 1}


def new_key() -> str:
    """An Idempotency-Key that nobody used, long enough for callers without credentials."""
    return f"test-{uuid4()}"


def departure(days: int = 20) -> date:
    """A local date of departure that the market has flights on."""
    return datetime.now(UTC).date() + timedelta(days=days)


def born(years: int, on: date) -> str:
    """A date of birth of somebody who is ``years`` old on that day, and not newly so."""
    return (on - timedelta(days=round(365.25 * years) + 40)).isoformat()


def signature(body: bytes, *, secret: str = WEBHOOK_SECRET, at: float | None = None) -> str:
    """The header by which Stripe signs ``body``: HMAC-SHA256 over the time and the raw bytes."""
    seconds = int(time.time() if at is None else at)
    digest = hmac.digest(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hex()
    return f"t={seconds},v1={digest}"


def bearer(order: JSON) -> dict[str, str]:
    """What the guest of an order sends with each request."""
    return {"Authorization": f"Bearer {order['guest_token']}"}


OPERATOR = {"Authorization": f"Bearer {DEMO_OPERATOR_TOKEN}"}


@dataclass
class InProcess:
    """The running program; every method fails the test when the answer is not the expected one.

    ``watcher`` is a connection for invariants alone, where they are asked for again and again.
    """

    settings: Settings
    http: httpx.AsyncClient
    provider: httpx.AsyncClient
    database: Database
    gateways: Gateways
    simulator: StripeSimulator
    state: Any
    watcher: Connection | None = None

    async def search(
        self,
        passengers: Sequence[JSON] = (ADULT,),
        slices: Sequence[tuple[str, str, date]] | None = None,
        **more: Any,
    ) -> list[JSON]:
        """The offers, cheapest first; without ``slices`` one-way Riyadh to Jeddah, each time on another day, so that
        tests do not take each other's seats.
        """
        asked = [
            {"origin": origin, "destination": destination, "departure_date": day.isoformat()}
            for origin, destination, day in slices or [("RUH", "JED", departure(next(_DAYS)))]
        ]
        body = {"slices": asked, "passengers": list(passengers), **more}
        answer = await self.http.post("/api/v1/offers/search", json=body)
        assert answer.status_code == 200, answer.text
        offers: list[JSON] = answer.json()["offers"]
        return offers

    async def offer(self, passengers: Sequence[JSON] = (ADULT,), **search: Any) -> JSON:
        """The cheapest offer; one must be found."""
        offers = await self.search(passengers, **search)
        assert offers, "the market has nothing to offer"
        return offers[0]

    def people(self, offer: JSON) -> list[JSON]:
        """Passengers that fit the offer; each infant on the lap of the adult of its rank."""
        day = date.fromisoformat(offer["slices"][0]["segments"][0]["departs_at"][:10])
        adults = [each["id"] for each in offer["passengers"] if each["type"] == "adult"]
        given = iter(["Sara", "Omar", "Layla", "Yousef", "Huda", "Saad", "Reem", "Fahad", "Mona"])
        people = []
        for each in offer["passengers"]:
            person: JSON = {"id": each["id"], "given_name": next(given), "family_name": FAMILY_NAME}
            if each["type"] != "adult":
                person["born_on"] = born(7 if each["type"] == "child" else 1, day)
            if each["type"] == "infant":
                person["accompanying_passenger_id"] = adults.pop(0)
            people.append(person)
        return people

    async def post_order(
        self, offer: JSON, people: list[JSON] | None = None, *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Send POST /orders and answer whatever comes."""
        headers = {"Idempotency-Key": key or new_key(), **more.pop("headers", {})}
        body = {"offer_id": offer["id"], "passengers": people or self.people(offer), "contact": CONTACT, **more}
        return await self.http.post("/api/v1/orders", json=body, headers=headers)

    async def order(self, passengers: Sequence[JSON] = (ADULT,), **search: Any) -> JSON:
        """An order of the cheapest offer, seats held."""
        answer = await self.post_order(await self.offer(passengers, **search))
        assert answer.status_code == 201, answer.text
        order: JSON = answer.json()
        return order

    async def read(self, order: JSON) -> JSON:
        """The order as its guest sees it now."""
        answer = await self.http.get(f"/api/v1/orders/{order['id']}", headers=bearer(order))
        assert answer.status_code == 200, answer.text
        body: JSON = answer.json()
        return body

    async def post_payment(self, order: JSON, key: str | None = None, **body: Any) -> httpx.Response:
        """Send POST /orders/{id}/payments and answer whatever comes."""
        return await self.http.post(
            f"/api/v1/orders/{order['id']}/payments",
            json={"method": "card", **body},
            headers={**bearer(order), "Idempotency-Key": key or new_key()},
        )

    async def begin_payment(self, order: JSON) -> JSON:
        """A payment that waits for its payer."""
        answer = await self.post_payment(order)
        assert answer.status_code == 201, answer.text
        payment: JSON = answer.json()
        return payment

    async def begin_checkout(self, order: JSON, **body: Any) -> JSON:
        """A hosted page that waits for its payer."""
        answer = await self.post_payment(order, method="checkout", **body)
        assert answer.status_code == 201, answer.text
        payment: JSON = answer.json()
        return payment

    def complete(self, payment: JSON, method: str = "pm_card_visa", **more: Any) -> JSON:
        """A person pays on the hosted page; answers the session and its intent, of a decline too."""
        path = f"/checkout_sessions/{payment['provider_payment_id']}/complete"
        found: JSON = self.simulator.control("POST", path, {"payment_method": method, **more})
        return found

    async def session(self, payment: JSON) -> JSON:
        """The hosted page as the provider holds it."""
        answer = await self.provider.get(f"/v1/checkout/sessions/{payment['provider_payment_id']}")
        assert answer.status_code == 200, answer.text
        body: JSON = answer.json()
        return body

    async def confirm(self, payment: JSON, method: str = "pm_card_visa") -> JSON:
        """The payer confirms at the provider; answers what the provider says, a decline too."""
        answer = await self.provider.post(
            f"/v1/payment_intents/{payment['provider_payment_id']}/confirm", data={"payment_method": method}
        )
        body: JSON = answer.json()
        return body

    async def intent(self, payment: JSON) -> JSON:
        """The payment as the provider holds it."""
        answer = await self.provider.get(f"/v1/payment_intents/{payment['provider_payment_id']}")
        assert answer.status_code == 200, answer.text
        body: JSON = answer.json()
        return body

    async def intents_of(self, order: JSON) -> list[JSON]:
        """All intents that the provider holds for the order, newest first."""
        found = (await self.provider.get("/v1/payment_intents", params={"limit": 100})).json()["data"]
        return [intent for intent in found if intent["metadata"].get("order_id") == order["id"]]

    async def refunds_of(self, payment: JSON) -> list[JSON]:
        """The refunds that the provider holds of a payment."""
        query = {"payment_intent": payment["provider_payment_id"]}
        found: list[JSON] = (await self.provider.get("/v1/refunds", params=query)).json()["data"]
        return found

    async def events_of(self, payment: JSON, kind: str | None = None) -> list[JSON]:
        """The provider's events about a payment, oldest first."""
        found = (await self.provider.get("/v1/events", params={"limit": 100})).json()["data"]
        own = {payment["provider_payment_id"]}
        if payment["provider_payment_id"].startswith("cs_"):
            own.add((await self.session(payment))["payment_intent"])
        own.discard(None)
        return [
            event
            for event in reversed(found)
            if own & {event["data"]["object"]["id"], event["data"]["object"].get("payment_intent")}
            and kind in {None, event["type"]}
        ]

    async def deliver(self, event: JSON, **signed: Any) -> httpx.Response:
        """Post an event as the provider would."""
        body = json.dumps(event).encode()
        headers = {"Stripe-Signature": signature(body, **signed), "Content-Type": "application/json"}
        return await self.http.post("/webhooks/stripe", content=body, headers=headers)

    async def staff_post(self, path: str, **body: Any) -> httpx.Response:
        """Post as staff do, under a new key, and answer whatever comes."""
        headers = {**OPERATOR, "Idempotency-Key": new_key()}
        return await self.http.post(f"/api/v1/{path}", json=body, headers=headers)

    async def run_jobs(self) -> list[JobRun]:
        """Run everything that is due; a job that fails fails the test."""
        runs = await self.try_jobs()
        assert [run for run in runs if run.error] == []
        return runs

    async def try_jobs(self) -> list[JobRun]:
        """Run everything that is due and answer how it went."""
        return await run_due_jobs(self.database, self.registry)

    @cached_property
    def registry(self) -> JobRegistry:
        """The jobs of the whole program, as a worker has them."""
        return build_registry(self.settings, self.gateways)

    async def pay(self, order: JSON, method: str = "pm_card_visa") -> JSON:
        """Pay an order, its webhook delivered and handled; answers the payment."""
        payment = await self.begin_payment(order)
        await self.confirm(payment, method)
        await self.report(payment)
        return payment

    async def report(self, payment: JSON) -> None:
        """Deliver all events of a payment and run the jobs that follow."""
        for event in await self.events_of(payment):
            assert (await self.deliver(event)).status_code == 200
        await self.run_jobs()

    @asynccontextmanager
    async def later(self, **shift: float) -> AsyncIterator[InProcess]:
        """The program's jobs under a clock that is ahead by ``shift`` (``minutes=16``); its HTTP side stays."""
        assert self.settings.database_url is not None
        clock = SystemClock(timedelta(**shift))
        database = await Database.connect(self.settings.database_url, clock=clock, maximum=4, vault=VAULT)
        database.subscriptions = self.database.subscriptions
        try:
            gateways = Gateways([self.gateways.provider("stripe")], own_gateways(database))
            yield replace(self, database=database, gateways=gateways, watcher=None)
        finally:
            await database.close()

    async def expire(self, order: JSON) -> None:
        """What the time limit's job does for this order."""
        await expire_order(self.database, self.gateways, order_id(order), system_actor("test"), "test")

    async def rows(self, statement: str, *arguments: Any) -> list[Any]:
        """What a statement finds: rows as tuples, rows of one column as that value."""
        async with self.database.connection() as connection:
            found = await connection.fetch(statement, *arguments)
        return [row[0] if len(row) == 1 else tuple(row) for row in found]

    async def history(self, order: JSON, axis: str) -> list[tuple[str | None, str, str]]:
        """Moves of an order on one axis: from, to, reason."""
        return await self.rows(
            "SELECT from_state, to_state, reason FROM order_history WHERE order_id = $1 AND axis = $2 ORDER BY id",
            order_id(order),
            axis,
        )

    async def hold_of(self, order: JSON) -> str:
        """Where the order's seats stand."""
        (status,) = await self.rows(
            "SELECT hold.status FROM holds AS hold JOIN orders ON orders.hold_id = hold.id WHERE orders.id = $1",
            order_id(order),
        )
        return str(status)

    async def taken(self, order: JSON) -> list[tuple[int, int]]:
        """Seats held and sold on the order's leg cabins, in order of the legs."""
        return await self.rows(
            """
            SELECT held, sold FROM leg_cabins WHERE (leg_id, cabin) IN (
                SELECT item.leg_id, item.cabin FROM hold_items AS item JOIN orders USING (hold_id) WHERE orders.id = $1)
            ORDER BY leg_id
            """,
            order_id(order),
        )

    async def staff_queue(self, subject: str) -> list[str]:
        """Kinds of open entries about a subject."""
        return await self.rows(
            "SELECT kind FROM staff_queue WHERE subject = $1 AND resolved_at IS NULL ORDER BY kind", subject
        )

    async def done_or_waiting(self, task: asyncio.Task[Any]) -> None:
        """Until the task has ended, or somebody in the database waits for a lock; at most ten seconds."""
        waits = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        for _ in range(400):
            if task.done() or await self.rows(waits):
                return
            await asyncio.sleep(0.025)

    async def require_invariants(self, *, but: Sequence[str] = ()) -> None:
        """Fail the test if anything that must always hold does not; the packages ``but`` are not asked."""
        asked = [each for each in INVARIANTS if each.name.partition(".")[0] not in but]
        if self.watcher is not None:
            # Plans that were made for empty tables are bad ones when they have filled.
            if next(_CHECKS) % PLANS_LAST == 0:
                await self.watcher.execute("DISCARD PLANS")
            found = await find_violations_on(self.watcher, asked)
        else:
            found = await find_violations(self.database, asked)
        assert not found, [(violation.invariant.name, violation.rows) for violation in found]


def order_id(order: JSON) -> OrderId:
    """The id inside that an order's public id writes."""
    identifier = decode_id(ids.ORDER, order["id"])
    assert identifier is not None
    return OrderId(identifier)


def payment_id(payment: JSON) -> UUID:
    """The id inside that a payment's public id writes."""
    identifier = decode_id(ids.PAYMENT, payment["id"])
    assert identifier is not None
    return identifier


@asynccontextmanager
async def in_process(
    database_url: str, redis_url: str, simulator: StripeSimulator, **changes: Any
) -> AsyncIterator[InProcess]:
    """Run the program on a loaded database until the block ends; ``changes`` are settings."""
    with tempfile.TemporaryDirectory(prefix="ais-data-") as folder:
        settings = _settings(database_url, redis_url, simulator, {"data_dir": Path(folder), **changes})
        async with _running(settings, simulator) as program:
            yield program


def _settings(database_url: str, redis_url: str, simulator: StripeSimulator, changes: JSON) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        stripe_api_base=simulator.url,
        stripe_secret_key=simulator.api_key,
        # Passwords cost a hundredth of what they cost elsewhere, and nobody waits for being wrong.
        password_memory_kib=64,
        password_rounds=1,
        sign_in_delay_seconds=0,
        **{
            "log_level": "error",
            "stripe_webhook_secret": simulator.webhook_secret,
            "database_pool_size": 20,
            **UNLIMITED,
            **changes,
        },
    )


class _Application:
    """The routes, made once and run again and again: making them costs more than most tests."""

    free: ClassVar[list[_Application]] = []

    def __init__(self) -> None:
        self.settings = Settings()
        self.app = application_over(lambda: web_state(self.settings), ())


@contextmanager
def _application(settings: Settings) -> Iterator[Litestar]:
    """An application that nobody else runs at the time."""
    if settings.origins:
        yield litestar_application(settings)
        return
    application = _Application.free.pop() if _Application.free else _Application()
    application.settings = settings
    try:
        yield application.app
    finally:
        _Application.free.append(application)


@asynccontextmanager
async def _running(settings: Settings, simulator: StripeSimulator) -> AsyncIterator[InProcess]:
    configure_logging(settings.log_level, process="tests")
    with _application(settings) as app:
        async with _served(app, settings, simulator) as program:
            yield program


@asynccontextmanager
async def _served(app: Litestar, settings: Settings, simulator: StripeSimulator) -> AsyncIterator[InProcess]:
    transport = httpx.ASGITransport(surrounded(app, settings), raise_app_exceptions=False)
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://ais.test") as http,
        # Trusted certificates take 8 ms to load.
        httpx.AsyncClient(
            base_url=simulator.url,
            auth=(API_KEY, ""),
            timeout=30,
            verify=False,  # noqa: S501  # plain HTTP to a simulator of this machine
        ) as provider,
    ):
        state = app.state
        yield InProcess(
            settings, http, provider, state.database, open_gateways(settings, state.database), simulator, state
        )
