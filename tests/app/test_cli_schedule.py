"""Schedules in and out by the command line, on the demo airline."""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.command_line import (
    days_ahead,
    make_order,
    sell,
    table_rows,
    with_smaller_aircraft,
    without_flight,
)
from tests.factories.market import SALE_DAYS

from ais.app import demo_data
from ais.app.invariants import INVARIANTS
from ais.kit import SystemClock
from ais.platform.database import Database
from ais.platform.invariants import find_violations

DAY = days_ahead(20)
FLIGHT = 101


def season_of_day():
    """The season whose schedule is in force on DAY."""
    return next(season for season in demo_data.schedule_files(DAY, DAY) if season.first <= DAY <= season.last)


@pytest.fixture
def ask(market_url):
    """Run a statement on the market and answer its rows."""

    async def fetch(statement, arguments):
        database = await Database.connect(market_url, clock=SystemClock(), maximum=2)
        try:
            async with database.connection() as connection:
                return [tuple(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await database.close()

    return lambda statement, *arguments: asyncio.run(fetch(statement, arguments))


@pytest.fixture
def sold_order(market_url, redis_url):
    """An order of two on FLIGHT on DAY, its seats sold."""

    async def make():
        database = await Database.connect(market_url, clock=SystemClock(), maximum=4)
        try:
            order = await make_order(database, market_url, redis_url, "RUH", "JED", DAY)
            await sell(database, order["record_locator"])
            return order
        finally:
            await database.close()

    return asyncio.run(make())


def state_of_everything(ask):
    return [
        ask(f"SELECT * FROM {table} ORDER BY 1, 2")
        for table in (
            "flight_dates",
            "legs",
            "segments",
            "leg_cabins",
            "schedule_data_sets",
            "schedule_imports",
            "jobs",
        )
    ]


def test_a_flight_date_is_shown_in_the_times_of_its_airports(ais_to_look):
    rows = table_rows(ais_to_look("schedule", "show", "9Z101", "--date", DAY).stdout)
    assert rows[0] == [
        "Flight", "Date", "Route", "Departs", "Arrives", "Aircraft", "Seats", "Registration", "Sold as", "State",
    ]  # fmt: skip
    assert rows[1:] == [["9Z101", str(DAY), "RUH-JED", "06:00", "07:45", "320", "C12Y138", "RUH-JED", "scheduled"]]


def test_a_flight_of_two_legs_shows_what_it_is_sold_as(ais_to_look):
    found = ais_to_look.json("schedule", "show", "--from", DAY, "--until", days_ahead(27), "--limit", 1000)
    flight = next(each for each in found["flight_dates"] if len(each["legs"]) == 2)
    (first, second) = flight["legs"]
    assert first["destination"] == second["origin"]
    assert {(each["origin"], each["destination"]) for each in flight["segments"]} == {
        (first["origin"], first["destination"]),
        (second["origin"], second["destination"]),
        (first["origin"], second["destination"]),
    }
    assert flight["id"].startswith("fld_")


def test_what_does_not_fly_has_code_one(ais_to_look):
    result = ais_to_look("schedule", "show", "9Z9999", code=1)
    assert (result.stdout, result.stderr) == ("", "There are no such flight dates.\n")
    assert ais_to_look.json("schedule", "show", "9Z9999", code=1) == {"flight_dates": []}


def test_a_list_that_goes_on_says_so(ais_to_look):
    cut = ais_to_look("schedule", "show", "--from", DAY, "--limit", 2)
    assert cut.stderr == "At most 2 are shown; --limit shows more.\n"
    whole = ais_to_look("schedule", "show", "9Z101", "--date", DAY)
    assert whole.stderr == ""


def test_an_export_is_the_file_that_was_imported(ais_to_look, tmp_path):
    season = season_of_day()
    assert ais_to_look("schedule", "export", "9Z", "--season", season.season).stdout == season.content
    target = tmp_path / "out.ssim"
    said = ais_to_look("schedule", "export", "9z", "--season", season.season, "-o", target)
    assert target.read_text() == season.content
    assert said.stdout == ""
    assert ais_to_look.json("schedule", "export", "9Z", "--season", season.season)["content"] == season.content
    assert ais_to_look("schedule", "export", "ZZ", code=1).stderr == "There is no such schedule of ZZ.\n"
    nowhere = ais_to_look("schedule", "export", "9Z", "--season", season.season, "-o", tmp_path / "no" / "x", code=2)
    assert "Could not open file" in nowhere.stderr


def test_the_same_file_again_changes_nothing(ais, ask):
    before = state_of_everything(ask)
    said = ais("schedule", "import", "-", stdin=season_of_day().content)
    assert said.stdout == "The schedule of 9Z is in force already: nothing changed.\n"
    assert ais.json("schedule", "import", "-", stdin=season_of_day().content)["is_unchanged"] is True
    assert state_of_everything(ask) == before


def test_a_refused_file_lists_every_error_and_changes_nothing(ais, ask, tmp_path):
    lines = season_of_day().content.splitlines()
    row = next(number for number, line in enumerate(lines) if line.startswith("3"))
    lines[row] = lines[row][:36] + "Q1Q" + lines[row][39:72] + "???" + lines[row][75:]
    path = tmp_path / "bad.ssim"
    path.write_text("\n".join(lines) + "\n")
    before = state_of_everything(ask)
    refused = ais("schedule", "import", path, code=1)
    assert "errors and was not imported." in refused.stderr
    shown = table_rows(refused.stdout)
    assert shown[0] == ["Record", "Row", "Column", "Field", "Expected", "Found"]
    assert {(cells[1], cells[2], cells[-1]) for cells in shown[1:]} >= {
        (str(row + 1), "37", "Q1Q"),
        (str(row + 1), "73", "???"),
    }
    error = ais.json("schedule", "import", path, code=1)["error"]
    assert error["code"] == "SCHEDULE_FILE_REFUSED"
    assert {(each["row"], each["column"], each["found"]) for each in error["errors"]} >= {
        (row + 1, 37, "Q1Q"),
        (row + 1, 73, "???"),
    }
    assert state_of_everything(ask) == before


def test_a_rehearsed_import_names_the_passengers_and_changes_nothing(ais, ask, sold_order):
    content = without_flight(season_of_day().content, FLIGHT)
    before = state_of_everything(ask)
    report = ais.json("schedule", "import", "-", "--dry-run", "--until", days_ahead(SALE_DAYS), stdin=content)
    assert (report["dry_run"], report["import_id"]) == (True, None)
    assert report["counts"]["cancelled"] > 10
    (change,) = [each for each in report["changes"] if each["departure_date"] == str(DAY)]
    assert (change["flight"], change["kinds"]) == ("9Z101", ["cancelled"])
    assert (change["seats_sold"], change["passengers"]) == (2, 2)
    assert change["order_ids"] == [sold_order["id"]]
    assert (report["seats_sold"], report["passengers"]) == (2, 2)
    said = ais("schedule", "import", "-", "--dry-run", "--until", days_ahead(SALE_DAYS), stdin=content).stdout
    assert said.startswith("Nothing is changed; an import would give: the schedule of 9Z.\n")
    changed = next(cells for cells in table_rows(said) if cells[:2] == ["9Z101", str(DAY)])
    assert changed == ["9Z101", str(DAY), "cancelled", "RUH-JED no longer", "2", "2", "1"]
    assert "2 seats sold and 2 passengers are affected.\n" in said
    assert state_of_everything(ask) == before


def test_an_import_cancels_closes_and_tells_the_orders(ais, ask, sold_order):
    content = without_flight(season_of_day().content, FLIGHT)
    report = ais.json("schedule", "import", "-", "--until", days_ahead(SALE_DAYS), stdin=content)
    assert (report["dry_run"], report["passengers"]) == (False, 2)
    flight = ais.json("schedule", "show", "9Z101", "--date", DAY)["flight_dates"][0]
    assert (flight["status"], flight["cancelled_by"]) == ("cancelled", "schedule")
    counted = ask(
        "SELECT cabin.on_sale, sum(sold) FROM leg_cabins AS cabin JOIN flight_dates AS flight ON id = flight_date_id "
        "WHERE flight_number = 101 AND departure_date = $1 GROUP BY cabin.on_sale",
        DAY,
    )
    assert counted == [(False, 2)]
    # The event left with the import; a worker that handles it makes the order's segment UN.
    assert "orders.on_flight_dates_cancelled" in {name for (name,) in ask("SELECT entrypoint FROM jobs")}
    assert ais("schedule", "affected").stdout == "No order is affected by a change of the schedule.\n"
    ask("UPDATE order_segments SET status = 'cancelled', status_code = 'UN' RETURNING 1")
    affected = table_rows(ais("schedule", "affected").stdout)
    assert affected[1:] == [
        [sold_order["record_locator"], "reserved", "9Z101", str(DAY), "RUH-JED", "cancelled", "UN", "2"]
    ]
    assert ais.json("schedule", "affected")["orders"][0]["passengers"] == 2


def test_a_smaller_aircraft_keeps_what_is_sold(ais, ask, market_url, sold_order):
    content = with_smaller_aircraft(season_of_day().content, FLIGHT)
    report = ais.json("schedule", "import", "-", "--until", days_ahead(SALE_DAYS), stdin=content)
    (change,) = [each for each in report["changes"] if each["departure_date"] == str(DAY)]
    assert (change["kinds"], change["seats_sold"]) == (["equipment"], 2)
    after = change["legs"][0]["after"]
    assert (after["aircraft_type"], after["configuration"]) == ("AT7", "Y70")
    cabins = {each["cabin"]: each for each in ais.json("inventory", "show", "9Z101", DAY)["legs"]}
    assert (cabins["Y"]["capacity"], cabins["Y"]["sold"]) == (70, 2)
    assert (cabins["C"]["capacity"], cabins["C"]["sold"]) == (0, 0)

    async def broken():
        database = await Database.connect(market_url, clock=SystemClock(), maximum=2)
        try:
            wanted = [each for each in INVARIANTS if each.name.startswith("inventory.")]
            return [each.invariant.name for each in await find_violations(database, wanted)]
        finally:
            await database.close()

    assert asyncio.run(broken()) == []


def test_the_sale_is_extended_with_its_seats_once(market_url, ask):
    from ais.app.schedule_import import extend_sale
    from ais.kit import Channel, system_actor
    from ais.reference import load_reference

    until = days_ahead(SALE_DAYS + 2)

    async def extend():
        database = await Database.connect(market_url, clock=SystemClock(), maximum=2)
        try:
            async with database.unit_of_work(system_actor("tests", Channel.CLI)) as uow:
                report = await extend_sale(uow, until, reference=await load_reference(uow.connection))
                return report.counts["added"], report.changes
        finally:
            await database.close()

    added, changes = asyncio.run(extend())
    assert added > 0
    assert changes == ()
    assert ask("SELECT max(departure_date) FROM flight_dates") == [(until,)]
    assert ask(
        "SELECT count(*) FROM legs WHERE NOT EXISTS (SELECT FROM leg_cabins WHERE leg_cabins.leg_id = legs.id)"
    ) == [(0,)]
    assert asyncio.run(extend()) == (0, ())


def test_a_recorded_carrier_flies_a_year_from_the_date_given(ais, ask):
    begin = days_ahead(1)
    (done,) = ais.json("schedule", "import-nycflights", "--carrier", "OO", "--first-date", begin)["imports"]
    assert (done["carrier"], done["rows"], done["counts"]["added"]) == ("OO", 32, 32)
    assert done["operations_kept"] == 32
    counted = ask("SELECT count(DISTINCT leg_id) FROM leg_cabins JOIN flight_dates ON id = flight_date_id "
                  "WHERE carrier = 'OO'")  # fmt: skip
    assert counted == [(32,)]
    (again,) = ais.json("schedule", "import-nycflights", "--carrier", "OO", "--first-date", begin)["imports"]
    assert (again["counts"]["added"], again["counts"]["unchanged"]) == (0, 32)
    assert (
        "OO skipped or guessed: "
        in ais("schedule", "import-nycflights", "--carrier", "OO", "--first-date", begin).stdout
    )
    assert "The record has no ZZ" in ais("schedule", "import-nycflights", "--carrier", "ZZ", code=2).stderr
