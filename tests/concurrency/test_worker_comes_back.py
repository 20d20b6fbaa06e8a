"""A worker that lost its database in the middle of its jobs takes them up again, also two that do the same."""

from __future__ import annotations

import uuid

from pgqueuer.domain.types import QueueManagerId

from ais.platform.jobs.queue import JobQueue

JOB = """
INSERT INTO jobs (entrypoint, status, queue_manager_id, dedupe_key, payload, headers)
VALUES ('orders.settle_payment', $1::job_status, $2, $3, 'null', '{}') RETURNING id
"""


async def states(connection):
    return {row["id"]: row["status"] for row in await connection.fetch("SELECT id, status FROM jobs")}


async def test_of_two_running_jobs_under_one_key_one_waits_again(database):
    worker, other = uuid.uuid4(), uuid.uuid4()
    async with database.connection() as connection:
        first = await connection.fetchval(JOB, "picked", worker, "settle:1")
        second = await connection.fetchval(JOB, "picked", worker, "settle:1")
        alone = await connection.fetchval(JOB, "picked", worker, "settle:2")
        without_key = [await connection.fetchval(JOB, "picked", worker, None) for _ in range(2)]
        of_another = await connection.fetchval(JOB, "picked", other, "settle:3")
        waited_for = await connection.fetchval(JOB, "picked", worker, "settle:4")
        waiting = await connection.fetchval(JOB, "queued", None, "settle:4")
        await JobQueue(connection).reclaim(QueueManagerId(worker))
        assert await states(connection) == {
            first: "queued",
            second: "picked",  # taken up by its old heartbeat; the one that waits does its work
            alone: "queued",
            **dict.fromkeys(without_key, "queued"),
            of_another: "picked",
            waited_for: "picked",
            waiting: "queued",
        }
        await JobQueue(connection).reclaim(QueueManagerId(worker))
        assert list((await states(connection)).values()).count("queued") == 5
