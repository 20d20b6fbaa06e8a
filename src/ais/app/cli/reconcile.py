"""``ais reconcile``: the books against the payment provider's own lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, ServerAway, address, end
from ais.app.cli.output import Output, json_option
from ais.kit import decode_id, encode_id
from ais.payments import (
    RECONCILIATION_PREFIX,
    RECONCILIATION_REASONS,
    ProviderTimeout,
    ReconciliationReport,
    Window,
    find_reconciliation,
    list_reconciliations,
)
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.platform.telemetry import CORRELATION_ID

_INSTANT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command()
@click.option("--from", "since", type=_INSTANT, metavar="TIME", help="Begin of the window, UTC. Default: 7 days ago.")
@click.option("--to", "until", type=_INSTANT, metavar="TIME", help="End of the window, UTC. Default: now.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what differs.")
@click.option("--past", is_flag=True, help="Compare nothing; list the kept reports, the newest first.")
@click.option("--show", metavar="ID", help="Compare nothing; show a kept report with its rows.")
@json_option
@click.pass_obj
def reconcile(
    output: Output, since: datetime | None, until: datetime | None, dry_run: bool, past: bool, show: str | None
) -> None:
    """Compare payments, refunds, disputes and payouts with the provider's own lists, and finish what differs.

    What differs is settled as any news of it would have been; a payout that has reached the bank is posted. What that
    does not mend is reported with a reason and put before staff. Safe to repeat, and beside the runs of the worker,
    which looks at the last 2 hours every hour and at 7 days every night. Exit code 1 if something is left that is not
    as the provider has it, or with --dry-run if something differs.
    """
    if past or show:
        _look_back(output, show)
        return
    report = with_database(output, _comparing(output, since, until, is_dry_run=dry_run), tells=True)
    _tell(output, report)
    if report.differs:
        end(NOT_SO)


def _comparing(output: Output, since: datetime | None, until: datetime | None, *, is_dry_run: bool) -> Any:
    async def compare(database: Database, settings: Settings) -> ReconciliationReport:
        from ais.app.composition import open_gateways
        from ais.app.reconciliation import WEEK, reconcile_with_provider, window_before

        usual = window_before(database.clock.now(), WEEK)
        window = Window(
            since.replace(tzinfo=UTC) if since else usual.since, until.replace(tzinfo=UTC) if until else usual.until
        )
        if window.since >= window.until:
            raise click.UsageError("The window ends before it begins.")
        work = (settings, database, open_gateways(settings, database), window, actor(), CORRELATION_ID.get())
        try:
            with output.waiting("Comparing with the provider"):
                return await reconcile_with_provider(*work, is_dry_run=is_dry_run)
        except ProviderTimeout as away:
            provider = address(settings.stripe_api_base)
            raise ServerAway(f"The payment provider at {provider} does not answer.") from away

    return compare


def _look_back(output: Output, show: str | None) -> None:
    wanted = decode_id(RECONCILIATION_PREFIX, show) if show else None
    if show and wanted is None:
        raise click.UsageError(f"{show} is no report: they are named {RECONCILIATION_PREFIX}_…")

    async def look(database: Database, _settings: Settings) -> list[ReconciliationReport]:
        async with database.connection() as connection:
            if wanted is None:
                return await list_reconciliations(connection, 50)
            found = await find_reconciliation(connection, wanted)
            return [found] if found else []

    found = with_database(output, look)
    if wanted is not None:
        if not found:
            output.note(f"There is no report {show}.")
            end(NOT_SO)
        _tell(output, found[0])
        return
    output.document({"reports": [_document(report) for report in found]})
    if not found:
        output.say("Nothing was compared yet.")
        return
    output.table(
        ("Id", "From (UTC)", "To (UTC)", "Ended (UTC)", "Scanned>", "Fixed>", "Failed>", "Skipped>", "Dry run"),
        [
            (
                _id(report),
                _time(report.window.since),
                _time(report.window.until),
                _time(report.finished_at) if report.finished_at else "not",
                report.scanned,
                report.fixed,
                report.failed,
                report.skipped,
                "yes" if report.is_dry_run else None,
            )
            for report in found
        ],
    )


def _tell(output: Output, report: ReconciliationReport) -> None:
    output.document({**_document(report), "rows": report.rows})
    if report.rows:
        output.table(
            ("What", "At the provider", "Ours", "Sum>", "Outcome", "Reason"),
            [
                (row.kind, row.object_id, row.own_id, row.amount and str(row.amount), row.outcome, row.reason)
                for row in report.rows
            ],
        )
        for reason in sorted({row.reason for row in report.rows}):
            output.say(f"{reason}: {RECONCILIATION_REASONS[reason]}.")
    output.say(
        f"{report.scanned} compared, {report.fixed} fixed, {report.failed} failed, {report.skipped} skipped"
        f" ({_id(report)})."
    )


def _document(report: ReconciliationReport) -> dict[str, object]:
    return {
        "id": _id(report),
        "provider": report.provider,
        "from": report.window.since,
        "to": report.window.until,
        "dry_run": report.is_dry_run,
        "started_at": report.started_at,
        "finished_at": report.finished_at,
        "scanned": report.scanned,
        "fixed": report.fixed,
        "failed": report.failed,
        "skipped": report.skipped,
    }


def _id(report: ReconciliationReport) -> str:
    return encode_id(RECONCILIATION_PREFIX, report.id)


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}"
