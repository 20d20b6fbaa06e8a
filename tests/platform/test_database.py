from __future__ import annotations

from typing import ClassVar

import msgspec
import pytest

from ais.platform.database import Database


class LampLit(msgspec.Struct, frozen=True):
    event_name: ClassVar[str] = "lamps.lamp_lit"
    lamp_id: str


async def test_a_unit_of_work_commits_whole_or_not_at_all(database: Database, actor):
    async with database.unit_of_work(actor) as uow:
        await uow.connection.execute("SELECT bump_data_version('lamps')")

    async def break_off() -> None:
        async with database.unit_of_work(actor) as uow:
            await uow.connection.execute("SELECT bump_data_version('lamps')")
            uow.enqueue("lamps.light", {"lamp_id": "1"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await break_off()
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT version FROM data_versions WHERE name = 'lamps'") == 1
        assert await connection.fetchval("SELECT count(*) FROM jobs") == 0


async def test_an_event_becomes_one_job_for_each_of_its_handlers(database: Database, actor):
    database.subscriptions.add("lamps.lamp_lit", "notices.tell")
    database.subscriptions.add("lamps.lamp_lit", "reports.count")
    async with database.unit_of_work(actor, "corr-1") as uow:
        uow.publish(LampLit("7"))
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT entrypoint, payload, headers FROM jobs ORDER BY entrypoint")
    assert [row["entrypoint"] for row in rows] == ["notices.tell", "reports.count"]
    payloads = [msgspec.json.decode(row["payload"]) for row in rows]
    assert payloads[0]["event"] == {"lamp_id": "7"}
    assert payloads[0]["event_id"] == payloads[1]["event_id"]
    assert rows[0]["headers"]["correlation_id"] == "corr-1"
