"""Where signed heads go when they leave the database."""

from __future__ import annotations

from typing import Protocol

from ais.ledger.domain import SignedHead


class HeadSink(Protocol):
    """A place that whoever can change the database cannot change. Raises what its place raises if it is not there."""

    async def keep(self, head: SignedHead) -> None:
        """Keep the head; one of the same position that is there already stays."""
        ...
