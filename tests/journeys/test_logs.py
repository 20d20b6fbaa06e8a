"""A whole purchase, with all that goes wrong on its way: nobody's name, number or token is in any log."""

from __future__ import annotations

from tests.factories.shopper import bearer, days_ahead, expect, new_key, order_request

GIVEN, FAMILY = "Zubaydah", "Al-Qahtanifar"
LOCAL = {"given": "زبيدة", "family": "القحطانيفار"}
EMAIL, PHONE = "zubaydah.q@planted.example", "+966599887766"
DOCUMENT, BORN = "ZQ7654321", "1987-11-23"
PASSWORD = "A-planted-passphrase-9"
CARD = "4242424242424242"


def planted_order(offer):
    body = order_request(offer)
    body["passengers"][0] |= {
        "given_name": GIVEN,
        "family_name": FAMILY,
        "name_local": LOCAL,
        "born_on": BORN,
        "nationality": "SA",
        "documents": [
            {"type": "passport", "number": DOCUMENT, "issuing_country": "SA", "expires_on": "2034-01-01"},
        ],
    }
    body["contact"] = {"email": EMAIL, "phone": PHONE, "language": "ar"}
    return body


async def test_no_log_knows_who_bought_what_with_which_secret(program, shopper, stored):
    [offer] = await shopper.search("RUH", "AHB", days_ahead(22), limit=1)
    body = planted_order(offer)
    traced = {"X-Correlation-ID": "a-purchase-to-be-found"}
    order = expect(
        201,
        await shopper.request("POST", "/api/v1/orders", body, headers={"Idempotency-Key": new_key(), **traced}),
    )
    payment = await shopper.pay(order)
    done = await shopper.wait_for(order, "confirmed")
    look_up = {"record_locator": order["record_locator"], "family_name": FAMILY}
    found = expect(200, await shopper.request("POST", "/api/v1/orders/lookup", look_up))
    page = await shopper.request("GET", f"/en/orders/{order['id']}?token={order['guest_token']}")
    assert page.status_code == 303

    # What fails is told more of than what succeeds.
    wrong = [
        ("/api/v1/orders", {**body, "contact": {"email": EMAIL, "phone": 7}}, {"Idempotency-Key": new_key()}),
        ("/api/v1/orders", {**body, FAMILY: EMAIL}, {"Idempotency-Key": new_key()}),
        ("/api/v1/orders/lookup", {"record_locator": "ABCDEF", "family_name": FAMILY}, {}),
        ("/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD}, {}),
        (f"/api/v1/orders/{order['id']}/payments", {"method": "card", "card": CARD}, bearer(order)),
        (f"/api/v1/orders/{order['id']}/payments", {"method": "card"}, {"Authorization": f"Bearer {PASSWORD}"}),
    ]
    for path, sent, headers in wrong:
        assert (await shopper.request("POST", path, sent, headers=headers)).status_code >= 400
    logs = "\n".join(part.said() for part in program.parts)

    assert "a-purchase-to-be-found" in logs
    assert f"/api/v1/orders/{order['id']}" in logs
    secret = {
        GIVEN, FAMILY, *LOCAL.values(), EMAIL, PHONE, PHONE[1:], DOCUMENT, BORN, PASSWORD, CARD,
        order["guest_token"], found["guest_token"], payment["client_secret"], offer["id"],
        program.simulator.api_key, program.simulator.webhook_secret,
    }  # fmt: skip
    assert done["ticketing_status"] == "issued"
    assert {each for each in secret if each.casefold() in logs.casefold()} == set()
