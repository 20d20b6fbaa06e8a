"""What people are told: the mails of each kind, in both languages, word for word where it matters."""

from __future__ import annotations

import re
from datetime import datetime
from html.parser import HTMLParser
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from tests.factories.books import grant
from tests.factories.giving_back import cancel, flight_dates
from tests.factories.in_process import (
    ADULT,
    CONTACT,
    INFANT,
    OPERATOR,
    bearer,
    departure,
    new_key,
    order_id,
    payment_id,
)
from tests.factories.notices import deliver, notices_of

from ais.kit import Money, system_actor
from ais.kit.ids import PaymentId, RefundId
from ais.orders.service.schedule_change import cancel_segments, reinstate_segments
from ais.payments import begin_refund
from ais.platform.i18n.formats import day_text

RIYADH = ZoneInfo("Asia/Riyadh")
ARABIC_DAYS = "الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|الأحد"


class _Visible(HTMLParser):
    """The text of an HTML part, and the addresses that it would load or link to."""

    def __init__(self):
        super().__init__()
        self.text, self.links, self.loaded, self._skips = [], [], [], 0

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a":
            self.links.append(given["href"])
        self.loaded += [given[name] for name in ("src", "background") if name in given]
        self._skips += tag in {"title", "style", "script"}

    def handle_endtag(self, tag):
        self._skips -= tag in {"title", "style", "script"}

    def handle_data(self, data):
        if not self._skips:
            self.text.append(data)


def visible(html):
    parser = _Visible()
    parser.feed(html)
    return " ".join(" ".join(parser.text).split()), parser


async def buy(program, language, passengers=(ADULT,), slices=None, **person):
    offer = await program.offer(list(passengers), slices=slices or [("RUH", "JED", departure(20))])
    people = [{**each, **person} for each in program.people(offer)]
    contact = {**CONTACT, "email": f"{language}@example.com", "language": language}
    answer = await program.post_order(offer, people, contact=contact)
    assert answer.status_code == 201, answer.text
    return answer.json()


def subjects(mailbox, recipient):
    return [each["subject"] for each in mailbox.messages(recipient)]


async def test_a_confirmed_order_is_told_with_flights_tickets_total_and_link(program, mailbox):
    order = await buy(program, "en", [ADULT, INFANT], [("DMM", "CAI", departure(20)), ("CAI", "DMM", departure(24))])
    await program.pay(order)
    paid = await program.read(order)
    (mail,) = mailbox.messages("en@example.com")
    assert mail["subject"] == f"Your booking {order['record_locator']} is confirmed"
    assert mail["from_header"] == "Rimal Air <booking@rimal.example>"
    assert mail["language"] == "en"
    assert dict(mail["headers"])["Auto-Submitted"] == "auto-generated"
    html, parsed = visible(mail["html"])
    for part in (mail["text"], html):
        for passenger in paid["passengers"]:
            assert f"{passenger['given_name']} {passenger['family_name']}" in part
        for document in paid["documents"]:
            assert document["number"] in part
        total = paid["total"]
        assert f"{total['currency']} {int(float(total['amount'])):,}" in part.replace("\xa0", " ")
        assert "All times are local to each airport." in part
        for each in paid["slices"]:
            for segment in each["segments"]:
                assert f"{segment['marketing_carrier']}{segment['flight_number']}" in part
                departs = datetime.fromisoformat(segment["departs_at"])
                assert f"{departs:%H:%M}" in part
                assert f"{departs:%A} {departs.day} {departs:%B %Y}" in part
        assert "Dammam (DMM)" in part
        assert "Cairo (CAI)" in part
    (link,) = parsed.links
    assert link in mail["text"]
    assert link.startswith(f"https://fly.rimal.example/en/orders/{order['id']}?token=gst_")
    assert parsed.loaded == []
    token = link.partition("?token=")[2]
    answer = await program.http.get(f"/api/v1/orders/{order['id']}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def test_arabic_is_right_to_left_whole_and_shows_both_names(program, mailbox):
    order = await buy(program, "ar", name_local={"given": "سارة", "family": "الحربي"})
    await program.pay(order)
    paid = await program.read(order)
    (mail,) = mailbox.messages("ar@example.com")
    assert mail["subject"] == f"تم تأكيد حجزك {order['record_locator']}"
    assert mail["from_header"].endswith("<booking@rimal.example>")
    assert "رمال" in mail["from_header"]
    assert mail["language"] == "ar"
    assert '<html lang="ar" dir="rtl">' in mail["html"]
    html, parsed = visible(mail["html"])
    for part in (mail["text"], html):
        assert "سارة الحربي" in part
        assert "Sara Al-Harbi" in part
        assert paid["documents"][0]["number"] in part
        assert "ر.س." in part
        assert "الرياض (RUH)" in part
        assert "جدة (JED)" in part
        assert re.search(rf"({ARABIC_DAYS}) \d{{1,2}} \w+ 20\d\d", part)
        assert "جميع الأوقات بالتوقيت المحلي لكل مطار." in part
        # Nothing of the English is left but names and codes.
        assert not re.search(r"\b(your|booking|flight|ticket|the)\b", part.replace(parsed.links[0], ""), re.IGNORECASE)
    assert parsed.links[0].startswith(f"https://fly.rimal.example/ar/orders/{order['id']}?token=gst_")


async def test_what_people_typed_is_text_in_both_parts_and_never_markup(program, mailbox):
    order = await buy(program, "ar", name_local={"given": "<b>سارة</b>", "family": "{0} {{ 7*7 }} & الحربي"})
    await program.pay(order)
    (mail,) = mailbox.messages("ar@example.com")
    assert "<b>سارة</b> {0} {{ 7*7 }} & الحربي (Sara Al-Harbi)" in mail["text"]
    assert "&lt;b&gt;سارة&lt;/b&gt; {0} {{ 7*7 }} &amp; الحربي</bdi>" in mail["html"]


async def test_a_declined_payment_is_told_after_a_minute_with_the_deadline(program, mailbox):
    order = await buy(program, "en")
    payment = await program.begin_payment(order)
    await program.confirm(payment, "pm_card_chargeDeclined")
    await program.report(payment)
    assert mailbox.messages() == []
    await deliver(program, seconds=61)
    (mail,) = mailbox.messages("en@example.com")
    assert mail["subject"] == f"Your payment for booking {order['record_locator']} did not go through"
    held = datetime.fromisoformat((await program.read(order))["payment_required_by"])
    local = held.astimezone(RIYADH)
    sentence = f"Your seats are held until {local:%H:%M} on {local:%A} {local.day} {local:%B %Y} (Riyadh time)."
    assert sentence in mail["text"]
    assert sentence in visible(mail["html"])[0]
    assert "nothing was charged" in mail["text"]


async def test_who_has_paid_with_another_card_is_not_told_that_the_first_was_declined(program, mailbox):
    order = await buy(program, "en")
    payment = await program.begin_payment(order)
    await program.confirm(payment, "pm_card_chargeDeclined")
    await program.report(payment)
    await program.confirm(payment)
    await program.report(payment)
    await deliver(program, seconds=61)
    assert subjects(mailbox, "en@example.com") == [f"Your booking {order['record_locator']} is confirmed"]
    assert await program.rows(
        "SELECT kind, status FROM notices WHERE order_id = $1 ORDER BY kind", order_id(order)
    ) == [
        ("order_confirmed", "sent"),
        ("payment_failed", "withdrawn"),
    ]


@pytest.mark.parametrize(
    ("language", "subject"), [("en", "Your booking {} has expired"), ("ar", "انتهت صلاحية حجزك {}")]
)
async def test_an_expired_order_is_told(program, mailbox, language, subject):
    order = await buy(program, language)
    await program.rows(
        "UPDATE orders SET payment_required_by = ais_now() WHERE id = $1 RETURNING id", order_id(order)
    )  # fmt: skip
    await program.expire(order)
    await program.run_jobs()
    (mail,) = mailbox.messages(f"{language}@example.com")
    assert mail["subject"] == subject.format(order["record_locator"])
    expected = {
        "en": "The time to pay has ended, and the seats were released.",
        "ar": "انتهت مهلة الدفع وأُلغي حجز المقاعد.",
    }[language]
    assert expected in mail["text"]
    assert expected in visible(mail["html"])[0]


@pytest.mark.parametrize(
    ("language", "begun", "done", "amount", "where"),
    [
        (
            "en",
            "Your refund for booking {} is under way",
            "Your refund for booking {} is done",
            "SAR 12.34",
            "the card or account that you paid with",
        ),
        (
            "ar",
            "جارٍ استرداد مبلغ الحجز {}",
            "تم استرداد مبلغ الحجز {}",
            "12.34 ر.س.",
            "البطاقة أو الحساب الذي دفعت منه",
        ),
    ],
)
async def test_a_refund_is_told_when_it_is_under_way_and_when_it_is_done(
    program, mailbox, language, begun, done, amount, where
):
    order = await buy(program, language)
    payment = await program.pay(order, "pm_card_pendingRefund")
    mailbox.clear()
    async with program.database.unit_of_work(system_actor("test")) as uow:
        asked = RefundId(uuid4()), PaymentId(payment_id(payment)), Money(1234, "SAR")
        refund = await begin_refund(uow, *asked, "test")
        await grant(uow, refund.order_id, refund.id, refund.amount)
    await program.run_jobs()
    assert subjects(mailbox, f"{language}@example.com") == [begun.format(order["record_locator"])]
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    mails = mailbox.messages(f"{language}@example.com")
    assert [mail["subject"] for mail in mails] == [each.format(order["record_locator"]) for each in (begun, done)]
    for mail in mails:
        for part in (mail["text"], visible(mail["html"])[0]):
            assert amount in part.replace("\xa0", " ").replace("\u200f", "")
            assert where in part


@pytest.mark.parametrize(
    ("language", "done", "sentence", "label", "bank", "returned"),
    [
        (
            "en",
            "Your refund for booking {} is done",
            "The money is now a travel credit, with which you can pay for another booking before {}.",
            "Code of the travel credit",
            "A bank may need",
            "The money has gone back to your travel credit.",
        ),
        (
            "ar",
            "تم استرداد مبلغ الحجز {}",
            "أصبح المبلغ رصيد سفر يمكنك أن تدفع به ثمن حجز آخر قبل {}.",
            "رمز رصيد السفر",
            "البنك",
            "أُعيد المبلغ إلى رصيد السفر الخاص بك.",
        ),
    ],
)
async def test_who_takes_travel_credit_is_told_the_code_that_pays_with_it(
    program, mailbox, language, done, sentence, label, bank, returned
):
    order = await buy(program, language)
    await program.pay(order)
    mailbox.clear()
    await cancel(program, order, refund_to="travel_credit")
    (mail,) = [
        each
        for each in mailbox.messages(f"{language}@example.com")
        if each["subject"] == done.format(order["record_locator"])
    ]
    (found,) = await program.rows("SELECT code, expires_at FROM travel_credits WHERE order_id = $1", order_id(order))
    code, expires_at = found
    day = day_text(expires_at.astimezone(RIYADH).date(), language)
    shown = "-".join(code[at : at + 5] for at in range(0, 20, 5))
    for part in (mail["text"], visible(mail["html"])[0]):
        assert sentence.format(day) in part
        assert f"{label}: {shown}" in part
        assert bank not in part
    another = await buy(program, language)
    paid = await program.post_payment(another, method="travel_credit", travel_credit_code=shown)
    assert (paid.status_code, (await program.read(another))["status"]) == (201, "confirmed")
    await cancel(program, another)
    told = {each["subject"]: each["text"] for each in mailbox.messages(f"{language}@example.com")}
    assert returned in told[done.format(another["record_locator"])].splitlines()


@pytest.mark.parametrize(
    ("language", "subject", "sentence"),
    [
        ("en", "Your booking {} is cancelled", "As you asked, we have cancelled the whole booking."),
        ("ar", "أُلغي حجزك {}", "ألغينا الحجز بالكامل بناءً على طلبك."),
    ],
)
async def test_a_cancelled_order_is_told_beside_its_refund(program, mailbox, language, subject, sentence):
    order = await buy(program, language)
    await program.pay(order)
    mailbox.clear()
    quote = await program.http.post(f"/api/v1/orders/{order['id']}/cancellation-quotes", json={}, headers=bearer(order))
    assert quote.status_code == 201, quote.text
    confirmed = await program.http.post(
        f"/api/v1/cancellation-quotes/{quote.json()['id']}/confirm",
        json={},
        headers={**bearer(order), "Idempotency-Key": new_key()},
    )
    assert confirmed.status_code == 200, confirmed.text
    await program.run_jobs()
    told = {mail["subject"]: mail for mail in mailbox.messages(f"{language}@example.com")}
    mail = told[subject.format(order["record_locator"])]
    assert sentence in mail["text"]
    assert sentence in visible(mail["html"])[0]
    # The refund was through before its mail could be sent, so that it is told once, as done.
    refunded = {"en": "Your refund for booking {} is done", "ar": "تم استرداد مبلغ الحجز {}"}[language]
    assert sorted(told) == sorted([mail["subject"], refunded.format(order["record_locator"])])


async def send_pay_link(program, order):
    """What staff do for a traveller, twice under one key; the payment."""
    key = new_key()
    for _ in range(2):
        answer = await program.http.post(
            f"/api/v1/orders/{order['id']}/payment-links", json={}, headers={**OPERATOR, "Idempotency-Key": key}
        )
        assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize(("language", "subject"), [("en", "Pay for your booking {}"), ("ar", "ادفع قيمة حجزك {}")])
async def test_a_pay_link_is_told_with_sum_deadline_and_page(program, mailbox, language, subject):
    order = await buy(program, language)
    payment = await send_pay_link(program, order)
    await program.run_jobs()
    (mail,) = mailbox.messages(f"{language}@example.com")
    assert mail["subject"] == subject.format(order["record_locator"])
    held = datetime.fromisoformat((await program.read(order))["payment_required_by"]).astimezone(RIYADH)
    html, parsed = visible(mail["html"])
    for part in (mail["text"], html):
        assert f"{held:%H:%M}" in part
        assert f"{float(order['total']['amount']):,.2f}" in part
    page, own = parsed.links
    assert page == payment["checkout_url"]
    assert page in mail["text"]
    assert own.startswith(f"https://fly.rimal.example/{language}/orders/{order['id']}?token=gst_")


async def test_a_pay_link_whose_provider_is_away_leads_to_the_order(program, mailbox):
    order = await buy(program, "en")
    await send_pay_link(program, order)
    fault = {"action": "error_before", "method": "GET", "path": "/v1/checkout/sessions/*", "status": 500, "times": 9}
    program.simulator.control("POST", "/faults", fault)
    await program.run_jobs()
    (mail,) = mailbox.messages("en@example.com")
    assert set(visible(mail["html"])[1].links) == {link_in(mail)}


def link_in(mail):
    """The link to the order's own page."""
    return re.search(r"https://fly\.rimal\.example/\S+", mail["text"])[0]


@pytest.mark.parametrize(
    ("language", "subject", "sentences"),
    [
        (
            "en",
            "A flight of your booking {} has been cancelled",
            ["does not operate what is listed here", "You can have back all that you paid for what was not flown"],
        ),
        ("ar", "أُلغيت رحلة من حجزك {}", ["لن تُسيّر شركة الطيران ما هو مذكور هنا", "يحق لك استرداد كل ما دفعته"]),
    ],
)
async def test_a_cancelled_flight_is_told_with_what_can_be_done(program, mailbox, language, subject, sentences):
    order = await buy(program, language, slices=[("DMM", "CAI", departure(31))])
    await program.pay(order)
    mailbox.clear()
    segments = [segment for each in order["slices"] for segment in each["segments"]]
    first, _second = await flight_dates(program, order)
    for _ in range(2):
        async with program.database.unit_of_work(system_actor("test")) as uow:
            await cancel_segments(uow, flight_date_ids=[first], reason="test")
    await program.run_jobs()
    (mail,) = mailbox.messages(f"{language}@example.com")
    assert mail["subject"] == subject.format(order["record_locator"])
    html, parsed = visible(mail["html"])
    for part in (mail["text"], html):
        for sentence in sentences:
            assert sentence in part
        assert f"{segments[0]['marketing_carrier']}{segments[0]['flight_number']}" in part
        assert f"{segments[1]['marketing_carrier']}{segments[1]['flight_number']}" not in part
    assert f"/{language}/orders/{order['id']}?token=" in parsed.links[0]


async def test_a_flight_that_is_flown_after_all_is_not_told_as_cancelled(program, mailbox):
    order = await buy(program, "en", slices=[("DMM", "CAI", departure(32))])
    await program.pay(order)
    mailbox.clear()
    first, _second = await flight_dates(program, order)
    mailbox.fault("refuse", "connect", status=421)
    async with program.database.unit_of_work(system_actor("test")) as uow:
        await cancel_segments(uow, flight_date_ids=[first], reason="test")
    await program.run_jobs()
    async with program.database.unit_of_work(system_actor("test")) as uow:
        await reinstate_segments(uow, [first], "test")
    await deliver(program, minutes=1)
    assert mailbox.messages() == []
    assert (await notices_of(program, order))[-1][:2] == ("flight_cancelled", "withdrawn")
