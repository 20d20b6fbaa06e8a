"""The hash chain: written behind the sale, walked by whoever doubts it, its head signed and sent away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from ais.kit import Actor, system_actor
from ais.ledger.domain import GENESIS, BrokenLink, ChainReport, Link, SignedHead, chain_hash
from ais.ledger.ports import HeadSink
from ais.ledger.repository import chain as repository
from ais.platform.database import Connection, Database, UnitOfWork
from ais.platform.signatures import PublicKeys, SigningKeys

LINKS_AT_ONCE = 2000
Told = Callable[[int, int], object]


async def extend_chain(uow: UnitOfWork, limit: int = LINKS_AT_ONCE) -> int:
    """Append the next postings, at most ``limit``; how many. None are taken while another worker chains.

    Only postings of transactions below the oldest one that is still open are taken, so that none can appear later
    before one that is chained: the sale never waits for the chain, and the chain never for one sale only.
    """
    horizon = await repository.lock_chain(uow)
    if horizon is None:
        return 0
    found = await repository.unchained(uow, horizon, limit)
    position, previous = await repository.last_link(uow.connection) or (0, GENESIS)
    links = []
    for posting_id, content, _ in found:
        position, previous = position + 1, chain_hash(previous, content)
        links.append((position, posting_id, previous))
    if len(found) < limit:
        go_on_at: str | None = horizon.settled
    else:
        go_on_at = None if horizon.restored else found[-1][2]
    await repository.append_links(uow, links, go_on_at)
    return len(found)


async def sign_head(database: Database, keys: SigningKeys, sinks: Sequence[HeadSink]) -> SignedHead | None:
    """Sign the chain's end if it has moved, and send the newest head away; None while nothing is chained.

    The head is noted before it leaves, so that a repeat after a failure sends the same one.
    """
    async with database.unit_of_work(system_actor("ledger.sign_head")) as uow:
        end, head = await repository.last_link(uow.connection), await repository.last_head(uow.connection)
        if end is None:
            return None
        if head is None or head.position < end[0]:
            draft = SignedHead(end[0], end[1].hex(), uow.clock.now(), keys.signer)
            await repository.insert_head(uow, msgspec.structs.replace(draft, signature=keys.sign(draft.message())))
            head = await repository.last_head(uow.connection)
    assert head is not None
    for sink in sinks:
        await sink.keep(head)
    return head


async def chain_everything(database: Database, actor: Actor) -> int:
    """:func:`extend_chain` until nothing is left that may be taken; how many postings were."""
    total = 0
    while True:
        async with database.unit_of_work(actor) as uow:
            taken = await extend_chain(uow)
        total += taken
        if taken < LINKS_AT_ONCE:
            return total


async def walk_chain(connection: Connection, links_at_once: int = LINKS_AT_ONCE) -> AsyncIterator[Link]:
    """All links in order, never more than ``links_at_once`` in memory."""
    position = 0
    while links := await repository.links_after(connection, position, links_at_once):
        for link in links:
            yield link
        position = links[-1].position


async def verify_chain(
    database: Database,
    anchors: Sequence[SignedHead] = (),
    keys: PublicKeys | None = None,
    tell: Told = lambda _done, _total: None,
) -> ChainReport:
    """Walk the whole chain on one snapshot, in constant memory; it ends at the first link that is broken.

    Without ``anchors`` an edit is found unless every later hash was written anew; with them that is found too, between
    the last head that agrees and the first that does not. A head whose signature is not by one of ``keys`` counts as
    broken: it proves nothing.
    """
    for anchor in anchors:
        if keys is None or not keys.verify(anchor.key_id, anchor.message(), anchor.signature):
            reason = f"the head of position {anchor.position} is not signed by a key that is known"
            return ChainReport(0, GENESIS.hex(), 0, 0, BrokenLink(anchor.position, None, reason, 0))
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await repository.walk_by_index(connection)
        end = await repository.last_link(connection)
        waiting = await repository.count_unchained(connection)
        return await _walk(connection, {head.position: head for head in anchors}, end[0] if end else 0, waiting, tell)


async def _walk(
    connection: Connection, anchors: dict[int, SignedHead], total: int, waiting: int, tell: Told
) -> ChainReport:
    position, previous, agreed, anchored = 0, GENESIS, 0, 0

    def report(at: int, link: Link | None, reason: str) -> ChainReport:
        broken = BrokenLink(at, link.posting_id if link else None, reason, agreed)
        return ChainReport(position, previous.hex(), waiting, anchored, broken)

    async for link in walk_chain(connection):
        if link.position != position + 1:
            return report(position + 1, None, "this position is missing from the chain")
        if link.content is None:
            return report(link.position, link, "the posting or its entries are gone")
        found = chain_hash(previous, link.content)
        if found != link.hash:
            return report(link.position, link, "the posting is not what was chained")
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
