"""Who has an account, and which locators exist, is told neither by an answer nor by how long it takes."""

from __future__ import annotations

import itertools
import re
import time

import msgspec
import pytest
from tests.factories.accounts import OTHER_PASSWORD, make_person, new_email
from tests.factories.timing import SHARE, shares_longer

from ais.accounts.passwords import Passwords
from ais.accounts.repository import links as link_rows
from ais.kit.locator import ALPHABET, LENGTH, new_locator
from ais.orders import endpoints as order_endpoints
from ais.platform.settings import Settings

# A fifth of what one verification of a password costs in production; over a network, with ten look-ups a minute, a
# difference of this size drowns for days in the noise of a single locator.
LOOK_UP_MARGIN_SECONDS = 0.003
MEMORY_KIB, ROUNDS = 4096, 2


def work_for(seconds):
    """Keep the processor busy for so much of its time, which other programs do not change."""
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass


def told(answer):
    """All that an answer says, but what is of its own request and the clock's."""
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in {"x-correlation-id", "date", "ratelimit-remaining", "ratelimit-reset"}
    }
    return answer.status_code, headers, re.sub(r'"correlation_id":"[^"]*"', "", answer.text)


@pytest.fixture
async def strangers(program):
    """Every request comes from a network of its own, so that no lock of another try is met."""
    program.state.trusted_proxies = 1
    numbers = itertools.count(1)

    async def send(path, body):
        address = f"2001:db8:{next(numbers):x}::1"
        answer = await program.http.post(f"/api/v1/{path}", json=body, headers={"X-Forwarded-For": address})
        assert answer.status_code != 429
        return answer

    yield send
    program.state.trusted_proxies = 0


@pytest.fixture
async def costly(program):
    """Passwords at a cost at which a hash that is left out would be noticed; answers the margin, half of one."""
    services = program.state.account_services
    passwords = Passwords(MEMORY_KIB, ROUNDS)
    program.state.account_services = msgspec.structs.replace(services, passwords=passwords)
    stored = await passwords.hash(OTHER_PASSWORD)
    took = []
    for _ in range(7):
        began = time.process_time()
        await passwords.verify(stored, "something else")
        took.append(time.process_time() - began)
    yield min(took) / 2
    program.state.account_services = services
    passwords.close()


async def make_costly_person(program):
    """Somebody whose password was hashed at the present cost."""
    person = await make_person(program)
    return person.email


async def test_signing_in_tells_nobody_who_has_an_account(program, strangers):
    known, unknown = (await make_person(program)).email, new_email()
    answers = [
        await strangers("auth/login", {"email": email, "password": OTHER_PASSWORD})
        for email in (known, unknown, known.upper(), "no address", "x" * 200 + "@y.example")
    ]
    assert answers[0].status_code == 401
    assert all(told(answer) == told(answers[0]) for answer in answers)


async def test_asking_for_an_account_or_a_new_password_tells_nobody_either(program, strangers):
    known, unknown = (await make_person(program)).email, new_email()
    for path, more in (("auth/register", {"password": OTHER_PASSWORD}), ("auth/password-resets", {})):
        answers = [await strangers(path, {"email": email, **more}) for email in (known, unknown)]
        assert answers[0].status_code == 202, answers[0].text
        assert told(answers[0]) == told(answers[1])


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("auth/login", {"password": OTHER_PASSWORD}),
        ("auth/register", {"password": OTHER_PASSWORD}),
    ],
)
async def test_neither_does_the_time_it_takes(program, strangers, costly, path, more):
    known = await make_costly_person(program)

    async def with_account():
        await strangers(path, {"email": known, **more})

    async def without_account():
        await strangers(path, {"email": new_email(), **more})

    shares = await shares_longer(with_account, without_account, costly)
    assert max(shares) <= SHARE, shares


async def test_asking_for_a_new_password_takes_the_same_time_and_a_slow_one_would_be_noticed(
    program, strangers, monkeypatch
):
    """No password is hashed here, so the margin is a look-up's: a mail that is written at once, or a second statement
    for whoever has an account, costs more.
    """
    known = (await make_person(program)).email

    async def with_account():
        await strangers("auth/password-resets", {"email": known})

    async def without_account():
        await strangers("auth/password-resets", {"email": new_email()})

    shares = await shares_longer(with_account, without_account, LOOK_UP_MARGIN_SECONDS)
    assert max(shares) <= SHARE, shares
    lookup = program.state.account_services.vault.lookup_hash("email", known)
    insert = link_rows.insert_link

    async def slowly(uow, purpose, email_lookup, *more):
        if email_lookup.stored == lookup:
            work_for(4 * LOOK_UP_MARGIN_SECONDS)
        return await insert(uow, purpose, email_lookup, *more)

    monkeypatch.setattr(link_rows, "insert_link", slowly)
    longer, _ = await shares_longer(with_account, without_account, LOOK_UP_MARGIN_SECONDS, cpu=True)
    assert longer > SHARE


async def test_control_a_hash_that_is_left_out_would_be_noticed(program, strangers, costly, monkeypatch):
    known = await make_costly_person(program)
    verify = Passwords._verify

    def in_haste(self, stored, password):
        return stored is not None and verify(self, stored, password)

    monkeypatch.setattr(Passwords, "_verify", in_haste)

    async def with_account():
        await strangers("auth/login", {"email": known, "password": OTHER_PASSWORD})

    async def without_account():
        await strangers("auth/login", {"email": new_email(), "password": OTHER_PASSWORD})

    longer, shorter = await shares_longer(with_account, without_account, costly, cpu=True)
    assert longer > SHARE, (longer, shorter)


async def test_a_look_up_tells_nobody_which_locators_exist(program, strangers):
    order = await program.order()
    asked = [
        {"record_locator": order["record_locator"], "family_name": "Nobody"},
        {"record_locator": new_locator(), "family_name": "Al-Harbi"},
        {"record_locator": new_locator(), "family_name": "Nobody"},
        {"record_locator": "000000", "family_name": "Nobody"},
    ]
    answers = [await strangers("orders/lookup", body) for body in asked]
    assert answers[0].status_code == 404
    assert all(told(answer) == told(answers[0]) for answer in answers)


async def test_neither_does_the_time_of_a_look_up_and_a_slow_one_would_be_noticed(program, strangers, monkeypatch):
    order = await program.order()

    async def existing():
        await strangers("orders/lookup", {"record_locator": order["record_locator"], "family_name": "Nobody"})

    async def missing():
        await strangers("orders/lookup", {"record_locator": new_locator(), "family_name": "Nobody"})

    shares = await shares_longer(existing, missing, LOOK_UP_MARGIN_SECONDS)
    assert max(shares) <= SHARE, shares
    find = order_endpoints.find_order_by_name

    async def slowly(database, locator, name):
        if locator == order["record_locator"]:
            work_for(4 * LOOK_UP_MARGIN_SECONDS)
        return await find(database, locator, name)

    monkeypatch.setattr(order_endpoints, "find_order_by_name", slowly)
    longer, _ = await shares_longer(existing, missing, LOOK_UP_MARGIN_SECONDS, cpu=True)
    assert longer > SHARE


def test_guessing_a_locator_is_hopeless():
    """What one address may try in a year, against a million living orders, with the family name known."""
    limit, seconds = 10, 60
    assert Settings().limit_lookup == f"{limit}/1m"
    tries_a_year = limit * 365 * 24 * 3600 // seconds
    space = len(ALPHABET) ** LENGTH
    assert space == 887_503_681
    # Of a million orders some 1,000 are of one family of the commonest name in Saudi Arabia; each try needs both.
    assert tries_a_year * 1_000 / space < 6
    drawn = [new_locator() for _ in range(2_000)]
    assert len(set(drawn)) >= 1_998
    for place in range(LENGTH):
        assert len({locator[place] for locator in drawn}) == len(ALPHABET)
