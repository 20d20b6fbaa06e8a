"""Searches per second over HTTP beside the same server's bare JSON hello.

40 % one-way, 40 % return and 20 % by a connection, 1 to 4 adults, random over all markets of the demo airline and 300
days, to one Granian worker. Cold: the first searches of callers that a new process sees, after those that it made for
itself before it was ready. Warm: a process that has answered thousands; every search still is a new one. Requests are
not counted against limits; ``benchmarks.guards`` measures what that costs. Run: ``python -m benchmarks.search``.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import signal
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import msgspec
import uvloop
from benchmarks.load import Measured, get_request, granian, median, post_request, press
from tests.factories.unlimited import NOTHING_COUNTED

from ais.app.demo_load import load_demo_airline
from ais.kit.localtime import local_date
from ais.offers import load_market
from ais.platform.database import Database
from ais.platform.embedded import EmbeddedServers
from ais.platform.migration import migrate
from ais.platform.settings import load_settings

DAYS = 300
CALLERS = 8
Market = tuple[str, str]


class Markets(msgspec.Struct, frozen=True):
    """Pairs of airports with a flight of their own, and those that are one connection apart."""

    direct: list[Market]
    connecting: list[Market]
    first_day: date
    segments: int


async def prepare(database_url: str) -> Markets:
    """Load the demo airline and look what it flies."""
    database = await Database.connect(database_url, application_name="benchmark")
    try:
        await load_demo_airline(database, load_settings({}))
        market = await load_market(database)
        airports = sorted(market.timetable.airports)
        direct = market.network.markets
        connecting = [
            (origin, destination)
            for destination in airports
            for origin, flights in market.network.flights_to(destination).items()
            if flights == 2
        ]
        today = local_date(database.clock.now(), "Asia/Riyadh")
        return Markets(direct, sorted(connecting), today + timedelta(days=1), len(market.timetable))
    finally:
        await database.close()


def random_search(rng: random.Random, markets: Markets) -> bytes:
    """The body of one search of the mixture."""
    kind = rng.random()
    day = markets.first_day + timedelta(days=rng.randrange(DAYS))
    origin, destination = rng.choice(markets.direct if kind < 0.8 else markets.connecting)
    slices = [{"origin": origin, "destination": destination, "departure_date": day}]
    if 0.4 <= kind < 0.8:
        back = day + timedelta(days=rng.randint(1, 21))
        slices.append({"origin": destination, "destination": origin, "departure_date": back})
    return msgspec.json.encode({"slices": slices, "passengers": [{"type": "adult"}] * rng.randint(1, 4)})


def searches(seed: int, markets: Markets, count: int) -> list[bytes]:
    """So many different requests."""
    rng = random.Random(seed)
    return [post_request("/api/v1/offers/search", random_search(rng, markets)) for _ in range(count)]


async def run(arguments: argparse.Namespace, environment: dict[str, str]) -> None:
    markets = await prepare(environment["DATABASE_URL"])
    cold: list[Measured] = []
    warm: list[Measured] = []
    hello: list[Measured] = []
    with granian("benchmarks.hello:create_application", {}, "/hello") as bare:
        for number in range(arguments.rounds):
            with granian("ais.app.asgi:create_application", environment, "/health/ready") as server:
                first = searches(number, markets, arguments.cold_searches)
                cold.append(await press(server, first, callers=CALLERS, seconds=120, repeat=False))
                await press(server, searches(1000 + number, markets, 8000), callers=CALLERS, seconds=120, repeat=False)
                for part in range(2):
                    hello.append(await press(bare, [get_request("/hello")], callers=CALLERS, seconds=arguments.seconds))
                    new = searches(2000 + 2 * number + part, markets, 20_000)
                    warm.append(await press(server, new, callers=CALLERS, seconds=arguments.seconds))
    report(arguments, markets, median(hello), median(cold), median(warm))


def report(arguments: argparse.Namespace, markets: Markets, hello: Measured, cold: Measured, warm: Measured) -> None:
    print(
        f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}; one Granian worker,"
        f" {CALLERS} callers on the same machine; demo airline: {markets.segments} segments on sale,"
        f" {len(markets.direct)} markets, {len(markets.connecting)} by one connection; medians of"
        f" {arguments.rounds} rounds"
    )
    print(f"{'':28}{'per second':>12}{'ratio':>8}{'p50 ms':>9}{'p99 ms':>9}{'server CPU µs':>15}{'failures':>10}")
    for name, each in (("bare JSON hello", hello), ("search, cold", cold), ("search, warm", warm)):
        print(
            f"{name:28}{each.per_second:12.0f}{each.per_second / hello.per_second:8.3f}{each.p50_ms:9.2f}"
            f"{each.p99_ms:9.2f}{each.cpu_us:15.0f}{each.failures:10}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measured stretch")
    parser.add_argument("--cold-searches", type=int, default=1000)
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
            **NOTHING_COUNTED,
        }
        uvloop.run(run(arguments, environment))


if __name__ == "__main__":
    main()
