"""Personal data by the command line."""

from __future__ import annotations

import asyncio
import json

from tests.factories.command_line import days_ahead, make_order
from tests.factories.vault import VAULT

from ais.platform.database import Database


def sold(market_url, redis_url):
    """The id of an order that is to be paid."""

    async def sell():
        database = await Database.connect(market_url, maximum=4, vault=VAULT)
        try:
            return (await make_order(database, market_url, redis_url, "RUH", "JED", days_ahead(20)))["id"]
        finally:
            await database.close()

    return asyncio.run(sell())


def test_keys_rows_in_the_clear_and_an_erasure_that_is_only_looked_at(ais, market_url, redis_url):
    order = sold(market_url, redis_url)
    status = json.loads(ais("privacy", "status", "--json").stdout)
    assert [each["kek_id"] for each in status["keys"]] == ["demo-0"]
    assert (status["wraps"], status["missing"], status["orders_in_the_clear"]) == ("demo-0", [], 0)
    assert json.loads(ais("privacy", "seal", "--json").stdout) == {"sealed": 0}
    refused = ais("privacy", "erase", "--order", order, "--yes", code=1)
    assert "a journey is still to be flown, or money is open" in refused.stderr
    shown = json.loads(ais("order", "show", order, "--json").stdout)["order"]
    assert shown["contact"]["email"].startswith(shown["contact"]["email"][0] + "•••@")
    full = json.loads(ais("order", "show", order, "--personal", "--json").stdout)["order"]
    assert "•" not in full["contact"]["email"]
    ais("order", "cancel", order, "--yes")
    passenger = full["passengers"][0]["id"]
    alone = json.loads(ais("privacy", "erase", "--order", order, "--passenger", passenger, "--json").stdout)
    assert (alone["erased"], alone["result"]["persons"]) == (False, 1)
    assert "no such passenger" in ais("privacy", "erase", "--order", order, "--passenger", "pas_x", code=1).stderr
    ais("privacy", "erase", "--email", "sara@example.com", "--passenger", passenger, code=2)
    looked_at = json.loads(ais("privacy", "erase", "--order", order, "--json").stdout)
    assert (looked_at["erased"], looked_at["result"]["orders"]) == (False, 1)
    assert json.loads(ais("order", "show", order, "--json").stdout)["order"]["contact"] is not None
    assert "persons of 1 orders are erased" in ais("privacy", "erase", "--order", order, "--yes").stdout
    assert json.loads(ais("order", "show", order, "--json").stdout)["order"]["contact"] is None
