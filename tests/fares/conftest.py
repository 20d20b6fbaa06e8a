"""A database that already has the reference data and the carrier of the examples."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from ais.kit import Channel
from ais.kit.actor import Actor, ActorKind
from ais.platform.database import Database
from ais.platform.migration import migrate
from ais.reference import Carrier, ReferenceData, import_carriers, seed_reference
from ais.reference.packaged import packaged_rows

CARRIERS = "code,accounting_code,name_en,name_ar,country_code\n9Z,999,Example,مثال,SA\n"


def _build(url: str) -> None:
    migrate(url)
    asyncio.run(_seed(url))


async def _seed(url: str) -> None:
    database = await Database.connect(url)
    async with database.unit_of_work(Actor(ActorKind.SYSTEM, "test", Channel.CLI)) as uow:
        await seed_reference(uow)
        await import_carriers(uow, CARRIERS)
    await database.close()


@pytest.fixture(scope="session")
def template(servers) -> str:
    """The newest schema with reference data, made once per run."""
    return servers.template("ais_template_fares", _build)


@pytest.fixture(scope="session")
def known() -> ReferenceData:
    """What the template's reference data is: the packaged one with the carrier of the examples."""
    packaged = packaged_rows()
    carriers = (*packaged.carriers, Carrier("9Z", "999", "Example", "مثال", "SA"))
    return ReferenceData(msgspec.structs.replace(packaged, carriers=carriers))
