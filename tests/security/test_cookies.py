"""Cookies over https are for https alone; who is not behind a proxy of ours cannot say that a request came by it."""

from __future__ import annotations

import msgspec
import pytest
from tests.factories.accounts import make_person
from tests.factories.page_reader import visitor_of

STRICT = {"path=/", "httponly", "samesite=lax", "secure"}
OURS = ("ais_shop", "ais_account", "ais_device")


@pytest.fixture
def behind(program):
    """So many proxies of ours stand in front; ``https`` if the site has no other address."""
    services = program.state.account_services

    def set_up(proxies, *, https=False):
        program.state.trusted_proxies = proxies
        policy = msgspec.structs.replace(services.policy, pages_are_https=https)
        program.state.account_services = msgspec.structs.replace(services, policy=policy)

    yield set_up
    program.state.trusted_proxies = 0
    program.state.account_services = services


async def cookies_of(program, **headers):
    """What a browser is given from the first page to the account: attributes by name."""
    person = await make_person(program)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    found = {}
    async with visitor_of(program) as visitor:
        form = await visitor.open("/en/account/sign-in", headers=sent)
        # Over plain http, as from a proxy, the client would not send a Secure cookie back: it is put in by hand.
        for each in form.answer.headers.get_list("set-cookie"):
            sent = {**sent, "Cookie": each.split(";")[0]}
        fields = {**form.form("/sign-in"), "email": person.email, "password": person.password}
        answer = await visitor.send("/en/account/sign-in", fields, follow=False, headers=sent)
        assert answer.status == 303, answer.text
        for cookie in [*form.answer.headers.get_list("set-cookie"), *answer.answer.headers.get_list("set-cookie")]:
            name_and_value, *attributes = cookie.split(";")
            found[name_and_value.split("=")[0]] = {each.strip().lower() for each in attributes}
    return found


async def test_where_the_site_is_https_every_cookie_is_for_it_alone(program, behind):
    behind(1, https=True)
    for forwarded in ({}, {"X_Forwarded_Proto": "https"}, {"X_Forwarded_Proto": "http"}):
        found = await cookies_of(program, **forwarded)
        assert set(found) == {f"__Host-{name}" for name in OURS}
        for attributes in found.values():
            assert attributes >= STRICT
            assert not any(each.startswith("domain") for each in attributes)


async def test_a_proxy_of_ours_says_that_the_browser_speaks_https(program, behind):
    behind(1)
    found = await cookies_of(program, X_Forwarded_Proto="https")
    assert found["__Host-ais_shop"] >= STRICT
    assert "ais_shop" not in found


async def test_nobody_else_can_say_so(program, behind):
    behind(0)
    found = await cookies_of(program, X_Forwarded_Proto="https", X_Forwarded_For="10.0.0.1")
    assert set(found) == set(OURS)
    assert all("secure" not in attributes and attributes >= STRICT - {"secure"} for attributes in found.values())
    answer = await program.http.get("/en/", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" not in answer.headers
