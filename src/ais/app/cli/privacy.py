"""``ais privacy``: keys of persons, what is kept about somebody, and forgetting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.kit import decode_id, ids
from ais.kit.ids import OrderId, PassengerId
from ais.orders import EVERYTHING, OrderFilter, OrderNotFound, list_orders
from ais.orders.privacy.lookups import REWRITES, drop_key, lookups_in_use, require_first_key_in_use
from ais.orders.privacy.repository import count_in_the_clear
from ais.orders.privacy.service import (
    Erased,
    PassengerNotFound,
    erase_orders,
    erase_passengers,
    erase_person,
    export_person,
    seal_next,
)
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, Database, UnitOfWork
from ais.platform.settings import Settings
from ais.platform.vault import KeyCount, Vault, count_keys, note_lookup_keys, rewrap_persons

_REASON = "asked for by the person"


class LookupCount(msgspec.Struct, frozen=True):
    """How many accounts, registrations and orders are found by hashes of a lookup key; None was never named."""

    lookup_key: str | None
    hashes: int


class _NotMeant(Exception):
    """Not an error: what was asked for was only looked at, and nothing of it stays."""

    def __init__(self, would: Erased) -> None:
        self.would = would


@click.group()
def privacy() -> None:
    """Personal data: keys, export, erasure."""


@privacy.command("status")
@json_option
@click.pass_obj
def status(output: Output) -> None:
    """Show which keys are in use, how many persons are erased, and what still rests in the clear.

    Exit code 1 if a key in use is not set, or an order rests in the clear.
    """

    async def look(
        database: Database, _settings: Settings
    ) -> tuple[list[KeyCount], int, Mapping[str | None, int], Vault]:
        async with database.connection() as connection:
            return (
                list(await count_keys(connection)),
                await count_in_the_clear(connection),
                await lookups_in_use(connection),
                database.vault,
            )

    counts, clear, lookups, vault = with_database(output, look)
    known = vault.kek_ids
    missing = [each.kek_id for each in counts if each.kek_id is not None and each.kek_id not in known]
    lost = [name for name in lookups if name is not None and name not in vault.lookup_ids]
    output.document(
        {
            "keys": counts,
            "wraps": known[0],
            "missing": missing,
            "orders_in_the_clear": clear,
            "lookups": [LookupCount(name, count) for name, count in lookups.items()],
            "finds": vault.lookup_ids,
            "lookups_missing": lost,
        }
    )
    output.table(
        ("Key", "Persons>", "Is"),
        [
            (
                each.kek_id or "-",
                each.persons,
                "erased" if each.kek_id is None else "MISSING" if each.kek_id in missing else
                "wraps" if each.kek_id == known[0] else "to be rotated out",
            )
            for each in counts
        ],
        empty="Nothing is sealed yet.",
    )  # fmt: skip
    output.table(
        ("Lookup key", "Hashes>", "Is"),
        [
            (
                name or "not named",
                count,
                "MISSING" if name in lost else "the first" if name == vault.lookup_id else "to be rotated out",
            )
            for name, count in lookups.items()
        ],
        empty="Nobody is found by a lookup key yet.",
    )
    output.say(f"{clear} orders rest in the clear." if clear else "Nothing rests in the clear.")
    if missing or lost or clear:
        end(NOT_SO)


@privacy.command("rotate-keys")
@json_option
@click.pass_obj
def rotate_keys(output: Output) -> None:
    """Wrap the keys of all persons by the first of AIS_VAULT_KEYS; what they seal is not touched.

    The program goes on meanwhile. When `ais privacy status` shows no other key, the old one can be taken away. Again:
    goes on where it was interrupted.
    """

    async def rotate(database: Database, _settings: Settings) -> list[KeyCount]:
        after = None
        while True:
            async with database.unit_of_work(actor()) as uow:
                after = await rewrap_persons(uow, database.vault, after=after)
            if after is None:
                break
        async with database.unit_of_work(actor()) as uow:
            counts = list(await count_keys(uow.connection))
            wrapped = sum(each.persons for each in counts if each.kek_id is not None)
            await record(uow, Entry(action="vault.rotated", subject=database.vault.kek_id, after={"persons": wrapped}))
            return counts

    counts = with_database(output, rotate)
    output.document({"keys": counts})
    for each in counts:
        output.say(f"{each.persons} persons: {each.kek_id or 'erased'}")


@privacy.command("rotate-lookups")
@click.option("--alone", is_flag=True, help="No process runs, and the key from before is lost.")
@json_option
@click.pass_obj
def rotate_lookups(output: Output, alone: bool) -> None:
    """Make the hashes by which people are found anew, by the first of AIS_VAULT_LOOKUP_KEY.

    Every process must have been restarted with that key, first at the end of the list and then in front. The program
    goes on meanwhile, and finds everybody. Again: goes on where it was interrupted.
    """

    async def rotate(database: Database, _settings: Settings) -> dict[str, int]:
        done = dict.fromkeys(REWRITES, 0)
        async with database.connection() as connection:
            if alone:
                await note_lookup_keys(connection, database.vault)
            await require_first_key_in_use(connection, database.vault)
            in_use = await lookups_in_use(connection)
        total = sum(in_use.values()) - in_use.get(database.vault.lookup_id, 0)
        with output.progress("Making hashes anew") as tell:
            for name, rewrite in REWRITES.items():
                after, count = None, 1
                while count:
                    async with database.unit_of_work(actor()) as uow:
                        after, count = await rewrite(uow, after=after)
                    done[name] += count
                    tell(sum(done.values()), total)
        async with database.unit_of_work(actor()) as uow:
            await record(uow, Entry(action="vault.lookups_rotated", subject=database.vault.lookup_id, after={**done}))
        return done

    done = with_database(output, rotate)
    output.document({"rewritten": done})
    output.say(", ".join(f"{count} {name}" for name, count in done.items()) + " are found by the first key.")


@privacy.command("drop-lookup-key")
@click.argument("name")
@json_option
@click.pass_obj
def drop_lookup_key(output: Output, name: str) -> None:
    """Drop the lookup key NAME: from then on processes start without it, and none with it in front.

    Refused, with exit code 1, while a hash still needs it.
    """

    async def drop(database: Database, _settings: Settings) -> None:
        async with database.unit_of_work(actor()) as uow:
            await drop_key(uow, name)

    with_database(output, drop)
    output.document({"dropped": name})
    output.say(f"The lookup key {name} is dropped: take it out of AIS_VAULT_LOOKUP_KEY.")


@privacy.command("seal")
@json_option
@click.pass_obj
def seal(output: Output) -> None:
    """Seal the persons of orders that an earlier release wrote in the clear; a job does the same by itself."""

    async def move(database: Database, _settings: Settings) -> int:
        total = 0
        while True:
            async with database.unit_of_work(actor()) as uow:
                looked_at, sealed = await seal_next(uow)
            total += sealed
            if not looked_at:
                return total
            output.note(f"{total} orders sealed")

    total = with_database(output, move)
    output.document({"sealed": total})
    output.say(f"{total} orders were sealed.")


@privacy.command("export")
@click.option("--email", required=True, help="Whose data: the address of an account, or given with orders.")
@json_option
@click.pass_obj
def export(output: Output, email: str) -> None:
    """Write everything that is kept about a person as JSON to standard output, also without --json. It is audited."""

    async def look(database: Database, _settings: Settings) -> dict[str, Any]:
        async with database.unit_of_work(actor()) as uow:
            return await export_person(uow, email)

    data = with_database(output, look)
    output.document(data)
    if not output.as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(data), indent=2).decode())


@privacy.command("erase")
@click.option("--email", help="The account with this address, and the orders that were bought under it.")
@click.option("--order", "name", metavar="LOCATOR|ORDER_ID", help="The buyer and the passengers of one order.")
@click.option("--passenger", "passengers", multiple=True, metavar="PASSENGER_ID", help="Of --order these alone.")
@click.option("--with-contact", is_flag=True, help="One of --passenger has bought the order: the contact goes too.")
@click.option("--yes", is_flag=True, help="Do it; without it is only said what would be done.")
@json_option
@click.pass_obj
def erase(
    output: Output, email: str | None, name: str | None, passengers: tuple[str, ...], with_contact: bool, yes: bool
) -> None:
    """Erase a person by destroying the keys of what they gave us. It cannot be undone, and it is audited.

    Refused while a journey is still to be flown or money is open: the orders are named. Documents, books, payments and
    the history of orders stay.
    """
    if (email is None) == (name is None):
        raise click.UsageError("Name a person by --email or an order by --order.")
    if passengers and name is None:
        raise click.UsageError("Passengers are those of an --order.")
    if with_contact and not passengers:
        raise click.UsageError("--with-contact goes with --passenger.")

    async def forget(database: Database, _settings: Settings) -> Erased:
        try:
            async with database.unit_of_work(actor()) as uow:
                done = await _erase(uow, email, name, passengers, with_contact=with_contact)
                if not yes:
                    raise _NotMeant(done)
                return done
        except _NotMeant as looked_at:
            return looked_at.would

    done = with_database(output, forget)
    output.document({"erased": yes, "result": done})
    if yes:
        output.say(f"{done.persons} persons of {done.orders} orders are erased.")
    else:
        output.say(f"{done.persons} persons of {done.orders} orders would be erased: --yes does it, for good.")
    output.say(f"What stays: {', '.join(done.remains)}.")


async def _erase(
    uow: UnitOfWork, email: str | None, name: str | None, passengers: tuple[str, ...], *, with_contact: bool
) -> Erased:
    if name is None:
        done, _ = await erase_person(uow, email or "", _REASON)  # a job announces that the sessions have ended
        return done
    order_id = await _order_id(uow.connection, name)
    if not passengers:
        return await erase_orders(uow, [order_id], _REASON)
    decoded = [decode_id(ids.PASSENGER, each.lower()) for each in passengers]
    if None in decoded:
        raise PassengerNotFound
    named = [PassengerId(each) for each in decoded if each]
    return await erase_passengers(uow, order_id, named, _REASON, with_contact=with_contact)


async def _order_id(connection: Connection, name: str) -> OrderId:
    order_id = decode_id(ids.ORDER, name.lower())
    if order_id is not None:
        return OrderId(order_id)
    found = await list_orders(connection, OrderFilter(scope=EVERYTHING, record_locator=name.upper(), limit=1))
    if not found:
        raise OrderNotFound
    return found[0].id
