"""The command line as a test calls it, and an order that it can show."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from click.testing import CliRunner, Result

from ais.app.cli import main
from ais.app.composition import web_state
from ais.inventory import confirm_hold
from ais.kit import Channel, system_actor
from ais.offers import SearchRequest
from ais.orders import EVERYTHING, OrderFilter, OrderRequest, create_order, list_orders
from ais.platform.database import Database
from ais.platform.idempotency import RequestKey
from ais.platform.settings import Settings
from ais.schedule.ssim import CarrierRecords, read_file, write_file

ACTOR = system_actor("tests", Channel.CLI)


class CommandLine:
    """``ais`` on one database, in this process."""

    def __init__(self, database_url: str, data_dir: Path) -> None:
        self.environment = {"DATABASE_URL": database_url, "AIS_DATA_DIR": str(data_dir), "COLUMNS": "200"}

    def __call__(self, *arguments: object, code: int = 0, stdin: str | bytes | None = None, **settings: str) -> Result:
        """Run a command that must end with this exit code, and raise nothing."""
        result = CliRunner().invoke(
            main, [str(each) for each in arguments], input=stdin, env={**self.environment, **settings}
        )
        assert result.exit_code == code, (result.exit_code, result.stdout, result.stderr, result.exception)
        return result

    def json(self, *arguments: object, code: int = 0, stdin: str | bytes | None = None) -> Any:
        """The one document that a command prints."""
        return json.loads(self(*arguments, "--json", code=code, stdin=stdin).stdout)


def table_rows(text: str) -> list[list[str]]:
    """The cells of every line of a printed table, without its rule."""
    import re

    return [re.split(r" {2,}", line.strip()) for line in text.splitlines() if line.strip() and "───" not in line]


async def make_order(
    database: Database, database_url: str, redis_url: str, origin: str, destination: str, day: date, *, adults: int = 2
) -> Any:
    """An order of the cheapest offer with its seats held, as the API would make it; answers the order's body."""
    settings = Settings(database_url=database_url, redis_url=redis_url, carrier="9Z")
    request = {
        "slices": [{"origin": origin, "destination": destination, "departure_date": day.isoformat()}],
        "passengers": [{"type": "adult"}] * adults,
        "limit": 1,
    }
    async with web_state(settings) as state:
        (offer,) = state["shop"].search(msgspec.convert(request, SearchRequest))
        body = {
            "offer_id": offer.id,
            "passengers": [
                {"id": passenger.id, "given_name": "Sara", "family_name": "Al Harbi"} for passenger in offer.passengers
            ],
            "contact": {"email": "sara@example.com"},
        }
        key = RequestKey("tests", str(uuid4()), b"f" * 32)
        answer = await create_order(
            state["create_order"], ACTOR, "tests", key, msgspec.convert(body, OrderRequest), "en"
        )
    return msgspec.json.decode(answer.body)


async def sell(database: Database, record_locator: str) -> None:
    """Turn the held seats of an order into sold ones, as its payment would."""
    async with database.unit_of_work(ACTOR) as uow:
        (order,) = await list_orders(uow.connection, OrderFilter(scope=EVERYTHING, record_locator=record_locator))
        await confirm_hold(uow, order.hold_id)


def without_flight(content: str, flight_number: int) -> str:
    """The SSIM file of one carrier without a flight number."""
    file, errors = read_file(content)
    assert not errors
    schedule = file.carriers[0]
    records = [
        record
        for group in schedule.legs
        if group.leg.flight != (flight_number, "")
        for record in (group.leg, *group.segment_data)
    ]
    assert file.header is not None
    return write_file(file.header, [CarrierRecords(schedule.carrier, records)])


def with_smaller_aircraft(content: str, flight_number: int) -> str:
    """The SSIM file with an ATR of 70 seats on every leg of a flight number; no other column differs."""
    lines = content.splitlines()
    for position, line in enumerate(lines):
        if line[:1] == "3" and int(line[5:9]) == flight_number:
            lines[position] = line[:72] + "AT7" + line[75:172] + "Y70".ljust(20) + line[192:]
    return "\n".join(lines) + "\n"


def days_ahead(days: int) -> date:
    from datetime import UTC, datetime

    return datetime.now(UTC).date() + timedelta(days=days)
