"""``ais jobs``: work in the background, and the way back for what has died."""

from __future__ import annotations

from typing import Any

import click

from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.platform.database import Database
from ais.platform.jobs import (
    JOB_STATES,
    JobListing,
    JobState,
    QueueDepth,
    RetryReport,
    ScheduledWork,
    job_failures,
    list_jobs,
    list_schedules,
    queue_depth,
    retry_jobs,
)
from ais.platform.settings import Settings


@click.group()
def jobs() -> None:
    """Work in the background: what waits, what died and why, and what runs by the clock."""


@jobs.command("list")
@click.option("--state", type=click.Choice(JOB_STATES), help="Only jobs in this state.")
@click.option("--name", help="Only jobs of this name, such as payments.settle.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_(output: Output, state: JobState | None, name: str | None, limit: int) -> None:
    """List jobs that have not ended well, the dead first, then the newest.

    waiting: not tried yet; retrying: waits for its next try; running: a worker has it; dead: out of tries, waits for
    you (see `ais jobs retry`). Exit code 0, also if there are none.
    """

    async def look(database: Database, _settings: Settings) -> tuple[list[JobListing], QueueDepth]:
        async with database.connection() as connection:
            return await list_jobs(connection, state=state, name=name, limit=limit), await queue_depth(connection)

    found, depth = with_database(output, look)
    output.document({"jobs": found, "queue": depth})
    if found:
        output.table(
            ("Id>", "Name", "State", "Failed tries>", "Due (UTC)", "Last error"),
            [(job.id, job.name, job.state, job.attempts, f"{job.run_at:%Y-%m-%d %H:%M:%S}", job.last_error)
             for job in found],
        )  # fmt: skip
        output.limited(limit, len(found))
    oldest = (
        "" if depth.oldest_due_seconds is None else f"; the oldest has been due for {depth.oldest_due_seconds:.0f} s"
    )
    output.say(
        f"{depth.waiting} waiting, {depth.retrying} retrying, {depth.running} running, {depth.dead} dead{oldest}."
    )


@jobs.command("show")
@click.argument("job_id", type=click.IntRange(1))
@json_option
@click.pass_obj
def show(output: Output, job_id: int) -> None:
    """Show how each try of a job failed. Exit code 1 if none did."""

    async def look(database: Database, _settings: Settings) -> list[tuple[Any, str, str]]:
        async with database.connection() as connection:
            return await job_failures(connection, job_id)

    found = with_database(output, look)
    output.document({"failures": [{"failed_at": at, "error": error, "trace": trace} for at, error, trace in found]})
    if not found:
        output.note(f"No try of job {job_id} is known to have failed.")
        end(NOT_SO)
    for at, error, trace in found:
        output.say(f"{at:%Y-%m-%d %H:%M:%S} UTC: {error}\n{trace}")


@jobs.command("retry")
@click.argument("job_ids", type=click.IntRange(1), nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All dead jobs.")
@json_option
@click.pass_obj
def retry(output: Output, job_ids: tuple[int, ...], every: bool) -> None:
    """Let dead jobs wait again with all their tries, due at once.

    Exit code 1 if one of those named was left as it is: it is not dead, or a job of its key waits already.
    """
    if every == bool(job_ids):
        raise click.UsageError("Name the dead jobs, or say --all.")

    async def bring_back(database: Database, _settings: Settings) -> RetryReport:
        return await retry_jobs(database, actor(), None if every else job_ids)

    report = with_database(output, bring_back)
    output.document(report)
    output.say(f"{len(report.retried)} jobs wait again.")
    if report.left:
        output.note(f"Left as they are: {', '.join(map(str, report.left))}.")
        end(NOT_SO)


@jobs.command("schedules")
@json_option
@click.pass_obj
def schedules(output: Output) -> None:
    """List what runs by the clock, when next, and how it went the last time."""

    async def look(database: Database, _settings: Settings) -> list[ScheduledWork]:
        async with database.connection() as connection:
            return await list_schedules(connection)

    found = with_database(output, look)
    output.document({"schedules": found})
    if not found:
        output.say("No schedule is known yet: a worker tells of them when it starts.")
        return
    output.table(
        ("Name", "When", "Next (UTC)", "Last (UTC)", "Outcome", "Failures in a row>", "Last error"),
        [
            (
                each.name,
                f"every {each.every_seconds} s" if each.every_seconds else each.cron,
                f"{each.next_run_at:%Y-%m-%d %H:%M:%S}",
                f"{each.last_run_at:%Y-%m-%d %H:%M:%S}" if each.last_run_at else None,
                each.last_outcome,
                each.failures_in_row,
                each.last_error,
            )
            for each in found
        ],
    )
