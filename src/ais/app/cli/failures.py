"""What went wrong, as a sentence, an exit code and the details that help."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from ais.app.cli.outcome import NO_SERVER, NOT_SO, WRONG_USE, Failure, ServerAway
from ais.kit import AppError, ServiceUnavailable, ValidationFailed
from ais.platform.database_role import RoleRefused
from ais.platform.embedded import EmbeddedServerError
from ais.platform.settings import SettingsError
from ais.platform.vault import LookupKeyRefused

# What says in one sentence what is wrong, and how a command ends that meets it.
_SENTENCES: Mapping[type[Exception], tuple[int, str]] = {
    EmbeddedServerError: (NO_SERVER, "SERVER_NOT_THERE"),
    ServerAway: (NO_SERVER, "SERVER_NOT_THERE"),
    LookupKeyRefused: (NOT_SO, "LOOKUP_KEY_REFUSED"),
    RoleRefused: (NOT_SO, "ROLE_REFUSED"),
}


def failure_of(error: Exception) -> Failure | None:
    """The failure that an exception means, or None if it is a fault of the program, which shows itself whole."""
    if isinstance(error, SettingsError):
        return Failure(WRONG_USE, "SETTINGS_INVALID", str(error), {"mistakes": error.mistakes})
    for kind, (exit_code, code) in _SENTENCES.items():
        if isinstance(error, kind):
            return Failure(exit_code, code, str(error))
    if isinstance(error, AppError):
        return _refusal(error)
    if isinstance(error, (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.UndefinedColumnError)):
        sentence = "The database does not have the tables of this program: run `ais migrate`."
        return Failure(NO_SERVER, "SCHEMA_MISSING", sentence)
    if isinstance(error, (asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, ConnectionError)):
        return Failure(NO_SERVER, "SERVER_NOT_THERE", "A server went away during the work; nothing of it was kept.")
    return None


def _refusal(error: AppError) -> Failure:
    from ais.fares import FareImportRefused
    from ais.orders import DepartureListRefused
    from ais.schedule import BadScheduleData, ScheduleFileRefused

    if isinstance(error, ValidationFailed):
        fields = error.details["fields"]
        rows = [(field["path"], field["reason"]) for field in fields]
        return Failure(WRONG_USE, error.code, str(error), {"fields": fields}, ("Field", "Reason"), rows)
    if isinstance(error, ScheduleFileRefused):
        columns = ("Record>", "Row>", "Column>", "Field", "Expected", "Found")
        found = [(each.record, each.row, each.column, each.field, each.expected, each.found) for each in error.errors]
        return Failure(NOT_SO, error.code, str(error), {"errors": error.errors}, columns, found)
    if isinstance(error, FareImportRefused):
        mistakes = error.details["errors"]
        names = ("file", "line", "column", "value", "expected")
        lines = [tuple(each[name] for name in names) for each in mistakes]
        headings = ("File", "Line>", "Column", "Value", "Expected")
        return Failure(NOT_SO, error.code, str(error), {"errors": mistakes}, headings, lines)
    if isinstance(error, DepartureListRefused):
        wrong = error.details["errors"]
        rows = [tuple(each[name] for name in ("line", "column", "found", "expected")) for each in wrong]
        return Failure(
            NOT_SO, error.code, str(error), {"errors": wrong}, ("Line>", "Column", "Found", "Expected"), rows
        )
    if isinstance(error, BadScheduleData):
        problems = [(problem,) for problem in error.problems]
        return Failure(NOT_SO, error.code, str(error), {"problems": error.problems}, ("Problem",), problems)
    code = NO_SERVER if isinstance(error, ServiceUnavailable) else NOT_SO
    return Failure(code, error.code, str(error), {"details": error.details} if error.details else {})
