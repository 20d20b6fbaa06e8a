"""Every statement on what providers have told us."""

from __future__ import annotations

from ais.payments.domain import ProviderEvent
from ais.platform.database import UnitOfWork


async def store_event(uow: UnitOfWork, provider: str, event: ProviderEvent, body: bytes) -> bool:
    """Keep the raw message under its event id; answers whether it is the first delivery."""
    return bool(
        await uow.connection.fetchval(
            """
            INSERT INTO provider_events AS stored (provider, event_id, type, object_id, provider_payment_id, body)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (provider, event_id) DO UPDATE SET deliveries = stored.deliveries + 1
            RETURNING deliveries = 1
            """,
            provider,
            event.id,
            event.type,
            event.object_id,
            event.payment_id,
            body,
        )
    )


async def mark_event(uow: UnitOfWork, provider: str, event_id: str, state: str) -> None:
    """Note what became of a stored message."""
    await uow.connection.execute(
        "UPDATE provider_events SET state = $3, handled_at = ais_now() WHERE provider = $1 AND event_id = $2",
        provider,
        event_id,
        state,
    )
