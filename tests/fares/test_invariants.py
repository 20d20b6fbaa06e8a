"""What ``ais verify`` checks of fare data: clean after an import, and each planted violation named."""

from __future__ import annotations

import pytest
from tests.factories.fare_files import example_files

from ais.fares import INVARIANTS, import_fares
from ais.platform.invariants import find_violations

pytestmark = pytest.mark.anyio

FARE = """
    INSERT INTO fare_versions (key, digest, carrier, market_level, origin, destination, both_directions, trip_type,
        fare_basis, rbd, brand, cabin, amount_minor, currency, rule, points_of_sale, sale_starts_at, imported_by,
        superseded_at)
    SELECT key || 'X', digest, carrier, market_level, origin, destination, both_directions, trip_type, fare_basis, rbd,
        brand, cabin, amount_minor, currency, {rule}, points_of_sale, sale_starts_at, imported_by, {superseded_at}
    FROM fare_versions WHERE id = 1
"""
TAX = """
    INSERT INTO tax_versions (key, digest, code, kind, name_en, name_ar, airports, point, scope, cabins, brands,
        basis_points, percent_of, rounding_direction, exempt_passengers, refundable, example, sale_starts_at,
        imported_by)
    SELECT key || 'X', digest, code, kind, name_en, name_ar, airports, point, scope, cabins, {brands}, basis_points,
        {percent_of}, rounding_direction, exempt_passengers, refundable, example, sale_starts_at, imported_by
    FROM tax_versions WHERE code = 'K7'
"""
PLANTED = {
    "fares.replaced_versions_end": FARE.format(rule="rule", superseded_at="ais_now()"),
    "fares.rules_are_complete": FARE.format(rule="rule - 'baggage'", superseded_at="NULL"),
    "fares.percentages_have_bases": TAX.format(brands="brands", percent_of="ARRAY['QQ']"),
    "fares.brands_are_known": TAX.format(brands="ARRAY['GOLD']", percent_of="percent_of"),
}


@pytest.fixture
async def filed(database, actor, known):
    async with database.unit_of_work(actor) as uow:
        await import_fares(uow, example_files(), known)


async def test_an_import_breaks_no_promise(database, filed):
    assert await find_violations(database, INVARIANTS) == []


@pytest.mark.parametrize("name", [invariant.name for invariant in INVARIANTS])
async def test_a_planted_violation_is_named(database, filed, name):
    async with database.connection() as connection:
        assert await connection.execute(PLANTED[name]) == "INSERT 0 1"
    assert [violation.invariant.name for violation in await find_violations(database, INVARIANTS)] == [name]
