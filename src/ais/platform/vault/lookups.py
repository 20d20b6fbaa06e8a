"""Which lookup keys the hashes of a database need: every statement on ``lookup_keys``.

A process that lacks one of them would not find who is there, and would make a second account for an address that has
one. So each that serves or works is admitted first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from ais.platform.vault.keys import Holding, Vault

if TYPE_CHECKING:
    import asyncpg

# What a key makes of a text that nobody gave us: two keys of one name are told apart by it, and no key is told.
_PROOF_KIND, _PROOF = "key", "proof"


class LookupKeyRefused(RuntimeError):
    """The lookup keys of the settings are not those that this database needs: one sentence, which names a key."""


class KnownLookupKey(msgspec.Struct, frozen=True):
    """A lookup key that was set for this database; ``dropped_at`` once none of its hashes was left."""

    id: str
    proof: bytes
    dropped_at: datetime | None


async def known_lookup_keys(connection: asyncpg.Connection[asyncpg.Record]) -> Sequence[KnownLookupKey]:
    """All lookup keys that were ever set for this database, the first first."""
    rows = await connection.fetch("SELECT id, proof, dropped_at FROM lookup_keys ORDER BY first_set_at, id")
    return [KnownLookupKey(**row) for row in rows]


async def admit_lookup_keys(connection: asyncpg.Connection[asyncpg.Record], vault: Vault) -> None:
    """Note the lookup keys of a process that starts, or refuse it by :class:`LookupKeyRefused`.

    It must not start with another key under a known name, without one that was not dropped yet, or with a dropped one
    in front.
    """
    proofs = dict(zip(*vault.lookup(_PROOF_KIND, _PROOF), strict=True))
    known = {each.id: each for each in await known_lookup_keys(connection)}
    for name, proof in proofs.items():
        if name in known and known[name].proof != proof:
            raise LookupKeyRefused(f"The lookup key {name!r} is not the one that was set under this name before.")
    missing = [each.id for each in known.values() if each.dropped_at is None and each.id not in proofs]
    if missing:
        raise LookupKeyRefused(
            f"The lookup key {missing[0]!r} was not dropped and is not set: people would not be found."
            f" Set it, or call `ais privacy rotate-lookups` and then `ais privacy drop-lookup-key {missing[0]}`."
        )
    if vault.lookup_id in known and known[vault.lookup_id].dropped_at is not None:
        raise LookupKeyRefused(f"The lookup key {vault.lookup_id!r} was dropped: it may not be the first again.")
    if proofs.keys() - known.keys():
        await note_lookup_keys(connection, vault)


async def note_lookup_keys(connection: asyncpg.Connection[asyncpg.Record], vault: Vault) -> None:
    """Note that these lookup keys are set; those that are known stay as they are."""
    key_ids, proofs = vault.lookup(_PROOF_KIND, _PROOF)
    await connection.execute(
        """
        INSERT INTO lookup_keys (id, proof) SELECT id, proof FROM unnest($1::text[], $2::bytea[]) AS new (id, proof)
        ON CONFLICT (id) DO NOTHING
        """,
        key_ids,
        proofs,
    )


async def drop_lookup_key(uow: Holding, name: str) -> bool:
    """Note that no hash needs this key any more; False if it was never set, or is dropped already."""
    done: str = await uow.connection.execute(
        "UPDATE lookup_keys SET dropped_at = ais_now() WHERE id = $1 AND dropped_at IS NULL", name
    )
    return done == "UPDATE 1"
