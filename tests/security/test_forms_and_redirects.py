"""Forms that others send in a person's name, and addresses that lead people away."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from tests.factories.in_process import bearer, new_key
from tests.factories.page_reader import SITE

EVIL = "https://evil.example"


def page_forms(program):
    """The addresses of all pages that take a form, from the program's own routes."""
    found = set()
    for route in program.http._transport.app.app._app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if "POST" in handler.http_methods and not route.path.startswith(("/api/", "/webhooks/")):
                found.add(route.path)
    return sorted(found)


async def world(program):
    """What forms change."""
    return await program.rows(
        "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM payments), (SELECT count(*) FROM refunds),"
        " (SELECT count(*) FROM idempotency_records)"
    )


async def test_no_form_of_any_page_is_taken_from_another_site_or_without_its_token(program, visitor):
    page = await visitor.order()
    order = visitor.order_json(page)
    fields = page.form("/pay")
    token = next(name for name in fields if "token" in name)
    before = await world(program)
    forms = page_forms(program)
    assert len(forms) >= 10
    for path in forms:
        address = re.sub(r"\{[^}]*\}", order["id"], path)
        foreign = (
            ({"Origin": EVIL}, fields),
            ({"Origin": "null"}, fields),
            ({"Origin": SITE, "Sec-Fetch-Site": "cross-site"}, fields),
            ({"Origin": SITE, "Sec-Fetch-Site": "same-site"}, fields),
            ({"Origin": f"{SITE}.evil.example"}, fields),
            ({"Origin": SITE}, {**fields, token: ""}),
            ({"Origin": SITE}, {**fields, token: fields[token][:-2] + "xx"}),
            ({"Origin": SITE}, {name: value for name, value in fields.items() if name != token}),
        )
        for headers, sent in foreign:
            answer = await visitor.http.post(address, data=sent, headers=headers)
            assert answer.status_code == 403, (address, headers, answer.status_code)
    assert await world(program) == before


async def test_a_cookie_alone_moves_nothing_by_the_api(program, visitor):
    """The API never looks at a cookie, so no other site can use it through a person's browser."""
    page = await visitor.order()
    order = visitor.order_json(page)
    answer = await visitor.http.post(
        f"/api/v1/orders/{order['id']}/payments", json={"method": "card"}, headers={"Idempotency-Key": new_key()}
    )
    assert answer.status_code == 401
    assert (await visitor.http.get(f"/api/v1/orders/{order['id']}")).status_code == 401
    text = await visitor.http.post(
        f"/api/v1/orders/{order['id']}/payments",
        content=b'{"method": "card"}',
        headers={**bearer(order), "Content-Type": "text/plain", "Idempotency-Key": new_key()},
    )
    # What a form of another site can send without asking first is no JSON of ours.
    assert text.status_code == 415


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/en/orders/x/pay",
        "/en//evil.example/pay",
        "/en/orders/%2F%2Fevil.example/pay",
        "/orders/%2F%2Fevil.example",
        "/orders/..%2F..%2F%2Fevil.example",
        "/orders/%5Cevil.example",
        "/orders/x%0d%0aLocation:%20https:%2F%2Fevil.example",
        "/?next=https://evil.example",
        "/en/booking?next=//evil.example&return_url=https://evil.example",
        "/en/orders/ord_x/pay?return_url=https://evil.example",
        "/en/orders/ord_x?token=gst_" + "A" * 60 + "&next=https://evil.example",
    ],
)
async def test_no_address_of_ours_leads_to_another_site(visitor, path):
    answer = await visitor.http.get(path)
    location = answer.headers.get("location")
    if location is not None:
        assert re.match(r"/(?![/\\])", location), location
        assert urlsplit(location).netloc == ""
    for link in re.findall(r"""(?:href|action|src|content)=["']([^"']+)""", answer.text):
        assert not re.match(r"(?i)\s*(https?:)?[/\\]{2}|\s*javascript:|\s*data:", link), link


async def test_the_name_of_another_host_gets_into_no_page_and_no_payment(program, visitor):
    """No header but Host says which host this is, and that one is held against the list of hosts."""
    for headers in ({"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example"}, {"X-Original-URL": "/x"}):
        answer = await visitor.http.get("/en/", headers=headers)
        assert answer.status_code == 200
        assert "evil.example" not in answer.text
