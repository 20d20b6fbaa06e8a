"""What is kept and what comes back, to the minor unit, for any ticket, any part of it and any currency."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ais.fares import PenaltyRules, RuleTier
from ais.kit import CURRENCIES, Money
from ais.orders.cancellation.domain import GivenUp, Rule
from ais.orders.cancellation.rules import in_steps, involuntary_lines, voluntary_lines
from ais.orders.domain import (
    Order,
    OrderPaymentStatus,
    OrderPriceLine,
    OrderSegment,
    OrderSlice,
    OrderStatus,
    Passenger,
    SegmentStatus,
    TicketingStatus,
)

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
DEMO = tuple(RuleTier(hours, basis_points=percent * 100) for hours, percent in ((168, 0), (72, 25), (24, 50), (0, 75)))
NO_SHOW = (RuleTier(-8760, basis_points=10_000),)
LIGHT = PenaltyRules(refund=DEMO, no_show=NO_SHOW)


def make_order(fares, charges, currency, *, hours, versions=None):
    """An order whose ``fares[p][s]`` is passenger p's fare on segment s, with one charge each, ``hours`` before it."""
    people, segments = range(len(fares)), range(len(fares[0]))
    passenger_ids = [UUID(int=100 + number) for number in people]
    segment_ids = [UUID(int=200 + number) for number in segments]
    lines = []
    for person in people:
        for place in segments:
            common = {
                "item_id": UUID(int=300 + person),
                "passenger_id": passenger_ids[person],
                "order_segment_id": segment_ids[place],
                "name_en": "",
                "name_ar": "",
            }
            version = versions[place] if versions else 1
            lines.append(("fare", "KOLTSA", fares[person][place], True, version, None, common))
            amount, refundable = charges[person][place]
            lines.append(("tax", "K7", amount, refundable, 9, "SA", common))
    price_lines = tuple(
        OrderPriceLine(
            position=number,
            kind=kind,
            code=code,
            amount_minor=amount,
            refundable=refundable,
            version_id=version,
            authority=authority,
            **common,
        )
        for number, (kind, code, amount, refundable, version, authority, common) in enumerate(lines, start=1)
    )
    departs = [NOW + timedelta(hours=hours) + timedelta(days=number) for number in segments]
    total = sum(line.amount_minor for line in price_lines)
    return Order(
        id=UUID(int=1), record_locator="ABCDEF", status=OrderStatus.CONFIRMED, payment_status=OrderPaymentStatus.PAID,
        ticketing_status=TicketingStatus.ISSUED, hold_id=UUID(int=2), validating_carrier="9Z", fare_brand="LIGHT",
        cabin="Y", currency=currency, total_minor=total, paid_minor=total, refunded_minor=0, payment_required_by=NOW,
        hold_extended_at=None, first_departure_at=departs[0], last_arrival_at=departs[-1] + timedelta(hours=2),
        language="en", contact_person_id=None, contact_sealed=None, contact_lookup=None, lookup_key=None,
        owner_user_id=None, owner="test", channel="api", seller_id=None, agent_id=None,
        point_of_sale="SA", created_at=NOW, updated_at=NOW, version=1,
        passengers=tuple(
            Passenger(
                id=passenger_ids[number], position=number + 1, offer_reference="", type="adult", accompanying_id=None,
            )
            for number in people
        ),
        slices=tuple(OrderSlice(number + 1, "RUH", "JED", 120, {}) for number in segments),
        segments=tuple(
            OrderSegment(
                id=segment_ids[number], slice_position=number + 1, position=number + 1, segment_id=number,
                flight_date_id=UUID(int=400 + number), marketing_carrier="9Z", flight_number="1",
                operating_carrier="9Z", operating_flight_number="1", origin="RUH", destination="JED",
                departs_at=departs[number], departure_timezone="Asia/Riyadh",
                arrives_at=departs[number] + timedelta(hours=2), arrival_timezone="Asia/Riyadh",
                departure_date=date(2027, 3, 1), cabin="Y", booking_class="K", fare_basis="KOLTSA", aircraft="320",
                status=SegmentStatus.CONFIRMED, status_code="HK",
            )
            for number in segments
        ),
        items=(),
        lines=price_lines,
    )  # fmt: skip


def everything(order):
    places = tuple((passenger.id, segment.id) for segment in order.segments for passenger in order.passengers)
    return GivenUp(places, {})


def voluntary(order, given_up=None, rules=LIGHT, shortfalls=None):
    by_version = rules if isinstance(rules, dict) else {1: rules}
    return voluntary_lines(order, given_up or everything(order), by_version, NOW, shortfalls=shortfalls or {})


def refund(lines):
    return sum(line.refunded_minor for line in lines)


def penalty(lines):
    return sum(line.penalty_minor for line in lines)


def test_the_worked_table_of_the_demo():
    for hours, kept in ((168, 0), (167.99, 25), (72, 25), (71.99, 50), (24, 50), (23.99, 75), (0, 75), (-0.01, 100)):
        order = make_order([[10_000]], [[(1_500, True)]], "SAR", hours=hours)
        lines = voluntary(order)
        assert (penalty(lines), refund(lines)) == (100 * kept, 10_000 - 100 * kept + 1_500), hours
        assert [line.rule for line in lines] == [
            Rule.PENALTY_PERCENT if kept else Rule.NO_PENALTY,
            Rule.CHARGE_REFUNDABLE,
        ]


def test_a_fare_without_rules_keeps_itself_and_gives_its_taxes_back():
    order = make_order([[10_000]], [[(1_500, True)]], "SAR", hours=200)
    lines = voluntary(order, rules=PenaltyRules())
    assert [(line.rule, line.kept_minor, line.penalty_minor) for line in lines] == [
        (Rule.NOT_REFUNDABLE, 10_000, 0),
        (Rule.CHARGE_REFUNDABLE, 0, 0),
    ]


def test_each_coupon_follows_the_rules_of_its_own_fare():
    flexible = PenaltyRules(refund=(RuleTier(0, basis_points=0),))
    order = make_order([[10_000, 30_000]], [[(0, True), (0, True)]], "SAR", hours=30, versions=[1, 2])
    lines = [line for line in voluntary(order, rules={1: LIGHT, 2: flexible}) if line.kind == "fare"]
    assert [line.kept_minor for line in lines] == [5_000, 0]


def test_an_amount_is_for_the_whole_ticket_and_never_more_than_the_fare():
    fixed = PenaltyRules(refund=(RuleTier(0, amount=Money(15_000, "SAR")),))
    order = make_order([[10_000, 30_000]], [[(0, True), (0, True)]], "SAR", hours=30)
    assert [line.kept_minor for line in voluntary(order, rules=fixed) if line.kind == "fare"] == [3_750, 11_250]
    cheap = make_order([[1_000, 3_000]], [[(0, True), (0, True)]], "SAR", hours=30)
    assert [line.kept_minor for line in voluntary(cheap, rules=fixed) if line.kind == "fare"] == [1_000, 3_000]


def test_the_flown_part_takes_its_shortfall_and_never_more_than_there_is():
    order = make_order([[10_000, 20_000]], [[(500, True), (500, False)]], "SAR", hours=200)
    back = GivenUp(((order.passengers[0].id, order.segments[1].id),), {})
    lines = voluntary(order, back, shortfalls={order.passengers[0].id: 7_000})
    assert [(line.shortfall_minor, line.kept_minor, line.refunded_minor) for line in lines] == [
        (7_000, 7_000, 13_000),
        (0, 500, 0),
    ]
    assert refund(voluntary(order, back, shortfalls={order.passengers[0].id: 99_000})) == 0


MONEY = st.integers(0, 2_000_000)
SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4))
CODES = st.sampled_from([next(code for code, unit in CURRENCIES.items() if unit.decimals == n) for n in (0, 2, 3)])


@st.composite
def tickets(draw):
    people, places = draw(SHAPES)
    fares = [[draw(MONEY) for _ in range(places)] for _ in range(people)]
    charges = [[(draw(MONEY), draw(st.booleans())) for _ in range(places)] for _ in range(people)]
    hours = draw(st.sampled_from([300, 168, 100, 72, 50, 24, 10, 0, -5, -9_000]))
    return make_order(fares, charges, draw(CODES), hours=hours)


@given(tickets(), st.data())
def test_every_line_is_what_is_kept_and_what_comes_back_and_parts_sum_to_the_whole(order, data):
    whole = voluntary(order)
    for line in whole:
        assert 0 <= line.refunded_minor <= line.paid_minor
        assert line.paid_minor == line.kept_minor + line.refunded_minor
        assert 0 <= line.penalty_minor + line.shortfall_minor <= line.kept_minor
    assert refund(whole) + sum(line.kept_minor for line in whole) == order.total_minor
    # Given up passenger by passenger at the same moment, nothing is lost and nothing is gained.
    cut = data.draw(st.integers(0, len(order.passengers)))
    groups = [order.passengers[:cut], order.passengers[cut:]]
    parts = [
        voluntary(order, GivenUp(tuple((p.id, s.id) for s in order.segments for p in group), {}))
        for group in groups
        if group
    ]
    assert sum(map(refund, parts)) == refund(whole)
    assert sum(map(penalty, parts)) == penalty(whole)


@given(tickets())
def test_a_ticket_given_up_at_once_costs_what_its_conditions_said(order):
    hours = (order.segments[0].departs_at - NOW) / timedelta(hours=1)
    percents = {300: 0, 168: 0, 100: 25, 72: 25, 50: 50, 24: 50, 10: 75, 0: 75, -5: 100}
    if hours not in percents:
        return
    lines = voluntary(order)
    for passenger in order.passengers:
        base = sum(x.amount_minor for x in order.lines if x.passenger_id == passenger.id and x.kind == "fare")
        kept = sum(line.penalty_minor for line in lines if line.passenger_id == passenger.id)
        assert kept == Money(base, order.currency).percent(percents[hours] * 100).minor


@given(tickets(), st.data())
def test_one_flight_after_the_other_bears_its_share_of_one_penalty(order, data):
    """At one tier the flights of a ticket together keep exactly what the ticket keeps, whichever goes first."""
    tiers = (RuleTier(-10_000, basis_points=data.draw(st.integers(0, 10_000))),)
    always = PenaltyRules(refund=tiers, no_show=tiers)
    whole = voluntary(order, rules=always)
    parts = [
        voluntary(order, GivenUp(tuple((p.id, segment.id) for p in order.passengers), {}), rules=always)
        for segment in order.segments
    ]
    assert sum(map(penalty, parts)) == penalty(whole)
    assert sum(map(refund, parts)) == refund(whole)


@given(tickets(), st.sampled_from([1, 10]))
def test_cards_are_given_back_in_steps_and_nothing_is_lost(order, multiple):
    before = voluntary(order)
    lines = in_steps(before, multiple)
    assert refund(lines) % multiple == 0
    assert 0 <= refund(before) - refund(lines) < multiple
    assert all(line.paid_minor == line.kept_minor + line.refunded_minor >= 0 <= line.refunded_minor for line in lines)


@given(tickets())
def test_what_the_airline_breaks_comes_back_whole(order):
    lines = involuntary_lines(order, everything(order))
    assert refund(lines) == order.total_minor
    assert {line.kept_minor for line in lines} <= {0}
