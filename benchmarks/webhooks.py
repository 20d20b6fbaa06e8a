"""Messages of the payment provider taken in per second over HTTP, beside the same server's bare JSON hello.

Each is a signed ``payment_intent.succeeded`` of 1.5 kB: its signature is verified on the raw body, it is stored with
the job that will handle it in one durable transaction, and answered. New: each message is another one. Again: each has
been taken before and is stored once. Hello answers one word and touches nothing. One Granian worker each, one embedded
PostgreSQL with its durable settings, rounds that alternate; no worker process takes the jobs up meanwhile. Afterwards
each message stands there once, with one job, and its deliveries are counted. Run: ``python -m benchmarks.webhooks``.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop
from benchmarks.load import Measured, get_request, granian, median, post_request, press
from tests.factories.unlimited import UNLIMITED_ENVIRONMENT

from ais.platform.database import Database
from ais.platform.embedded import EmbeddedServers
from ais.platform.migration import migrate
from ais.platform.settings import DEMO_WEBHOOK_SECRET

CALLERS = 16
MESSAGES_PER_SECOND_MAX = 2500
PADDING = "x" * 1000


def message(number: int) -> bytes:
    """The request by which the provider tells of one more payment."""
    now = int(time.time())
    body = msgspec.json.encode(
        {
            "id": f"evt_benchmark_{number:012}",
            "object": "event",
            "api_version": "2025-09-30.clover",
            "created": now,
            "type": "payment_intent.succeeded",
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "data": {
                "object": {
                    "id": f"pi_benchmark_{number:012}",
                    "object": "payment_intent",
                    "amount": 124_000,
                    "amount_received": 124_000,
                    "currency": "sar",
                    "status": "succeeded",
                    "metadata": {"padding": PADDING},
                }
            },
        }
    )
    signature = hmac.new(DEMO_WEBHOOK_SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return post_request("/webhooks/stripe", body, Stripe_Signature=f"t={now},v1={signature}")


async def run(servers: EmbeddedServers, arguments: argparse.Namespace) -> None:
    environment = {
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "AIS_LOG_LEVEL": "warning",
        **UNLIMITED_ENVIRONMENT,
    }
    rounds: dict[str, list[Measured]] = {"bare JSON hello": [], "message, new": [], "message, again": []}
    taken = repeated = 0
    with (
        granian("benchmarks.hello:create_application", {}, "/hello") as bare,
        granian("ais.app.asgi:create_application", environment, "/health/ready") as server,
    ):
        for number in range(arguments.rounds + 1):
            seconds = arguments.seconds if number else min(1.0, arguments.seconds)  # the first round warms up
            count = int(seconds * MESSAGES_PER_SECOND_MAX)
            messages = [message(number * 10**9 + each) for each in range(count)]
            hello = await press(bare, [get_request("/hello")], callers=CALLERS, seconds=seconds)
            new = await press(server, messages, callers=CALLERS, seconds=seconds, repeat=False)
            again = await press(server, messages[: new.answers], callers=CALLERS, seconds=seconds)
            assert new.failures == again.failures == 0
            taken, repeated = taken + new.answers, repeated + again.answers
            if number:
                for each, measured in zip(rounds.values(), (hello, new, again), strict=True):
                    each.append(measured)
    report(rounds)
    await each_stands_there_once(servers.database_url, taken, repeated)


def report(rounds: dict[str, list[Measured]]) -> None:
    base = median(rounds["bare JSON hello"])
    print(f"{CALLERS} callers, medians of {len(rounds['message, new'])} rounds")
    print(f"{'':20}{'per second':>12}{'ratio':>8}{'p50 ms':>9}{'p99 ms':>9}{'server CPU µs':>15}")
    for name, seen in rounds.items():
        each = median(seen)
        print(
            f"{name:20}{each.per_second:12.0f}{each.per_second / base.per_second:8.3f}{each.p50_ms:9.2f}"
            f"{each.p99_ms:9.2f}{each.cpu_us:15.0f}"
        )


async def each_stands_there_once(database_url: str, taken: int, repeated: int) -> None:
    """What was answered is stored, has one job, and was delivered as often as it was sent."""
    database = await Database.connect(database_url, minimum=1, maximum=2, application_name="benchmark")
    try:
        async with database.connection() as connection:
            events, deliveries = await connection.fetchrow("SELECT count(*), sum(deliveries) FROM provider_events")
            jobs = await connection.fetchval(
                "SELECT count(DISTINCT dedupe_key) FROM jobs WHERE entrypoint = 'payments.handle_event'"
            )
    finally:
        await database.close()
    assert (events, jobs, deliveries) == (taken, taken, taken + repeated), (events, jobs, deliveries, taken, repeated)
    print(f"afterwards {events} messages, each once and with one job, delivered {deliveries} times")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=4.0, help="of each measured stretch")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ais-bench-webhooks-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's own user must be able to enter it
        with EmbeddedServers(folder / "data") as servers:
            migrate(servers.database_url)
            uvloop.run(run(servers, chosen))


if __name__ == "__main__":
    main()
