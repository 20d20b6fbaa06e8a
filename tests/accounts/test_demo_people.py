"""The people of the demonstration: they sign in as published, and production does not start beside them."""

from __future__ import annotations

import msgspec
import pytest

from ais.app.accounts import DEMO_PASSWORD, DEMO_PEOPLE, load_demo_people, open_accounts, refuse_demo_people
from ais.kit import ValidationFailed


async def test_they_sign_in_with_the_published_password_and_their_roles(program):
    services = program.state.account_services
    await refuse_demo_people(services)
    await load_demo_people(services)
    await load_demo_people(services)
    for email, kind, role in DEMO_PEOPLE:
        body = {"email": email, "password": DEMO_PASSWORD}
        answer = await program.http.post("/api/v1/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        me = (await program.http.get("/api/v1/me", headers=headers)).json()
        assert (me["kind"], me["roles"]) == (kind, [role or "traveller"])
    with pytest.raises(RuntimeError, match="production does not start"):
        await refuse_demo_people(services)


async def test_production_lets_nobody_choose_that_password(program):
    settings = msgspec.structs.replace(program.settings, env="production")
    passwords = open_accounts(settings, program.database).passwords
    with pytest.raises(ValidationFailed):
        await passwords.require_strong("password", DEMO_PASSWORD)
    passwords.close()
