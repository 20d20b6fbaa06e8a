"""Once told, once heard: repeats, a server that is down, slow, silent or unwilling, and what staff see of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import default

import pytest
from tests.factories.in_process import CONTACT, in_process, order_id
from tests.factories.mailbox import start_mailbox
from tests.factories.notices import deliver, notices_of
from tests.sandbox.test_mailbox import certificate

from ais.app.notices import open_letters, open_mail_gateway
from ais.kit import system_actor
from ais.kit.ids import OrderId
from ais.notifications import (
    Letters,
    Mail,
    MailDeferred,
    MailRefused,
    MailServerDown,
    NoticeKind,
    deliver_due,
    retry_notices,
    service,
    tell,
)
from ais.notifications.adapters.smtp import SMTPGateway, SMTPServer, compose_message
from ais.notifications.domain import pause_after
from ais.orders import OrderConfirmed


async def paid_order(program, email="sara@example.com"):
    answer = await program.post_order(await program.offer(), contact={**CONTACT, "email": email})
    assert answer.status_code == 201, answer.text
    order = answer.json()
    await program.pay(order)
    return order


async def test_an_event_delivered_fifty_times_is_one_mail(program, mailbox):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    (event,) = await program.events_of(payment, "payment_intent.succeeded")
    answers = await asyncio.gather(*(program.deliver(event) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    await program.run_jobs()
    assert [mail["subject"] for mail in mailbox.messages()] == [f"Your booking {order['record_locator']} is confirmed"]


async def test_a_fact_that_is_published_again_is_not_told_again(program, mailbox):
    order = await paid_order(program)
    for _ in range(50):
        async with program.database.unit_of_work(system_actor("test")) as uow:
            uow.publish(OrderConfirmed(order_id=str(order_id(order))))
    await program.run_jobs()
    assert len(mailbox.messages()) == 1
    assert await notices_of(program, order) == [("order_confirmed", "sent", 1, None)]


async def test_many_senders_at_once_send_each_mail_once(program, mailbox):
    order = await paid_order(program)
    mailbox.clear()
    async with program.database.unit_of_work(system_actor("test")) as uow:
        for number in range(30):
            await tell(uow, NoticeKind.ORDER_CONFIRMED, OrderId(order_id(order)), cause=f"test-{order['id']}-{number}")
    gateway, letters = open_mail_gateway(program.settings), open_letters(program.settings, program.gateways)
    reports = await asyncio.gather(*(deliver_due(program.database, gateway, letters) for _ in range(6)))
    assert sum(report.sent for report in reports) == 30
    assert len({mail["message_id"] for mail in mailbox.messages()}) == len(mailbox.messages()) == 30


async def test_a_server_that_was_down_gets_the_mail_later_and_the_order_does_not_wait(program, mailbox):
    mailbox.kill()
    try:
        began = time.monotonic()
        order = await paid_order(program)
        assert time.monotonic() - began < 5
        seen = await program.read(order)
        assert (seen["status"], seen["payment_status"], seen["ticketing_status"]) == ("confirmed", "paid", "issued")
        assert await notices_of(program, order) == [("order_confirmed", "waiting", 1, "SMTPConnectError")]
        await deliver(program, seconds=60)
        assert (await notices_of(program, order))[0][:3] == ("order_confirmed", "waiting", 2)
    finally:
        mailbox.restart()
    await deliver(program, minutes=5)
    assert len(mailbox.messages("sara@example.com")) == 1
    assert await notices_of(program, order) == [("order_confirmed", "sent", 3, None)]


async def test_when_the_server_is_back_nobody_waits_out_a_pause(program, mailbox):
    mailbox.fault("refuse", "connect", status=421)
    early = await paid_order(program, "early@example.com")
    assert mailbox.messages() == []
    # A mail that goes through brings along those that wait.
    await paid_order(program)
    assert {mail["recipients"][0] for mail in mailbox.messages()} == {"early@example.com", "sara@example.com"}
    assert await notices_of(program, early) == [("order_confirmed", "sent", 2, None)]


async def test_after_the_first_sign_of_an_outage_the_rest_is_not_tried(program, mailbox):
    order = await paid_order(program)
    mailbox.clear()
    mailbox.fault("refuse", "connect", status=421, times=None)
    async with program.database.unit_of_work(system_actor("test")) as uow:
        for number in range(10):
            await tell(uow, NoticeKind.ORDER_CONFIRMED, OrderId(order_id(order)), cause=f"out-{order['id']}-{number}")
    report = await deliver(program)
    assert (report.sent, report.delayed, report.is_server_down) == (0, 1, True)
    (rule,) = mailbox.control("GET", "/faults")["faults"]
    assert rule["applied"] == 1
    tries = await program.rows("SELECT attempts FROM notices WHERE cause LIKE 'out-%' ORDER BY id")
    assert tries == [1] + [0] * 9


async def test_a_silent_server_holds_up_no_order(program, mailbox, monkeypatch):
    monkeypatch.setattr("ais.notifications.adapters.smtp.MAIL_SECONDS", 0.5)
    mailbox.fault("hang", "data", seconds=60, times=None)
    began = time.monotonic()
    order = await paid_order(program)
    assert time.monotonic() - began < 5
    assert (await program.read(order))["status"] == "confirmed"
    assert await notices_of(program, order) == [("order_confirmed", "waiting", 1, "TimeoutError")]
    mailbox.control("DELETE", "/faults")
    await deliver(program, minutes=2)
    assert len(mailbox.messages("sara@example.com")) == 1


async def test_a_refusal_for_good_is_not_repeated_and_waits_for_a_person(program, mailbox):
    mailbox.fault("refuse", "rcpt", status=550, text="5.1.1 <sara@example.com> unknown", times=None)
    order = await paid_order(program)
    assert await notices_of(program, order) == [("order_confirmed", "failed", 1, "recipient: 550 5.1.1")]
    await deliver(program, hours=2)
    (rule,) = mailbox.control("GET", "/faults")["faults"]
    assert rule["applied"] == 1
    (notice_id,) = await program.rows("SELECT id FROM notices WHERE order_id = $1", order_id(order))
    (subject,) = await program.rows(
        "SELECT subject FROM staff_queue WHERE kind = 'notice_failed' AND resolved_at IS NULL"
    )
    mailbox.control("DELETE", "/faults")
    async with program.database.unit_of_work(system_actor("test")) as uow:
        assert await retry_notices(uow, [notice_id]) == [notice_id]
    await program.run_jobs()
    assert len(mailbox.messages("sara@example.com")) == 1
    assert await notices_of(program, order) == [("order_confirmed", "sent", 1, None)]
    assert await program.staff_queue(subject) == []
    async with program.database.unit_of_work(system_actor("test")) as uow:
        assert await retry_notices(uow, [notice_id]) == []


async def test_a_mail_that_is_put_off_does_not_hold_up_the_others(program, mailbox):
    mailbox.fault("refuse", "rcpt", status=450, recipient="busy@example.com", times=None)
    busy = await paid_order(program, "busy@example.com")
    await paid_order(program)
    assert len(mailbox.messages("sara@example.com")) == 1
    assert await notices_of(program, busy) == [("order_confirmed", "waiting", 1, "recipient: 450 4.3.0")]


async def test_after_a_day_a_notice_fails(program, mailbox):
    mailbox.fault("refuse", "data", status=452, times=None)
    order = await paid_order(program)
    await deliver(program, hours=23)
    assert (await notices_of(program, order))[0][1] == "waiting"
    await deliver(program, hours=25)
    assert await notices_of(program, order) == [("order_confirmed", "failed", 3, "message: 452 4.3.0")]


async def test_an_answer_that_was_lost_brings_the_mail_again_under_the_same_id(program, mailbox):
    mailbox.fault("cut", "taken")
    order = await paid_order(program)
    await deliver(program, minutes=1)
    first, second = mailbox.messages("sara@example.com")
    assert first["message_id"] == second["message_id"]
    assert first["message_id"].endswith("@rimal.example>")
    assert (await notices_of(program, order))[0][:2] == ("order_confirmed", "sent")


async def test_a_sender_that_died_leaves_a_lease_that_ends(program, mailbox):
    order = await paid_order(program)
    mailbox.clear()
    async with program.database.unit_of_work(system_actor("test")) as uow:
        await tell(uow, NoticeKind.ORDER_CONFIRMED, OrderId(order_id(order)), cause=f"died-{order['id']}")
    async with program.database.unit_of_work(system_actor("test")) as uow:
        (taken,) = await service.repository.lease_due(uow, 20, service.LEASE)
    await program.run_jobs()
    assert mailbox.messages() == []
    await deliver(program, seconds=61)
    (mail,) = mailbox.messages()
    assert mail["message_id"] == f"<{taken.public_id}@rimal.example>"


async def test_one_notice_that_cannot_be_written_does_not_keep_the_others(program, mailbox, monkeypatch):
    order = await paid_order(program)
    mailbox.clear()
    async with program.database.unit_of_work(system_actor("test")) as uow:
        for name in ("broken", "whole"):
            await tell(uow, NoticeKind.ORDER_CONFIRMED, OrderId(order_id(order)), cause=f"{name}-{order['id']}")
    write = Letters.write

    async def write_or_break(self, database, notice, *, now):
        if notice.cause.startswith("broken"):
            raise ValueError("cannot be written")
        return await write(self, database, notice, now=now)

    monkeypatch.setattr(Letters, "write", write_or_break)
    await program.run_jobs()
    assert len(mailbox.messages()) == 1
    broken, whole = (await notices_of(program, order))[1:]
    assert broken[1:3] == ("waiting", 1)
    assert "cannot be written" in broken[3]
    assert whole[1] == "sent"


async def test_nothing_personal_is_stored_or_queued_with_a_notice(program, mailbox):
    order = await paid_order(program, "very.personal@example.com")
    kept = await program.rows("SELECT to_jsonb(notices)::text FROM notices WHERE order_id = $1", order_id(order))
    queued = await program.rows("SELECT convert_from(payload, 'UTF8') FROM jobs")
    for text in [*kept, *queued]:
        assert "very.personal" not in text
        assert "Harbi" not in text


def test_pauses_double_up_to_half_an_hour():
    assert [pause_after(tries).total_seconds() for tries in (1, 2, 3, 8, 9, 100)] == [10, 20, 40, 1280, 1800, 1800]


# The adapter by itself.


def mail(recipient="sara@example.com", language="en", subject="Hello"):
    return Mail(
        message_id="<ntc_1@rimal.example>",
        sender="Rimal Air <booking@rimal.example>",
        recipient=recipient,
        subject=subject,
        text="Hello\n",
        html="<p>Hello</p>",
        language=language,
        written_at=datetime(2027, 1, 15, 9, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize("words", range(1, 30))
def test_a_long_arabic_subject_keeps_every_space(words):
    subject = " ".join(["لدى", "طيران", "رمال", "حجز"][number % 4] for number in range(words))
    sent = compose_message(mail(subject=subject)).as_bytes()
    assert BytesParser(policy=default).parsebytes(sent)["Subject"] == subject
    assert max(len(line) for line in sent.splitlines()) <= 78


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", ("mail.example", 25, None, None, "none")),
        ("smtp://127.0.0.1:1025", ("127.0.0.1", 1025, None, None, "none")),
        ("smtp://ais:s%40fe@mail.example", ("mail.example", 587, "ais", "s@fe", "starttls")),
        ("smtps://ais:safe@mail.example", ("mail.example", 465, "ais", "safe", "tls")),
        ("smtp://ais:safe@mail.example:2525?security=none", ("mail.example", 2525, "ais", "safe", "none")),
    ],
)
def test_a_server_is_named_by_one_address(url, server):
    named = SMTPServer.of(url)
    assert (named.host, named.port, named.user, named.password, named.security) == server


@pytest.mark.parametrize("implicit", [False, True])
async def test_it_logs_in_over_tls_and_trusts_only_whom_it_should(tmp_path, implicit):
    file = certificate(tmp_path)
    options = ["--certificate", str(file), "--user", "ais", "--password", "s@fe"]
    mailbox = start_mailbox(tmp_path, *options, *(["--implicit-tls"] if implicit else []))
    try:
        scheme = "smtps" if implicit else "smtp"
        server = SMTPServer.of(f"{scheme}://ais:s%40fe@127.0.0.1:{mailbox.smtp_port}")
        async with SMTPGateway(server, ssl.create_default_context(cafile=str(file))).session() as session:
            await session.send(mail())
        assert [each["subject"] for each in mailbox.messages()] == ["Hello"]
        with pytest.raises(MailServerDown):
            async with SMTPGateway(server).session() as session:
                await session.send(mail())
        wrong = SMTPServer.of(f"{scheme}://ais:wrong@127.0.0.1:{mailbox.smtp_port}")
        with pytest.raises(MailServerDown, match="server: 535"):
            async with SMTPGateway(wrong, ssl.create_default_context(cafile=str(file))).session() as session:
                await session.send(mail())
        assert len(mailbox.messages()) == 1
    finally:
        mailbox.kill()


async def test_starttls_that_is_not_offered_sends_no_password_in_the_clear(mailbox):
    server = SMTPServer.of(f"smtp://ais:safe@127.0.0.1:{mailbox.smtp_port}")
    with pytest.raises(MailServerDown):
        async with SMTPGateway(server).session() as session:
            await session.send(mail())
    assert mailbox.messages() == []


@pytest.mark.parametrize(
    ("step", "status", "problem"),
    [
        ("connect", 554, MailServerDown),
        ("mail", 550, MailServerDown),
        ("mail", 451, MailServerDown),
        ("rcpt", 450, MailDeferred),
        ("rcpt", 550, MailRefused),
        ("data", 452, MailDeferred),
        ("data", 554, MailRefused),
    ],
)
async def test_what_a_refusal_means_and_that_it_repeats_no_address(mailbox, step, status, problem):
    mailbox.fault("refuse", step, status=status, text="5.7.1 <sara@example.com> is not welcome")
    async with SMTPGateway(SMTPServer.of(mailbox.smtp_url)).session() as session:
        with pytest.raises(problem) as told:
            await session.send(mail())
        assert "sara" not in str(told.value)
        assert str(status) in str(told.value)
        await session.send(mail())
    assert len(mailbox.messages()) == 1


@pytest.mark.parametrize("recipient", ["a,b@example.com", "<x>@example.com", "x@example.com>", "x@exa mple.com"])
async def test_an_address_that_no_mail_can_carry_is_refused_and_reaches_nobody(mailbox, recipient):
    async with SMTPGateway(SMTPServer.of(mailbox.smtp_url)).session() as session:
        with pytest.raises(MailRefused):
            await session.send(mail(recipient))
        await session.send(mail("ساره@example.com"))
    assert [each["recipients"] for each in mailbox.messages()] == [["ساره@example.com"]]


async def test_without_a_mail_server_nothing_is_noticed(program, mailbox):
    settings = program.settings
    assert settings.database_url
    assert settings.redis_url
    async with in_process(settings.database_url, settings.redis_url, program.simulator) as silent:
        order = await silent.order()
        await silent.pay(order)
        assert (await silent.read(order))["status"] == "confirmed"
    assert await notices_of(program, order) == []
    assert mailbox.messages() == []
