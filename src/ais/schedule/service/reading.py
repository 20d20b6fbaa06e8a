"""Questions to the schedule, and the small tables that come from CSV files."""

from __future__ import annotations

from ais.platform.audit import Entry, record
from ais.platform.database import Connection, UnitOfWork
from ais.schedule.cabins import CabinLayout, read_cabin_layouts, read_connecting_times
from ais.schedule.repository import cabins, timetable
from ais.schedule.timetable import Timetable


async def load_timetable(connection: Connection) -> Timetable:
    """The segments on sale that have not left by the database's clock. ``connection`` must be in no transaction."""
    return await timetable.read_timetable(connection)


async def timetable_version(connection: Connection) -> int:
    """The version of the timetable as stored: a process whose snapshot is older loads it again."""
    return await timetable.timetable_version(connection)


async def import_cabin_layouts(uow: UnitOfWork, text: str) -> int:
    """Bring in cabin layouts from a CSV file; how many were new or differed. Raises :class:`BadScheduleData`."""
    changed = await cabins.save(uow.connection, read_cabin_layouts(text))
    if changed:
        await record(uow, Entry(action="schedule.cabins_imported", subject="cabin-layouts", after={"changed": changed}))
    return changed


async def import_connecting_times(uow: UnitOfWork, text: str) -> int:
    """Bring in minimum connecting times from a CSV file; how many were new or differed."""
    changed = await timetable.save_connecting_times(uow.connection, read_connecting_times(text))
    if changed:
        after = {"changed": changed}
        await record(uow, Entry(action="schedule.connections_imported", subject="connecting-times", after=after))
        await timetable.bump_version(uow.connection)
    return changed


async def cabin_layout(connection: Connection, layout_id: int) -> CabinLayout | None:
    """The seats of a leg's aircraft."""
    return await cabins.find(connection, layout_id)
