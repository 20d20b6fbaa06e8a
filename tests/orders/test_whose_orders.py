"""Whose orders: a traveller's, an agency's, and what staff reach within their limits. Nobody is told of another's."""

import msgspec
import pytest
from tests.factories import callers
from tests.factories.in_process import CONTACT, departure, new_key, order_id

from ais.accounts import ROLES
from ais.kit import Actor, ActorKind, Channel, Forbidden, Reach, decode_id, encode_id, ids, new_uuid
from ais.orders import OrderFilter, OrderNotFound, OrderRequest, create_order, list_orders, read_own_order
from ais.orders.access import require_cancel_access, require_pay_access, scope_of
from ais.payments import PaymentMethod
from ais.platform.idempotency import RequestKey, fingerprint

READ = frozenset({"orders.read_any"})


async def traveller(program):
    """Somebody with an account."""
    someone = await callers.traveller(program)
    return Actor(ActorKind.TRAVELLER, someone.id, Channel.API, ROLES["traveller"])


def agent(agency):
    """A user of an agency."""
    rights = ROLES["agent"]
    reach = Reach(rights, agencies=frozenset({agency}))
    return Actor(
        ActorKind.AGENT, encode_id(ids.USER, new_uuid()), Channel.AGENT, rights, seller_id=agency, reaches=(reach,)
    )


def staff(*reaches):
    rights = frozenset().union(*(reach.permissions for reach in reaches))
    return Actor(ActorKind.STAFF, encode_id(ids.USER, new_uuid()), Channel.API, rights, reaches=reaches)


async def ordered_by(program, actor, slices=None):
    """The id inside of an order that this actor made."""
    offer = await program.offer(slices=slices)
    body = {"offer_id": offer["id"], "passengers": program.people(offer), "contact": CONTACT}
    request = RequestKey(f"POST /api/v1/orders {actor.name}", new_key(), fingerprint(body))
    answer = await create_order(
        program.state.create_order, actor, "test", request, msgspec.convert(body, OrderRequest), "en"
    )
    assert answer.status == 201
    return decode_id(ids.ORDER, msgspec.json.decode(answer.body)["id"])


async def sees(program, actor, order):
    """Whether the caller reads the order; its list must say the same."""
    async with program.database.connection() as connection:
        wanted = OrderFilter(scope=scope_of(actor), limit=200)
        listed = order in [each.id for each in await list_orders(connection, wanted)]
    try:
        await read_own_order(program.database, actor, encode_id(ids.ORDER, order))
    except OrderNotFound:
        assert not listed
        return False
    assert listed
    return True


async def test_an_order_is_its_travellers_and_its_agencys(program):
    sara, omar, desert, oasis = await traveller(program), await traveller(program), agent("DESERT"), agent("OASIS")
    of_sara, of_desert = await ordered_by(program, sara), await ordered_by(program, desert)
    nobodys = order_id(await program.order())
    orders = (of_sara, of_desert, nobodys)
    for caller, expected in (
        (sara, [True, False, False]),
        (omar, [False, False, False]),
        (desert, [False, True, False]),
        (agent("DESERT"), [False, True, False]),
        (oasis, [False, False, False]),
        (staff(Reach(READ)), [True, True, True]),
        (staff(Reach(frozenset({"ledger.read"}))), [False, False, False]),
    ):
        assert [await sees(program, caller, each) for each in orders] == expected, caller
    assert await program.rows(
        "SELECT owner_user_id, seller_id, channel FROM orders WHERE id = ANY($1) ORDER BY seller_id NULLS FIRST",
        [of_sara, of_desert],
    ) == [(decode_id(ids.USER, sara.id), None, "api"), (None, "DESERT", "agent")]


async def test_a_traveller_whose_right_was_taken_sees_nothing_and_orders_nothing(program):
    sara = await traveller(program)
    own = await ordered_by(program, sara)
    without = msgspec.structs.replace(sara, permissions=frozenset())
    assert not await sees(program, without, own)
    before = await program.rows("SELECT count(*) FROM orders")
    with pytest.raises(Forbidden):
        await ordered_by(program, without)
    assert await program.rows("SELECT count(*) FROM orders") == before


async def test_staff_see_what_their_limits_reach_and_the_limits_of_a_grant_are_its_own(program):
    to_jeddah = await ordered_by(program, agent("DESERT"), [("RUH", "JED", departure(30))])
    to_cairo = order_id(await program.order(slices=[("DMM", "CAI", departure(30))]))
    stops = await program.rows("SELECT destination FROM order_segments WHERE order_id = $1 AND position = 1", to_cairo)
    for reaches, expected in (
        ([Reach(READ, stations=frozenset({"JED"}))], [True, "JED" in stops]),
        ([Reach(READ, stations=frozenset({"CAI", "MED"}))], [False, True]),
        ([Reach(READ, stations=frozenset({"MED"}))], [False, False]),
        ([Reach(READ, agencies=frozenset({"DESERT"}))], [True, False]),
        ([Reach(READ, channels=frozenset({"api"}))], [False, True]),
        ([Reach(READ, stations=frozenset({"JED"}), agencies=frozenset({"OASIS"}))], [False, False]),
        ([Reach(READ, stations=frozenset({"CAI"})), Reach(READ, agencies=frozenset({"DESERT"}))], [True, True]),
        # The ledger everywhere is no order anywhere.
        ([Reach(frozenset({"ledger.read"})), Reach(READ, stations=frozenset({"CAI"}))], [False, True]),
    ):
        assert [await sees(program, staff(*reaches), each) for each in (to_jeddah, to_cairo)] == expected, reaches


async def test_to_see_an_order_is_not_to_pay_it_or_to_give_it_up(program):
    order = await read_own_order(program.database, staff(Reach(READ)), (await program.order())["id"])
    at_jeddah = Reach(READ | {"orders.pay_any", "cash.take"}, stations=frozenset({"JED"}))
    sees_all = staff(Reach(READ), Reach(frozenset({"cash.take", "orders.cancel_any"}), stations=frozenset({"CAI"})))
    require_pay_access(staff(at_jeddah), order, PaymentMethod.CARD)
    require_pay_access(staff(at_jeddah), order, PaymentMethod.CASH)
    for caller, method in (
        (staff(at_jeddah), PaymentMethod.PAY_LINK),
        (staff(at_jeddah), PaymentMethod.AGENCY_DEPOSIT),
        (sees_all, PaymentMethod.CARD),
        (sees_all, PaymentMethod.CASH),
    ):
        with pytest.raises(Forbidden):
            require_pay_access(caller, order, method)
    with pytest.raises(Forbidden):
        require_cancel_access(sees_all, order)
    with pytest.raises(OrderNotFound):
        require_cancel_access(agent("DESERT"), order)
