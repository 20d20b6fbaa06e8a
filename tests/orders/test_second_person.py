"""What staff may not give back by themselves: large refunds and waived penalties wait for a second person."""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.callers import agency, agent, error_of, page_cookie, signed_in, staff, with_an_old_proof
from tests.factories.giving_back import minor
from tests.factories.in_process import ADULT, CHILD, bearer, departure, in_process, new_key, order_id
from tests.factories.page_reader import visitor_of
from tests.factories.stripe_simulator import StripeSimulator

from ais.kit import decode_id, ids
from ais.orders.cancellation.service import second_person
from ais.platform.embedded import SharedServers


@pytest.fixture(scope="module")
async def strict(servers: SharedServers, market: str, simulator: StripeSimulator, anyio_backend: object):
    """The program of an airline in which one person gives back 300 riyals at most."""
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator, refund_approval_above="SAR 300") as program:
            yield program
            await program.require_invariants()


async def ticketed(program, passengers=(ADULT,), days=5):
    """A paid order of a fare that keeps 25 % a few days before departure."""
    order = await program.order(passengers, slices=[("RUH", "JED", departure(days))])
    await program.pay(order)
    return order


async def quote(who, order, **body):
    answer = await who.post(f"orders/{order['id']}/cancellation-quotes", **body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def confirm(who, quoted):
    return await who.post(f"cancellation-quotes/{quoted['id']}/confirm")


async def status_of(program, order):
    return (await program.read(order))["status"]


async def test_a_waived_penalty_is_given_back_once_a_second_person_has_signed(program):
    support, signer = await staff(program, "support"), await staff(program, "airline_admin")
    order = await ticketed(program)
    by_the_rules = await quote(support, order)
    assert minor(by_the_rules["penalty"]) > 0
    waived = await quote(support, order, waiver_reason="bereavement")
    assert (minor(waived["penalty"]), waived["waived"]) == (0, by_the_rules["penalty"])
    assert minor(waived["refund"]) == minor(by_the_rules["refund"]) + minor(by_the_rules["penalty"])
    assert "The airline waives the penalty." in {line["rule"] for line in waived["lines"]}
    asked = await confirm(support, waived)
    assert (asked.status_code, asked.json()["kind"], asked.json()["status"]) == (202, "waiver", "open")
    assert (asked.json()["reason"], asked.json()["subject"]) == ("bereavement", waived["id"])
    assert await status_of(program, order) == "confirmed"
    assert (await confirm(support, waived)).json()["id"] == asked.json()["id"]
    assert error_of(await support.post(f"approvals/{asked.json()['id']}/approve")) == (403, "SECOND_PERSON_NEEDED")
    assert (await signer.post(f"approvals/{asked.json()['id']}/approve")).status_code == 200
    await program.run_jobs()
    present = await program.read(order)
    assert (present["status"], present["refunded"]) == ("cancelled", waived["refund"])
    done = await confirm(support, waived)
    assert (done.status_code, done.json()["status"]) == (200, "cancelled")


async def test_who_may_not_waive_gets_no_waiver_and_confirms_none(program):
    support, station = await staff(program, "support"), await staff(program, "station")
    order = await ticketed(program)
    for headers in (station.headers, bearer(order)):
        answer = await program.http.post(
            f"/api/v1/orders/{order['id']}/cancellation-quotes", json={"waiver_reason": "please"}, headers=headers
        )
        assert error_of(answer) == (403, "FORBIDDEN")
    waived = await quote(support, order, waiver_reason="bereavement")
    for headers in (station.headers, bearer(order)):
        answer = await program.http.post(
            f"/api/v1/cancellation-quotes/{waived['id']}/confirm",
            json={},
            headers={**headers, "Idempotency-Key": new_key()},
        )
        assert error_of(answer) == (403, "FORBIDDEN")
    assert await program.rows("SELECT count(*) FROM approvals WHERE subject = $1", waived["id"]) == [0]
    assert await status_of(program, order) == "confirmed"


async def test_a_quote_that_waits_holds_until_it_is_signed_and_ends_with_another(program):
    support, signer = await staff(program, "support"), await staff(program, "airline_admin")
    order = await ticketed(program)
    waived = await quote(support, order, waiver_reason="bereavement")
    asked = (await confirm(support, waived)).json()
    (until,) = await program.rows(
        "SELECT expires_at - created_at > interval '23 hours' FROM cancellation_quotes WHERE id = $1",
        decode_id(ids.CANCELLATION_QUOTE, waived["id"]),
    )
    assert until
    await quote(support, order)
    refused = await signer.post(f"approvals/{asked['id']}/approve")
    assert error_of(refused) == (409, "ORDER_CONFLICT")
    assert await program.rows("SELECT status FROM approvals WHERE id = $1", decode_id(ids.APPROVAL, asked["id"])) == [
        "open"
    ]
    assert await status_of(program, order) == "confirmed"


async def test_a_large_refund_by_staff_waits_and_the_customers_own_does_not(strict):
    support, finance = await staff(strict, "support"), await staff(strict, "finance")
    order, own = await ticketed(strict, [ADULT, CHILD], days=20), await ticketed(strict, [ADULT, CHILD], days=20)
    quoted = await quote(support, order)
    assert minor(quoted["refund"]) > 30000
    asked = await confirm(support, quoted)
    assert (asked.status_code, asked.json()["kind"]) == (202, "refund")
    assert error_of(await support.post(f"approvals/{asked.json()['id']}/approve")) == (403, "SECOND_PERSON_NEEDED")
    admin = await staff(strict, "admin")
    assert error_of(await admin.post(f"approvals/{asked.json()['id']}/approve")) == (404, "NOT_FOUND")
    assert (await finance.post(f"approvals/{asked.json()['id']}/approve")).status_code == 200
    assert await status_of(strict, order) == "cancelled"
    mine = await strict.http.post(f"/api/v1/orders/{own['id']}/cancellation-quotes", json={}, headers=bearer(own))
    answer = await strict.http.post(
        f"/api/v1/cancellation-quotes/{mine.json()['id']}/confirm",
        json={},
        headers={**bearer(own), "Idempotency-Key": new_key()},
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


async def test_a_large_refund_that_staff_give_on_the_pages_waits_too(strict):
    support = await staff(strict, "support")
    order = await ticketed(strict, [ADULT, CHILD], days=20)
    place = f"/en/orders/{order['id']}/cancel"
    async with visitor_of(strict) as visitor:
        visitor.http.cookies.set(*await page_cookie(support))
        everybody = [each["id"] for each in order["passengers"]]
        form = {**(await visitor.open(place)).form("/cancel"), "passenger": everybody}
        quoted = await visitor.send(place, form)
        waits = await visitor.send(f"{place}/confirm", quoted.form("/confirm"))
        assert waits.path == "/en/account/approvals?done=asked"
        assert "This waits for a second person now. Nothing is done yet." in waits.text
        assert await status_of(strict, order) == "confirmed"
        withdrawn = await visitor.send("/en/account/approvals", {**waits.form("/approvals"), "decision": "decline"})
        assert "It will not happen." in withdrawn.text
    assert await status_of(strict, order) == "confirmed"


async def test_many_small_refunds_are_one_large_one(strict):
    support = await staff(strict, "support")
    order = await ticketed(strict, [ADULT, ADULT, ADULT], days=20)
    statuses = []
    for person in order["passengers"]:
        quoted = await quote(support, order, passenger_ids=[person["id"]])
        statuses.append((await confirm(support, quoted)).status_code)
        if statuses[-1] == 202:
            break
    assert statuses[-1] == 202
    assert await status_of(strict, order) == "confirmed"


async def test_a_large_void_waits_and_is_carried_out_by_the_signature(strict):
    finance, second = await staff(strict, "finance"), await staff(strict, "finance")
    order = await ticketed(strict, [ADULT, CHILD])
    asked = await finance.post(f"orders/{order['id']}/void", reason="double sale")
    assert (asked.status_code, asked.json()["reason"]) == (202, "double sale")
    assert await status_of(strict, order) == "confirmed"
    assert (await second.post(f"approvals/{asked.json()['id']}/approve")).status_code == 200
    present = await strict.read(order)
    assert (present["status"], present["ticketing_status"]) == ("cancelled", "void")


async def test_a_waiver_of_a_large_refund_is_signed_by_who_may_sign_both(strict):
    support, waives = await staff(strict, "support"), await staff(strict, "airline_admin")
    both = await staff(strict, "airline_admin", "finance")
    order = await ticketed(strict, [ADULT, CHILD])
    asked = (await confirm(support, await quote(support, order, waiver_reason="bereavement"))).json()
    assert error_of(await waives.post(f"approvals/{asked['id']}/approve")) == (403, "SECOND_PERSON_NEEDED")
    assert await status_of(strict, order) == "confirmed"
    assert (await both.post(f"approvals/{asked['id']}/approve")).status_code == 200
    assert await status_of(strict, order) == "cancelled"


async def test_two_who_sign_a_refund_at_once_give_it_back_once(strict):
    support = await staff(strict, "support")
    signers = [await staff(strict, "finance") for _ in range(3)]
    order = await ticketed(strict, [ADULT, CHILD], days=20)
    quoted = await quote(support, order)
    asked = (await confirm(support, quoted)).json()
    answers = await asyncio.gather(*(each.post(f"approvals/{asked['id']}/approve") for each in signers))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    await strict.run_jobs()
    assert (await strict.read(order))["refunded"] == quoted["refund"]


async def test_staff_prove_who_they_are_before_money_goes_back_and_customers_need_not(program):
    support, agency_id = await staff(program, "support"), await agency(program, "PROVES")
    seller, order = await agent(program, agency_id), await ticketed(program, days=20)
    quoted = await quote(support, order)
    await with_an_old_proof(support)
    assert error_of(await confirm(support, quoted)) == (403, "STEP_UP_REQUIRED")
    assert await status_of(program, order) == "confirmed"
    unpaid = await program.order()
    assert (await confirm(support, await quote(support, unpaid))).status_code == 200  # nothing goes back
    await with_an_old_proof(seller)
    made = await program.post_order(await program.offer(), headers=seller.headers)
    await program.pay(made.json())
    assert (await confirm(seller, await quote(seller, made.json()))).status_code == 200  # their own
    assert (await confirm(await signed_in(support), quoted)).status_code == 200
    assert await status_of(program, order) == "cancelled"


async def test_control_without_the_question_one_person_gives_everything_back(strict, monkeypatch):
    """What the limit is for."""

    async def never(*_arguments):
        return False

    monkeypatch.setattr(second_person, "is_above_limit", never)
    support = await staff(strict, "support")
    order = await ticketed(strict, [ADULT, CHILD], days=20)
    answer = await confirm(support, await quote(support, order))
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert await strict.rows("SELECT count(*) FROM approvals WHERE payload ->> 'order_id' = $1", order["id"]) == [0]
    assert order_id(order)
