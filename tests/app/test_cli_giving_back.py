"""Staff give back by the command line: an order, a flight, a departure."""

import asyncio
import json

import pytest
from tests.factories.callers import staff
from tests.factories.command_line import CommandLine
from tests.factories.giving_back import coupons, minor, refunds, states
from tests.factories.in_process import ADULT, departure

SOON = departure(2)


@pytest.fixture
def ais(module_program, tmp_path):
    command_line = CommandLine(module_program.settings.database_url, tmp_path)

    async def call(*arguments, code=0, **more):
        return await asyncio.to_thread(command_line, *arguments, code=code, **more)

    return call


@pytest.fixture
def ais_json(module_program, tmp_path):
    command_line = CommandLine(module_program.settings.database_url, tmp_path)

    async def call(*arguments, code=0, **more):
        return await asyncio.to_thread(command_line.json, *arguments, code=code, **more)

    return call


async def sold(program, passengers=(ADULT,), day=SOON):
    order = await program.order(list(passengers), slices=[("RUH", "JED", day)])
    await program.pay(order)
    (flight,) = (await program.read(order))["slices"][0]["segments"]
    return order, f"{flight['marketing_carrier']}{flight['flight_number']}"


async def test_a_quote_is_shown_and_given_up_only_when_it_is_said(module_program, ais, ais_json):
    order, _ = await sold(module_program)
    said = await ais("order", "cancel", order["record_locator"])
    assert "50 % of the fare is kept" in said.stdout
    assert "Nothing is given up yet" in said.stdout
    assert states(await module_program.read(order)) == ("confirmed", "paid", "issued")
    done = await ais_json("order", "cancel", order["id"], "--yes")
    assert done["order"]["status"] == "cancelled"
    await module_program.run_jobs()
    assert await refunds(module_program, order) == [(minor(done["quote"]["refund"]), "succeeded")]
    unpaid = await module_program.order()
    ended = await ais("order", "cancel", unpaid["record_locator"], "--yes")
    assert ended.stdout.splitlines()[-1] == f"{unpaid['record_locator']} is cancelled; nothing comes back."
    failed = await ais_json("order", "cancel", "ZZZZZZ", code=1)
    assert failed["error"]["code"] == "NOT_FOUND"


async def test_documents_are_voided_on_their_day(module_program, ais):
    order, _ = await sold(module_program)
    await ais("order", "void", order["record_locator"], "--reason", "wrong date")
    await module_program.run_jobs()
    seen = await module_program.read(order)
    assert (states(seen), seen["refunded"]) == (("cancelled", "refunded", "void"), order["total"])
    await ais("order", "void", order["record_locator"], "--reason", "again", code=1)


async def test_the_tickets_of_one_passenger_are_voided_and_then_the_last(module_program, ais, ais_json):
    order, _ = await sold(module_program, [ADULT, ADULT])
    first, second = (passenger["id"] for passenger in order["passengers"])
    words = ("order", "void", order["record_locator"], "--reason", "wrong date", "--passenger")
    said = await ais(*words, first)
    assert said.stdout == f"{order['record_locator']} is partly void; the refund is under way.\n"
    await module_program.run_jobs()
    seen = await module_program.read(order)
    assert (states(seen), coupons(seen)) == (("confirmed", "partially_refunded", "partly_void"), ["void", "open"])
    again = await ais_json(*words, first, code=1)
    assert again["error"]["code"] == "INVALID_STATE_TRANSITION"
    assert (await ais(*words, second)).stdout == f"{order['record_locator']} is void; the refund is under way.\n"
    await module_program.run_jobs()
    seen = await module_program.read(order)
    assert (states(seen), seen["refunded"]) == (("cancelled", "refunded", "void"), order["total"])


LIMIT = {"AIS_REFUND_APPROVAL_ABOVE": "SAR 100"}


async def sign(program, approval):
    """Somebody with an account signs what the command line has asked for."""
    finance = await staff(program, "finance")
    answer = await finance.post(f"approvals/{approval['id']}/approve")
    assert answer.status_code == 200, answer.text
    await program.run_jobs()


@pytest.mark.parametrize(
    ("words", "ended"),
    [
        (("cancel", "--yes"), ("cancelled", "partially_refunded", "issued")),
        (("void", "--reason", "wrong date"), ("cancelled", "refunded", "void")),
    ],
)
async def test_what_is_given_back_above_the_limit_waits_for_a_second_person(module_program, ais, words, ended):
    order, _ = await sold(module_program)
    verb, *options = words
    said = json.loads((await ais("order", verb, order["id"], *options, "--json", **LIMIT)).stdout)
    approval = said["approval"]
    assert (said["order"], approval["status"], approval["kind"]) == (None, "open", "refund")
    assert approval["requested_by"] == f"system:cli-order-{verb}"
    assert states(await module_program.read(order)) == ("confirmed", "paid", "issued")
    assert await refunds(module_program, order) == []
    if verb == "void":
        again = await ais("order", verb, order["id"], *options, **LIMIT)
        assert f"{approval['id']} waits for a second person" in again.stdout
    await sign(module_program, approval)
    assert states(await module_program.read(order)) == ended


async def test_the_operator_gives_back_alone_up_to_the_limit_counting_what_went_before(module_program, ais):
    order, _ = await sold(module_program, [ADULT, ADULT])
    quoted = json.loads((await ais("order", "cancel", order["id"], "--json", **LIMIT)).stdout)["quote"]
    one = minor(quoted["refund"]) // 2
    exact = {"AIS_REFUND_APPROVAL_ABOVE": f"SAR {one // 100}.{one % 100:02d}"}
    for passenger, waits in zip(order["passengers"], (False, True), strict=True):
        words = ("order", "cancel", order["id"], "--passenger", passenger["id"], "--yes", "--json")
        said = json.loads((await ais(*words, **exact)).stdout)
        assert (said["order"] is None, said["approval"] is not None) == (waits, waits)
    assert coupons(await module_program.read(order)) == ["refunded", "open"]


async def test_a_flight_is_cancelled_with_its_orders_and_again_changes_nothing(module_program, ais_json):
    day = departure(20)
    order, flight = await sold(module_program, [ADULT, ADULT], day)
    command = ("flight", "cancel", flight, day, "--reason", "aircraft on ground", "--refunds", "automatic")
    done = await ais_json(*command)
    assert (done["orders"], done["passengers"], done["was_cancelled_before"]) == ([order["id"]], 2, False)
    await module_program.run_jobs()
    await module_program.run_jobs()
    seen = await module_program.read(order)
    assert (states(seen), seen["refunded"]) == (("cancelled", "refunded", "issued"), order["total"])
    again = await ais_json(*command)
    assert (again["orders"], again["was_cancelled_before"]) == ([], True)
    await module_program.run_jobs()
    assert len(await refunds(module_program, order)) == 1


async def test_a_departure_is_closed_from_a_file_and_a_wrong_one_is_refused(module_program, ais, ais_json, tmp_path):
    day = departure(22)
    order, flight = await sold(module_program, [ADULT, ADULT], day)
    tickets = [document["number"] for document in (await module_program.read(order))["documents"]]
    boarded = tmp_path / "boarded.csv"
    heading = "ticket,coupon,locator,name,status\n"
    boarded.write_text(heading + f"{tickets[0]},,,,boarded\n1234567890123,,,,boarded\n", encoding="utf-8")
    command = ("departure", "close", flight, day, "--list", boarded)
    assert (await ais_json(*command, code=1))["error"]["code"] == "DEPARTURE_TOO_EARLY"
    refused = await ais_json(*command, "--early", code=1)
    assert [(error["line"], error["found"]) for error in refused["error"]["errors"]] == [(3, "1234567890123")]
    boarded.write_text(heading + f"{tickets[0]},,,,boarded\n", encoding="utf-8")
    done = await ais_json(*command, "--early")
    assert (done["flown"], done["no_show"], done["completed"]) == (1, 1, 1)
    assert coupons(await module_program.read(order)) == ["flown", "no_show"]
    said = await ais(*command, "--early")
    assert "0 flown, 0 did not come, 2 were closed before" in said.stdout
