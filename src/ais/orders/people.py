"""The persons of an order: sealed under a key each, opened by whoever needs them, masked for whoever need not know.

The buyer's contact is one person, each passenger another, so that one may be erased and the others not. Names are
sealed with the rest: the ticket keeps the name that the law wants kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ais.kit import RecordLocator
from ais.kit.ids import PassengerId
from ais.orders.domain import Contact, Order, People, PersonalDetails, TravelDocument
from ais.orders.names import search_name
from ais.platform.vault import Lookup, PersonKey, Vault, mask_email, mask_tail, normalise_email

CONTACT, PERSONAL = "orders.contact", "order_passengers.personal"


def seal_people(vault: Vault, order: Order, people: People) -> tuple[Order, list[PersonKey]]:
    """The order with its persons sealed, each under a new key, and those keys, the buyer's first.

    Raises :class:`ais.platform.vault.UnusableAddress` for a contact whose address passes for another.
    """
    assert people.contact is not None
    buyer = vault.mint()
    keys, passengers = [buyer], []
    for passenger in order.passengers:
        details = people.details[passenger.id]
        key = vault.mint()
        keys.append(key)
        passengers.append(
            msgspec.structs.replace(
                passenger,
                person_id=key.id,
                personal_sealed=_as_json(key.seal(PERSONAL, msgspec.json.encode(details))),
                name_lookup=_as_json(name_lookup(vault, order.record_locator, details.family_name).stored),
                clear=None,
            )
        )
    sealed = msgspec.structs.replace(
        order,
        contact_person_id=buyer.id,
        contact_sealed=buyer.seal(CONTACT, msgspec.json.encode(people.contact)),
        contact_lookup=address_lookup(vault, people.contact.email).stored,
        lookup_key=vault.lookup_id,
        contact=None,
        passengers=tuple(passengers),
        person_keys={str(key.id): (key.kek_id, key.wrapped.hex()) for key in keys},
    )
    return sealed, keys


def open_people(vault: Vault, order: Order) -> People:
    """The persons of the order; who was erased is missing."""
    keys = vault.of_rows(order.person_keys)
    contact = order.contact
    if order.contact_sealed is not None:
        buyer = keys.get(order.contact_person_id) if order.contact_person_id is not None else None
        opened = None if buyer is None else buyer.open_bytes(CONTACT, order.contact_sealed)
        contact = None if opened is None else msgspec.json.decode(opened, type=Contact)
    details: dict[PassengerId, PersonalDetails] = {}
    for passenger in order.passengers:
        if passenger.clear is not None:
            details[passenger.id] = passenger.clear
        elif passenger.person_id in keys and passenger.personal_sealed is not None:
            content = keys[passenger.person_id].open_bytes(PERSONAL, _from_json(passenger.personal_sealed))
            details[passenger.id] = msgspec.json.decode(content, type=PersonalDetails)
    return People(contact, details)


def has_its_travellers(order: Order) -> bool:
    """Whether nobody who was to travel has been erased."""
    keys = order.person_keys or {}
    return all(each.clear is not None or str(each.person_id) in keys for each in order.passengers)


def buyer_key(vault: Vault, order: Order) -> PersonKey | None:
    """The key of whoever bought; None once it is destroyed."""
    if order.contact_person_id is None:
        return None
    return vault.of_rows(order.person_keys).get(order.contact_person_id)


def address_lookup(vault: Vault, address: str) -> Lookup:
    """By what the orders of an address are found. Raises :class:`ais.platform.vault.UnusableAddress`."""
    return vault.lookup("email", normalise_email(address))


def name_lookup(vault: Vault, locator: RecordLocator | str, family_name: str) -> Lookup:
    """By what a family name is found in the order of a locator: of two orders with one name the hashes differ."""
    return vault.lookup("family_name", f"{locator}\0{search_name(family_name)}")


def masked(people: People) -> People:
    """The same persons as somebody sees them who has to tell them apart and no more: names, and of all else a trace."""
    contact = people.contact
    if contact is not None:
        contact = Contact(mask_email(contact.email), mask_tail(contact.phone) if contact.phone else None)
    return People(contact, {passenger: _masked(details) for passenger, details in people.details.items()})


def _masked(details: PersonalDetails) -> PersonalDetails:
    return PersonalDetails(
        details.given_name,
        details.family_name,
        title=details.title,
        name_local=details.name_local,
        documents=tuple(
            TravelDocument(each.type, mask_tail(each.number), each.issuing_country, None) for each in details.documents
        ),
    )


def clear_details(row: Mapping[str, object]) -> PersonalDetails | None:
    """The details of a passenger's row that has not been sealed yet; None for one that has."""
    return msgspec.convert(row, PersonalDetails) if row.get("family_name") is not None else None


def _as_json(content: bytes) -> str:
    return "\\x" + content.hex()


def _from_json(text: str) -> bytes:
    return bytes.fromhex(text[2:])
