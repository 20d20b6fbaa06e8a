"""Reference data in the database."""

import pytest

from ais.reference import BadReferenceFile, import_carriers, load_reference, packaged_reference, seed_reference

HEADER = "code,accounting_code,name_en,name_ar,country_code\n"


async def version(database):
    async with database.connection() as connection:
        return await connection.fetchval("SELECT version FROM data_versions WHERE name = 'reference'")


async def test_seeding_stores_what_is_packaged_and_seeding_again_changes_nothing(database, actor):
    async with database.unit_of_work(actor) as uow:
        assert await seed_reference(uow) > 7884
    assert await version(database) == 1
    async with database.unit_of_work(actor) as uow:
        assert await seed_reference(uow) == 0
    assert await version(database) == 1
    async with database.connection() as connection:
        stored = await load_reference(connection)
    packaged = packaged_reference()
    assert stored.version == 1
    assert dict(stored.airports) == dict(packaged.airports)
    assert dict(stored.countries) == dict(packaged.countries)
    assert dict(stored.cities) == dict(packaged.cities)
    assert dict(stored.carriers) == dict(packaged.carriers)
    assert dict(stored.aircraft_types) == dict(packaged.aircraft_types)


async def test_seeding_keeps_what_staff_changed_and_mends_what_nobody_did(database, actor):
    async with database.unit_of_work(actor) as uow:
        await seed_reference(uow)
        await uow.connection.execute("UPDATE airports SET name_en = 'Ours', version = 2 WHERE iata = 'RUH'")
        await uow.connection.execute("UPDATE airports SET name_en = 'Stale' WHERE iata = 'JED'")
    async with database.unit_of_work(actor) as uow:
        assert await seed_reference(uow) == 1
    async with database.connection() as connection:
        stored = await load_reference(connection)
    assert stored.airport("RUH").name_en == "Ours"
    assert stored.airport("JED").name_en == "King Abdulaziz International Airport"


@pytest.fixture
async def country(database):
    """A database that knows one country and nothing else."""
    async with database.connection() as connection:
        await connection.execute("INSERT INTO countries (code, name_en) VALUES ('SA', 'Saudi Arabia')")


async def test_carriers_come_from_a_file(database, actor, country):
    text = HEADER + "9Z,991,Rimal Air,طيران رمال,SA\n"
    async with database.unit_of_work(actor) as uow:
        assert await import_carriers(uow, text) == 1
        assert await import_carriers(uow, text) == 0
    assert await version(database) == 1
    async with database.connection() as connection:
        assert (await load_reference(connection)).carrier("9Z").accounting_code == "991"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("99,991,A,,SA", "line 3, code"),
        ("9z,991,A,,SA", "line 3, code"),
        ("9Z,91,A,,SA", "line 3, accounting_code"),
        ("9Z,991,,,SA", "line 3, name_en"),
        ("9Z,991,A,,Saudi", "line 3, country_code"),
    ],
)
async def test_a_wrong_carriers_file_is_refused_whole_with_the_line_named(database, actor, country, row, problem):
    async with database.unit_of_work(actor) as uow:
        with pytest.raises(BadReferenceFile) as refusal:
            await import_carriers(uow, f"{HEADER}8Z,990,Good,,SA\n{row}\n")
    assert [each.startswith(problem) for each in refusal.value.problems] == [True]
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM carriers WHERE code IN ('8Z', '9Z')") == 0
    assert await version(database) is None


async def test_one_pair_has_one_rate_a_day(database):
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO exchange_rates VALUES ('USD', 'SAR', 3.75, daterange('2020-01-01', NULL))"
        )
        with pytest.raises(Exception, match="exchange_rates_base_quote_valid_excl"):
            await connection.execute(
                "INSERT INTO exchange_rates (base, quote, rate, valid) "
                "VALUES ('USD', 'SAR', 3.8, daterange('2027-01-01', NULL))"
            )
