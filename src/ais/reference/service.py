"""Writing reference data, and taking the snapshot that processes read from."""

from __future__ import annotations

import csv
import io
import re

from ais.platform.database import Connection, UnitOfWork
from ais.reference import repository
from ais.reference.domain import ReferenceData, ReferenceRows
from ais.reference.errors import BadReferenceFile
from ais.reference.packaged import carrier_of, packaged_rows

_CARRIER_COLUMNS = ["code", "accounting_code", "name_en", "name_ar", "country_code"]


async def seed_reference(uow: UnitOfWork) -> int:
    """Bring the packaged data into the database and answer how many rows changed: none, if it is all there.

    Rows that staff has changed stay as they are; nothing is ever removed.
    """
    return await _store(uow, packaged_rows())


async def import_carriers(uow: UnitOfWork, text: str) -> int:
    """Add or change carriers from a CSV file (columns code, accounting_code, name_en, name_ar, country_code).

    A wrong file raises :class:`BadReferenceFile` with every line that is wrong, and nothing is changed. Answers how
    many carriers were new or differed.
    """
    reader = csv.DictReader(io.StringIO(text))
    if reader.fieldnames != _CARRIER_COLUMNS:
        raise BadReferenceFile([f"line 1: the columns must be {','.join(_CARRIER_COLUMNS)}"])
    rows = list(reader)
    problems = [problem for number, row in enumerate(rows, 2) for problem in _carrier_problems(number, row)]
    if problems:
        raise BadReferenceFile(problems)
    carriers = tuple(carrier_of(row) for row in rows)
    return await _store(uow, ReferenceRows((), (), (), carriers, (), ()))


async def load_reference(connection: Connection) -> ReferenceData:
    """The snapshot of what is stored now, with its version.

    The version is read first: data that changes in between is loaded once more, never missed.
    """
    version = await repository.reference_version(connection)
    return ReferenceData(await repository.select_rows(connection), version)


async def _store(uow: UnitOfWork, rows: ReferenceRows) -> int:
    changed = await repository.upsert_rows(uow.connection, rows)
    if changed:
        await repository.bump_reference_version(uow.connection)
    return changed


def _carrier_problems(number: int, row: dict[str, str]) -> list[str]:
    problems = []
    if not re.fullmatch(r"[A-Z0-9]{2}[A-Z]?", row["code"] or "") or (row["code"] or "").isdigit():
        problems.append(f"line {number}, code: two letters or digits, at least one a letter, not {row['code']!r}")
    if row["accounting_code"] and not re.fullmatch(r"\d{3}", row["accounting_code"]):
        problems.append(f"line {number}, accounting_code: three digits or nothing, not {row['accounting_code']!r}")
    if not row["name_en"]:
        problems.append(f"line {number}, name_en: a name is missing")
    if not re.fullmatch(r"[A-Z]{2}", row["country_code"] or ""):
        problems.append(f"line {number}, country_code: two letters, not {row['country_code']!r}")
    return problems
