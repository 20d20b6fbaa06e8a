"""Fare data in the database: imports, withdrawals, and the book that is loaded from it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from tests.factories.fare_files import CARRIER, edited, example_files
from tests.factories.fares import make_party, make_segment

from ais.fares import (
    AlreadyWithdrawn,
    FareImportRefused,
    FareVersionNotFound,
    import_fares,
    load_fare_book,
    price_itinerary,
    show_brands,
    show_fares,
    show_points_of_sale,
    show_taxes,
    withdraw_fare,
    withdraw_tax,
)
from ais.kit import Money

pytestmark = pytest.mark.anyio

TABLES = ("fare_versions", "tax_versions", "discount_versions", "fare_brands", "points_of_sale", "data_versions")


@pytest.fixture
def importing(database, actor, known):
    async def run(files):
        async with database.unit_of_work(actor) as uow:
            return await import_fares(uow, files, known)

    return run


async def everything(database):
    """All rows of all fare tables."""
    async with database.connection() as connection:
        return {
            table: [tuple(row) for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")]
            for table in TABLES
        }


async def load(database, known):
    async with database.connection() as connection:
        now = await connection.fetchval("SELECT ais_now()")
        return now, await load_fare_book(connection, now, facts=known, rates=known)


def next_monday(now):
    day = now.date() + timedelta(days=60)
    return day + timedelta(days=-day.weekday() % 7)


async def test_the_example_is_imported_and_priced(database, known, importing):
    report = await importing(example_files())
    counts = (report.fares, report.taxes, report.discounts)
    assert [(each.added, each.ended, each.unchanged, each.past) for each in counts] == [
        (6, 0, 0, 0),
        (5, 0, 0, 0),
        (3, 0, 0, 0),
    ]
    assert (report.brands, report.points_of_sale) == (3, 2)
    now, book = await load(database, known)
    assert book.version == 1
    slices = [[make_segment(day=next_monday(now), carrier=CARRIER)]]
    priced = price_itinerary(book, slices, make_party(2, 1, 1), cabin="Y", as_of=now, point_of_sale="SA")
    # Light: 199.00 and 25.00 YQ and 15 % of both; child 150.00 (up to whole riyals), infant 20.00 and no YQ.
    adult, child, infant = "257.60", "201.25", "23.00"
    assert [each.total.amount for each in priced[0].passengers] == [adult, adult, child, infant]
    assert (priced[0].brand, priced[0].total.amount) == ("LIGHT", "739.45")
    assert [each.brand for each in priced] == ["LIGHT", "VALUE", "FLEX"]
    conditions = priced[1].conditions[0]
    assert [(tier.until_hours_before, tier.penalty.amount) for tier in conditions.refund.tiers] == [
        (24, "98.70"),
        (0, "164.50"),
    ]


async def test_the_same_files_twice_change_nothing(database, importing):
    await importing(example_files())
    before = await everything(database)
    report = await importing(example_files())
    assert not report.changed_anything
    assert (report.fares.unchanged, report.taxes.unchanged, report.discounts.unchanged) == (6, 5, 3)
    assert await everything(database) == before


async def test_two_imports_at_once_file_every_row_once(database, importing):
    reports = await asyncio.gather(importing(example_files()), importing(example_files()))
    assert sorted(report.fares.added for report in reports) == [0, 6]
    assert sorted(report.taxes.added for report in reports) == [0, 5]
    stored = await everything(database)
    assert {table: len(rows) for table, rows in stored.items() if table != "data_versions"} == {
        "fare_versions": 6,
        "tax_versions": 5,
        "discount_versions": 3,
        "fare_brands": 3,
        "points_of_sale": 2,
    }


async def test_a_mistake_anywhere_changes_nothing_and_is_named(database, importing):
    await importing(example_files())
    before = await everything(database)
    files = edited(example_files(), "fares.csv", 2, "amount", "299.00")
    files = edited(files, "taxes.csv", 6, "country", "XX")
    with pytest.raises(FareImportRefused) as refused:
        await importing(files)
    assert refused.value.details["errors"] == [
        {
            "file": "taxes.csv",
            "line": 6,
            "column": "country",
            "value": "XX",
            "expected": "the code of a country, or nothing",
        }
    ]
    assert await everything(database) == before


async def test_a_circle_of_percentages_is_refused_also_with_what_is_on_file(database, importing):
    await importing(example_files())
    before = await everything(database)
    header, *_ = example_files()["taxes.csv"].splitlines()
    charge = "YR,carrier_charge,Levy,رسم,,,,departure,any,,,,SAR,1,K7,,,,,no,2026-01-01,,,,yes"
    with pytest.raises(FareImportRefused) as refused:
        await importing({"taxes.csv": f"{header}\n{charge}\n"})
    (error,) = refused.value.details["errors"]
    assert (error["line"], error["column"]) == (2, "percent_of")
    assert "refer to each other" in error["expected"]
    assert await everything(database) == before


async def test_a_changed_fare_is_a_new_version_and_ends_the_sale_of_the_old_one(database, known, importing):
    await importing(example_files())
    before, _ = await load(database, known)
    report = await importing(edited(example_files(), "fares.csv", 2, "amount", "229.00"))
    assert (report.fares.added, report.fares.ended, report.fares.unchanged) == (1, 1, 5)
    now, book = await load(database, known)
    assert book.version == 2
    versions = sorted((fare for fare in book.fares.values() if fare.fare_basis == "QOLT"), key=lambda fare: fare.id)
    old, new = versions
    assert (old.amount, new.amount) == (Money(19900, "SAR"), Money(22900, "SAR"))
    assert old.sale_ends_at == new.sale_starts_at
    assert before < new.sale_starts_at <= now
    slices = [[make_segment(day=next_monday(now), carrier=CARRIER)]]
    for at, version in ((before, old), (now, new)):
        priced = price_itinerary(book, slices, make_party(), cabin="Y", as_of=at, point_of_sale="SA")
        assert priced[0].components[0].fare_version_id == version.id


async def test_a_changed_rule_makes_a_new_version_of_each_of_its_fares(importing):
    await importing(example_files())
    report = await importing(edited(example_files(), "fare_rules.csv", 4, "checked", "1x30"))
    assert (report.fares.added, report.fares.ended, report.fares.unchanged) == (3, 3, 3)


async def test_a_changed_brand_name_counts_and_is_a_new_version_of_the_data(database, known, importing):
    await importing(example_files())
    report = await importing({"brands.csv": edited(example_files(), "brands.csv", 2, "name_en", "Basic")["brands.csv"]})
    assert (report.brands, report.fares.added) == (1, 0)
    _, book = await load(database, known)
    assert (book.version, book.brands["9Z", "LIGHT"].name_en) == (2, "Basic")


async def test_a_withdrawn_fare_is_not_sold_and_stays_withdrawn_when_its_row_comes_again(
    database, actor, known, importing
):
    await importing(example_files())
    _, book = await load(database, known)
    number = next(fare.id for fare in book.fares.values() if fare.fare_basis == "QOLT")
    async with database.unit_of_work(actor) as uow:
        await withdraw_fare(uow, number, "filed in error")
    now, book = await load(database, known)
    assert book.version == 2
    assert book.fares[number].withdrawn_at == book.fares[number].sale_ends_at
    slices = [[make_segment(day=next_monday(now), carrier=CARRIER)]]
    assert [
        each.brand for each in price_itinerary(book, slices, make_party(), cabin="Y", as_of=now, point_of_sale="SA")
    ] == ["VALUE", "FLEX"]
    before = await everything(database)
    assert not (await importing(example_files())).changed_anything
    assert await everything(database) == before
    report = await importing(edited(example_files(), "fares.csv", 2, "amount", "209.00"))
    assert (report.fares.added, report.fares.ended) == (1, 1)


async def test_a_withdrawal_happens_once_and_to_what_exists(database, actor, known, importing):
    await importing(example_files())
    async with database.unit_of_work(actor) as uow:
        await withdraw_tax(uow, 1, "no longer due")
    before = await everything(database)
    with pytest.raises(AlreadyWithdrawn):
        async with database.unit_of_work(actor) as uow:
            await withdraw_tax(uow, 1, "again")
    with pytest.raises(FareVersionNotFound):
        async with database.unit_of_work(actor) as uow:
            await withdraw_fare(uow, 999, "nothing there")
    assert await everything(database) == before


async def test_a_withdrawal_that_rolls_back_changes_nothing(database, actor, importing):
    await importing(example_files())
    before = await everything(database)

    async def withdraw_and_fail():
        async with database.unit_of_work(actor) as uow:
            await withdraw_fare(uow, 1, "reason")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await withdraw_and_fail()
    assert await everything(database) == before


@pytest.mark.parametrize("table", ["fare_versions", "tax_versions", "discount_versions"])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {table} WHERE id = 1",
        "UPDATE {table} SET carrier = carrier || 'X' WHERE id = 1",
        "UPDATE {table} SET sale_starts_at = sale_starts_at - interval '1 day' WHERE id = 1",
        "UPDATE {table} SET digest = sha256('x') WHERE id = 1",
    ],
)
async def test_the_database_refuses_to_change_or_remove_a_version(database, importing, table, statement):
    await importing(example_files())
    before = await everything(database)
    async with database.connection() as connection:
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(statement.format(table=table))
    assert await everything(database) == before


async def test_the_database_refuses_to_extend_an_ended_sale_and_two_versions_at_once(database, importing):
    await importing(example_files())
    await importing(edited(example_files(), "fares.csv", 2, "amount", "229.00"))
    before = await everything(database)
    async with database.connection() as connection:
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute("UPDATE fare_versions SET sale_ends_at = NULL WHERE superseded_at IS NOT NULL")
        columns = await connection.fetchval(
            "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
            " WHERE table_name = 'fare_versions' AND column_name NOT IN ('id', 'superseded_at')"
        )
        with pytest.raises(asyncpg.ExclusionViolationError):
            await connection.execute(
                f"INSERT INTO fare_versions ({columns}) SELECT {columns} FROM fare_versions WHERE superseded_at IS NULL"
            )
    assert await everything(database) == before


async def test_fares_taxes_brands_and_points_of_sale_are_shown(database, importing):
    await importing(example_files())
    await importing(edited(example_files(), "fares.csv", 2, "amount", "229.00"))
    async with database.connection() as connection:
        now = await connection.fetchval("SELECT ais_now()")
        jeddah = await show_fares(connection, between=("JED",), brand="LIGHT", at=now)
        assert [(fare.fare_basis, fare.amount.amount) for fare in jeddah] == [("QRLT", "169.00"), ("QOLT", "229.00")]
        assert len(await show_fares(connection, between=("JED",), brand="LIGHT")) == 3
        assert await show_fares(connection, carrier="XX") == []
        assert [tax.code for tax in await show_taxes(connection, country="SA", at=now)] == ["K7", "SA"]
        assert [brand.code for brand in await show_brands(connection)] == ["LIGHT", "VALUE", "FLEX"]
        assert [(place.code, place.currency) for place in await show_points_of_sale(connection)] == [
            ("*", "SAR"),
            ("KW", "KWD"),
        ]


async def test_a_fare_sold_from_a_later_date_on_takes_over_then(database, known, importing):
    await importing(example_files())
    now, _ = await load(database, known)
    later = now.date() + timedelta(days=10)
    files = edited(example_files(), "fares.csv", 2, "amount", "259.00")
    report = await importing(edited(files, "fares.csv", 2, "sale_from", later.isoformat()))
    assert (report.fares.added, report.fares.ended) == (1, 1)
    now, book = await load(database, known)
    slices = [[make_segment(day=next_monday(now), carrier=CARRIER)]]
    totals = [
        price_itinerary(book, slices, make_party(), cabin="Y", as_of=at, point_of_sale="SA")[0]
        .passengers[0]
        .base_fare.amount
        for at in (now, now + timedelta(days=11))
    ]
    assert totals == ["199.00", "259.00"]


async def test_ended_versions_leave_the_book_after_two_days(database, known, importing):
    await importing(example_files())
    await importing(edited(example_files(), "fares.csv", 2, "amount", "229.00"))
    async with database.connection() as connection:
        now = await connection.fetchval("SELECT ais_now()")
        counts = [
            len((await load_fare_book(connection, now + timedelta(hours=hours), facts=known, rates=known)).fares)
            for hours in (0, 47, 49)
        ]
    assert counts == [7, 7, 6]


@pytest.mark.slow
async def test_ten_thousand_fares_are_imported_and_loaded_whole(database, known, importing):
    files = example_files()
    header, first, *_ = files["fares.csv"].splitlines()
    cities = (
        "RUH",
        "JED",
        "DMM",
        "MED",
        "CAI",
        "DXB",
        "AMM",
        "KWI",
        "BAH",
        "DOH",
        "IST",
        "BEY",
        "MCT",
        "TIF",
        "AHB",
        "TUU",
        "GIZ",
        "ELQ",
        "ALY",
        "SSH",
        "AUH",
        "SLL",
    )
    rows = [
        first.replace("RUH,JED", f"{origin},{destination}").replace("QOLT", f"Q{number:03d}")
        for origin in cities
        for destination in cities
        if origin != destination
        for number in range(22)
    ]
    report = await importing(files | {"fares.csv": "\n".join([header, *rows]) + "\n"})
    assert report.fares.added == len(rows) == 10_164
    _, book = await load(database, known)
    assert len(book.fares) == 10_164
