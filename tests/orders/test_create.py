"""POST /orders: what an accepted offer becomes, and that no refusal takes anything."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.factories.in_process import (
    ADULT,
    CHILD,
    CONTACT,
    INFANT,
    OPERATOR,
    departure,
    new_key,
    order_id,
)

from ais.kit.locator import is_locator, offends

RETURN = [("RUH", "CAI", departure(20)), ("CAI", "RUH", departure(30))]


def amount(money: dict[str, str]) -> Decimal:
    return Decimal(money["amount"])


async def counted(program):
    """Everything that a refused request must leave as it was."""
    tables = ("orders", "order_history", "holds", "idempotency_records", "payments")
    counts = [(await program.rows(f"SELECT count(*) FROM {table}"))[0] for table in tables]
    return counts + await program.rows("SELECT sum(held) + sum(sold) FROM leg_cabins")


async def test_an_order_has_its_seats_and_says_everything(program):
    offer = await program.offer([ADULT, ADULT, CHILD, INFANT], slices=RETURN)
    before = datetime.now(UTC)
    answer = await program.post_order(offer)
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers
    order = answer.json()
    assert order["id"].startswith("ord_")
    assert is_locator(order["record_locator"])
    assert not offends(order["record_locator"])
    states = {name: order[name] for name in ("status", "payment_status", "ticketing_status", "display_status")}
    assert states == {
        "status": "reserved",
        "payment_status": "unpaid",
        "ticketing_status": "none",
        "display_status": "reserved",
    }
    assert (order["channel"], order["version"], order["metadata"]) == ("api", 1, {})
    assert order["total"] == offer["total"] == order["balance_due"]
    assert order["paid"] == order["refunded"] == {"amount": "0.00", "currency": "SAR"}
    assert order["available_actions"] == ["pay", "cancel"]
    assert order["contact"] == {**CONTACT, "language": "en"}
    limit = datetime.fromisoformat(order["payment_required_by"])
    assert timedelta(minutes=15) <= limit - before < timedelta(minutes=15, seconds=10)
    assert [passenger["type"] for passenger in order["passengers"]] == ["adult", "adult", "child", "infant"]
    assert order["passengers"][3]["accompanying_passenger_id"] == order["passengers"][0]["id"]
    assert {passenger["ticket_number"] for passenger in order["passengers"]} == {None}
    for offered, sold in zip(offer["slices"], order["slices"], strict=True):
        assert sold["conditions"] == offered["conditions"]
        for promised, segment in zip(offered["segments"], sold["segments"], strict=True):
            own = {name: segment[name] for name in promised}
            assert own == {**promised, "seats_left": None}
            assert (segment["status"], segment["status_code"]) == ("confirmed", "HK")
    assert await program.hold_of(order) == "active"
    assert await program.history(order, "order.status") == [(None, "reserved", "offer accepted")]
    owner = await program.rows("SELECT owner, channel, point_of_sale FROM orders WHERE id = $1", order_id(order))
    assert owner == [("anonymous:anonymous", "api", "SA")]
    positions = await program.rows(
        "SELECT position::int FROM order_segments WHERE order_id = $1 ORDER BY position", order_id(order)
    )
    assert positions == list(range(1, len(positions) + 1))
    seen = await program.read(order)
    assert {**seen, "guest_token": order["guest_token"]} == order


async def test_price_lines_sum_to_every_total(program):
    offer = await program.offer([ADULT, CHILD, INFANT], slices=RETURN)
    order = (await program.post_order(offer)).json()
    lines = await program.rows(
        "SELECT passenger.offer_reference, line.kind, sum(line.amount_minor)::bigint FROM price_lines AS line"
        " JOIN order_passengers AS passenger ON passenger.id = line.passenger_id WHERE line.order_id = $1"
        " GROUP BY 1, 2",
        order_id(order),
    )
    minor = {(reference, kind): total for reference, kind, total in lines}
    for promised, item in zip(offer["passengers"], order["items"], strict=True):
        reference = promised["id"]
        assert minor[reference, "fare"] == amount(promised["base_fare"]) * 100
        assert minor.get((reference, "tax"), 0) == sum(amount(tax["amount"]) for tax in promised["taxes"]) * 100
        assert item["base_fare"] == promised["base_fare"]
        assert item["taxes"] == promised["taxes"]
        assert item["carrier_charges"] == promised["carrier_charges"]
        assert item["total"] == promised["total"]
        parts = amount(item["base_fare"]) + sum(amount(tax["amount"]) for tax in item["taxes"])
        assert parts + amount(item["carrier_charges"]) == amount(item["total"])
    assert sum(minor.values()) == amount(order["total"]) * 100
    assert sum(amount(item["total"]) for item in order["items"]) == amount(order["total"])
    segments = [segment["id"] for each in order["slices"] for segment in each["segments"]]
    of_segments = await program.rows(
        "SELECT count(DISTINCT order_segment_id) FROM price_lines WHERE order_id = $1 AND kind = 'fare'",
        order_id(order),
    )
    assert of_segments == [len(segments)]


async def test_several_of_one_kind_cost_as_many_times_one(program):
    there = [("RUH", "AHB", departure(33))]  # nobody else's flights, so that both are offered the same class
    one, three = await program.offer([ADULT], slices=there), await program.offer([ADULT] * 3, slices=there)
    assert amount(three["total"]) == 3 * amount(one["total"])


async def test_all_legs_of_a_connection_are_held(program):
    offer = await program.offer(slices=[("DMM", "CAI", departure())])
    segments = offer["slices"][0]["segments"]
    assert len(segments) == 2
    order = (await program.post_order(offer)).json()
    held = await program.taken(order)
    assert len(held) == 2
    assert all(taken >= 1 for taken, _ in held)


async def test_a_guest_token_opens_its_order_until_a_day_after_the_last_flight(program):
    order = await program.order(slices=RETURN)
    last = datetime.fromisoformat(order["slices"][1]["segments"][-1]["arrives_at"])
    authenticator = program.state.authenticator
    actor = authenticator.guest(order["guest_token"])
    assert (actor.kind, actor.id) == ("guest", str(order_id(order)))
    end = last + timedelta(hours=24)
    assert authenticator.guest_token(order_id(order), expires_at_seconds=int(end.timestamp())) == order["guest_token"]


async def test_the_name_in_its_own_script_is_kept_and_text_is_in_the_readers_language(program):
    offer = await program.offer()
    person = {**program.people(offer)[0], "name_local": {"given": "سارة", "family": "الحربي"}}
    answer = await program.post_order(offer, [person], headers={"Accept-Language": "ar"})
    order = answer.json()
    assert order["contact"]["language"] == "ar"
    assert order["passengers"][0]["name_local"] == {"given": "سارة", "family": "الحربي"}
    assert order["items"][0]["taxes"][0]["name"] != offer["passengers"][0]["taxes"][0]["name"]


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"given_name": "سارة"}, "NAME_ROMANISATION_REQUIRED", "passengers[0].given_name"),
        ({"family_name": "H4rbi"}, "VALIDATION_ERROR", "passengers[0].family_name"),
        ({"family_name": ""}, "VALIDATION_ERROR", "passengers[0].family_name"),
        ({"family_name": "a" * 61}, "VALIDATION_ERROR", "passengers[0].family_name"),
        ({"gender": "Q"}, "VALIDATION_ERROR", "passengers[0].gender"),
        ({"nationality": "Saudi"}, "VALIDATION_ERROR", "passengers[0].nationality"),
        ({"born_on": "2999-01-01"}, "VALIDATION_ERROR", "passengers[0].born_on"),
        ({"born_on": "yesterday"}, "VALIDATION_ERROR", "passengers[0].born_on"),
        ({"id": "pax_9"}, "VALIDATION_ERROR", "passengers[0].id"),
        ({"price": "1.00"}, "VALIDATION_ERROR", "passengers[0].price"),
        ({"name_local": {"given": "a\u0000b", "family": "c"}}, "VALIDATION_ERROR", "passengers[0].name_local.given"),
    ],
)  # fmt: skip
async def test_a_refused_traveller_takes_no_seats(program, change, code, path):
    offer = await program.offer()
    people = [{**program.people(offer)[0], **change}]
    before = await counted(program)
    answer = await program.post_order(offer, people)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["retryable"]) == (422, code, False)
    assert error["details"]["fields"][0]["path"] == path
    assert await counted(program) == before


async def test_a_child_that_turns_twelve_on_the_way_is_refused(program):
    offer = await program.offer([ADULT, {"type": "child", "age": 11}], slices=RETURN)
    people = program.people(offer)
    back = RETURN[1][2]
    people[1]["born_on"] = date(back.year - 12, back.month, min(back.day, 28)).isoformat()
    before = await counted(program)
    answer = await program.post_order(offer, people)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "PASSENGER_AGE")
    assert answer.json()["error"]["details"]["age"] == 12
    assert await counted(program) == before


async def test_a_child_alone_is_refused(program):
    offer = await program.offer([CHILD])
    before = await counted(program)
    answer = await program.post_order(offer)
    assert answer.json()["error"]["details"]["fields"] == [
        {"path": "passengers", "reason": "children and infants travel with an adult"}
    ]
    assert await counted(program) == before


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"contact": None}, "contact"),
        ({"contact": {"email": "nobody"}}, "contact.email"),
        ({"contact": {"email": "a\u0000@b.co"}}, "contact.email"),
        ({"contact": {**CONTACT, "language": "fr"}}, "contact.language"),
        ({"contact": {**CONTACT, "phone": "call me"}}, "contact.phone"),
        ({"status": "confirmed"}, "status"),
        ({"owner": "me"}, "owner"),
        ({"total": {"amount": "1.00", "currency": "SAR"}}, "total"),
    ],
)
async def test_what_a_client_may_not_say_is_refused(program, change, path):
    offer = await program.offer()
    before = await counted(program)
    answer = await program.post_order(offer, **change)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["fields"][0]["path"] == path
    assert await counted(program) == before


async def test_an_offer_that_is_not_ours_is_not_found(program):
    offer = await program.offer()
    before = await counted(program)
    forged = {**offer, "id": offer["id"][:-1] + ("A" if offer["id"][-1] != "A" else "B")}
    for other in (forged, {**offer, "id": "ofr_x"}):
        answer = await program.post_order(other)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert await counted(program) == before


async def test_a_class_that_has_closed_since_is_refused_and_takes_nothing(program):
    day = departure(25)
    offer = await program.offer([ADULT] * 9, slices=[("RUH", "JED", day)], cabin="business")
    same = await program.offer([ADULT] * 9, slices=[("RUH", "JED", day)], cabin="business")
    assert (await program.post_order(offer)).status_code == 201
    before = await counted(program)
    answer = await program.post_order(same)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "SEATS_UNAVAILABLE")
    assert error["details"]["asked"] == 9
    assert error["details"]["open"] < 9
    assert await counted(program) == before


async def test_an_offer_may_be_accepted_more_than_once(program):
    offer = await program.offer()
    first, second = (await program.post_order(offer)).json(), (await program.post_order(offer)).json()
    assert first["id"] != second["id"]
    assert first["record_locator"] != second["record_locator"]
    assert first["total"] == second["total"] == offer["total"]


async def test_staff_own_what_they_create(program):
    offer = await program.offer()
    order = (await program.post_order(offer, headers=OPERATOR, key=new_key())).json()
    assert await program.rows("SELECT owner FROM orders WHERE id = $1", order_id(order)) == ["staff:operator"]
    assert (await program.http.get(f"/api/v1/orders/{order['id']}", headers=OPERATOR)).status_code == 200


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer gst_AAAA", "Basic abc", "Bearer"])
async def test_bad_credentials_are_refused_although_none_are_needed(program, header):
    offer = await program.offer()
    before = await counted(program)
    answer = await program.post_order(offer, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert await counted(program) == before


async def test_infants_count_against_the_places_of_the_leg(program):
    order = await program.order([ADULT, INFANT])
    assert await program.rows(
        "SELECT max(infants), sum(seats)::int FROM hold_items JOIN orders USING (hold_id) WHERE orders.id = $1",
        order_id(order),
    ) == [(1, 1)]
