"""Partly flown: what was flown counts at the fare that it would have had by itself on the day of issue."""

from tests.factories.giving_back import books, cancel, flight_dates, minor, quote
from tests.factories.in_process import ADULT, CHILD, departure

from ais.kit import system_actor
from ais.orders import close_departure, read_list

OUT, BACK = departure(2), departure(6)


async def flown_out(program, passengers=(ADULT,), origin="RUH", destination="JED"):
    """A light return ticket of 199 + 199 whose way out has been flown; K, the
    lowest one-way class not below it that may still be bought two days ahead, costs 269.
    """
    offers = await program.search(list(passengers), slices=[(origin, destination, OUT), (destination, origin, BACK)])
    light = next(
        offer
        for offer in offers
        if offer["fare_brand"] == "LIGHT"
        and {segment["booking_class"] for each in offer["slices"] for segment in each["segments"]} == {"L"}
    )
    answer = await program.post_order(light)
    assert answer.status_code == 201, answer.text
    order = answer.json()
    await program.pay(order)
    seen = await program.read(order)
    out, _ = await flight_dates(program, order)
    listed = "".join(f"{document['number']},1,,,boarded\n" for document in seen["documents"])
    async with program.database.unit_of_work(system_actor("test")) as uow:
        await close_departure(uow, out, read_list("ticket,coupon,locator,name,status\n" + listed), early=True)
    return order


def fare(quoted, passenger):
    (line,) = [each for each in quoted["lines"] if (each["kind"], each["passenger_id"]) == ("fare", passenger["id"])]
    return line


async def test_the_way_back_is_worth_the_fare_less_what_the_way_out_costs_by_itself(module_program):
    order = await flown_out(module_program)
    quoted = await quote(module_program, order)
    line = fare(quoted, order["passengers"][0])
    assert {each["segment_id"] for each in quoted["lines"]} == {order["slices"][1]["segments"][0]["id"]}
    # 398 paid; 269 for the way out; 25 % of 398 is 99.50, of which the way back bears half.
    assert (minor(line["paid"]), minor(line["refunded"])) == (19_900, 39_800 - 26_900 - 4_975)
    assert (minor(quoted["penalty"]), minor(quoted["non_refundable"])) == (4_975, 7_000)
    assert "What was flown costs more by itself" in line["rule"]
    seen = await cancel(module_program, order)
    assert seen["status"] == "completed"
    held = await books(module_program, order)
    assert held["flown_revenue"] < 0
    assert "refunds_payable" not in held
    assert not {"unflown_fare", "unflown_carrier_charges", "customer_deposits"} & set(held)


async def test_a_child_is_charged_the_childs_fare(module_program):
    order = await flown_out(module_program, [ADULT, CHILD], "JED", "RUH")
    quoted = await quote(module_program, order)
    adult, child = order["passengers"]
    assert minor(fare(quoted, adult)["refunded"]) == 7_925
    # A child pays 75 %: 150 each way, each brought up to a riyal; the way out by itself 202 of 269; 25 % of 300.
    assert minor(fare(quoted, child)["refunded"]) == 30_000 - 20_200 - 3_750
