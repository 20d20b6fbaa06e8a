"""The books by the command line, on real sales."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.factories.command_line import CommandLine, table_rows
from tests.factories.in_process import ADULT, CHILD, departure, in_process
from tests.factories.ledger import chain_all, superuser
from tests.factories.programs import market, simulator

from ais.kit import system_actor
from ais.platform.database import Database
from ais.platform.settings import DEMO_LEDGER_KEY
from ais.platform.signatures import SigningKeys

__all__ = ["market", "simulator"]

ACTOR = system_actor("test")


@pytest.fixture(scope="module")
async def books(servers, market, simulator, tmp_path_factory, anyio_backend):
    """An order that is paid, its postings chained; the database's address, the order and a command line on it."""
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator) as program:
            order = await program.order([ADULT, CHILD], slices=[("RUH", "JED", departure(20))])
            await program.pay(order)
            await chain_all(program.database, ACTOR)
        yield url, order, CommandLine(url, tmp_path_factory.mktemp("books"))


@pytest.fixture
async def ais(books):
    """The command line in a thread of its own, where it may have an event loop of its own."""
    _, _, command = books

    async def run(*arguments, code=0):
        return await asyncio.to_thread(command, *arguments, code=code)

    return run


async def test_balances_sales_and_the_trial_balance(ais, books):
    _, order, _ = books
    total = order["total"]["amount"]
    shown = {row[0]: row for row in table_rows((await ais("ledger", "balances")).stdout)[1:]}
    assert shown["provider_clearing"] == ["provider_clearing", "asset", "SAR", total, "0.00", total]
    document = json.loads((await ais("ledger", "balances", "--details", "--json")).stdout)
    assert {each["authority"] for each in document["balances"] if each["account"] == "tax_payable"} == {"SA"}
    sales = json.loads((await ais("ledger", "daily-sales", "--json")).stdout)
    assert {each["form_of_payment"] for each in sales["sales"]} == {"card"}
    today = datetime.now(UTC).date()
    trial = (await ais("ledger", "trial-balance", today - timedelta(days=1))).stdout
    assert "0.00 SAR balances." in trial
    lines = (await ais("ledger", "trial-balance", today - timedelta(days=1), "--csv")).stdout
    rows = list(csv.DictReader(io.StringIO(lines, newline="")))
    assert sum(round(float(row["closing"]) * 100) for row in rows) == 0


async def test_unflown_value_is_held_against_the_coupons(ais, books):
    shown = (await ais("ledger", "unflown")).stdout
    assert "2 open coupons" in shown
    assert "The books and the coupons agree." in shown
    document = json.loads((await ais("ledger", "unflown", "--json")).stdout)
    assert (document["equals_coupons"], document["coupons"]) == (True, 2)
    url, _, _ = books
    await change(url, "UPDATE coupons SET value_minor = value_minor + 1 WHERE number = 1")
    try:
        assert "differ" in (await ais("ledger", "unflown", code=1)).stdout
    finally:
        await change(url, "UPDATE coupons SET value_minor = value_minor - 1 WHERE number = 1")


async def change(url, statement):
    database = await Database.connect(url, maximum=2)
    async with superuser(database) as connection:
        await connection.execute(statement)
    await database.close()


async def test_postings_of_an_order(ais, books):
    _, order, _ = books
    document = json.loads((await ais("ledger", "postings", "--order", order["id"], "--json")).stdout)
    assert sorted(each["kind"] for each in document["postings"]) == ["captured", "issued", "issued"]
    assert {each["order_id"] for each in document["postings"]} == {order["id"]}
    shown = (await ais("ledger", "postings", "--kind", "captured")).stdout
    assert "provider_clearing" in shown
    assert (await ais("ledger", "postings", "--kind", "none")).stdout == "There are no such postings.\n"
    await ais("ledger", "postings", "--order", "ord_1", code=2)


async def test_the_chain_is_signed_verified_exported_and_found_broken(ais, books, tmp_path):
    url, _, _ = books
    status = json.loads((await ais("ledger", "chain", "--extend", "--sign", "--json")).stdout)
    assert (status["length"], status["waiting"], status["signed_position"], status["key_id"]) == (3, 0, 3, "demo-0")
    heads = status["heads_dir"]
    assert "3 postings hold, 0 signed heads agree, 0 postings wait." in (await ais("ledger", "verify")).stdout
    assert "1 signed heads agree" in (await ais("ledger", "verify", "--anchors", heads)).stdout
    public = SigningKeys(DEMO_LEDGER_KEY).public.written()
    await ais("ledger", "verify", "--anchors", heads, "--public-keys", public)
    await ais("ledger", "verify", "--anchors", heads, "--public-keys", "x:" + "A" * 43, code=1)
    await ais("ledger", "verify", "--anchors", heads, "--public-keys", "x", code=2)
    await ais("ledger", "verify", "--anchors", tmp_path, code=2)
    for form in ("csv", "jsonl"):
        file = tmp_path / f"ledger.{form}"
        assert (await ais("ledger", "export", file)).stdout == f"3 postings are in {file}.\n"
        written = (await ais("ledger", "export", "-", "--format", form)).stdout
        assert written.splitlines() == file.read_bytes().decode().splitlines()
    await ais("ledger", "export", tmp_path / "ledger", code=2)
    byte = "UPDATE ledger_postings SET channel = '{}' WHERE kind = 'captured'"
    await change(url, byte.format("aqi"))
    try:
        broken = json.loads((await ais("ledger", "verify", "--json", code=1)).stdout)
        assert (broken["holds"], broken["broken"]["reason"]) == (False, "the posting is not what was chained")
        assert "BROKEN at position" in (await ais("ledger", "verify", code=1)).stdout
    finally:
        await change(url, byte.format("api"))
    await ais("ledger", "verify", "--anchors", heads)


async def test_rules_of_recognition_are_shown_and_set(ais):
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert len(json.loads((await ais("ledger", "rules", "--json")).stdout)["rules"]) == 2
    setting = ("ledger", "rules", "penalty", "departure", "--from", tomorrow)
    assert "departure" in (await ais(*setting)).stdout
    await ais(*setting, code=1)
    for wrong in (
        ("penalty",),
        ("penalty", "expiry", "--from", tomorrow),
        ("penalty", "departure", "--from", "2020-01-01"),
    ):
        await ais("ledger", "rules", *wrong, code=2)
