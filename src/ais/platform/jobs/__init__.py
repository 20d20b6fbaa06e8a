"""Jobs: work that leaves with a transaction and is done after it, by a worker, at least once.

A *job* is a row with a registered name and a payload of ids; it exists if and only if the unit of work that asked for
it committed (`ais.platform.outbox`). A failed *try* waits and is made again, each pause twice the one before; after the
last one the job is *dead*: it stays, with its errors, until a person retries it. A job whose worker died is taken up by
another one. A *handler* is a job that hears an event; its unit of work writes the event's id beside the change, so that
it takes effect once. A *schedule* becomes a job when its time comes, once in total however many workers run.

The queue is PostgreSQL through pgqueuer (docs/decisions/0005-jobs-in-postgresql.md). `ais.platform.jobs.worker` holds
`run_worker` and `run_due_jobs`; it is imported by what runs jobs only, because it loads pgqueuer.
"""

from ais.platform.jobs.context import AlreadyHandledError, HandlerContractError, JobContext
from ais.platform.jobs.inspection import (
    JOB_STATES,
    JobListing,
    JobState,
    QueueDepth,
    RetryReport,
    job_failures,
    list_jobs,
    queue_depth,
    retry_jobs,
)
from ais.platform.jobs.registry import JobDefinition, JobFunction, JobRegistry, Retry, Schedule
from ais.platform.jobs.schedules import ScheduledWork, list_schedules, run_schedule_now

__all__ = [
    "JOB_STATES",
    "AlreadyHandledError",
    "HandlerContractError",
    "JobContext",
    "JobDefinition",
    "JobFunction",
    "JobListing",
    "JobRegistry",
    "JobState",
    "QueueDepth",
    "Retry",
    "RetryReport",
    "Schedule",
    "ScheduledWork",
    "job_failures",
    "list_jobs",
    "list_schedules",
    "queue_depth",
    "retry_jobs",
    "run_schedule_now",
]
