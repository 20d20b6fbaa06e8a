"""What staff write about an order by hand: sealed under a key of the order's own, which goes with any of its persons.

A reason for voiding documents may name whoever it is about. It rests under neither the buyer's key nor a passenger's,
but under one that is destroyed when anybody of the order is erased.
"""

from __future__ import annotations

from ais.kit.ids import OrderId
from ais.orders import repository
from ais.platform.database import UnitOfWork
from ais.platform.vault import destroy_persons, seal_text


async def seal_reason(uow: UnitOfWork, order_id: OrderId, text: str) -> str:
    """The text as it may be kept with the order, whose lock the caller holds."""
    kept = await repository.text_keys(uow.connection, order_id)
    key = next(iter((await uow.vault.persons(uow.connection, kept)).values()), None)
    if key is None:
        key = await uow.vault.new_person(uow)
        await repository.insert_text_key(uow, order_id, key.id)
    return seal_text(key, text)


async def erase_texts(uow: UnitOfWork, order_id: OrderId) -> None:
    """Nobody reads again what was written about the order, whose lock the caller holds."""
    await destroy_persons(uow, await repository.text_keys(uow.connection, order_id))
