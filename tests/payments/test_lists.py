"""Lists for staff go on where they ended: every row once, whatever comes in meanwhile."""

import pytest
from tests.factories.in_process import OPERATOR, bearer
from tests.payments.test_disputes import decide, dispute, tell
from tests.payments.test_own_money import new_agency, new_shift
from tests.payments.test_refunds import paid_order, refund, total

from ais.kit import Money, encode_id, ids


async def listed(program, path, *, between=None, **query):
    """The ids of the whole list, two rows a page; `between` happens after each page."""
    found, cursor = [], None
    while True:
        params = {"limit": 2, **query} | ({"cursor": cursor} if cursor else {})
        answer = await program.http.get(f"/api/v1/{path}", params=params, headers=OPERATOR)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) == 2 or page["next_cursor"] is None
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
        if between is not None:
            await between()


async def test_agencies_shifts_and_refunds_are_listed_page_by_page(program):
    agencies = [(await new_agency(program))["code"] for _ in range(3)]
    seen = [each["code"] for each in await listed(program, "agencies")]
    assert seen == sorted(seen)
    assert [code for code in seen if code in agencies] == sorted(agencies)
    shifts = [(await new_shift(program))["id"] for _ in range(3)]
    seen = [each["id"] for each in await listed(program, "cash/shifts", between=lambda: new_shift(program))]
    assert len(seen) == len(set(seen))
    assert [each for each in seen if each in shifts] == shifts[::-1]
    _, payment = await paid_order(program)
    refunds = [encode_id(ids.REFUND, await refund(program, payment, 100 + each)) for each in range(3)]
    seen = [each["id"] for each in await listed(program, "refunds", status="pending")]
    assert [each for each in seen if each in refunds] == refunds[::-1]
    await program.run_jobs()
    assert not {*refunds} & {each["id"] for each in await listed(program, "refunds", status="pending")}


async def test_disputes_are_read_by_their_state_with_the_day_to_answer_by(program):
    made = {}
    for verdict in ("lost", "won", None):
        order, payment = await paid_order(program)
        held = await dispute(program, payment)
        await tell(program, held)
        if verdict:
            decide(program, held, {"lost": "lose", "won": "win"}[verdict])
            await tell(program, held)
        made[held["id"]] = (order, verdict or "open")
    seen = {each["provider_dispute_id"]: each for each in await listed(program, "disputes")}
    for provider_id, (order, status) in made.items():
        each = seen[provider_id]
        assert (each["order_id"], each["status"], each["reason"]) == (order["id"], status, "fraudulent")
        assert each["amount"] == {"amount": Money(total(order), "SAR").amount, "currency": "SAR"}
        assert each["answer_by"] is not None
        assert (each["closed_at"] is None) == (status == "open")
    by_state = {each["provider_dispute_id"] for each in await listed(program, "disputes", status="lost")}
    assert by_state & {*made} == {key for key, (_, status) in made.items() if status == "lost"}
    order = next(iter(made.values()))[0]
    refused = await program.http.get("/api/v1/disputes", headers=bearer(order))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("path", ["agencies", "cash/shifts", "refunds", "disputes"])
@pytest.mark.parametrize("cursor", ["x", "bm90IGEgY3Vyc29y", "MjAyNi0wMS0wMVQwMDowMDowMCB4"])
async def test_a_cursor_that_is_not_ours_is_refused(program, path, cursor):
    answer = await program.http.get(f"/api/v1/{path}", params={"cursor": cursor}, headers=OPERATOR)
    if path == "agencies" and cursor.startswith("MjAy"):
        assert answer.status_code == 200  # a code of no agency is still a place in the list
        return
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
