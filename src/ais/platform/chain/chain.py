"""A hash chain: written behind the changes, walked by whoever doubts it, its head signed and sent away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from ais.kit import Actor, system_actor
from ais.platform.chain import statements
from ais.platform.chain.links import (
    GENESIS,
    BrokenLink,
    ChainBody,
    ChainReport,
    HeadSink,
    Link,
    SignedHead,
    chain_hash,
)
from ais.platform.chain.statements import ChainedTable
from ais.platform.database import Connection, Database, UnitOfWork
from ais.platform.invariants import Invariant
from ais.platform.jobs import JobContext, JobRegistry
from ais.platform.signatures import PublicKeys, SigningKeys

LINKS_AT_ONCE = 2000
CHAIN_EVERY_SECONDS = 5
Told = Callable[[int, int], object]


class Chain:
    """The chain of one table."""

    def __init__(self, table: ChainedTable) -> None:
        self.table = table

    async def extend(self, uow: UnitOfWork, limit: int = LINKS_AT_ONCE) -> int:
        """Append the next rows, at most ``limit``; how many. None are taken while another worker chains.

        Only rows of transactions below the oldest one that is still open are taken, so that none can appear later
        before one that is chained: no change waits for the chain, and the chain never for one change only.
        """
        horizon = await statements.lock_chain(uow, self.table)
        if horizon is None:
            return 0
        found = await statements.unchained(uow, self.table, horizon, limit)
        position, previous = await statements.last_link(uow.connection, self.table) or (0, GENESIS)
        links = []
        for row_id, content, _ in found:
            position, previous = position + 1, chain_hash(previous, content)
            links.append((position, row_id, previous))
        if len(found) < limit:
            go_on_at: str | None = horizon.settled
        else:
            go_on_at = None if horizon.restored else found[-1][2]
        await statements.append_links(uow, self.table, links, go_on_at)
        return len(found)

    async def extend_to_the_end(self, database: Database, actor: Actor) -> int:
        """:meth:`extend` until nothing is left that may be taken; how many rows were."""
        total = 0
        while True:
            async with database.unit_of_work(actor) as uow:
                taken = await self.extend(uow)
            total += taken
            if taken < LINKS_AT_ONCE:
                return total

    async def sign_head(self, database: Database, keys: SigningKeys, sinks: Sequence[HeadSink]) -> SignedHead | None:
        """Sign the chain's end if it has moved, and send the newest head away; None while nothing is chained.

        The head is noted before it leaves, so that a repeat after a failure sends the same one.
        """
        async with database.unit_of_work(system_actor(f"{self.table.name}.sign_head")) as uow:
            end, head = await self.last_link(uow.connection), await self.last_head(uow.connection)
            if end is None:
                return None
            if head is None or head.position < end[0]:
                draft = SignedHead(end[0], end[1].hex(), uow.clock.now(), keys.signer, chain=self.table.name)
                signed = msgspec.structs.replace(draft, signature=keys.sign(draft.message()))
                await statements.insert_head(uow, self.table, signed)
                head = await self.last_head(uow.connection)
        assert head is not None
        for sink in sinks:
            await sink.keep(head)
        return head

    async def walk(self, connection: Connection, links_at_once: int = LINKS_AT_ONCE) -> AsyncIterator[Link]:
        """All links in order, never more than ``links_at_once`` in memory."""
        position = 0
        while links := await statements.links_after(connection, self.table, position, links_at_once):
            for link in links:
                yield link
            position = links[-1].position

    async def verify(
        self,
        database: Database,
        anchors: Sequence[SignedHead] = (),
        keys: PublicKeys | None = None,
        tell: Told = lambda _done, _total: None,
    ) -> ChainReport:
        """Walk the whole chain on one snapshot, in constant memory; it ends at the first link that is broken.

        Without ``anchors`` an edit is found unless every later hash was written anew; with them that is found too,
        between the last head that agrees and the first that does not. A head of another chain, or whose signature is
        not by one of ``keys``, counts as broken: it proves nothing.
        """
        for anchor in anchors:
            reason = self._mistrusted(anchor, keys)
            if reason is not None:
                return ChainReport(0, GENESIS.hex(), 0, 0, BrokenLink(anchor.position, None, reason, 0))
        async with (
            database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await statements.walk_by_index(connection)
            end = await self.last_link(connection)
            waiting = await self.count_unchained(connection)
            known = {head.position: head for head in anchors}
            return await self._walk(connection, known, end[0] if end else 0, waiting, tell)

    def _mistrusted(self, anchor: SignedHead, keys: PublicKeys | None) -> str | None:
        if anchor.chain != self.table.name:
            return f"the head of position {anchor.position} is one of the chain {anchor.chain!r}"
        if keys is None or not keys.verify(anchor.key_id, anchor.message(), anchor.signature):
            return f"the head of position {anchor.position} is not signed by a key that is known"
        return None

    async def _walk(
        self, connection: Connection, anchors: dict[int, SignedHead], total: int, waiting: int, tell: Told
    ) -> ChainReport:
        position, previous, agreed, anchored = 0, GENESIS, 0, 0

        def report(at: int, link: Link | None, reason: str) -> ChainReport:
            broken = BrokenLink(at, link.row_id if link else None, reason, agreed)
            return ChainReport(position, previous.hex(), waiting, anchored, broken)

        async for link in self.walk(connection):
            if link.position != position + 1:
                return report(position + 1, None, "this position is missing from the chain")
            if link.content is None:
                return report(link.position, link, self.table.gone)
            found = chain_hash(previous, link.content)
            if found != link.hash:
                return report(link.position, link, f"the {self.table.noun} is not what was chained")
            anchor = anchors.get(link.position)
            if anchor is not None:
                if anchor.hash != found.hex():
                    return report(link.position, link, "the chain was written anew since this head was signed")
                agreed, anchored = link.position, anchored + 1
            position, previous = link.position, found
            if position % LINKS_AT_ONCE == 0 or position == total:
                tell(position, total)
        missing = [each for each in anchors if each > position]
        if missing:
            return report(min(missing), None, "the chain ends before this head, which was signed")
        return ChainReport(position, previous.hex(), waiting, anchored)

    async def last_link(self, connection: Connection) -> tuple[int, bytes] | None:
        """Position and hash of the chain's end."""
        return await statements.last_link(connection, self.table)

    async def last_head(self, connection: Connection) -> SignedHead | None:
        """The newest head that was signed."""
        return await statements.last_head(connection, self.table)

    async def count_unchained(self, connection: Connection) -> int:
        """How many rows wait for their place in the chain, by counting all."""
        return await statements.count_unchained(connection, self.table)

    async def status(self, connection: Connection) -> ChainBody:
        """Where the chain stands."""
        end, head = await self.last_link(connection), await self.last_head(connection)
        return ChainBody(
            length=end[0] if end else 0,
            hash=end[1].hex() if end else None,
            waiting=await statements.count_waiting(connection, self.table),
            signed_position=head.position if head else None,
            signed_at=head.signed_at if head else None,
            key_id=head.key_id if head else None,
        )

    def invariants(self) -> tuple[Invariant, Invariant]:
        """What must hold of the chain by itself. Works every hash out in the database; :meth:`verify` does it outside,
        and holds it against heads that left.
        """
        name, noun = self.table.name, self.table.noun
        return (
            Invariant(
                f"{name}.chain_holds",
                f"The chain has a {noun} at each position from 1 on, and each hash covers the one before and what that"
                " says.",
                statements.chain_holds(self.table),
            ),
            Invariant(
                f"{name}.heads_agree",
                "Each head that was signed is still the chain's hash at its position.",
                statements.heads_agree(self.table),
            ),
        )

    def register(
        self, registry: JobRegistry, keys: SigningKeys, sinks: Sequence[HeadSink], *, heads_every_seconds: int
    ) -> None:
        """Announce the jobs that write the chain and that sign its head."""

        async def chain(context: JobContext, _payload: dict[str, Any]) -> None:
            await self.extend_to_the_end(context.database, system_actor(context.name))

        async def sign(context: JobContext, _payload: dict[str, Any]) -> None:
            await self.sign_head(context.database, keys, sinks)

        name = self.table.name
        registry.schedule(f"{name}.chain", chain, every_seconds=CHAIN_EVERY_SECONDS, timeout_seconds=600)
        registry.schedule(f"{name}.sign_head", sign, every_seconds=heads_every_seconds)
