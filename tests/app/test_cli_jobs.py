"""``ais jobs``: what died is seen with its error, and comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.factories.command_line import ACTOR, CommandLine, table_rows

from ais.kit import SystemClock
from ais.platform.database import Database
from ais.platform.jobs import JobContext, JobRegistry, Retry
from ais.platform.jobs.worker import run_due_jobs


@pytest.fixture
def ais(database_url: str, tmp_path: Path) -> CommandLine:
    return CommandLine(database_url, tmp_path)


@pytest.fixture
def dead_job(database_url: str) -> None:
    """A job that failed its only try, beside one that waits."""

    async def fail(_context: JobContext, _payload: object) -> None:
        raise ValueError("the printer is on fire")

    async def wait(_context: JobContext, _payload: object) -> None:
        return

    async def kill() -> None:
        registry = JobRegistry()
        registry.job("tests.fails", fail, retry=Retry(attempts=1))
        registry.job("tests.waits", wait)
        database = await Database.connect(database_url, clock=SystemClock(), maximum=4)
        try:
            async with database.unit_of_work(ACTOR) as uow:
                uow.enqueue("tests.fails", {"order_id": "1"})
            await run_due_jobs(database, registry)
            async with database.unit_of_work(ACTOR) as uow:
                uow.enqueue("tests.waits", {})
        finally:
            await database.close()

    asyncio.run(kill())


def test_an_empty_queue_is_fine(ais):
    assert ais("jobs", "list").stdout == "0 waiting, 0 retrying, 0 running, 0 dead.\n"
    assert ais("jobs", "schedules").stdout == ("No schedule is known yet: a worker tells of them when it starts.\n")
    assert ais("jobs", "retry", "--all").stdout == "0 jobs wait again.\n"


def test_a_dead_job_is_listed_first_explained_and_retried(ais, dead_job):
    listed = ais.json("jobs", "list")
    dead, waiting = listed["jobs"]
    assert (dead["name"], dead["state"], dead["attempts"]) == ("tests.fails", "dead", 1)
    assert (waiting["name"], waiting["state"]) == ("tests.waits", "waiting")
    assert (listed["queue"]["dead"], listed["queue"]["waiting"]) == (1, 1)
    (row,) = table_rows(ais("jobs", "list", "--state", "dead").stdout)[1:-1]
    assert row[1:4] == ["tests.fails", "dead", "1"]
    assert "the printer is on fire" in row[-1]
    (failure,) = ais.json("jobs", "show", dead["id"])["failures"]
    assert "the printer is on fire" in failure["error"]
    assert "the printer is on fire" in ais("jobs", "show", dead["id"]).stdout
    assert ais("jobs", "show", waiting["id"], code=1).stderr == (
        f"No try of job {waiting['id']} is known to have failed.\n"
    )

    left = ais("jobs", "retry", dead["id"], waiting["id"], code=1)
    assert (left.stdout, left.stderr) == ("1 jobs wait again.\n", f"Left as they are: {waiting['id']}.\n")
    assert {job["state"] for job in ais.json("jobs", "list")["jobs"]} == {"waiting"}
    assert ais.json("jobs", "retry", dead["id"], code=1) == {"retried": [], "left": [dead["id"]]}
