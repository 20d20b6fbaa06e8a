"""What it costs a request to be counted and to be known: beside the bare hello; and search while people sign in.

First: one and the same cheap route of the program (two airports by their beginning), from one Granian worker, without
limits, with them (counted in Valkey), and with an access token whose session is looked up. Limits are far above what is
asked, so nothing is refused. The difference of the server's processor time per answer is the cost of each.

Then: the searches of ``benchmarks.search``, alone, and while 20 people a second sign in at the production cost of a
password. Run: ``python -m benchmarks.guards``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import uvloop
from benchmarks.load import Client, Measured, Server, get_request, granian, median, post_request, press
from benchmarks.search import Markets, prepare, searches
from tests.factories.unlimited import NOTHING_COUNTED, UNLIMITED_ENVIRONMENT

from ais.accounts import UserKind
from ais.accounts.service.register import create_user
from ais.app.accounts import open_accounts, open_cache
from ais.kit import Channel, system_actor
from ais.platform.database import Database
from ais.platform.embedded import EmbeddedServers
from ais.platform.migration import migrate
from ais.platform.settings import load_settings

CALLERS = 8
SEARCHERS = 4
LOGINS_A_SECOND = 20
PEOPLE = 20
PASSWORD = "Palms-over-44-dunes"  # noqa: S105  # of people who exist while this runs
ROUTE = "/api/v1/airports?q=ri&limit=2"


async def make_people(environment: dict[str, str]) -> list[str]:
    """The addresses of travellers with an account, made at the cost that passwords have by default."""
    settings = load_settings(environment)
    assert settings.database_url is not None
    database = await Database.connect(settings.database_url, vault=settings.vault, application_name="benchmark")
    cache = open_cache(settings)
    services = open_accounts(settings, database, cache)
    emails = [f"person{number}@benchmark.example" for number in range(PEOPLE)]
    for email in emails:
        await create_user(
            services,
            kind=UserKind.TRAVELLER,
            email=email,
            password=PASSWORD,
            name="Sara Al-Harbi",
            language="en",
            actor=system_actor("benchmark", Channel.CLI),
        )
    services.passwords.close()
    await cache.close()
    await database.close()
    return emails


def login(email: str) -> bytes:
    return post_request("/api/v1/auth/login", msgspec.json.encode({"email": email, "password": PASSWORD}))


def with_token(request: bytes, token: str) -> bytes:
    return request.replace(b"\r\n\r\n", f"\r\nAuthorization: Bearer {token}\r\n\r\n".encode(), 1)


async def access_token(server: Server, email: str) -> str:
    async with Client(server.port) as client:
        status, body = await client.ask(login(email))
    assert status == 200, body
    token: str = msgspec.json.decode(body)["access_token"]
    return token


@asynccontextmanager
async def people_signing_in(server: Server, emails: list[str]) -> AsyncIterator[list[float]]:
    """So many a second by the clock, each on a connection of its own; answers how long each took, in seconds."""
    took: list[float] = []
    tasks: set[asyncio.Task[None]] = set()

    async def one(email: str) -> None:
        began = time.perf_counter()
        async with Client(server.port) as client:
            status, body = await client.ask(login(email))
        assert status == 200, body
        took.append(time.perf_counter() - began)

    async def all_of_them() -> None:
        number = 0
        while True:
            tasks.add(task := asyncio.create_task(one(emails[number % len(emails)])))
            task.add_done_callback(tasks.discard)
            number += 1
            await asyncio.sleep(1 / LOGINS_A_SECOND)

    coming = asyncio.create_task(all_of_them())
    try:
        yield took
    finally:
        coming.cancel()
        await asyncio.gather(*tasks)


async def cost(arguments: argparse.Namespace, environment: dict[str, str], email: str) -> dict[str, Measured]:
    """The stretches of the first part by name."""
    stretches: dict[str, list[Measured]] = {}

    async def measure(name: str, server: Server, request: bytes) -> None:
        answered = await press(server, [request], callers=CALLERS, seconds=arguments.seconds)
        stretches.setdefault(name, []).append(answered)

    program = "ais.app.asgi:create_application"
    with (
        granian("benchmarks.hello:create_application", {}, "/hello") as bare,
        granian(program, {**environment, **NOTHING_COUNTED}, "/health/ready") as open_to_all,
        granian(program, {**environment, **UNLIMITED_ENVIRONMENT}, "/health/ready") as counting,
    ):
        token = await access_token(counting, email)
        plain = get_request(ROUTE)
        for server in (open_to_all, counting):
            await press(server, [plain], callers=CALLERS, seconds=1)
        for _ in range(arguments.rounds):
            await measure("bare JSON hello", bare, get_request("/hello"))
            await measure("not counted", open_to_all, plain)
            await measure("counted", counting, plain)
            await measure("counted and known", counting, with_token(plain, token))
    return {name: median(rounds) for name, rounds in stretches.items()}


async def beside(
    arguments: argparse.Namespace, environment: dict[str, str], emails: list[str], markets: Markets
) -> tuple[dict[str, Measured], list[float]]:
    """Search alone and beside the sign-ins, and how long those took, in seconds."""
    alone: list[Measured] = []
    accompanied: list[Measured] = []
    took: list[float] = []
    with granian("ais.app.asgi:create_application", environment, "/health/ready") as server:
        await press(server, searches(1, markets, 4000), callers=CALLERS, seconds=60, repeat=False)
        for number in range(arguments.rounds):
            new = searches(100 + 2 * number, markets, 20_000)
            alone.append(await press(server, new, callers=SEARCHERS, seconds=arguments.seconds))
            new = searches(101 + 2 * number, markets, 20_000)
            async with people_signing_in(server, emails) as signed_in:
                accompanied.append(await press(server, new, callers=SEARCHERS, seconds=arguments.seconds))
            took += signed_in
    return {"search alone": median(alone), f"beside {LOGINS_A_SECOND} sign-ins/s": median(accompanied)}, took


def table(measured: dict[str, Measured], base: str) -> None:
    print(f"{'':28}{'per second':>12}{'ratio':>8}{'p50 ms':>9}{'p99 ms':>9}{'server CPU µs':>15}{'failures':>10}")
    for name, each in measured.items():
        print(
            f"{name:28}{each.per_second:12.0f}{each.per_second / measured[base].per_second:8.3f}{each.p50_ms:9.2f}"
            f"{each.p99_ms:9.2f}{each.cpu_us:15.0f}{each.failures:10}"
        )


def report(costs: dict[str, Measured], found: dict[str, Measured], took: list[float]) -> None:
    print(f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}; one Granian worker")
    table(costs, "bare JSON hello")
    hello = costs["bare JSON hello"].cpu_us
    counting = costs["counted"].cpu_us - costs["not counted"].cpu_us
    knowing = costs["counted and known"].cpu_us - costs["counted"].cpu_us
    print(f"to be counted costs {counting:.0f} µs of the server's processor ({counting / hello:.2f} of the bare hello)")
    print(f"to be known costs {knowing:.0f} µs ({knowing / hello:.2f} of the bare hello)")
    print()
    table(found, "search alone")
    took = sorted(took)
    print(
        f"{len(took)} sign-ins, p50 {took[len(took) // 2] * 1000:.0f} ms,"
        f" p99 {took[int(len(took) * 0.99)] * 1000:.0f} ms"
    )


async def run(arguments: argparse.Namespace, environment: dict[str, str]) -> None:
    markets = await prepare(environment["DATABASE_URL"])
    emails = await make_people(environment)
    costs = await cost(arguments, environment, emails[0])
    report(costs, *await beside(arguments, environment, emails, markets))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measured stretch")
    arguments = parser.parse_args()
    # A benchmark that is told to end takes its servers with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (
        tempfile.TemporaryDirectory(prefix="ais-benchmark-") as folder,
        EmbeddedServers(Path(folder), database_url=None, redis_url=None) as servers,
    ):
        migrate(servers.database_url)
        environment = {
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "AIS_LOG_LEVEL": "warning",
            **UNLIMITED_ENVIRONMENT,
        }
        uvloop.run(run(arguments, environment))


if __name__ == "__main__":
    main()
