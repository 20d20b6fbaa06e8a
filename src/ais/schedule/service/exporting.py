"""Writing schedules back as SSIM files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from ais.platform.database import Connection
from ais.schedule.errors import ScheduleExportAmbiguous, ScheduleNotFound
from ais.schedule.repository import data_sets
from ais.schedule.repository.data_sets import DataSet
from ais.schedule.ssim.compose import header_record
from ais.schedule.ssim.writer import CarrierRecords, write_file


async def export_ssim(connection: Connection, carrier: str, *, season: str | None = None) -> str:
    """The schedules of a carrier that are in force on some date, or only those of one season, as a file.

    A single one comes out byte for byte as it was imported (serial numbers count from the head of the file); several
    follow one another by validity. Raises :class:`ScheduleNotFound`, or :class:`ScheduleExportAmbiguous` where a
    younger schedule covers part of an older one: name the season then.
    """
    sets = await data_sets.data_sets(connection, carrier)
    in_force = data_sets.windows_in_force(sets)
    chosen = [one for one in sets if in_force[one.id] and season in {None, one.season}]
    if not chosen:
        raise ScheduleNotFound(carrier=carrier)
    if season is not None:
        chosen = chosen[-1:]
    chosen.sort(key=lambda one: one.first_date)
    if _overlap(chosen):
        raise ScheduleExportAmbiguous(carrier=carrier, seasons=", ".join(one.season or str(one.id) for one in chosen))
    groups = [
        CarrierRecords(
            one.carrier_record, await data_sets.records_of(connection, one.id), one.trailer.release_date.rstrip()
        )
        for one in chosen
    ]
    return write_file(chosen[0].header if len(chosen) == 1 else header_record(len(chosen)), groups)


def _overlap(chosen: Sequence[DataSet]) -> bool:
    return any((earlier.last_date or date.max) >= later.first_date for earlier, later in pairwise(chosen))
