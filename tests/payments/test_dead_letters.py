"""Messages that cannot be handled: tried again, put before staff in the end, read, mended and replayed."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from tests.factories.in_process import OPERATOR, bearer, in_process, new_key, order_id, payment_id, signature
from tests.factories.meeting import Meeting
from tests.payments.test_refunds import paid_order, refund, total

from ais.accounts import OPERATOR_PERMISSIONS
from ais.app.reconciliation import provider_lists
from ais.kit.ids import REFUND, encode_id
from ais.orders import repository as orders
from ais.orders import settle_order_payment
from ais.payments import repository as payments
from ais.payments.adapters.stripe.translate import event_of
from ais.payments.domain import EventKind
from ais.payments.jobs import handle_overdue_events
from ais.payments.service import receive
from ais.platform.jobs import JobContext


async def foreign_payment(program):
    """A payment that somebody else made with the same account, and its event."""
    made = await program.provider.post(
        "/v1/payment_intents",
        data={"amount": 500, "currency": "sar", "allowed_payment_method_types[]": "card", "confirm": "true",
              "payment_method": "pm_card_visa"},
    )  # fmt: skip
    payment = {"provider_payment_id": made.json()["id"]}
    (event,) = await program.events_of(payment, "payment_intent.succeeded")
    return payment, event


async def event_row(program, event):
    return (
        await program.rows(
            "SELECT state, deliveries, attempts, last_error FROM provider_events WHERE event_id = $1", event["id"]
        )
    )[0]


async def try_until_dead(program):
    """Let all pauses pass: each try is due after the one before."""
    for minutes in range(0, 200, 10):
        async with program.later(minutes=minutes) as late:
            await late.try_jobs()


async def test_an_object_that_is_not_ours_is_looked_for_again_and_ends_as_a_dead_letter(own_program):
    _, event = await foreign_payment(own_program)
    assert (await own_program.deliver(event)).status_code == 200
    await own_program.run_jobs()
    state, deliveries, attempts, error = await event_row(own_program, event)
    assert (state, deliveries, attempts) == ("stored", 1, 1)
    assert error.startswith("ObjectUnknown: no payment of ours is pi_")
    assert await own_program.staff_queue(f"stripe:{event['id']}") == []
    await try_until_dead(own_program)
    state, _, attempts, _ = await event_row(own_program, event)
    assert (state, attempts) == ("unmatched", 12)
    assert await own_program.staff_queue(f"stripe:{event['id']}") == ["webhook_dead"]


async def test_a_message_about_an_object_that_becomes_known_is_handled_then(own_program, monkeypatch):
    """It comes before our own row does, and names it by nothing that we know yet."""
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment)
    (event,) = await own_program.events_of(payment, "payment_intent.succeeded")
    event["data"]["object"]["metadata"] = {}
    await own_program.rows(
        "UPDATE payments SET provider_payment_id = NULL, provider_capture_id = NULL WHERE id = $1 RETURNING id",
        payment_id(payment),
    )
    await own_program.deliver(event)
    await own_program.run_jobs()
    assert (await event_row(own_program, event))[0] == "stored"
    await own_program.rows(
        "UPDATE payments SET provider_payment_id = $2 WHERE id = $1 RETURNING id",
        payment_id(payment),
        payment["provider_payment_id"],
    )
    async with own_program.later(seconds=5) as late:
        await late.run_jobs()
    assert (await event_row(own_program, event))[0] == "handled"
    assert (await own_program.read(order))["status"] == "confirmed"


async def test_hours_late_it_still_confirms_or_changes_nothing(own_program):
    order, payment = await paid_order(own_program)
    (event,) = await own_program.events_of(payment, "payment_intent.succeeded")
    async with own_program.later(hours=5) as late:
        before = await late.read(order)
        await late.deliver(event)
        await late.run_jobs()
        after = await late.read(order)
    assert {**before, "updated_at": None} == {**after, "updated_at": None}
    assert await event_row(own_program, event) == ("handled", 2, 1, None)


async def test_what_fails_is_kept_with_its_error_and_succeeds_when_it_is_mended(own_program):
    """The provider is away for longer than all tries; staff see why, and replay it."""
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment)
    (event,) = await own_program.events_of(payment, "payment_intent.succeeded")
    own_program.simulator.control(
        "POST", "/faults", {"action": "error_before", "method": "GET", "path": "/v1/payment_intents*", "times": None}
    )
    await own_program.deliver(event)
    for _ in range(12):
        await own_program.rows("UPDATE jobs SET execute_after = ais_now() WHERE status = 'queued' RETURNING id")
        await own_program.try_jobs()
    assert (await event_row(own_program, event))[0] == "dead"
    listed = (await own_program.http.get("/api/v1/webhook-events?state=dead", headers=OPERATOR)).json()
    assert [(each["id"], each["last_error"]) for each in listed["items"]] == [(event["id"], "PROVIDER_ERROR")]
    own_program.simulator.control("DELETE", "/faults")
    answer = await own_program.http.post(
        f"/api/v1/webhook-events/{event['id']}/replay", json={}, headers={**OPERATOR, "Idempotency-Key": new_key()}
    )
    assert (answer.status_code, answer.json()["state"]) == (202, "stored")
    await own_program.run_jobs()
    assert (await event_row(own_program, event))[0] == "handled"
    assert await own_program.staff_queue(f"stripe:{event['id']}") == []
    assert (await own_program.read(order))["status"] == "confirmed"


async def test_staff_read_a_message_and_tie_it_to_a_payment(program):
    order, payment = await paid_order(program)
    _, event = await foreign_payment(program)
    await program.deliver(event)
    await program.run_jobs()
    url = f"/api/v1/webhook-events/{event['id']}"
    unknown = await program.http.post(f"{url}/replay", json={"payment_id": "pay_unknown"}, headers=OPERATOR)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "NOT_FOUND")
    tied = await program.http.post(f"{url}/replay", json={"payment_id": payment["id"]}, headers=OPERATOR)
    assert (tied.status_code, tied.json()["payment_id"]) == (202, payment["id"])
    await program.run_jobs()
    seen = (await program.http.get(url, headers=OPERATOR)).json()
    assert seen["event"]["state"] == "handled"
    kept, held = seen["content"], event["data"]["object"]
    assert {name: kept[name] for name in ("id", "type", "created")} == {
        name: event[name] for name in ("id", "type", "created")
    }
    assert {name: kept["data"]["object"][name] for name in ("id", "object", "amount", "status")} == {
        name: held[name] for name in ("id", "object", "amount", "status")
    }
    assert not {"client_secret", "receipt_email", "description", "shipping"} & set(kept["data"]["object"])
    assert [each["outcome"] for each in seen["attempts"]] == ["failed", "replayed", "handled"]
    assert (await program.read(order))["payment_status"] == "paid"


async def test_only_staff_see_and_replay_messages(program):
    order = await program.order()
    _, event = await foreign_payment(program)
    await program.deliver(event)
    url = f"/api/v1/webhook-events/{event['id']}"
    for headers, status in (({}, 401), (bearer(order), 403)):
        assert (await program.http.get("/api/v1/webhook-events", headers=headers)).status_code == status
        assert (await program.http.get(url, headers=headers)).status_code == status
        assert (await program.http.post(f"{url}/replay", json={}, headers=headers)).status_code == status
    assert (await program.http.get(f"{url}0", headers=OPERATOR)).status_code == 404
    assert (await program.http.post(f"{url}0/replay", json={}, headers=OPERATOR)).status_code == 404


async def test_of_old_messages_is_left_what_they_are_about_and_they_can_be_replayed(own_program):
    program = own_program
    order = await program.order()
    await program.pay(order)
    before = dict(await program.rows("SELECT event_id, length(body) FROM provider_events"))
    definition = program.registry.definitions["payments.shorten_messages"]
    for days, shortened in ((89, False), (91, True), (92, True)):
        async with program.later(days=days) as late:
            await definition.function(JobContext(late.database, definition.name, "test", 0, 1), {})
        after = dict(await program.rows("SELECT event_id, length(body) FROM provider_events"))
        assert (after != before) is shortened
    for event_id in before:
        replayed = await program.http.post(f"/api/v1/webhook-events/{event_id}/replay", json={}, headers=OPERATOR)
        assert replayed.status_code == 202
    await program.run_jobs()
    assert set(await program.rows("SELECT state FROM provider_events")) <= {"handled", "ignored"}
    assert (await program.read(order))["payment_status"] == "paid"


async def test_the_list_pages_through_all(own_program):
    events = []
    for number in range(5):
        event = {"id": f"evt_{number}", "type": f"sort.{number % 2}", "data": {"object": {"id": "x"}}}
        events.append(event["id"])
        assert (await own_program.deliver(event)).status_code == 200
    found, cursor = [], ""
    while cursor is not None:
        query = f"/api/v1/webhook-events?limit=2{f'&cursor={cursor}' if cursor else ''}"
        page = (await own_program.http.get(query, headers=OPERATOR)).json()
        found += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert found == events[::-1]
    only = (await own_program.http.get("/api/v1/webhook-events?type=sort.1", headers=OPERATOR)).json()["items"]
    assert [each["id"] for each in only] == ["evt_3", "evt_1"]
    bad = await own_program.http.get("/api/v1/webhook-events?cursor=nonsense", headers=OPERATOR)
    assert bad.status_code == 422


async def test_unknown_types_are_stored_and_counted(program):
    kind = f"sort.{new_key()}"
    for number in range(3):
        event = {"id": f"evt_{new_key()}", "type": kind, "data": {"object": {"object": "thing", "id": str(number)}}}
        for _ in range(2):
            assert (await program.deliver(event)).status_code == 200
    async with program.database.connection() as connection:
        counted = [row for row in await receive.repository.count_events(connection) if row["type"] == kind]
    assert counted == [{"type": kind, "state": "ignored", "events": 3, "deliveries": 6}]


async def test_an_old_and_a_new_secret_are_good_side_by_side(servers, market, simulator):
    with servers.database(market) as url:
        async with in_process(
            url, servers.cache_url(), simulator, stripe_webhook_secret="whsec_new, whsec_old"
        ) as ours:
            for secret, status in (("whsec_new", 200), ("whsec_old", 200), ("whsec_gone", 400)):
                event = {"id": f"evt_{secret}", "type": "thing.made", "data": {"object": {}}}
                assert (await ours.deliver(event, secret=secret)).status_code == status
            body = json.dumps({"id": "evt_both", "type": "thing.made", "data": {"object": {}}}).encode()
            both = signature(body, secret="whsec_gone") + ",v1=" + signature(body, secret="whsec_old").split("v1=")[1]
            answer = await ours.http.post("/webhooks/stripe", content=body, headers={"Stripe-Signature": both})
            assert answer.status_code == 200


@asynccontextmanager
async def waiting_looks(monkeypatch, program):
    """All handlers have looked at the payment before any of them writes."""
    gateway = program.gateways.of("stripe")
    retrieve, all_have_looked = gateway.retrieve, Meeting(10)

    async def together(identifier):
        found = await retrieve(identifier)
        await all_have_looked.wait()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "retrieve", together)
        yield


async def handle_ten_times(program, event):
    return await asyncio.gather(
        *(
            receive.handle_event(
                program.database,
                program.gateways,
                provider_lists(program.settings),
                settle_order_payment,
                event["id"],
                "test",
            )
            for _ in range(10)
        ),
        return_exceptions=True,
    )


async def test_fifty_parallel_deliveries_of_one_event_and_ten_parallel_handlers_have_one_effect(program, monkeypatch):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    (event,) = await program.events_of(payment, "payment_intent.succeeded")
    answers = await asyncio.gather(*(program.deliver(event) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert await program.rows(
        "SELECT count(*) FROM jobs WHERE entrypoint = 'payments.handle_event' AND payload LIKE $1",
        f"%{event['id']}%".encode(),
    ) == [1]
    async with waiting_looks(monkeypatch, program):
        assert await handle_ten_times(program, event) == [None] * 10
    await program.run_jobs()
    assert (await event_row(program, event))[:2] == ("handled", 50)
    assert await effects(program, order) == {"succeeded": 1, "documents": 1, "postings": 1, "confirmations": 1}


async def test_without_the_payments_lock_parallel_handlers_clash(program, monkeypatch):
    """The control of the test above: nobody waits for another, and what is left is what the database refuses."""
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    (event,) = await program.events_of(payment, "payment_intent.succeeded")
    await program.deliver(event)

    both_have_read = Meeting()

    async def unlocked_order(uow, identifier):
        return await orders.find_order(uow.connection, identifier)

    async def unlocked_payment(uow, identifier):
        found = await payments.find_payment(uow.connection, identifier)
        await both_have_read.wait()
        return found

    notes = []

    async def note(uow, stored, problem):
        notes.append(problem)

    with monkeypatch.context() as patched:
        patched.setattr(orders, "lock_order", unlocked_order)
        patched.setattr(payments, "lock_payment", unlocked_payment)
        patched.setattr(receive, "_note_failure", note)
        async with waiting_looks(monkeypatch, program):
            await handle_ten_times(program, event)
    assert notes != []
    await program.run_jobs()


async def effects(program, order):
    (found,) = await program.rows(
        """
        SELECT (SELECT count(*) FROM payment_events JOIN payments ON payments.id = payment_id
                WHERE order_id = $1 AND to_status = 'succeeded'),
               (SELECT count(*) FROM documents WHERE order_id = $1),
               (SELECT count(*) FROM ledger_postings WHERE order_id = $1 AND kind = 'captured'),
               (SELECT count(*) FROM order_history WHERE order_id = $1 AND to_state = 'confirmed')
        """,
        order_id(order),
    )
    return dict(zip(("succeeded", "documents", "postings", "confirmations"), found, strict=True))


async def test_money_given_back_at_the_providers_side_becomes_a_refund_and_the_order_follows(program):
    order, payment = await paid_order(program)
    intent = payment["provider_payment_id"]
    made = await program.provider.post("/v1/refunds", data={"payment_intent": intent, "amount": 1500})
    assert made.status_code == 200
    for _ in range(2):
        await program.report(payment)
    assert await program.rows(
        "SELECT amount_minor, status, reason, provider_refund_id FROM refunds WHERE order_id = $1", order_id(order)
    ) == [(1500, "succeeded", "made at the provider", made.json()["id"])]
    seen = await program.read(order)
    assert (seen["payment_status"], seen["refunded"]["amount"]) == ("partially_refunded", "15.00")
    (adopted,) = await program.rows("SELECT subject FROM staff_queue WHERE kind = 'refund_at_provider'"
                                    " AND details ->> 'order_id' = $1", order["id"])  # fmt: skip
    assert adopted.startswith("rfd_")
    rest = total(order) - 1500
    await program.provider.post("/v1/refunds", data={"payment_intent": intent, "amount": rest})
    await program.report(payment)
    assert (await program.read(order))["payment_status"] == "refunded"


async def test_a_refund_of_theirs_waits_until_ours_that_has_no_money_left_is_refused(program):
    """Ours was decided and not sent when somebody gave all of it back over there."""
    order, payment = await paid_order(program)
    own = await refund(program, payment, total(order))
    await program.provider.post("/v1/refunds", data={"payment_intent": payment["provider_payment_id"]})
    for event in await program.events_of(payment, "charge.refunded"):
        await program.deliver(event)
    await program.run_jobs()
    await program.rows("UPDATE jobs SET execute_after = ais_now() WHERE status = 'queued' RETURNING id")
    await program.run_jobs()
    found = await program.rows(
        "SELECT reason, status FROM refunds WHERE order_id = $1 ORDER BY status", order_id(order)
    )
    # It carried out what ours was to do.
    assert found == [("test", "failed"), ("test", "succeeded")]
    assert await program.staff_queue(encode_id(REFUND, own)) == []
    assert (await program.read(order))["payment_status"] == "refunded"


@pytest.mark.parametrize("method", ["pm_card_pendingRefund", "pm_card_refundFail"])
async def test_refunds_of_theirs_follow_the_provider_to_their_end(program, method):
    order, payment = await paid_order(program, method)
    await program.provider.post("/v1/refunds", data={"payment_intent": payment["provider_payment_id"]})
    await program.report(payment)
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    status = "succeeded" if method == "pm_card_pendingRefund" else "failed"
    assert await program.rows("SELECT status FROM refunds WHERE order_id = $1", order_id(order)) == [status]


def test_every_type_that_must_be_handled_is():
    for kind in (
        "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing",
        "payment_intent.canceled", "checkout.session.completed", "checkout.session.expired",
        "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed", "charge.refunded",
        "refund.updated", "refund.failed",
    ):  # fmt: skip
        event = event_of(json.dumps({"id": "evt", "type": kind, "data": {"object": {"id": "x"}}}).encode())
        assert event.kind is not EventKind.UNKNOWN, kind
    assert "webhooks.replay" in OPERATOR_PERMISSIONS


async def test_a_message_whose_job_is_lost_is_not_forgotten(own_program):
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment)
    (event,) = await own_program.events_of(payment, "payment_intent.succeeded")
    await own_program.deliver(event)
    await own_program.rows("DELETE FROM jobs WHERE entrypoint = 'payments.handle_event' RETURNING id")
    context = JobContext(own_program.database, "test", "test", 1, 1)
    await handle_overdue_events(context, {})
    await own_program.run_jobs()
    assert (await event_row(own_program, event))[0] == "stored"
    async with own_program.later(minutes=6) as late:
        await handle_overdue_events(JobContext(late.database, "test", "test", 1, 1), {})
        await late.run_jobs()
    assert (await event_row(own_program, event))[0] == "handled"
