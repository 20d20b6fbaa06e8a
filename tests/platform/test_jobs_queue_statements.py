"""That pgqueuer's statements are changed where ours must differ, and that they serve a long queue."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

from pgqueuer.adapters.persistence.composer import ComposedQuery
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId

from ais.platform.database import Database
from ais.platform.jobs.queue import TABLES, ClockedQueueBuilder, JobQueue

NOT_BY_OUR_CLOCK = re.compile(r"execute_after\s*(?:<=|>=|<|>|-|=)\s*NOW\(\)", re.IGNORECASE)


def dequeue(kinds: list[str]) -> ComposedQuery:
    return ClockedQueueBuilder(TABLES).build_dequeue_query(
        batch_size=8,
        entrypoints=[QueueEntrypoint(kind) for kind in kinds],
        concurrency_limits=[0] * len(kinds),
        queue_manager_id=QueueManagerId(uuid.uuid4()),
        global_concurrency_limit=16,
        heartbeat_timeout=timedelta(seconds=20),
    )


def test_what_is_due_is_asked_by_our_clock_and_the_longest_due_comes_first():
    sql = dequeue(["lamps.light"]).sql
    assert not NOT_BY_OUR_CLOCK.search(sql)
    assert sql.count("execute_after < (SELECT ais_now())") == 2
    assert sql.count("ORDER BY candidate.execute_after, candidate.id") == 1
    assert "candidate.priority DESC" not in sql
    assert "stale.heartbeat < NOW() -" in sql


def test_the_names_of_the_tables_are_ours():
    sql = dequeue(["lamps.light"]).sql
    assert set(re.findall(r"(?:FROM|UPDATE|INTO) (\w*job\w*|pgqueuer\w*)", sql)) == {"jobs", "job_log"}


async def test_pgqueuer_finds_everything_it_asks_for_in_our_tables(database: Database):
    async with database.connection() as connection:
        await QueueManager(JobQueue(connection)).verify_structure()


async def test_jobs_that_are_not_due_cost_a_dequeue_nothing(database: Database):
    kinds = [f"lamps.{number}" for number in range(5)]
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO jobs (entrypoint, payload, headers, execute_after)"
            " SELECT 'lamps.' || n % 5, '{}', '{}', ais_now() + n * interval '1 second' + interval '1 minute'"
            " FROM generate_series(1, 20000) AS n"
        )
        await connection.execute(
            "INSERT INTO jobs (entrypoint, payload, headers) SELECT 'lamps.' || n, '{}', '{}'"
            " FROM generate_series(0, 4) AS n"
        )
        await connection.execute("ANALYZE jobs")
        query = dequeue(kinds)
        plan = await connection.fetchval("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + query.sql, *query.args)
        scan = _node(plan[0]["Plan"], "jobs_due_idx")
        assert scan["Actual Rows"] * scan["Actual Loops"] == 5
        assert scan.get("Rows Removed by Filter", 0) == 0
        queue = JobQueue(connection)
        assert await queue.eligible_queued_work([QueueEntrypoint(kind) for kind in kinds]) == 0
        eta = await queue.next_deferred_eta([QueueEntrypoint(kind) for kind in kinds])
    assert timedelta(seconds=30) < eta < timedelta(seconds=61)


def _node(plan: dict[str, Any], index: str) -> dict[str, Any]:
    """The first node of the plan that scans ``index``."""
    if plan.get("Index Name") == index:
        return plan
    found = [node for child in plan.get("Plans", []) if (node := _node(child, index))]
    return found[0] if found else {}
