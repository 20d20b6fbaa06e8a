"""What a provider tells us: verified, stored, and passed on as a hint to look."""

from __future__ import annotations

from ais.payments import repository
from ais.payments.events import PaymentReported
from ais.payments.ports import PaymentGateway
from ais.platform.database import UnitOfWork
from ais.platform.staff_queue import ask_staff


async def receive_event(uow: UnitOfWork, gateway: PaymentGateway, body: bytes, signature: str) -> bool:
    """Store a verified message of the provider and tell whoever settles; answers whether it is new.

    A message that names no payment is kept and ignored. One about a refund of ours asks for that refund to be looked at
    too: it may have ended, or a success may have been taken back. Raises ``SignatureInvalid``.
    """
    event = gateway.verify_event(body, signature)
    if not await repository.store_event(uow, gateway.name, event, body):
        return False
    if event.payment_id is None:
        await repository.mark_event(uow, gateway.name, event.id, "ignored")
        return True
    if event.object_type == "refund":
        refund_id = await repository.find_refund_at_provider(uow.connection, event.object_id)
        if refund_id is not None:
            uow.enqueue("payments.refund", {"refund_id": str(refund_id)}, dedupe_key=f"refund:{refund_id}")
    uow.publish(
        PaymentReported(
            provider=gateway.name,
            provider_event_id=event.id,
            provider_payment_id=event.payment_id,
            reference=event.reference,
        )
    )
    return True


async def mark_unmatched(uow: UnitOfWork, reported: PaymentReported) -> None:
    """The provider reports a payment that is not ours: kept, and put before staff."""
    await repository.mark_event(uow, reported.provider, reported.provider_event_id, "unmatched")
    await ask_staff(uow, "payment_unknown", f"{reported.provider}:{reported.provider_payment_id}")
