"""The wire types of payments for staff. Absent values are null."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ais.kit import encode_id, ids
from ais.payments.domain import EventAttempt, EventState, StoredEvent


class WebhookEventBody(Struct, frozen=True):
    """What a provider told us. ``payment_id`` is set where staff have tied it to a payment."""

    id: str
    provider: str
    type: str
    object_id: str
    state: EventState
    deliveries: int
    attempts: int
    last_error: str | None
    payment_id: str | None
    received_at: datetime
    handled_at: datetime | None
    next_attempt_at: datetime | None


class EventAttemptBody(Struct, frozen=True):
    """One try to handle it, or a person's replay."""

    outcome: str
    detail: str | None
    actor: str
    recorded_at: datetime


class WebhookEventDetail(Struct, frozen=True):
    """The message as it came, and what was tried with it, oldest first."""

    event: WebhookEventBody
    attempts: list[EventAttemptBody]
    content: Any


class ReplayRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Handle a message again."""

    payment_id: Annotated[str, Meta(max_length=60)] | None = None


def event_body(event: StoredEvent) -> WebhookEventBody:
    """The message without its content."""
    return WebhookEventBody(
        id=event.event_id,
        provider=event.provider,
        type=event.type,
        object_id=event.object_id,
        state=event.state,
        deliveries=event.deliveries,
        attempts=event.attempts,
        last_error=event.last_error,
        payment_id=encode_id(ids.PAYMENT, event.payment_id) if event.payment_id is not None else None,
        received_at=event.received_at,
        handled_at=event.handled_at,
        next_attempt_at=event.next_attempt_at,
    )


def event_detail(event: StoredEvent, attempts: list[EventAttempt]) -> WebhookEventDetail:
    """The whole message."""
    return WebhookEventDetail(
        event=event_body(event),
        attempts=[EventAttemptBody(each.outcome, each.detail, each.actor, each.recorded_at) for each in attempts],
        content=msgspec.json.decode(event.body),
    )
