"""A session that one web process has ended is refused by the other within a second, and so is what it had open."""

from __future__ import annotations

import asyncio
import time

import httpx
from tests.factories.accounts import CREATOR, PASSWORD, bearing, new_email

from ais.accounts import UserKind, create_user
from ais.app.accounts import open_accounts
from ais.platform.settings import load_settings


async def log_in(web, email):
    answer = await web.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_session_that_one_process_ends_the_other_refuses_within_a_second(program, stored):
    services = open_accounts(load_settings(program.environment), stored)
    email = f"everywhere-{new_email()}"
    await create_user(
        services, kind=UserKind.TRAVELLER, email=email, password=PASSWORD, name=None, language="en", actor=CREATOR
    )
    services.passwords.close()
    async with (
        httpx.AsyncClient(base_url=program.web[0].url) as here,
        httpx.AsyncClient(base_url=program.web[1].url) as there,
    ):
        phone, lost = await log_in(here, email), await log_in(here, email)
        # The other process has just read the session and may hold what it read.
        known = await there.get("/api/v1/me", headers=bearing(lost))
        assert known.status_code == 200, known.text
        ended = await here.delete(f"/api/v1/auth/sessions/{known.json()['session_id']}", headers=bearing(phone))
        assert ended.status_code == 204
        ended_at = time.monotonic()
        # Counted by when a request was sent: how long a busy machine takes to answer is another matter.
        asked_at = ended_at
        while (await there.get("/api/v1/me", headers=bearing(lost))).status_code != 401:
            assert asked_at - ended_at < 1.0
            await asyncio.sleep(0.05)
            asked_at = time.monotonic()
        refreshed = await there.post("/api/v1/auth/refresh", json={"refresh_token": lost["refresh_token"]})
        assert refreshed.status_code == 401
        assert (await there.get("/api/v1/me", headers=bearing(phone))).status_code == 200
