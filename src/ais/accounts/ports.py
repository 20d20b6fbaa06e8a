"""What accounts need to know of packages above them."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID


class AgencyCodes(Protocol):
    """Agencies by their code, under which orders and books know them as sellers; a code never changes."""

    async def code_of(self, agency_id: UUID) -> str | None:
        """The agency's code; None if there is no such agency."""
