"""What a chain is made of. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

GENESIS = bytes(32)


def chain_hash(previous: bytes, content: str) -> bytes:
    """The hash of a link: SHA-256 over the 32 bytes of the link before, GENESIS for the first, and the content."""
    return hashlib.sha256(previous + content.encode()).digest()


class Link(msgspec.Struct, frozen=True):
    """A row's place in the chain. ``content`` is what it says now; None if it, or a part of it, is gone."""

    position: int
    row_id: UUID
    hash: bytes
    content: str | None


class SignedHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a chain stood, for whoever keeps it outside: ``hash`` in hexadecimal, Ed25519 over :meth:`message`."""

    position: int
    hash: str
    signed_at: datetime
    key_id: str
    signature: bytes = b""
    chain: str = "ledger"  # the first chain there was: its heads do not say so

    def message(self) -> bytes:
        """What is signed."""
        lines = (f"ais {self.chain} head", self.position, self.hash, self.signed_at.isoformat(), self.key_id)
        return "".join(f"{line}\n" for line in lines).encode()


class BrokenLink(msgspec.Struct, frozen=True):
    """The first place at which the chain is not what it was. ``since`` is the last position known to be untouched."""

    position: int
    row_id: UUID | None
    reason: str
    since: int


class ChainReport(msgspec.Struct, frozen=True):
    """What a walk along the chain found: how far it holds, with which hash, and what is not chained yet."""

    length: int
    hash: str
    waiting: int
    anchors: int
    broken: BrokenLink | None = None


class ChainBody(msgspec.Struct, frozen=True):
    """Where a hash chain stands: its end, how many rows wait for it, and the newest head that was signed."""

    length: int
    hash: str | None
    waiting: int
    signed_position: int | None
    signed_at: datetime | None
    key_id: str | None


class HeadSink(Protocol):
    """A place that whoever can change the database cannot change. Raises what its place raises if it is not there."""

    async def keep(self, head: SignedHead) -> None:
        """Keep the head; one of the same position that is there already stays."""
        ...
