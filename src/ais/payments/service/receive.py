"""What a provider tells us: stored before anything else, handled by a job, in any order and however often it comes.

A message is only a hint: what it is about is retrieved, and what it is now is written down by the functions that every
other way goes through too. So a repeat, a late or an early one changes nothing twice. What cannot be handled is tried
again with growing pauses, for an object that is not known yet may be known soon; in the end it is a dead letter, which
staff read, mend and replay.
"""

from __future__ import annotations

from ais.kit import AppError, decode_id, encode_id, ids, system_actor
from ais.kit.ids import PaymentId
from ais.payments import repository
from ais.payments.domain import EventKind, EventState, Payment, ProviderEvent, StoredEvent
from ais.payments.ports import Gateways, SettlesPayments
from ais.payments.reconciliation import ProviderLists
from ais.payments.service.dispute import follow_dispute
from ais.payments.service.payouts import follow_payout
from ais.payments.service.refund import follow_refunds
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, Database, UnitOfWork
from ais.platform.jobs import Retry
from ais.platform.outbox import NewJob
from ais.platform.staff_queue import ask_staff, resolve_staff_queue
from ais.platform.telemetry import describe_error, get_logger

log = get_logger("payments.events")

# Twelve tries within about 70 minutes: by then whatever we were about to write down ourselves is written.
EVENT_RETRY = Retry(attempts=12, first_delay_seconds=2, ceiling_seconds=3600)
_LONGEST_DETAIL = 500
DEAD_LETTER = "webhook_dead"


class ObjectUnknown(Exception):
    """The message is about an object that is not ours, or not yet."""


HANDLE_EVENT = "payments.handle_event"


async def receive_event(
    database: Database, provider: str, event: ProviderEvent, body: bytes, correlation_id: str
) -> bool:
    """Store a verified message, which says nothing of persons any more, and ask for it to be handled; answers whether
    it is new. Unknown types are kept.

    Durable when it returns, by one statement of its own: the provider waits for the answer, and tells much.
    """
    payload, dedupe_key = _handling(event.id)
    known = event.kind is not EventKind.UNKNOWN
    jobs = [NewJob(HANDLE_EVENT, payload, dedupe_key=dedupe_key)] if known else []
    return await repository.store_event(database, provider, event, body, jobs, correlation_id)


def ask_for_event(uow: UnitOfWork, event_id: str) -> None:
    """Have a stored message handled."""
    payload, dedupe_key = _handling(event_id)
    uow.enqueue(HANDLE_EVENT, payload, dedupe_key=dedupe_key)


def _handling(event_id: str) -> tuple[dict[str, str], str]:
    """Payload and dedupe key of the job that handles a message: of all that ask, one waits."""
    return {"event_id": event_id}, f"event:{event_id}"


async def handle_event(
    database: Database,
    gateways: Gateways,
    lists: ProviderLists,
    settle: SettlesPayments,
    event_id: str,
    correlation_id: str,
) -> None:
    """Do what a stored message asks for; one that was dealt with is left alone. What goes wrong is noted, tried again
    later, and in the end put before staff: nothing is dropped.
    """
    async with database.connection() as connection:
        stored = await repository.find_event(connection, event_id)
    if stored is None:
        raise LookupError(f"event {event_id} is gone")
    if stored.state is not EventState.STORED:
        return
    actor = system_actor("payments.handle_event")
    try:
        known = await _act(database, gateways, lists, settle, stored, correlation_id)
    except Exception as problem:  # whatever it was is kept with the message, which is tried again or goes to staff
        log.warning("provider event not handled", event_id=event_id, type=stored.type, error=type(problem).__name__)
        async with database.unit_of_work(actor, correlation_id) as uow:
            await _note_failure(uow, stored, problem)
        return
    async with database.unit_of_work(actor, correlation_id) as uow:
        locked = await repository.lock_event(uow, stored.provider, event_id)
        if locked is None or locked.state is not EventState.STORED:
            return
        state = EventState.HANDLED if known else EventState.IGNORED
        await repository.write_event(
            uow, locked, state, outcome=state, attempts=locked.attempts + 1, payment_id=locked.payment_id
        )
        await resolve_staff_queue(uow, DEAD_LETTER, _subject(stored))


async def _note_failure(uow: UnitOfWork, stored: StoredEvent, problem: Exception) -> None:
    event = await repository.lock_event(uow, stored.provider, stored.event_id)
    if event is None or event.state is not EventState.STORED:
        return
    attempts = event.attempts + 1
    # Errors of the database and of decoders may quote what they met.
    detail = problem.code if isinstance(problem, AppError) else describe_error(problem)
    detail = detail[:_LONGEST_DETAIL]
    if attempts < EVENT_RETRY.attempts:
        again_at = uow.clock.now() + EVENT_RETRY.delay_after(attempts)
        await repository.write_event(
            uow, event, EventState.STORED, outcome="failed", detail=detail, attempts=attempts,
            next_attempt_at=again_at, payment_id=event.payment_id,
        )  # fmt: skip
        payload, dedupe_key = _handling(event.event_id)
        uow.enqueue(HANDLE_EVENT, payload, run_at=again_at, dedupe_key=dedupe_key)
        return
    state = EventState.UNMATCHED if isinstance(problem, ObjectUnknown) else EventState.DEAD
    await repository.write_event(
        uow, event, state, outcome=state, detail=detail, attempts=attempts, payment_id=event.payment_id
    )
    await ask_staff(uow, DEAD_LETTER, _subject(event), type=event.type, state=state)


def _subject(event: StoredEvent) -> str:
    return f"{event.provider}:{event.event_id}"


async def replay_event(uow: UnitOfWork, event_id: str, payment_id: PaymentId | None = None) -> StoredEvent | None:
    """Handle a message again from the start, as if it had just come; None if there is none of this id.

    ``payment_id`` ties it to a payment of ours that it does not name by itself. Replaying what has been handled is
    harmless. One that waits for its next try is tried at once.
    """
    stored = await repository.find_event(uow.connection, event_id)
    if stored is None:
        return None
    event = await repository.lock_event(uow, stored.provider, event_id)
    assert event is not None
    await repository.write_event(
        uow, event, EventState.STORED, outcome="replayed", attempts=0, payment_id=payment_id or event.payment_id
    )
    tied = {"payment": encode_id(ids.PAYMENT, payment_id)} if payment_id is not None else None
    await record(uow, Entry(action="webhook.replayed", subject=_subject(event), after=tied))
    ask_for_event(uow, event_id)
    return await repository.find_event(uow.connection, event_id)


async def _act(
    database: Database,
    gateways: Gateways,
    lists: ProviderLists,
    settle: SettlesPayments,
    stored: StoredEvent,
    correlation_id: str,
) -> bool:
    """Look at what the message is about and follow it; answers False for a type that is not known."""
    event = gateways.provider(stored.provider).read_event(stored.body)
    if event.kind is EventKind.UNKNOWN:
        return False
    actor = system_actor("payments.handle_event")
    if event.kind is EventKind.PAYOUT:
        await follow_payout(database, lists, event.object_id, actor, correlation_id)
        return True
    async with database.connection() as connection:
        payment = await _payment_of(connection, stored, event)
    if event.kind is EventKind.DISPUTE:
        await follow_dispute(database, gateways, settle, payment, event.object_id, actor, correlation_id)
        return True
    await settle(database, gateways, payment.id, actor, correlation_id)
    if event.kind is EventKind.REFUND:
        await follow_refunds(database, gateways, payment.id, actor, correlation_id)
    return True


async def _payment_of(connection: Connection, stored: StoredEvent, event: ProviderEvent) -> Payment:
    """The payment that the message is about: tied by staff, known by the provider's id, or by our reference, for a
    message may overtake our own note of the provider's id. Raises :class:`ObjectUnknown`.
    """
    payment = None
    if stored.payment_id is not None:
        payment = await repository.find_payment(connection, stored.payment_id)
    if payment is None and event.payment_id is not None:
        payment = await repository.find_payment_at_provider(connection, stored.provider, event.payment_id)
    own = decode_id(ids.PAYMENT, event.reference) if event.reference is not None else None
    if payment is None and own is not None:
        payment = await repository.find_payment(connection, PaymentId(own))
    if payment is None:
        raise ObjectUnknown(f"no payment of ours is {event.payment_id or event.object_id}")
    return payment
