"""Reading orders: whose they are, lists, and the look-up by locator and name."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.factories.in_process import OPERATOR, bearer, departure, order_id

from ais.kit import encode_id, new_uuid
from ais.platform.rate_limits import RateLimiter
from ais.platform.rates import Rate

RATE = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


def error_of(answer):
    return answer.status_code, answer.json()["error"]["code"]


async def test_an_order_of_somebody_else_is_an_order_that_does_not_exist(program):
    own, foreign = await program.order(), await program.order()
    answers = [
        await program.http.get(f"/api/v1/orders/{path}", headers=bearer(own))
        for path in (foreign["id"], encode_id("ord", new_uuid()), "ord_x", foreign["id"].replace("ord_", "pay_"))
    ]
    bodies = [{**answer.json()["error"], "correlation_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {404}
    assert [body["code"] for body in bodies] == ["NOT_FOUND"] * 4
    assert all(body == bodies[0] for body in bodies)


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Bearer gst_AAAA", "Basic abc", "gst_x"])
async def test_missing_or_unknown_credentials_are_401(program, header):
    order = await program.order()
    headers = {} if header is None else {"Authorization": header}
    for path in (f"/api/v1/orders/{order['id']}", "/api/v1/orders"):
        answer = await program.http.get(path, headers=headers)
        assert error_of(answer) == (401, "UNAUTHORIZED")


async def test_a_token_past_its_time_is_told_so(program):
    order = await program.order()
    past = program.state.authenticator.guest_token(
        order_id(order), expires_at_seconds=int(datetime.now(UTC).timestamp()) - 1
    )
    answer = await program.http.get(f"/api/v1/orders/{order['id']}", headers={"Authorization": f"Bearer {past}"})
    assert error_of(answer) == (401, "TOKEN_EXPIRED")


async def test_staff_with_the_right_read_any_order_and_are_given_no_token(program):
    order = await program.order()
    answer = await program.http.get(f"/api/v1/orders/{order['id']}", headers=OPERATOR)
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["guest_token"]) == (order["id"], None)


async def list_orders(program, headers, **query):
    answer = await program.http.get("/api/v1/orders", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_guest_lists_its_own_order_alone(program):
    order, other = await program.order(), await program.order()
    listed = await list_orders(program, bearer(order))
    assert ([each["id"] for each in listed["items"]], listed["next_cursor"]) == ([order["id"]], None)
    assert (await list_orders(program, bearer(order), record_locator=other["record_locator"]))["items"] == []


async def test_a_list_filters(program):
    day = departure(33)
    order = await program.order(slices=[("RUH", "JED", day)])
    guest = bearer(order)

    async def finds(**query):
        return bool((await list_orders(program, guest, **query))["items"])

    assert await finds(record_locator=f" {order['record_locator'].lower()} ")
    assert not await finds(record_locator="ZZZZZZ")
    assert not await finds(record_locator="a\u0000b")
    assert await finds(status="reserved")
    assert not await finds(status="confirmed")
    assert await finds(departure_from=day.isoformat())  # 06:00 in Riyadh is another day in UTC only before 03:00
    assert not await finds(departure_from=(day + timedelta(days=1)).isoformat())
    created = datetime.fromisoformat(order["created_at"])
    assert await finds(updated_after=(created - timedelta(seconds=1)).isoformat())
    assert not await finds(updated_after=order["updated_at"])


async def test_a_departure_counts_by_the_local_date_of_its_airport(program):
    """A flight at 00:30 in Riyadh leaves on the day before in UTC."""
    order = await program.order(slices=[("RUH", "JED", departure(33))])
    await program.rows(
        "UPDATE orders SET first_departure_at = $2 WHERE id = $1 RETURNING id",
        order_id(order),
        datetime.combine(departure(32), datetime.min.time(), UTC) + timedelta(hours=21, minutes=30),
    )
    listed = await list_orders(program, bearer(order), departure_from=departure(33).isoformat())
    assert [each["id"] for each in listed["items"]] == [order["id"]]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"status": "paid"}, "status"),
        ({"departure_from": "soon"}, "departure_from"),
        ({"updated_after": "soon"}, "updated_after"),
        ({"updated_after": "2027-01-01T00:00:00"}, "updated_after"),
        ({"updated_after": "0001-01-01T00:00:00+23:00"}, "updated_after"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "MjAyNw=="}, "cursor"),
    ],
)
async def test_what_a_list_cannot_be_asked(program, query, path):
    answer = await program.http.get("/api/v1/orders", params=query, headers=OPERATOR)
    assert error_of(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["fields"][0]["path"] == path


async def test_a_cursor_goes_through_all_orders_once_newest_first(program):
    created = [(await program.order())["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = await list_orders(program, OPERATOR, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None or len(seen) >= 6:
            break
        assert len(page["items"]) == 2
    assert seen[:5] == created[::-1]
    assert len(set(seen)) == len(seen)


async def test_a_cursor_without_an_offset_is_read_as_utc(program):
    """Whoever makes one up is answered, not met with an accident."""
    await program.order()
    made_up = "MjAyNi0wMS0wMVQwMDowMDowMCAwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA="
    assert (await list_orders(program, OPERATOR, cursor=made_up))["items"] == []


async def look_up(program, locator, name, **headers):
    body = {"record_locator": locator, "family_name": name}
    return await program.http.post("/api/v1/orders/lookup", json=body, headers=headers)


@pytest.mark.parametrize("name", ["Al-Harbi", "ALHARBI", "al harbi", "harbi", "El Harbi", "Härbi"])
async def test_a_look_up_compares_names_as_people_write_them(program, name):
    order = await program.order()
    locator = order["record_locator"]
    answer = await look_up(program, f" {locator[:3].lower()} {locator[3:]}", name)
    assert answer.status_code == 200
    found = answer.json()
    assert found["id"] == order["id"]
    assert (await program.read(found))["id"] == order["id"]


async def test_the_token_of_a_look_up_lasts_an_hour(program):
    order = await program.order()
    before = int(datetime.now(UTC).timestamp())
    token = (await look_up(program, order["record_locator"], "Harbi")).json()["guest_token"]
    after = int(datetime.now(UTC).timestamp())
    possible = {
        program.state.authenticator.guest_token(order_id(order), expires_at_seconds=second + 3600)
        for second in range(before, after + 1)
    }
    assert token in possible


async def test_a_wrong_locator_and_a_wrong_name_are_the_same_404(program):
    order = await program.order()
    answers = [
        await look_up(program, order["record_locator"], "Qahtani"),
        await look_up(program, "ZZZZZZ", "Al-Harbi"),
        await look_up(program, "0OIl", "Al-Harbi"),
        await look_up(program, order["record_locator"], "---"),
    ]
    bodies = [{**answer.json()["error"], "correlation_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {404}
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["code"] == "NOT_FOUND"


async def test_a_look_up_is_limited_per_address(own_program):
    order = await own_program.order()
    rates = {**own_program.settings.rates, "lookup": Rate(10, 3600)}
    own_program.state.rate_limiter = RateLimiter(own_program.state.cache, rates)
    for used in range(1, 11):
        found = await look_up(own_program, order["record_locator"], "Harbi" if used % 2 else "Nobody")
        assert found.status_code == (200 if used % 2 else 404)
        if used % 2:
            assert [found.headers[name] for name in RATE[:2]] == ["10", str(10 - used)]
            assert 360 * used - 60 < int(found.headers["ratelimit-reset"]) <= 360 * used
    refused = await look_up(own_program, order["record_locator"], "Harbi")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["retryable"]) == (429, "RATE_LIMITED", True)
    assert 300 < int(refused.headers["retry-after"]) <= 360
    assert (await own_program.read(order))["id"] == order["id"]
