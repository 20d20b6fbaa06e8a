"""What is left to sell, what it costs and what was sold, by the command line on the demo airline."""

from __future__ import annotations

import asyncio
import csv
import io
from importlib import resources

import pytest
from tests.factories.command_line import days_ahead, make_order, sell, table_rows

from ais.app import demo_data
from ais.app.invariants import INVARIANTS
from ais.kit import SystemClock
from ais.platform.database import Database

DAY = days_ahead(20)
BACK = days_ahead(25)
FARES = resources.files("ais.app.demo_data") / "fares"


def run(url, work):
    async def inside():
        database = await Database.connect(url, clock=SystemClock(), maximum=4)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(inside())


@pytest.fixture
def execute(market_url):
    async def statement(database, text):
        async with database.connection() as connection:
            return await connection.execute(text)

    return lambda text: run(market_url, lambda database: statement(database, text))


@pytest.fixture
def order(market_url, redis_url):
    """An order of two on 9Z101 on DAY, its seats held."""
    return run(market_url, lambda database: make_order(database, market_url, redis_url, "RUH", "JED", DAY))


def test_every_promise_is_printed_and_holds(ais_to_look):
    result = ais_to_look("verify")
    shown = {cells[0]: cells[1] for cells in table_rows(result.stdout)[1:-1]}
    assert shown == {each.name: "OK" for each in INVARIANTS}
    assert result.stdout.rstrip().endswith(f"{len(INVARIANTS)} of {len(INVARIANTS)} promises hold.")
    document = ais_to_look.json("verify")
    assert document["holds"] is True
    assert [each["name"] for each in document["invariants"]] == [each.name for each in INVARIANTS]


def test_a_planted_violation_is_named_with_its_rows(ais, execute, order):
    assert ais.json("verify")["holds"] is True
    execute("UPDATE orders SET total_minor = total_minor + 1")
    result = ais("verify", code=1)
    broken = sorted(cells[0] for cells in table_rows(result.stdout) if cells[1:2] == ["BROKEN"])
    assert broken == [
        each["name"] for each in sorted(ais.json("verify", code=1)["invariants"], key=lambda each: each["name"])
        if not each["holds"]
    ]  # fmt: skip
    assert any("lines" in name or "total" in name for name in broken)
    for name in broken:
        assert f"{name} is broken by" in result.stdout
    assert f"{len(INVARIANTS) - len(broken)} of {len(INVARIANTS)} promises hold." in result.stdout


def test_counters_show_held_then_sold_and_what_is_open(ais, market_url, order):
    before = {each["cabin"]: each for each in ais.json("inventory", "show", "9Z101", days_ahead(21))["legs"]}
    held = {each["cabin"]: each for each in ais.json("inventory", "show", "9Z101", DAY)["legs"]}
    assert (held["Y"]["capacity"], held["Y"]["authorised"]) == (138, 142)
    assert (held["Y"]["held"], held["Y"]["sold"], held["C"]["held"]) == (2, 0, 0)
    booked = order["slices"][0]["segments"][0]["booking_class"]
    rank = [each["rbd"] for each in held["Y"]["classes"]].index(booked)
    # A low class takes from every class above it that has no room to spare: the highest sells two seats less.
    for position, (now, then) in enumerate(zip(held["Y"]["classes"], before["Y"]["classes"], strict=True)):
        assert now["held"] == (2 if position == rank else 0)
        assert now["open"] == then["open"] - (2 if position in {0, rank} or now["open"] < then["open"] else 0)
    run(market_url, lambda database: sell(database, order["record_locator"]))
    rows = table_rows(ais("inventory", "show", "9z101", DAY).stdout)
    assert ["RUH-JED", "Y", "138", "142", "0", "0", "2", "0", "yes"] in rows
    assert any(cells[:2] == ["RUH-JED", "Y"] and cells[2].startswith("Y140 ") for cells in rows)


def test_a_flight_without_counters_has_code_one(ais_to_look):
    assert ais_to_look("inventory", "show", "9Z9999", DAY, code=1).stderr == f"9Z9999 on {DAY} does not exist.\n"
    assert ais_to_look.json("inventory", "show", "9Z9999", DAY, code=1)["legs"] == []


def test_fares_of_a_market_are_those_of_the_file(ais_to_look):
    filed = [
        row
        for row in csv.DictReader(io.StringIO(demo_data.demo_file("fares/fares.csv")))
        if {row["origin"], row["destination"]} == {"RUH", "JED"} and row["brand"] == "FLEX"
    ]
    shown = ais_to_look.json("fares", "show", "JED", "RUH", "--brand", "FLEX")["fares"]
    assert sorted((each["fare_basis"], each["amount"]["amount"]) for each in shown) == sorted(
        (row["fare_basis"], row["amount"]) for row in filed
    )
    rows = table_rows(ais_to_look("fares", "show", "RUH", "JED", "--brand", "FLEX").stdout)
    assert [cells[:11][3] for cells in rows[1:]] == [each["fare_basis"] for each in shown]
    taxes = ais_to_look.json("fares", "show", "--taxes", "--country", "sa", "--code", "K7")["taxes"]
    assert [(each["basis_points"], each["example"]) for each in taxes] == [(1500, True)]
    brands = ais_to_look.json("fares", "show", "--brands")["brands"]
    assert [each["code"] for each in brands][:3] == ["LIGHT", "VALUE", "FLEX"]
    assert ais_to_look("fares", "show", "LHR", "JFK", code=1).stderr == "There are no such fares.\n"


def test_fare_files_again_change_nothing_and_bad_ones_are_refused_whole(ais, tmp_path):
    assert ais("fares", "import", FARES).stdout == "These files are in force already: nothing changed.\n"
    for name in ("fares.csv", "fare_rules.csv"):
        (tmp_path / name).write_text(demo_data.demo_file(f"fares/{name}"), encoding="utf-8")
    lines = (tmp_path / "fares.csv").read_text(encoding="utf-8").splitlines()
    cells = lines[1].split(",")
    cells[2], cells[11] = "QQQ", "-1"
    (tmp_path / "fares.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n", encoding="utf-8")
    before = ais.json("fares", "show", "--all", "--limit", 10000)
    refused = ais("fares", "import", tmp_path, code=1)
    assert "nothing was imported" in refused.stderr
    named = {tuple(row[:3]) for row in table_rows(refused.stdout)[1:]}
    assert {("fares.csv", "2", "origin"), ("fares.csv", "2", "amount")} <= named
    errors = ais.json("fares", "import", tmp_path, code=1)["error"]["errors"]
    assert {(each["line"], each["column"]) for each in errors} >= {(2, "origin"), (2, "amount")}
    assert ais.json("fares", "show", "--all", "--limit", 10000) == before


def test_a_new_amount_begins_a_version_and_ends_the_old_one(ais, tmp_path):
    for name in ("fares.csv", "fare_rules.csv"):
        (tmp_path / name).write_text(demo_data.demo_file(f"fares/{name}"), encoding="utf-8")
    lines = (tmp_path / "fares.csv").read_text(encoding="utf-8").splitlines()
    cells = lines[1].split(",")
    cells[11] = "1.00"
    (tmp_path / "fares.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n", encoding="utf-8")
    report = ais.json("fares", "import", tmp_path / "fares.csv", tmp_path / "fare_rules.csv")
    assert (report["changed"], report["fares"]["added"], report["fares"]["ended"]) == (True, 1, 1)


def test_a_search_finds_offers_by_total(ais_to_look):
    found = ais_to_look.json("search", "ruh", "jed", DAY, "--return", BACK, "--adults", 2, "--child", 7)["offers"]
    totals = [float(each["total"]["amount"]) for each in found]
    assert totals == sorted(totals)
    assert [(each["origin"], each["destination"]) for each in found[0]["slices"]] == [("RUH", "JED"), ("JED", "RUH")]
    assert [each["type"] for each in found[0]["passengers"]] == ["adult", "adult", "child"]
    rows = table_rows(ais_to_look("search", "RUH", "JED", DAY, "--limit", 1).stdout)
    assert rows[0][:5] == ["Offer", "Total", "Brand", "Flight", "Route"]
    assert rows[1][:1] == ["1"]
    assert rows[1][4] == "RUH-JED"


def test_an_explanation_names_each_fare_and_the_rule_that_dropped_it(ais_to_look):
    document = ais_to_look.json("search", "DMM", "CAI", days_ahead(8), "--explain", "--limit", 3)
    (first, *_) = document["explanations"]
    assert len(first["flights"][0]) == 2
    outcomes = {each["reason"]: each for each in first["considered"]}
    assert {"chosen", "advance_purchase", "trip_type", "dearer"} <= set(outcomes)
    dropped = outcomes["advance_purchase"]
    assert dropped["sentence"].startswith("To be bought 14 days ahead; ")
    said = ais_to_look("search", "DMM", "CAI", days_ahead(8), "--explain", "--limit", 3).stdout
    assert "Fares considered for " + ", ".join(first["flights"][0]) in said
    assert dropped["sentence"] in said


def test_no_offer_has_code_one_and_an_impossible_search_code_two(ais_to_look):
    assert ais_to_look("search", "RUH", "JED", days_ahead(300), code=1).stderr == "There is no offer.\n"
    assert ais_to_look.json("search", "RUH", "JED", days_ahead(300), code=1) == {"offers": []}
    refused = ais_to_look("search", "RUH", "XXX", DAY, code=2)
    assert ["slices[0].destination", "XXX is not an airport that we know"] in table_rows(refused.stdout)
    fields = ais_to_look.json("search", "RUH", "XXX", DAY, code=2)["error"]["fields"]
    assert fields == [{"path": "slices[0].destination", "reason": "XXX is not an airport that we know"}]


def test_an_order_is_found_by_locator_and_by_id(ais, order):
    locator = order["record_locator"]
    by_locator, by_id = ais.json("order", "show", locator.lower()), ais.json("order", "show", order["id"])
    assert by_locator == by_id
    assert by_id["order"]["total"] == order["total"]
    assert [(move["axis"], move["to_state"]) for move in by_id["history"]] == [("order.status", "reserved")]
    said = ais("order", "show", locator).stdout
    assert said.startswith(f"{locator}  ")
    assert f"order reserved, payment unpaid, tickets none, to be paid by {order['payment_required_by'][:10]}" in said
    rows = table_rows(said)
    assert [cells[1] for cells in rows if cells[0].startswith("Al Harbi")] == ["adult", "adult"]
    assert any(cells[:2] == ["9Z101", "RUH-JED"] and cells[-2:] == ["confirmed", "HK"] for cells in rows)
    assert f"total {order['total']['amount']}, paid 0.00, refunded 0.00, due {order['total']['amount']} SAR" in said
    (listed,) = ais.json("order", "list", "--status", "reserved")["orders"]
    assert (listed["locator"], listed["passengers"], listed["route"]) == (locator, 2, ["RUH-JED"])


def test_an_unknown_order_has_code_one(ais_to_look):
    assert ais_to_look("order", "show", "ABCDEF", code=1).stderr == "There is no order ABCDEF.\n"
    assert ais_to_look.json("order", "show", "ABCDEF", code=1) == {"order": None, "history": []}
    assert ais_to_look("order", "list").stdout == "There are no orders.\n"
