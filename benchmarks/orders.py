"""Orders per second over HTTP beside pgbench doing the same inserts in one function call.

An order is one adult on one flight of the demo airline, accepted from an offer that a search gave: seats claimed, then
the idempotency record, the order, its passenger, slice, segment, item, price lines and history. The function claims the
same seats and inserts the same rows, copied from an order that HTTP made. One Granian worker, one embedded PostgreSQL
with its durable settings, rounds that alternate. Run: ``python -m benchmarks.orders``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import uvloop
from benchmarks.load import Server, granian, post_request, press
from benchmarks.search import Markets, prepare
from benchmarks.seats import CLAIM_ONE, library_path
from tests.factories.unlimited import UNLIMITED_ENVIRONMENT

from ais.platform.database import Database
from ais.platform.embedded import EmbeddedServers, postgres_programs
from ais.platform.migration import migrate

CALLERS = 16
FLIGHTS = 400
ORDERS_PER_OFFER = 3

# The rows of one order, copied under new ids; the claim is the one that the seat benchmark measures.
INSERT_ONE = """
CREATE SCHEMA bench;
CREATE TABLE bench.orders AS SELECT * FROM orders LIMIT 1;
CREATE TABLE bench.passengers AS SELECT * FROM order_passengers WHERE order_id = (SELECT id FROM bench.orders);
CREATE TABLE bench.slices AS SELECT * FROM order_slices WHERE order_id = (SELECT id FROM bench.orders);
CREATE TABLE bench.segments AS SELECT * FROM order_segments WHERE order_id = (SELECT id FROM bench.orders);
CREATE TABLE bench.items AS SELECT * FROM order_items WHERE order_id = (SELECT id FROM bench.orders);
CREATE TABLE bench.lines AS SELECT * FROM price_lines WHERE order_id = (SELECT id FROM bench.orders);
CREATE TABLE bench.answers AS SELECT * FROM idempotency_records WHERE status = 201 LIMIT 1;
CREATE TABLE bench.legs AS SELECT row_number() OVER (ORDER BY leg_id) AS number, leg_id FROM (
    SELECT leg_id FROM leg_cabins WHERE cabin = 'Y' AND on_sale ORDER BY leg_id OFFSET 4000 LIMIT 4000) AS chosen;
ALTER TABLE bench.legs ADD PRIMARY KEY (number);
ANALYZE;
CREATE FUNCTION bench.one_order(p_leg integer) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    v_order uuid := uuidv7(); v_passenger uuid := uuidv7(); v_segment uuid := uuidv7(); v_item uuid := uuidv7();
    v_hold uuid := gen_random_uuid(); v_leg bigint;
BEGIN
    SELECT leg_id INTO v_leg FROM bench.legs WHERE number = p_leg;
    PERFORM claim_one(v_hold, v_leg, 'Y', 'Y', 1);
    INSERT INTO idempotency_records (scope, key, fingerprint, operation_id, status, answer)
    SELECT scope, v_hold::text, fingerprint, uuidv7(), status, answer FROM bench.answers;
    INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object(
        'id', v_order, 'hold_id', v_hold,
        'record_locator', (
            SELECT string_agg(substr('ABCDEFGHJKMNPQRSTUVWXYZ23456789', 1 + floor(random() * 31)::int, 1), '')
            FROM generate_series(1, 6))))).* FROM bench.orders AS o;
    INSERT INTO order_passengers SELECT (jsonb_populate_record(p, jsonb_build_object(
        'id', v_passenger, 'order_id', v_order))).* FROM bench.passengers AS p;
    INSERT INTO order_slices SELECT (jsonb_populate_record(s, jsonb_build_object('order_id', v_order))).*
    FROM bench.slices AS s;
    INSERT INTO order_segments SELECT (jsonb_populate_record(s, jsonb_build_object(
        'id', v_segment, 'order_id', v_order))).* FROM bench.segments AS s;
    INSERT INTO order_items SELECT (jsonb_populate_record(i, jsonb_build_object(
        'id', v_item, 'order_id', v_order, 'passenger_id', v_passenger))).* FROM bench.items AS i;
    INSERT INTO price_lines SELECT (jsonb_populate_record(l, jsonb_build_object(
        'order_id', v_order, 'item_id', v_item, 'passenger_id', v_passenger, 'order_segment_id', v_segment))).*
    FROM bench.lines AS l;
    INSERT INTO order_history (order_id, axis, to_state, reason, actor, channel, correlation_id)
    VALUES (v_order, 'order.status', 'reserved', 'offer accepted', 'bench', 'api', v_hold::text);
    RETURN v_order;
END $$;
"""
SCRIPT = """
\\set leg random(1, 4000)
SELECT bench.one_order(:leg)
"""


def offers(server: Server, markets: Markets, seed: int, count: int = FLIGHTS) -> list[dict[str, object]]:
    """The cheapest offer of so many random flights, each for one adult."""
    rng = random.Random(seed)
    found: list[dict[str, object]] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=10) as client:
        while len(found) < count:
            origin, destination = rng.choice(markets.direct)
            day = markets.first_day.toordinal() + rng.randrange(30, 300)
            answer = client.post(
                "/api/v1/offers/search",
                json={
                    "slices": [
                        {
                            "origin": origin,
                            "destination": destination,
                            "departure_date": markets.first_day.fromordinal(day).isoformat(),
                        }
                    ],
                    "passengers": [{"type": "adult"}],
                    "max_connections": 0,
                },
            )
            found.extend(answer.json()["offers"][:1])
    return found


def order_requests(found: list[dict[str, object]], each: int = ORDERS_PER_OFFER) -> list[bytes]:
    """Requests that accept each of the offers so many times, each under a key of its own."""
    requests = []
    for offer in found * each:
        body = msgspec.json.encode(
            {
                "offer_id": offer["id"],
                "passengers": [
                    {"id": offer["passengers"][0]["id"], "given_name": "Sara", "family_name": "Al-Harbi"}  # type: ignore[index]  # JSON
                ],
                "contact": {"email": "sara@example.com"},
            }
        )
        requests.append(post_request("/api/v1/orders", body, Idempotency_Key=str(uuid4())))
    random.Random(1).shuffle(requests)
    return requests


def pgbench(servers: EmbeddedServers, seconds: float, script: Path, clients: int = CALLERS) -> float:
    """Transactions per second of pgbench with as many clients."""
    postgres = servers.postgres
    assert postgres is not None
    done = subprocess.run(
        [
            str(postgres_programs() / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2",
            "-T", str(max(1, int(seconds))), "-f", str(script),
            "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "ais", "ais",
        ],
        env={"PGPASSWORD": postgres.password, "PATH": os.environ["PATH"], **library_path()},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.returncode == 0, done.stderr[-2000:]
    return float(found[1])


async def run(servers: EmbeddedServers, arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Alternate HTTP and pgbench; medians of the rounds."""
    markets = await prepare(servers.database_url)
    environment = {
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "AIS_LOG_LEVEL": "warning",
        **UNLIMITED_ENVIRONMENT,
    }
    script = folder / "order.sql"
    script.write_text(SCRIPT, encoding="utf-8")
    over_http, by_function, p50, p99, cpu = [], [], [], [], []
    with granian("ais.app.asgi:create_application", environment, "/health/ready") as server:
        warm = order_requests(await asyncio.to_thread(offers, server, markets, 0))
        await press(server, warm[:200], callers=CALLERS, seconds=10, repeat=False)
        database = await Database.connect(servers.database_url)
        async with database.connection() as connection:
            await connection.execute(f"{CLAIM_ONE};{INSERT_ONE}")
        await database.close()
        for number in range(1, arguments.rounds + 1):
            by_function.append(await asyncio.to_thread(pgbench, servers, arguments.seconds, script))
            requests = order_requests(await asyncio.to_thread(offers, server, markets, number))
            measured = await press(server, requests, callers=CALLERS, seconds=30, repeat=False)
            assert measured.failures <= measured.answers // 50, f"{measured.failures} refusals"
            over_http.append(measured.per_second)
            p50.append(measured.p50_ms)
            p99.append(measured.p99_ms)
            cpu.append(measured.cpu_us)
    http, function = statistics.median(over_http), statistics.median(by_function)
    return {
        "orders_per_second_http": round(http),
        "orders_per_second_pgbench": round(function),
        "ratio": round(http / function, 2),
        "p50_ms": round(statistics.median(p50), 1),
        "p99_ms": round(statistics.median(p99), 1),
        "web_cpu_us_per_order": round(statistics.median(cpu)),
        "http_rounds": [round(rate) for rate in over_http],
        "pgbench_rounds": [round(rate) for rate in by_function],
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=5.0)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ais-bench-orders-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's own user must be able to enter it
        with EmbeddedServers(folder / "data") as servers:
            migrate(servers.database_url)
            found = uvloop.run(run(servers, chosen, folder))
    for key, value in found.items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
