"""What happens to fare data, told to the packages above."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class FaresImported(msgspec.Struct, frozen=True):
    """Fare data was changed by an import: how many versions began and how many were ended by a newer one."""

    event_name: ClassVar[str] = "fares.fares_imported"

    versions_added: int
    versions_ended: int


class FareWithdrawn(msgspec.Struct, frozen=True):
    """Staff took a fare from sale; offers that name it can no longer be accepted."""

    event_name: ClassVar[str] = "fares.fare_withdrawn"

    fare_version_id: int


class TaxWithdrawn(msgspec.Struct, frozen=True):
    """Staff withdrew a tax, fee or charge; offers that include it can no longer be accepted."""

    event_name: ClassVar[str] = "fares.tax_withdrawn"

    tax_version_id: int
