"""Postings per second beside pgbench doing the same inserts; speed and memory of chaining and verifying a long chain.

One posting is a sale: nine entries for two coupons. Through ``post`` it is a unit of work with one statement; pgbench
runs an equal statement on the same tables, and once more on copies without the ledger's checks, which shows what those
cost. Rounds alternate on one embedded PostgreSQL with its durable settings. Then the books are filled up to
``--postings`` with captures of two entries each, 20,000 by a statement, which passes all the ledger's checks, over a
connection a core; they are chained, a head is signed, and the chain is walked. At the end every promise of the ledger
holds. Run: ``python -m benchmarks.ledger``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import uvloop
from benchmarks.seats import library_path

from ais.kit import Money, system_actor
from ais.ledger import Account, Posting, chain_everything, credit, debit, post, sign_head, verify_chain
from ais.ledger.invariants import INVARIANTS
from ais.platform.chain import FolderSink
from ais.platform.database import Database
from ais.platform.embedded import EmbeddedPostgres, postgres_programs
from ais.platform.migration import migrate
from ais.platform.settings import DEMO_LEDGER_KEY
from ais.platform.signatures import SigningKeys

CLIENTS = 16
ACTOR = system_actor("benchmark")
FILL_AT_ONCE = 20_000

# The copies have the keys of the ledger's tables and nothing else: no triggers, no foreign key, no further index.
COPIES = """
CREATE TABLE bare_postings (LIKE ledger_postings INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    PRIMARY KEY (id), UNIQUE (kind, cause_type, cause_id));
CREATE TABLE bare_entries (LIKE ledger_entries INCLUDING CONSTRAINTS, PRIMARY KEY (posting_id, number));
"""

SALE = """
WITH posted AS (
    INSERT INTO {postings} (id, kind, cause_type, cause_id, order_id, actor, channel, happened_at, entry_count)
    VALUES (uuidv7(), 'issued', 'document', gen_random_uuid()::text, gen_random_uuid(), 'pgbench', 'web',
            ais_now(), 9)
    ON CONFLICT (kind, cause_type, cause_id) DO NOTHING RETURNING id
)
INSERT INTO {entries} (posting_id, number, account, amount_minor, currency, authority, code, document_id, coupon_number)
SELECT id, number, account, amount, 'SAR', authority, code, document, coupon
FROM posted, gen_random_uuid() AS document, (VALUES
    (1, 'customer_deposits', 124000, NULL, NULL, NULL), (2, 'unflown_fare', -40000, NULL, NULL, 1),
    (3, 'unflown_carrier_charges', -2500, NULL, 'YQ', 1), (4, 'tax_payable', -1000, 'SA', 'E3', 1),
    (5, 'tax_payable', -6500, 'SA', 'K7', 1), (6, 'unflown_fare', -60000, NULL, NULL, 2),
    (7, 'unflown_carrier_charges', -2500, NULL, 'YQ', 2), (8, 'tax_payable', -1000, 'SA', 'E3', 2),
    (9, 'tax_payable', -10500, 'SA', 'K7', 2)) AS entry (number, account, amount, authority, code, coupon);
"""

FILL = """
WITH given AS MATERIALIZED (SELECT uuidv7() AS id, number FROM generate_series($1::bigint, $2::bigint) AS number),
posted AS (
    INSERT INTO ledger_postings (id, kind, cause_type, cause_id, actor, channel, happened_at, entry_count)
    SELECT id, 'captured', 'fill', number::text, 'system:benchmark', 'web', ais_now(), 2 FROM given
)
INSERT INTO ledger_entries (posting_id, number, account, amount_minor, currency, provider)
SELECT id, 1, 'provider_clearing', number, 'SAR', 'stripe' FROM given
UNION ALL SELECT id, 2, 'customer_deposits', -number, 'SAR', NULL FROM given
"""


def sale() -> Posting:
    """What pgbench's statement writes, as the program says it."""
    document, sums = uuid4(), ((1, 40_000, 6_500), (2, 60_000, 10_500))
    entries = [debit(Account.CUSTOMER_DEPOSITS, Money(124_000, "SAR"))]
    for number, fare, vat in sums:
        entries += [
            credit(Account.UNFLOWN_FARE, Money(fare, "SAR"), document_id=document, coupon_number=number),
            credit(
                Account.UNFLOWN_CARRIER_CHARGES,
                Money(2_500, "SAR"),
                code="YQ",
                document_id=document,
                coupon_number=number,
            ),
            *(
                credit(
                    Account.TAX_PAYABLE,
                    Money(minor, "SAR"),
                    authority="SA",
                    code=code,
                    document_id=document,
                    coupon_number=number,
                )
                for code, minor in (("E3", 1_000), ("K7", vat))
            ),
        ]
    return Posting(
        kind="issued",
        cause_type="document",
        cause_id=str(document),
        order_id=uuid4(),
        channel="web",
        entries=tuple(entries),
    )


async def post_round(database: Database, seconds: float) -> float:
    """Postings per second of as many callers as pgbench has clients, a unit of work each."""
    stop_at, written = time.perf_counter() + seconds, 0

    async def caller() -> None:
        nonlocal written
        while time.perf_counter() < stop_at:
            async with database.unit_of_work(ACTOR) as uow:
                await post(uow, sale())
            written += 1

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CLIENTS)))
    return written / (time.perf_counter() - began)


def pgbench_round(server: EmbeddedPostgres, seconds: float, script: Path) -> float:
    """Postings per second of pgbench, prepared statements, a thread a core."""
    done = subprocess.run(
        [
            str(postgres_programs() / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2",
            "-T", str(max(1, int(seconds))), "-f", str(script),
            "-h", "127.0.0.1", "-p", str(server.port), "-U", "ais", "ais",
        ],
        env={"PGPASSWORD": server.password, "PATH": os.environ["PATH"], **library_path()},
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


async def compare(server: EmbeddedPostgres, database: Database, rounds: int, seconds: float, folder: Path) -> None:
    """Alternate the three ways and print medians."""
    scripts = {}
    for name, tables in (
        ("pgbench, same tables", ("ledger_postings", "ledger_entries")),
        ("pgbench, no checks", ("bare_postings", "bare_entries")),
    ):
        scripts[name] = folder / f"{name.replace(', ', '-').replace(' ', '-')}.sql"
        scripts[name].write_text(SALE.format(postings=tables[0], entries=tables[1]), encoding="utf-8")
    async with database.connection() as connection:
        await connection.execute(COPIES)
    rates: dict[str, list[float]] = {"post": [], **{name: [] for name in scripts}}
    for _ in range(rounds):
        for name, script in scripts.items():
            rates[name].append(await asyncio.to_thread(pgbench_round, server, seconds, script))
        rates["post"].append(await post_round(database, seconds))
    base = statistics.median(rates["pgbench, same tables"])
    print(f"Postings of 9 entries a second, {CLIENTS} clients, medians of {rounds} rounds of {seconds:g} s")
    for name, seen in rates.items():
        middle = statistics.median(seen)
        print(f"  {name:<22} {middle:7.0f}/s  {middle / base:5.2f}  ({min(seen):.0f}-{max(seen):.0f})")


async def fill(database: Database, count: int) -> None:
    """Post captures until there are ``count`` postings, by as many connections as there are cores."""
    began = time.perf_counter()
    async with database.connection() as connection:
        present = await connection.fetchval("SELECT count(*) FROM ledger_postings")
    starts = iter(range(1, count - present + 1, FILL_AT_ONCE))

    async def filler() -> None:
        async with database.connection() as connection:
            await connection.execute("SET statement_timeout = 0")
            for first in starts:
                await connection.execute(FILL, first, min(first + FILL_AT_ONCE - 1, count - present))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(os.cpu_count() or 1):
            tasks.create_task(filler())
    async with database.connection() as connection:
        await connection.execute("VACUUM ANALYZE ledger_postings, ledger_entries")
    took = time.perf_counter() - began
    print(f"Filled up by {count - present} postings of 2 entries in {took:.1f} s: {(count - present) / took:.0f}/s")


async def prove(database: Database, count: int, folder: Path) -> None:
    """Fill up to ``count`` postings, chain, sign and walk them; speed of each and the memory that the walk takes."""
    await fill(database, count)
    began = time.perf_counter()
    chained = await chain_everything(database, ACTOR)
    took = time.perf_counter() - began
    print(f"Chained {chained} postings in {took:.1f} s: {chained / took:.0f}/s")
    keys = SigningKeys(DEMO_LEDGER_KEY)
    head = await sign_head(database, keys, [FolderSink(folder / "heads")])
    assert head is not None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    report = await verify_chain(database, [head], keys.public)
    took = time.perf_counter() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (report.broken, report.length, report.anchors) == (None, chained, 1), report
    print(
        f"Verified {report.length} postings in {took:.1f} s: {report.length / took:.0f}/s; highest memory "
        f"{(before + grown) // 1024} MB, {grown // 1024} MB of it by the walk"
    )
    began = time.perf_counter()
    async with database.connection() as connection:
        await connection.execute("SET statement_timeout = 0")
        for invariant in INVARIANTS:
            broken = await connection.fetch(f"SELECT * FROM ({invariant.sql}) AS broken LIMIT 5", timeout=600)
            assert not broken, (invariant.name, broken)
    print(f"{len(INVARIANTS)} promises of the ledger hold, asked in {time.perf_counter() - began:.1f} s")


async def measure(server: EmbeddedPostgres, rounds: int, seconds: float, postings: int, folder: Path) -> None:
    database = await Database.connect(server.url(), minimum=CLIENTS, maximum=CLIENTS + 2)
    await compare(server, database, rounds, seconds, folder)
    await prove(database, postings, folder)
    await database.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=5.0)
    arguments.add_argument("--postings", type=int, default=1_000_000, help="length of the chain that is walked")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ais-bench-ledger-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's own user must be able to enter it
        server = EmbeddedPostgres(folder / "postgres", settings={"max_connections": "60"})
        try:
            server.start()
            migrate(server.url())
            uvloop.run(measure(server, chosen.rounds, chosen.seconds, chosen.postings, folder))
        finally:
            server.stop()
            server.remove_placed_files()


if __name__ == "__main__":
    main()
