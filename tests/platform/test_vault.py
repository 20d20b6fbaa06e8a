"""The vault: sealed for one person and field, found again by hash, wrapped anew, destroyed for good."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories.vault import VAULT, new_key

from ais.kit import new_uuid
from ais.kit.ids import PersonId
from ais.platform.database import Database
from ais.platform.settings import DEMO_LOOKUP_KEY, DEMO_VAULT_KEY
from ais.platform.vault import (
    KeyCount,
    KeyMissing,
    SealBroken,
    UnusableAddress,
    Vault,
    VaultKeyError,
    count_keys,
    destroy_persons,
    normalise_email,
    open_texts,
    rewrap_persons,
    seal_text,
)
from ais.platform.vault.texts import SEALED_TEXT_LENGTH

PERSON, OTHER = VAULT.mint(), VAULT.mint()
NEW_KEY = new_key("2027-b")
ROTATED = Vault(f"{NEW_KEY},{DEMO_VAULT_KEY}", DEMO_LOOKUP_KEY)


@given(st.binary(max_size=400), st.text(max_size=30))
def test_what_was_sealed_opens_for_its_person_and_field_alone(plain, field):
    sealed = PERSON.seal(field, plain)
    assert PERSON.open_bytes(field, sealed) == plain
    assert len(sealed) == len(plain) + 29
    assert len(plain) < 4 or plain not in sealed
    for key, name in ((OTHER, field), (PERSON, field + "x")):
        with pytest.raises(SealBroken):
            key.open_bytes(name, sealed)


@given(st.text(max_size=200))
def test_text_opens_as_text(plain):
    assert PERSON.open("name", PERSON.seal("name", plain)) == plain


@given(st.binary(max_size=40), st.data())
def test_no_changed_or_cut_byte_is_accepted(plain, data):
    sealed = PERSON.seal("email", plain)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[at] ^= data.draw(st.integers(1, 255))
    for broken in (bytes(changed), sealed[:at]):
        with pytest.raises(SealBroken):
            PERSON.open_bytes("email", broken)


def test_the_same_text_is_never_sealed_alike():
    assert len({PERSON.seal("email", "sara@example.com") for _ in range(50)}) == 50


def test_a_data_key_opens_under_its_person_and_wrapping_key_alone():
    person = VAULT.mint()
    assert VAULT.unwrap(person.id, "demo-0", person.wrapped).open("x", person.seal("x", "y")) == "y"
    with pytest.raises(SealBroken):
        VAULT.unwrap(PersonId(new_uuid()), "demo-0", person.wrapped)
    with pytest.raises(KeyMissing):
        Vault(NEW_KEY, DEMO_LOOKUP_KEY).unwrap(person.id, "demo-0", person.wrapped)
    stranger = Vault("demo-0:" + new_key("x").partition(":")[2], DEMO_LOOKUP_KEY)
    with pytest.raises(SealBroken):
        stranger.unwrap(person.id, "demo-0", person.wrapped)


def test_a_hash_follows_key_kind_and_value():
    found = VAULT.lookup_hash("email", "sara@example.com")
    assert found == VAULT.lookup_hash("email", "sara@example.com")
    assert len(found) == 32
    elsewhere = Vault(DEMO_VAULT_KEY, new_key("other"))
    assert len({
        found,
        VAULT.lookup_hash("email", "omar@example.com"),
        VAULT.lookup_hash("name", "sara@example.com"),
        elsewhere.lookup_hash("email", "sara@example.com"),
    }) == 4  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "a", "a:", "a:short", f":{NEW_KEY}", f"{NEW_KEY},{NEW_KEY}", "k:" + "!" * 43, NEW_KEY + "AAAA"],
    ids=range(8),  # the keys are drawn anew in every process
)
def test_a_key_that_is_not_usable_is_refused_without_repeating_it(text):
    with pytest.raises(VaultKeyError) as refused:
        Vault(text, DEMO_LOOKUP_KEY)
    secret = text.partition(":")[2]
    assert len(secret) < 8 or secret not in str(refused.value)


def test_the_first_lookup_key_makes_what_is_stored_and_all_make_what_is_found():
    alone, both = Vault(DEMO_VAULT_KEY, NEW_KEY), Vault(DEMO_VAULT_KEY, f"{NEW_KEY},{DEMO_LOOKUP_KEY}")
    found = both.lookup("email", "sara@example.com")
    hashes = [each.lookup_hash("email", "sara@example.com") for each in (alone, VAULT)]
    assert (found.key_ids, found.hashes) == (("2027-b", "demo-0"), hashes)
    assert (found.key_id, found.stored, both.lookup_hash("email", "sara@example.com")) == ("2027-b", *hashes[:1] * 2)
    with pytest.raises(VaultKeyError, match="no key"):
        Vault(DEMO_VAULT_KEY, "")


@pytest.mark.parametrize(
    ("typed", "mailbox"),
    [
        ("sara@example.com", "sara@example.com"),
        (" Sara.H@EXAMPLE.Com. ", "sara.h@example.com"),
        ("ｓａｒａ@example.com", "sara@example.com"),
        ("josé@example.com", "josé@example.com"),
        ("jose\u0301@example.com", "josé@example.com"),
        ("s+ais@bücher.example", "s+ais@xn--bcher-kva.example"),
        ("s+ais@xn--bcher-kva.example", "s+ais@xn--bcher-kva.example"),
        ("STRASSE@straße.example", "strasse@strasse.example"),
        ("سارة@مثال.example", "سارة@xn--mgbh0fb.example"),
        ("o_brien'x@sub_domain.example", "o_brien'x@sub_domain.example"),
    ],
)
def test_two_spellings_of_one_mailbox_are_one(typed, mailbox):
    assert normalise_email(typed) == mailbox
    assert normalise_email(mailbox) == mailbox


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "sara",
        "@example.com",
        "sara@",
        "sara@a@example.com",
        "s\u0430ra@example.com",  # Cyrillic a among Latin letters
        "\u0430\u0441\u0435@example.com",  # wholly Cyrillic, reads "ace"
        "sara@ex\u0430mple.com",
        "sara@\u0430\u0440\u0440\u04cf\u0435.com",  # reads "apple"
        "sara@xn--80ak6aa92e.com",  # the same, as it is sent
        "sa\u200bra@example.com",
        "sa\u202era@example.com",
        "sa ra@example.com",
        "sara@\u0661\u0662a..\u00fc",
        "a" * 250 + "@example.com",
    ],
)
def test_look_alikes_and_what_is_no_address_are_refused_without_repeating_it(typed):
    with pytest.raises(UnusableAddress) as refused:
        normalise_email(typed)
    assert len(typed) < 5 or typed not in str(refused.value)


@given(st.emails())
def test_an_address_that_was_made_equal_stays_so(typed):
    with suppress(UnusableAddress):
        mailbox = normalise_email(typed)
        assert normalise_email(mailbox) == mailbox
        assert normalise_email(typed.upper()) in {mailbox, normalise_email(typed.upper())}


@pytest.mark.anyio
async def test_keys_of_many_are_read_at_once_and_end_with_their_destruction(database, actor):
    async with database.unit_of_work(actor) as uow:
        sara, omar = await VAULT.new_person(uow), await VAULT.new_person(uow)
        sealed = {
            person.id: person.seal("email", f"{number}@example.com") for number, person in enumerate((sara, omar))
        }
    async with database.connection() as connection:
        found = await VAULT.persons(connection, [sara.id, omar.id, PERSON.id])
        assert {each: key.open("email", sealed[each]) for each, key in found.items()} == {
            sara.id: "0@example.com",
            omar.id: "1@example.com",
        }
        assert await VAULT.persons(connection, []) == {}
    async with database.unit_of_work(actor) as uow:
        assert await destroy_persons(uow, [sara.id, PERSON.id]) == [sara.id]
        assert await destroy_persons(uow, [sara.id]) == []
    async with database.connection() as connection:
        assert await VAULT.open(connection, sara.id, "email", sealed[sara.id]) is None
        assert await VAULT.open(connection, omar.id, "email", sealed[omar.id]) == "1@example.com"
        assert await count_keys(connection) == [KeyCount("demo-0", 1), KeyCount(None, 1)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE person_keys SET wrapped_key = 'x', kek_id = 'demo-0', destroyed_at = NULL",
        "UPDATE person_keys SET destroyed_at = ais_now()",
        "UPDATE person_keys SET id = uuidv7()",
        "DELETE FROM person_keys",
    ],
)
async def test_a_destroyed_key_never_comes_back(database, actor, statement):
    async with database.unit_of_work(actor) as uow:
        person = await VAULT.new_person(uow)
        await destroy_persons(uow, [person.id])
    with pytest.raises(asyncpg.RestrictViolationError):
        async with database.unit_of_work(actor) as uow:
            await uow.connection.execute(statement)


async def _rewrap_all(database, actor, vault, limit):
    after, steps = None, 0
    while True:
        async with database.unit_of_work(actor) as uow:
            after = await rewrap_persons(uow, vault, after=after, limit=limit)
        if after is None:
            return steps
        steps += 1


@pytest.mark.anyio
async def test_rotation_wraps_anew_and_leaves_what_is_sealed_alone(database, actor):
    async with database.unit_of_work(actor) as uow:
        people = [await VAULT.new_person(uow) for _ in range(5)]
        await destroy_persons(uow, [people[4].id])
    sealed = people[0].seal("email", "sara@example.com")
    assert await _rewrap_all(database, actor, ROTATED, 2) == 2
    assert await _rewrap_all(database, actor, ROTATED, 2) == 0
    only_new = Vault(NEW_KEY, DEMO_LOOKUP_KEY)
    async with database.connection() as connection:
        assert await count_keys(connection) == [KeyCount("2027-b", 4), KeyCount(None, 1)]
        assert await only_new.open(connection, people[0].id, "email", sealed) == "sara@example.com"
        with pytest.raises(KeyMissing, match="2027-b"):
            await VAULT.open(connection, people[0].id, "email", sealed)


@pytest.mark.anyio
async def test_reading_and_erasing_beside_a_rotation_find_every_key_whole(database, actor):
    """The control keeps the name of a wrapping key from before, as a cache of either half would, and cannot open."""
    async with database.unit_of_work(actor) as uow:
        people = [await ROTATED.new_person(uow) for _ in range(40)]
    sealed = {person.id: person.seal("email", "sara@example.com") for person in people}
    back = Vault(f"{DEMO_VAULT_KEY},{NEW_KEY}", DEMO_LOOKUP_KEY)
    opened, over = 0, asyncio.Event()

    async def rotate():
        for vault in (back, ROTATED, back):
            await _rewrap_all(database, actor, vault, 10)
        async with database.unit_of_work(actor) as uow:
            await destroy_persons(uow, [person.id for person in people[20:]])
        over.set()

    async def read():
        nonlocal opened
        while not over.is_set():
            async with database.connection() as connection:
                found = await ROTATED.persons(connection, sealed)
            assert {key.open("email", sealed[each]) for each, key in found.items()} == {"sara@example.com"}
            opened += 1

    await asyncio.gather(rotate(), read(), read())
    assert opened > 0
    async with database.connection() as connection:
        assert set(await ROTATED.persons(connection, sealed)) == {person.id for person in people[:20]}
        wrapped = await connection.fetchval("SELECT wrapped_key FROM person_keys WHERE id = $1", people[0].id)
    with pytest.raises(SealBroken):
        ROTATED.unwrap(people[0].id, people[0].kek_id, wrapped)


@pytest.mark.anyio
async def test_a_process_without_a_vault_says_so(database, actor):
    bare = Database(database.pool, database.clock)
    with pytest.raises(RuntimeError, match="no vault"):
        _ = bare.vault
    async with bare.unit_of_work(actor) as uow:
        with pytest.raises(RuntimeError, match="no vault"):
            _ = uow.vault


@given(st.text(min_size=1, max_size=200))
def test_a_sealed_text_is_a_text_of_bounded_length(text):
    sealed = seal_text(PERSON, text)
    assert (len(sealed) <= SEALED_TEXT_LENGTH, text in sealed and len(text) > 8) == (True, False)


@pytest.mark.anyio
async def test_sealed_texts_open_beside_others_and_are_nothing_once_the_key_is_destroyed(database, actor):
    async with database.unit_of_work(actor) as uow:
        first, second = [await VAULT.new_person(uow) for _ in range(2)]
    texts = [seal_text(first, "Sara called"), "void", seal_text(second, "sealed:"), "sealed:of old", "sealed:x:y"]
    async with database.unit_of_work(actor) as uow:
        opened = await open_texts(uow.connection, VAULT, texts)
        assert [each.text for each in opened] == ["Sara called", "void", "sealed:", "sealed:of old", "sealed:x:y"]
        assert [each.key.id if each.key else None for each in opened] == [first.id, None, second.id, None, None]
        await destroy_persons(uow, [first.id])
        opened = await open_texts(uow.connection, VAULT, texts)
    assert [each.text for each in opened] == [None, "void", "sealed:", "sealed:of old", "sealed:x:y"]
