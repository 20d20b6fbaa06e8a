"""The versions of the data that shopping holds in memory."""

from __future__ import annotations

import msgspec

from ais.platform.database import Connection


class DataVersions(msgspec.Struct, frozen=True):
    """Which version of each kind of slow data is stored; 0 where nothing has been stored yet."""

    timetable: int
    fares: int
    reference: int


async def stored_versions(connection: Connection) -> DataVersions:
    """The versions as committed now."""
    rows = await connection.fetch("SELECT name, version FROM data_versions")
    versions = {row["name"]: row["version"] for row in rows}
    return DataVersions(versions.get("timetable", 0), versions.get("fares", 0), versions.get("reference", 0))
