"""Documents: numbers from the carrier's range, coupons with their values, conjunction, and what one order gets."""

import asyncio
from datetime import date
from uuid import uuid4

import asyncpg
import pytest
from tests.factories.in_process import ADULT, CHILD, INFANT, departure, order_id
from tests.factories.meeting import Meeting

from ais.kit import Money, new_uuid, system_actor, total
from ais.ticketing import (
    CouponToIssue,
    Sale,
    TicketNumbersExhausted,
    TicketRangeInvalid,
    TicketToIssue,
    add_number_range,
    documents_of_order,
    enough_numbers,
    issue_tickets,
)

ACTOR = system_actor("test")
SALE = Sale(channel="api", seller_id=None, agent_id="agent-7", point_of_sale="SA")


def coupon(position=1, segment_id=None):
    return CouponToIssue(
        segment_id=segment_id or uuid4(),
        carrier="9Z",
        flight_number=str(100 + position),
        origin="RUH",
        destination="JED",
        departure_date=date(2027, 3, position),
        booking_class="Y",
        fare_basis="YRTSA",
        value=Money(10_000 + position, "SAR"),
    )


def ticket(coupons, passenger_id=None):
    return TicketToIssue(
        passenger_id or uuid4(), "ALHARBI/SARA", tuple(coupons), total([each.value for each in coupons], "SAR")
    )


@pytest.fixture
async def carrier(database):
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO countries (code, name_en, currency) VALUES ('SA', 'Saudi Arabia', 'SAR');"
            "INSERT INTO carriers (code, name_en, country_code) VALUES ('9Z', 'Rimal Air', 'SA')"
        )
    return "9Z"


async def add_range(database, first, last, code="991"):
    async with database.unit_of_work(ACTOR) as uow:
        return await add_number_range(uow, "9Z", code, first, last)


async def issue(database, tickets, order=None):
    async with database.unit_of_work(ACTOR) as uow:
        return await issue_tickets(uow, order or new_uuid(), "9Z", SALE, tickets)


async def next_serials(database):
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT next_serial FROM ticket_number_ranges ORDER BY first_serial")
    return [row[0] for row in rows]


async def test_more_than_four_coupons_go_on_in_conjunction(database, carrier):
    await add_range(database, 2_400_000_000, 2_400_000_099)
    order = new_uuid()
    numbers = await issue(database, [ticket([coupon(n) for n in range(1, 10)]), ticket([coupon(1)])], order)
    assert numbers == [f"99124000000{n:02d}" for n in range(4)]
    async with database.connection() as connection:
        documents = await documents_of_order(connection, order)
        sold = await connection.fetch("SELECT DISTINCT channel, agent_id, point_of_sale, issued_by FROM documents")
    assert [tuple(row) for row in sold] == [("api", "agent-7", "SA", "system:test")]
    assert [len(document.coupons) for document in documents] == [4, 4, 1, 1]
    assert [document.conjunction_with for document in documents] == [
        (numbers[1], numbers[2]),
        (numbers[0], numbers[2]),
        (numbers[0], numbers[1]),
        (),
    ]
    values = [each.value.minor for document in documents[:3] for each in document.coupons]
    assert values == [10_000 + n for n in range(1, 10)]
    assert [each.number for each in documents[1].coupons] == [1, 2, 3, 4]
    assert await next_serials(database) == [2_400_000_004]


async def test_a_rollback_gives_the_numbers_back(database, carrier):
    await add_range(database, 1, 10)

    async def issue_and_fail():
        async with database.unit_of_work(ACTOR) as uow:
            await issue_tickets(uow, new_uuid(), carrier, SALE, [ticket([coupon()])])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await issue_and_fail()
    assert await issue(database, [ticket([coupon()])]) == ["9910000000001"]


async def test_the_next_range_is_used_when_one_has_no_room(database, carrier):
    await add_range(database, 1, 2)
    await add_range(database, 50, 60)
    assert await issue(database, [ticket([coupon()]) for _ in range(3)]) == [
        "9910000000050",
        "9910000000051",
        "9910000000052",
    ]
    assert await issue(database, [ticket([coupon()]) for _ in range(2)]) == ["9910000000001", "9910000000002"]


async def test_an_exhausted_range_writes_nothing(database, carrier):
    await add_range(database, 1, 2)
    three = [ticket([coupon()]) for _ in range(3)]
    async with database.unit_of_work(ACTOR) as uow:
        assert await enough_numbers(uow, carrier, three[:2])
        assert not await enough_numbers(uow, carrier, three)
    with pytest.raises(TicketNumbersExhausted):
        await issue(database, three)
    assert await next_serials(database) == [1]
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM documents") == 0


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        (5, 15, "991"),
        (0, 5, "991"),
        (10, 9, "991"),
        (-1, 5, "991"),
        (0, 10**10, "991"),
        (20, 30, "99"),
        (20, 30, "9a1"),
    ],
)
async def test_a_range_that_cannot_be(database, carrier, first, last, code):
    await add_range(database, 1, 10)
    with pytest.raises(TicketRangeInvalid):
        await add_range(database, first, last, code)
    assert await next_serials(database) == [1]


async def test_the_same_range_twice_is_one_and_other_codes_do_not_overlap(database, carrier):
    assert await add_range(database, 1, 10)
    assert not await add_range(database, 1, 10)
    assert await add_range(database, 5, 10, "992")


async def test_numbers_of_parallel_sales_are_unique_and_without_a_gap(database, carrier):
    await add_range(database, 1, 1000)
    issued = await asyncio.gather(*(issue(database, [ticket([coupon()]), ticket([coupon()])]) for _ in range(30)))
    numbers = sorted(number for block in issued for number in block)
    assert numbers == [f"991{serial:010d}" for serial in range(1, 61)]


async def test_without_the_lock_numbers_are_given_out_twice(database, carrier):
    """The control of the test above: the next number is read and counted up in two statements."""
    await add_range(database, 1, 1000)
    both_have_read = Meeting()

    async def take():
        async with database.unit_of_work(ACTOR) as uow:
            serial = await uow.connection.fetchval("SELECT next_serial FROM ticket_number_ranges")
            await both_have_read.wait()
            await uow.connection.execute("UPDATE ticket_number_ranges SET next_serial = $1", serial + 1)
        return serial

    taken = await asyncio.gather(*(take() for _ in range(10)))
    assert len(set(taken)) < len(taken)


async def test_of_one_passenger_and_segment_at_most_one_coupon_lives(database, carrier):
    await add_range(database, 1, 10)
    passenger, segment = uuid4(), uuid4()
    await issue(database, [ticket([coupon(1, segment)], passenger)])
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await issue(database, [ticket([coupon(1, segment)], passenger)])
    assert refused.value.constraint_name == "coupons_one_live"
    assert await next_serials(database) == [2]
    async with database.connection() as connection:
        await connection.execute("UPDATE coupons SET status = 'exchanged'")
    assert await issue(database, [ticket([coupon(1, segment)], passenger)]) == ["9910000000002"]


async def test_moves_of_coupons_are_history(database, carrier):
    await add_range(database, 1, 10)
    await issue(database, [ticket([coupon()])])
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT from_status, to_status, reason, actor FROM coupon_moves")
        assert tuple(row) == (None, "open", "issued", "system:test")
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute("UPDATE coupon_moves SET to_status = 'flown'")


async def test_a_paid_order_has_a_coupon_per_passenger_and_flight(program):
    order = await program.order(
        [ADULT, CHILD, INFANT], slices=[("DMM", "CAI", departure(22)), ("CAI", "DMM", departure(31))]
    )
    segments = [segment["id"] for each in order["slices"] for segment in each["segments"]]
    await program.pay(order)
    seen = await program.read(order)
    by_passenger = {document["passenger_id"]: document for document in seen["documents"]}
    assert len(by_passenger) == len(seen["documents"]) == 3
    assert len({document["number"] for document in seen["documents"]}) == 3
    for passenger, item in zip(seen["passengers"], seen["items"], strict=True):
        document = by_passenger[passenger["id"]]
        assert passenger["ticket_number"] == document["number"]
        assert document["number"].startswith("991")
        assert (document["type"], document["status"], document["validating_carrier"]) == ("ticket", "issued", "9Z")
        assert [each["segment_id"] for each in document["coupons"]] == segments
        assert {each["status"] for each in document["coupons"]} == {"open"}
        values = sum(int(each["value"]["amount"].replace(".", "")) for each in document["coupons"])
        assert values == int(item["base_fare"]["amount"].replace(".", ""))
    names = await program.rows(
        "SELECT passenger_name FROM documents WHERE order_id = $1 ORDER BY number", order_id(order)
    )
    assert names == ["AL HARBI/SARA", "AL HARBI/OMAR", "AL HARBI/LAYLA"]


async def test_an_exhausted_range_is_a_matter_for_staff_and_loses_nothing(own_program):
    await own_program.rows("UPDATE ticket_number_ranges SET last_serial = next_serial RETURNING id")
    order = await own_program.order([ADULT, ADULT])
    await own_program.pay(order)
    seen = await own_program.read(order)
    assert [seen[name] for name in ("status", "payment_status", "ticketing_status", "display_status")] == [
        "reserved",
        "paid",
        "issuing",
        "paid",
    ]
    assert (seen["documents"], seen["available_actions"]) == ([], ["cancel"])
    assert await own_program.staff_queue("9Z") == ["ticket_numbers_exhausted"]
    assert await own_program.hold_of(order) == "confirmed"
    async with own_program.later(minutes=20) as late:
        await late.run_jobs()
        assert (await late.read(order))["status"] == "reserved"
        async with late.database.unit_of_work(ACTOR) as uow:
            await add_number_range(uow, "9Z", "991", 7_000_000_000, 7_000_000_009)
    async with own_program.later(minutes=25) as late:
        await late.run_jobs()
        seen = await late.read(order)
    assert [seen[name] for name in ("status", "payment_status", "ticketing_status")] == ["confirmed", "paid", "issued"]
    assert [document["number"] for document in seen["documents"]] == ["9917000000000", "9917000000001"]
    assert await own_program.staff_queue("9Z") == []
