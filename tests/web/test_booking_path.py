"""From search to tickets without JavaScript, and one order and one charge whatever a person does."""

from __future__ import annotations

import asyncio
import re

import msgspec
import pytest
from tests.factories.in_process import born, departure, order_id
from tests.factories.page_reader import visitor_of

from ais.orders import LinkRules


def locator_of(page):
    """The record locator as the page shows it."""
    return re.search(r'<bdi class="locator" dir="ltr">([A-Z0-9]{6})</bdi>', page.answer.text)[1]


async def payments_of(program, order):
    found = await program.rows(
        "SELECT 'pay_' || id, provider_payment_id, status FROM payments WHERE order_id = $1 ORDER BY created_at",
        order_id(order),
    )
    return [{"id": each[0], "provider_payment_id": each[1], "status": each[2]} for each in found]


async def count_orders(program):
    return (await program.rows("SELECT count(*)::integer FROM orders"))[0]


@pytest.mark.parametrize(
    ("language", "held", "checking", "booked"),
    [
        ("en", "Your seats are held", "We are confirming your payment", "You are booked"),
        ("ar", "مقاعدك محجوزة", "نؤكد دفعتك الآن", "تم تأكيد حجزك"),
    ],
)
async def test_a_person_searches_holds_pays_and_reads_the_ticket_number(
    program, visitor, language, held, checking, booked
):
    page = await visitor.order(language)
    order = visitor.order_json(page)
    assert page.path == f"/{language}/orders/{order['id']}"
    assert held in page.text
    assert "Sara Al-Harbi" in page.text

    hosted = await visitor.send(f"{page.path}/pay", page.form("/pay"), follow=False)
    (payment,) = await payments_of(program, order)
    session = await program.session(payment)
    assert (hosted.status, hosted.answer.headers["location"]) == (303, session["url"])
    assert session["success_url"].endswith(f"/{language}/orders/{order['id']}?payment=done")

    program.complete(payment)
    back = await visitor.open(f"{page.path}?payment=done")
    assert checking in back.text
    refresh = re.search(r'<meta http-equiv="refresh" content="2;url=([^"]+)">', back.answer.text)[1]
    await program.report(payment)
    done = await visitor.open(refresh.replace("&amp;", "&"))
    assert booked in done.text
    (document,) = (await program.read(order))["documents"]
    assert f"{document['number'][:3]} {document['number'][3:]}" in done.text
    assert [each["status"] for each in await payments_of(program, order)] == ["succeeded"]
    assert (await program.rows("SELECT channel FROM orders WHERE id = $1", order_id(order))) == ["web"]


async def test_a_family_returns_from_cairo_with_the_infant_on_a_lap(program, visitor):
    day = departure(12)
    query = {
        "from": "riyadh",
        "to": "القاهرة",
        "depart": day.isoformat(),
        "return": departure(16).isoformat(),
        "adults": "2",
        "children": "1",
        "infants": "1",
    }
    outbound = await visitor.open("/en/flights", params=query)
    assert "Choose your outbound flight" in outbound.text
    inbound = await visitor.open(outbound.links(r"&out=9Z")[0])
    assert "Choose your return flight" in inbound.text
    form = await visitor.open(inbound.links("/travellers\\?")[0])
    fields = form.form("/travellers")
    for number, name in enumerate(("Omar", "Huda", "Layla", "Yousef")):
        fields |= {f"p{number}-given": name, f"p{number}-family": "Al-Harbi"}
    for number, years in ((2, 7), (3, 1)):
        year, month, date = born(years, day).split("-")
        fields |= {f"p{number}-year": year, f"p{number}-month": str(int(month)), f"p{number}-day": date}
    fields |= {"email": "omar@example.com", "p3-adult": "1", "p0-local-given": "عمر", "p0-local-family": "الحربي"}
    page = await visitor.send("/en/travellers", fields)
    assert page.status == 200, page.text
    order = await program.read(visitor.order_json(page))
    people = {each["given_name"]: each for each in order["passengers"]}
    assert people["Yousef"]["accompanying_passenger_id"] == people["Huda"]["id"]
    assert people["Omar"]["name_local"] == {"given": "عمر", "family": "الحربي"}
    assert [each["destination"] for each in order["slices"]] == ["CAI", "RUH"]
    assert order["contact"] == {"email": "omar@example.com", "phone": None, "language": "en"}


async def test_double_click_reload_back_and_two_tabs_are_one_order_and_one_charge(program, visitor):
    form = await visitor.travellers()
    in_another_tab = await visitor.open(form.path)
    before = await count_orders(program)
    sent = [visitor.filled_in(each) for each in (form, form, form, in_another_tab)]
    answers = await asyncio.gather(*(visitor.send("/en/travellers", each) for each in sent))
    again = await visitor.send("/en/travellers", visitor.filled_in(await visitor.open(form.path)))
    assert {each.path for each in (*answers, again)} == {answers[0].path}
    assert await count_orders(program) == before + 1

    page = answers[0]
    order = visitor.order_json(page)
    pays = [visitor.send(f"{page.path}/pay", page.form("/pay"), follow=False) for _ in range(4)]
    pays.append(visitor.send(f"/ar/orders/{order['id']}/pay", page.form("/pay"), follow=False))
    addresses = {each.answer.headers["location"] for each in await asyncio.gather(*pays)}
    (payment,) = await payments_of(program, order)
    assert addresses == {(await program.session(payment))["url"]}
    program.complete(payment)
    await program.report(payment)
    after = await visitor.send(f"{page.path}/pay", page.form("/pay"))
    assert after.path == page.path
    assert "You are booked" in after.text
    assert [each["status"] for each in await payments_of(program, order)] == ["succeeded"]


async def test_the_key_is_what_makes_two_clicks_one_order(program, visitor):
    """The control: with another key each time, each click is an order."""
    form = await visitor.travellers()
    before = await count_orders(program)
    for number in range(2):
        await visitor.send("/en/travellers", visitor.filled_in(form, key=f"shop-{number:048x}"))
    assert await count_orders(program) == before + 2


async def test_the_same_form_with_other_names_asks_whether_another_order_is_wanted(program, visitor):
    form = await visitor.travellers()
    first = await visitor.send("/en/travellers", visitor.filled_in(form))
    before = await count_orders(program)
    other = await visitor.send("/en/travellers", visitor.filled_in(form, **{"p0-given": "Huda"}))
    assert (other.status, "You have booked these flights already" in other.text) == (409, True)
    assert await count_orders(program) == before
    assert locator_of(first) in (await visitor.open(other.links("/booking")[0])).text

    further = await visitor.send("/en/travellers", other.form("/travellers"))
    assert "Huda Al-Harbi" in further.text
    assert further.path != first.path
    assert await count_orders(program) == before + 1


async def test_giving_up_on_the_payment_page_leaves_the_seats_held_and_the_payment_open(program, visitor):
    page = await visitor.order()
    order = visitor.order_json(page)
    await visitor.send(f"{page.path}/pay", page.form("/pay"), follow=False)
    back = await visitor.open(f"{page.path}?payment=cancelled")
    assert "You left the payment page; nothing was charged." in back.text
    again = await visitor.send(f"{page.path}/pay", back.form("/pay"), follow=False)
    (payment,) = await payments_of(program, order)
    assert again.answer.headers["location"] == (await program.session(payment))["url"]


async def test_a_declined_card_can_be_tried_again(program, visitor):
    page = await visitor.order()
    order = visitor.order_json(page)
    await visitor.send(f"{page.path}/pay", page.form("/pay"), follow=False)
    (payment,) = await payments_of(program, order)
    program.complete(payment, "pm_card_chargeDeclined")
    await program.report(payment)
    declined = await visitor.open(page.path)
    assert "The payment was declined and nothing was charged." in declined.text
    again = await visitor.send(f"{page.path}/pay", declined.form("/pay"), follow=False)
    assert again.status == 303
    latest = (await payments_of(program, order))[-1]
    program.complete(latest)
    await program.report(latest)
    assert "You are booked" in (await visitor.open(page.path)).text


async def test_a_provider_that_is_away_is_told_on_the_order_and_the_next_click_pays(program, visitor):
    page = await visitor.order()
    order = visitor.order_json(page)
    fault = {"path": "/v1/checkout/sessions", "method": "POST", "action": "error_before", "times": None}
    program.simulator.control("POST", "/faults", fault)
    away = await visitor.send(f"{page.path}/pay", page.form("/pay"))
    assert away.status in {502, 504}
    assert "Your seats are held" in away.text
    program.simulator.control("DELETE", "/faults")
    paid = await visitor.send(f"{page.path}/pay", away.form("/pay"), follow=False)
    assert paid.status == 303
    assert len(await payments_of(program, order)) == 1


async def test_the_order_of_an_expired_hold_says_so_and_takes_no_payment(own_program):
    async with visitor_of(own_program) as visitor:
        page = await visitor.order()
        order = visitor.order_json(page)
        async with own_program.later(minutes=16) as late:
            await late.expire(order)
        over = await visitor.send(f"{page.path}/pay", page.form("/pay"))
        assert "The time to pay is over" in over.text
        assert over.links("/flights\\?from=RUH")
        assert await payments_of(own_program, order) == []


async def test_nobody_else_opens_the_order_but_locator_and_name_do(program, visitor):
    page = await visitor.order()
    async with visitor_of(program) as stranger:
        unknown = await stranger.open(page.path)
        assert (unknown.status, "We cannot open this booking here" in unknown.text) == (404, True)
        assert "Al-Harbi" not in unknown.text
        paying = await stranger.open("/en/booking")
        refused = await stranger.send(f"{page.path}/pay", paying.form("/booking"))
        assert refused.status == 404

        wrong = await stranger.send(
            "/en/booking", {**paying.form("/booking"), "locator": locator_of(page), "family": "Al-Otaibi"}
        )
        assert (wrong.status, "There is no booking with this reference" in wrong.text) == (404, True)
        found = await stranger.send(
            "/ar/booking", {**paying.form("/booking"), "locator": locator_of(page).lower(), "family": "harbi"}
        )
        assert found.path == page.path.replace("/en/", "/ar/")
        assert locator_of(found) == locator_of(page)
        assert locator_of(page) in (await stranger.open("/en/booking")).text


async def test_an_address_without_a_language_leads_to_the_order(visitor):
    page = await visitor.order()
    bare = page.path.removeprefix("/en")
    arabic = await visitor.open(f"{bare}?payment=cancelled", headers={"Accept-Language": "ar"})
    assert arabic.path == f"/ar{bare}?payment=cancelled"
    assert "مقاعدك محجوزة" in arabic.text


@pytest.mark.parametrize(
    ("hosts", "site"), [(frozenset({"localhost"}), "http://localhost:8000"), (frozenset(), "http://127.0.0.1:8000")]
)
async def test_the_payment_page_leads_back_to_the_name_in_the_browser_if_it_is_an_allowed_one(
    program, visitor, hosts, site
):
    services = program.state.pay_order
    program.state.pay_order = msgspec.structs.replace(services, links=LinkRules("http://127.0.0.1:8000", hosts))
    try:
        page = await visitor.order()
        here = {"Host": "localhost:8000", "Origin": "http://localhost:8000"}
        await visitor.send(f"{page.path}/pay", page.form("/pay"), headers=here, follow=False)
    finally:
        program.state.pay_order = services
    (payment,) = await payments_of(program, visitor.order_json(page))
    session = await program.session(payment)
    assert session["success_url"] == f"{site}{page.path}?payment=done"
    assert session["cancel_url"] == f"{site}{page.path}?payment=cancelled"
