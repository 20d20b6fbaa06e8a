"""``ais webhooks``: what payment providers told us, and the way back for what could not be handled."""

from __future__ import annotations

import click
import msgspec

from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.kit import decode_id, ids
from ais.kit.ids import PaymentId
from ais.payments import (
    DEAD_LETTERS,
    EventAttempt,
    EventState,
    StoredEvent,
    count_events,
    event_attempts,
    find_event,
    find_payment,
    list_events,
    replay_event,
)
from ais.platform.database import Database
from ais.platform.settings import Settings


@click.group()
def webhooks() -> None:
    """What payment providers told us: every message is kept, and what cannot be handled waits here."""


@webhooks.command("list")
@click.option("--state", type=click.Choice([state.value for state in EventState]), help="Only in this state.")
@click.option("--dead", is_flag=True, help="Only dead letters: unmatched and dead.")
@click.option("--type", "type_", help="Only of this type, such as charge.refunded.")
@click.option("--counts", is_flag=True, help="How many there are of each type and state instead.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_(output: Output, state: str | None, dead: bool, type_: str | None, counts: bool, limit: int) -> None:
    """List messages, the newest first.

    stored: to be handled, or waiting for its next try; handled; ignored: of a type that is only counted; unmatched:
    about an object that is not ours; dead: out of tries. Exit code 0, also if there are none.
    """
    states = list(DEAD_LETTERS) if dead else [EventState(state)] if state else None

    async def look(database: Database, _settings: Settings) -> tuple[list[StoredEvent], list[dict[str, object]]]:
        async with database.connection() as connection:
            if counts:
                return [], await count_events(connection)
            return await list_events(connection, states=states, type_=type_, limit=limit), []

    found, counted = with_database(output, look)
    if counts:
        output.document({"counts": counted})
        rows = [(row["type"], row["state"], row["events"], row["deliveries"]) for row in counted]
        output.table(("Type", "State", "Events>", "Deliveries>"), rows)
        return
    output.document({"events": [msgspec.structs.replace(event, body=b"") for event in found]})
    if not found:
        output.say("There are no such messages.")
        return
    output.table(
        ("Event", "Type", "State", "Deliveries>", "Tries>", "Received (UTC)", "Last error"),
        [(event.event_id, event.type, event.state, event.deliveries, event.attempts,
          f"{event.received_at:%Y-%m-%d %H:%M:%S}", event.last_error) for event in found],
    )  # fmt: skip


@webhooks.command("show")
@click.argument("event_id")
@json_option
@click.pass_obj
def show(output: Output, event_id: str) -> None:
    """Show a message as it came and what was tried with it. Exit code 1 if there is none."""

    async def look(database: Database, _settings: Settings) -> tuple[StoredEvent, list[EventAttempt]] | None:
        async with database.connection() as connection:
            event = await find_event(connection, event_id)
            return (event, await event_attempts(connection, event_id)) if event is not None else None

    found = with_database(output, look)
    if found is None:
        output.note(f"There is no message {event_id}.")
        output.document({"event": None, "attempts": [], "content": None})
        end(NOT_SO)
    event, attempts = found
    content = msgspec.json.decode(event.body)
    output.document({"event": msgspec.structs.replace(event, body=b""), "attempts": attempts, "content": content})
    output.say(f"{event.event_id}  {event.type}  {event.state}  (of {event.provider}, delivered {event.deliveries} x)")
    output.table(
        ("When (UTC)", "Outcome", "Detail", "Who"),
        [(f"{each.recorded_at:%Y-%m-%d %H:%M:%S}", each.outcome, each.detail, each.actor) for each in attempts],
    )
    output.say(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


@webhooks.command("replay")
@click.argument("event_ids", nargs=-1)
@click.option("--all-dead", is_flag=True, help="Every dead letter, up to 1000.")
@click.option("--payment", "payment", metavar="PAYMENT_ID", help="Tie it to this payment of ours (pay_…) first.")
@json_option
@click.pass_obj
def replay(output: Output, event_ids: tuple[str, ...], all_dead: bool, payment: str | None) -> None:
    """Handle messages again from the start; a worker does it. Harmless for what has been handled.

    Exit code 1 if one of them is not there.
    """
    if bool(event_ids) == all_dead or (payment is not None and len(event_ids) != 1):
        raise click.UsageError("Name messages, or give --all-dead; --payment goes with one message.")
    own = decode_id(ids.PAYMENT, payment) if payment is not None else None
    if payment is not None and own is None:
        raise click.UsageError(f"{payment!r} is not the id of a payment.")

    async def again(database: Database, _settings: Settings) -> tuple[list[str], list[str]]:
        async with database.connection() as connection:
            if own is not None and await find_payment(connection, PaymentId(own)) is None:
                return [], [payment or ""]
            dead = await list_events(connection, states=list(DEAD_LETTERS), limit=1000) if all_dead else []
        done: list[str] = []
        missing: list[str] = []
        for event_id in event_ids or [event.event_id for event in dead]:
            async with database.unit_of_work(actor()) as uow:
                found = await replay_event(uow, event_id, PaymentId(own) if own is not None else None)
            (missing if found is None else done).append(event_id)
        return done, missing

    done, missing = with_database(output, again)
    output.document({"replayed": done, "missing": missing})
    output.say(f"{len(done)} to be handled again.")
    if missing:
        output.note(f"Not there: {', '.join(missing)}.")
        end(NOT_SO)
