"""A phone's life over HTTP, from the first registration to the device that was lost."""

from __future__ import annotations

import re
import time

import httpx
import pyotp
from tests.factories.accounts import bearing
from tests.factories.in_process import in_process, new_key

EMAIL, PASSWORD = "layla@travellers.example", "Nine-herons-by-the-wadi"
MINUTES = 16
LINK = re.compile(r"https://fly\.rimal\.example/ar/account/verify\?token=([A-Za-z0-9_-]+)")


class Phone:
    """Speaks to the API as a phone does, in Arabic, and keeps what it was given."""

    def __init__(self, http: httpx.AsyncClient, name: str) -> None:
        self.http = http
        self.headers = {"Accept-Language": "ar", "User-Agent": name}
        self.tokens: dict[str, str] = {}

    async def post(self, path: str, status: int, *, signed: bool = False, **body: object) -> dict:
        headers = {**self.headers, **(bearing(self.tokens) if signed else {})}
        answer = await self.http.post(f"/api/v1/{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else {}

    async def get(self, path: str, status: int = 200, tokens: dict | None = None) -> dict:
        answer = await self.http.get(f"/api/v1/{path}", headers={**self.headers, **bearing(tokens or self.tokens)})
        assert answer.status_code == status, answer.text
        return answer.json()

    async def log_in(self, **more: str) -> None:
        self.tokens = await self.post("auth/login", 200, email=EMAIL, password=PASSWORD, **more)

    async def refresh(self, tokens: dict, status: int = 200) -> dict:
        return await self.post("auth/refresh", status, refresh_token=tokens["refresh_token"])


async def register_and_order(program, mailbox) -> tuple[dict, str]:
    """The tokens of a phone whose user has registered and ordered, and the order's id."""
    phone = Phone(program.http, "Layla's phone")
    guest_order = (await program.post_order(await program.offer(), contact={"email": EMAIL})).json()
    await phone.post("auth/register", 202, email=EMAIL, password=PASSWORD, name="Layla")
    await phone.post("auth/login", 401, email=EMAIL, password=PASSWORD)
    await program.run_jobs()
    (mail,) = [each for each in mailbox.messages(EMAIL) if "/account/verify" in each["text"]]
    await phone.post("auth/verify", 200, token=LINK.search(mail["text"])[1], password=PASSWORD)
    await phone.log_in()
    offer = await program.offer()
    answer = await program.http.post(
        "/api/v1/orders",
        json={"offer_id": offer["id"], "passengers": program.people(offer), "contact": {"email": EMAIL}},
        headers={**bearing(phone.tokens), "Idempotency-Key": new_key()},
    )
    assert answer.status_code == 201, answer.text
    await program.run_jobs()
    owned = {each["id"] for each in (await phone.get("orders"))["items"]}
    assert owned == {answer.json()["id"], guest_order["id"]}
    return phone.tokens, answer.json()["id"]


async def test_a_phones_life(program, mailbox):
    first, order_id = await register_and_order(program, mailbox)
    settings = program.settings
    async with in_process(
        settings.database_url,
        settings.redis_url,
        program.simulator,
        clock_shift_seconds=MINUTES * 60.0,
        allowed_hosts="ais.test",
        smtp_url=settings.smtp_url,
        mail_from=settings.mail_from,
    ) as later:
        phone = Phone(later.http, "Layla's phone")
        # A quarter of an hour later the access token is over, and the refresh token gets the next pair.
        assert (await phone.get("me", 401, first))["error"]["code"] == "TOKEN_EXPIRED"
        lost = await phone.refresh(first)
        # That answer was lost on its way; asked once more, it is the same successor.
        second = await phone.refresh(first)
        assert second["refresh_token"] == lost["refresh_token"]
        assert (await phone.get(f"orders/{order_id}", 200, second))["id"] == order_id
        third = await phone.refresh(second)
        # Somebody else has kept the first one: whoever is right, the family ends.
        assert (await phone.refresh(first, 401))["error"]["code"] == "UNAUTHORIZED"
        assert (await phone.get("me", 401, third))["error"]["code"] == "UNAUTHORIZED"
        await phone.refresh(third, 401)
        (reason,) = await later.rows(
            "SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL AND kind = 'token'"
            " AND user_id = (SELECT owner_user_id FROM orders WHERE owner_user_id IS NOT NULL"
            " ORDER BY created_at DESC LIMIT 1)"
        )
        assert reason == "refresh_reused"
        await revoke_the_other_device(later, phone)


async def revoke_the_other_device(later, phone: Phone) -> None:
    """With a second factor set up, the user signs in again and ends what the other device has open."""
    other = Phone(later.http, "A tablet left on a plane")
    await other.log_in()
    begun = await other.post("me/second-factor", 200, signed=True, password=PASSWORD)
    authenticator = pyotp.TOTP(begun["secret"])
    now = int(time.time()) + MINUTES * 60
    await other.post("me/second-factor/confirm", 200, signed=True, code=authenticator.at(now))
    assert (await phone.post("auth/login", 401, email=EMAIL, password=PASSWORD))["error"]["code"] == (
        "SECOND_FACTOR_REQUIRED"
    )
    await phone.log_in(code=authenticator.at(now + 30))
    sessions = (await phone.get("auth/sessions"))["items"]
    assert {(each["device"], each["current"]) for each in sessions} == {
        ("Layla's phone", True),
        ("A tablet left on a plane", False),
    }
    await other.get("me")
    (lost,) = [each["id"] for each in sessions if not each["current"]]
    answer = await later.http.delete(f"/api/v1/auth/sessions/{lost}", headers=bearing(phone.tokens))
    assert answer.status_code == 204
    assert (await other.get("me", 401))["error"]["code"] == "UNAUTHORIZED"
    await other.refresh(other.tokens, 401)
    await phone.get("me")
