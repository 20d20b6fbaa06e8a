"""Personal data by the command line."""

from __future__ import annotations

import asyncio
import json

from tests.factories.command_line import days_ahead, make_order
from tests.factories.vault import VAULT, new_key

from ais.app.composition import web_state
from ais.platform.database import Database
from ais.platform.settings import DEMO_LOOKUP_KEY, Settings


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
    ais("privacy", "erase", "--order", order, "--with-contact", code=2)
    named = ("--passenger", passenger, "--with-contact")
    assert json.loads(ais("privacy", "erase", "--order", order, *named, "--json").stdout)["result"]["persons"] == 2
    assert "no such passenger" in ais("privacy", "erase", "--order", order, "--passenger", "pas_x", code=1).stderr
    ais("privacy", "erase", "--email", "sara@example.com", "--passenger", passenger, code=2)
    looked_at = json.loads(ais("privacy", "erase", "--order", order, "--json").stdout)
    assert (looked_at["erased"], looked_at["result"]["orders"]) == (False, 1)
    assert json.loads(ais("order", "show", order, "--json").stdout)["order"]["contact"] is not None
    assert "persons of 1 orders are erased" in ais("privacy", "erase", "--order", order, "--yes").stdout
    assert json.loads(ais("order", "show", order, "--json").stdout)["order"]["contact"] is None


def started(market_url, redis_url, keys):
    """A web process that was there with these lookup keys."""

    async def start():
        async with web_state(Settings(database_url=market_url, redis_url=redis_url, vault_lookup_key=keys)):
            pass

    asyncio.run(start())


def test_a_lookup_key_is_rotated_and_dropped(ais, market_url, redis_url):
    order = sold(market_url, redis_url)
    other = new_key("2027-b")
    keys = {"AIS_VAULT_LOOKUP_KEY": f"{other},{DEMO_LOOKUP_KEY}"}
    refused = ais("privacy", "rotate-lookups", "--json", code=1, **keys)
    assert json.loads(refused.stdout)["error"]["code"] == "LOOKUP_KEY_REFUSED"
    assert "No process was started with the lookup key '2027-b' yet" in refused.stderr
    started(market_url, redis_url, keys["AIS_VAULT_LOOKUP_KEY"])
    assert "1 hashes still need" in ais("privacy", "drop-lookup-key", "demo-0", code=1, **keys).stderr
    rotated = json.loads(ais("privacy", "rotate-lookups", "--json", **keys).stdout)
    assert rotated == {"rewritten": {"accounts": 0, "registrations": 0, "orders": 1}}
    status = json.loads(ais("privacy", "status", "--json", **keys).stdout)
    assert (status["lookups"], status["finds"]) == ([{"lookup_key": "2027-b", "hashes": 1}], ["2027-b", "demo-0"])
    unfound = ais("privacy", "status", code=1)
    assert "MISSING" in unfound.stdout
    assert json.loads(ais("privacy", "drop-lookup-key", "demo-0", "--json", **keys).stdout) == {"dropped": "demo-0"}
    # Whoever has lost the key makes all hashes anew by another one, while nothing runs.
    lost = {"AIS_VAULT_LOOKUP_KEY": new_key("2027-c")}
    assert "1 orders are found by the first key" in ais("privacy", "rotate-lookups", "--alone", **lost).stdout
    ais("privacy", "drop-lookup-key", "2027-b", **lost)
    started(market_url, redis_url, lost["AIS_VAULT_LOOKUP_KEY"])
    ais("order", "cancel", order, "--yes")
    found = json.loads(ais("privacy", "erase", "--email", "sara@example.com", "--json", **lost).stdout)
    assert found["result"]["orders"] == 1
