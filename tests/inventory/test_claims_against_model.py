"""The functions of the database against a model that counts everything anew each time, on random sequences."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.factories.inventory import add_flights, add_ladder

from ais.inventory import (
    INVARIANTS,
    Availability,
    Claim,
    ClaimItem,
    Hold,
    HoldStatus,
    open_inventory,
    repository,
    set_authorisation,
)
from ais.inventory.repository import Refusal
from ais.kit import system_actor
from ais.platform.database import UnitOfWork

TICK = timedelta(hours=1)
LADDERS = {"C": (("J", 100), ("D", 50)), "Y": (("Y", 100), ("M", 70), ("Q", 40))}
SEATS = {"C": 4, "Y": 12}
CABINS = [(leg, cabin) for leg in range(3) for cabin in "CY"]


class Model:
    """Seats as a list of holds: nothing is summed up before it is asked for. Time is a count of ticks."""

    def __init__(self):
        self.now = 0
        self.limits = {
            (leg, cabin): [(SEATS[cabin] * percent + 50) // 100 for _, percent in LADDERS[cabin]]
            for leg, cabin in CABINS
        }
        self.blocked = dict.fromkeys(CABINS, 0)
        self.infants_max = sum(SEATS.values()) // 10
        self.holds = {}
        self.successors = {}

    def counting(self):
        for hold in self.holds.values():
            for item in hold["items"]:
                if item["state"] == "sold" or (item["state"] == "held" and hold["ends"] > self.now):
                    yield item

    def opened(self, leg, cabin, rbd):
        letters = [letter for letter, _ in LADDERS[cabin]]
        if rbd not in letters:
            return 0
        taken = [
            sum(
                item["seats"]
                for item in self.counting()
                if (item["leg"], item["cabin"], item["rbd"]) == (leg, cabin, x)
            )
            for x in letters
        ]
        left = []
        for above in range(letters.index(rbd) + 1):
            limit = self.limits[leg, cabin][above] - (self.blocked[leg, cabin] if above == 0 else 0)
            left.append(limit - sum(taken[above:]))
        return max(0, min(left))

    def infants_open(self, leg):
        return self.infants_max - sum(item["infants"] for item in self.counting() if item["leg"] == leg)

    def status(self, hold):
        return "expired" if hold["status"] == "active" and hold["ends"] <= self.now else hold["status"]

    def claim(self, hold_id, wishes, ticks):
        """The answer as a tuple: ('hold', status, is_new) or ('refused', what, open)."""
        if hold_id in self.holds:
            return ("hold", self.status(self.holds[hold_id]), False)
        before = {
            "seats": min(self.opened(leg, cabin, rbd) for leg, cabin, rbd, _, _ in wishes),
            "infants": min((max(0, self.infants_open(leg)) for leg, _, _, _, infants in wishes if infants), default=0),
        }
        hold = {"status": "active", "ends": self.now + ticks, "items": []}
        self.holds[hold_id] = hold
        for leg, cabin, rbd, seats, infants in wishes:
            short = "seats" if seats > self.opened(leg, cabin, rbd) else None
            if short is None and infants and infants > self.infants_open(leg):
                short = "infants"
            if short:
                del self.holds[hold_id]
                return ("refused", short, before[short])
            hold["items"].append(
                {"leg": leg, "cabin": cabin, "rbd": rbd, "seats": seats, "infants": infants, "state": "held"}
            )
        return ("hold", "active", True)

    def standing(self, hold_id):
        return self.successors.get(hold_id, hold_id)

    def confirm(self, hold_id):
        hold = self.holds[self.standing(hold_id)]
        if hold["status"] in ("confirmed", "released"):
            return ("hold", hold["status"])
        if self.status(hold) == "expired":
            successor = uuid4()
            wishes = [(i["leg"], i["cabin"], i["rbd"], i["seats"], i["infants"]) for i in hold["items"]]
            answer = self.claim(successor, wishes, 1)
            if answer[0] == "refused":
                return answer
            self.end(hold)
            self.successors[hold_id] = successor
            hold = self.holds[successor]
        for item in hold["items"]:
            item["state"] = "sold"
        hold["status"] = "confirmed"
        return ("hold", "confirmed")

    def end(self, hold):
        hold["status"] = "expired"
        for item in hold["items"]:
            item["state"] = "expired"

    def release(self, hold_id):
        hold = self.holds[self.standing(hold_id)]
        if hold["status"] == "active":
            if hold["ends"] <= self.now:
                self.end(hold)
            else:
                hold["status"] = "released"
                for item in hold["items"]:
                    item["state"] = "released"
        return hold["status"]

    def extend(self, hold_id, ticks):
        hold = self.holds[self.standing(hold_id)]
        if self.status(hold) == "active":
            hold["ends"] = max(hold["ends"], self.now + ticks)
        return self.status(hold)

    def release_sold(self, hold_id, part):
        hold = self.holds[self.standing(hold_id)]
        if hold["status"] != "confirmed":
            return hold["status"]
        if part is None:
            for item in hold["items"]:
                item["state"] = "released" if item["state"] == "sold" else item["state"]
            return "confirmed"
        leg, cabin, rbd, seats = part
        for item in hold["items"]:
            wanted = (item["leg"], item["cabin"], item["rbd"], item["state"]) == (leg, cabin, rbd, "sold")
            if wanted and (item["seats"] > seats or (item["seats"] == seats and item["infants"] == 0)):
                item["seats"] -= seats
                if item["seats"] == 0:
                    item |= {"seats": seats, "state": "released"}
                return "confirmed"
        return "too_many"

    def sweep(self):
        ended = [hold for hold in self.holds.values() if hold["status"] == "active" and hold["ends"] <= self.now]
        for hold in ended:
            self.end(hold)
        return len(ended)

    def authorise(self, leg, cabin, authorised, blocked):
        old = self.limits[leg, cabin]
        lower = [limit * authorised // old[0] if old[0] else 0 for limit in old[1:]]
        self.limits[leg, cabin] = [authorised, *lower]
        self.blocked[leg, cabin] = blocked


class Answers:
    """The same acts on the database, in the model's words."""

    def __init__(self, connection, database, legs):
        self.connection, self.database, self.legs = connection, database, legs

    def items(self, wishes):
        return tuple(
            ClaimItem(self.legs[leg], cabin, rbd, seats, infants) for leg, cabin, rbd, seats, infants in wishes
        )

    async def claim(self, batch):
        claims = [
            Claim(
                hold_id=hold_id,
                owner="model",
                items=self.items(wishes),
                hold_seconds=ticks * TICK.total_seconds(),
                channel="api",
                point_of_sale="SA",
            )
            for hold_id, wishes, ticks in batch
        ]
        answers = []
        for claim, answer in zip(claims, await repository.claim_seats(self.connection, claims), strict=True):
            if isinstance(answer, Hold):
                assert answer.id == claim.hold_id
                answers.append(("hold", str(answer.status), answer.is_new))
            else:
                assert answer.asked == (claim.seats if answer.of == "seats" else claim.infants)
                answers.append(("refused", answer.of, answer.open_seats))
        return answers

    async def confirm(self, hold_id):
        outcome, hold, refusal = await repository.confirm_hold(self.connection, hold_id)
        if isinstance(refusal, Refusal):
            return ("refused", refusal.of, refusal.open_seats)
        assert hold.status == HoldStatus(outcome)
        return ("hold", outcome)

    async def extend(self, hold_id, ticks):
        now = await self.connection.fetchval("SELECT ais_now()")
        outcome, _ = await repository.extend_hold(self.connection, hold_id, now + ticks * TICK)
        return outcome


wish = st.tuples(
    st.sampled_from(range(3)),
    st.sampled_from("YYYC"),
    st.sampled_from((0, 1, 2, 2, 9)),
    st.integers(1, 3),
    st.sampled_from((0, 0, 0, 0, 1, 2)),
).map(lambda w: (w[0], w[1], _letter(w[1], w[2]), w[3], w[4]))
# A claim has an id of its own, or repeats the one of an earlier hold, counted back.
claim_act = st.tuples(
    st.sampled_from((None, None, None, None, 1, 2)), st.lists(wish, min_size=1, max_size=2), st.integers(1, 4)
)
which = st.integers(0, 5)
act = st.one_of(
    st.tuples(st.just("claim"), st.lists(claim_act, min_size=1, max_size=4)),
    st.tuples(st.just("claim"), st.lists(claim_act, min_size=1, max_size=2)),
    st.tuples(st.just("claim"), st.lists(claim_act, min_size=1, max_size=1)),
    st.tuples(st.just("confirm"), which),
    st.tuples(st.just("confirm"), which),
    st.tuples(st.just("release"), which),
    st.tuples(st.just("extend"), which, st.integers(1, 3)),
    st.tuples(st.just("release_sold"), which, st.none() | st.integers(1, 3)),
    st.tuples(st.just("release_sold"), which, st.none() | st.integers(1, 3)),
    st.tuples(st.just("advance"), st.integers(1, 2)),
    st.tuples(st.just("advance"), st.integers(1, 2)),
    st.tuples(st.just("advance"), st.integers(1, 2)),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("authorise"), st.sampled_from(CABINS), st.integers(0, 14), st.sampled_from((0, 0, 0, 1))),
)


def _letter(cabin, rank):
    return LADDERS[cabin][rank][0] if rank < len(LADDERS[cabin]) else "X"


async def perform(step, model, answers_of, ids):
    """Do one step in both worlds; the two answers."""
    connection = answers_of.connection
    match step:
        case ("claim", claims):
            batch = []
            for back, wishes, ticks in claims:
                ids.append(ids[-back] if back is not None and back <= len(ids) else uuid4())
                batch.append((ids[-1], wishes, ticks))
            expected, first_answers = [], {}
            for hold_id, wishes, ticks in batch:
                if hold_id in first_answers:  # a repeat within a batch answers as the first of its id did
                    kind, *rest = first_answers[hold_id]
                    expected.append((kind, rest[0], False) if kind == "hold" else (kind, *rest))
                else:
                    first_answers[hold_id] = model.claim(hold_id, wishes, ticks)
                    expected.append(first_answers[hold_id])
            return await answers_of.claim(batch), expected
        case ("advance", ticks):
            model.now += ticks
            await connection.execute(f"SET ais.clock_shift = '{model.now} hours'")
            return None, None
        case ("sweep",):
            return len(await repository.sweep_expired_holds(connection, 100)), model.sweep()
        case ("authorise", (leg, cabin), authorised, blocked):
            async with connection.transaction():
                uow = UnitOfWork(connection, system_actor("test"), answers_of.database.clock, "test")
                await set_authorisation(
                    uow, answers_of.legs[leg], cabin, authorised=authorised, blocked=blocked, reason="random"
                )
            model.authorise(leg, cabin, authorised, blocked)
            return None, None
    known = [hold_id for hold_id in ids if hold_id in model.holds]
    if not known:
        return None, None
    hold_id = known[-1 - step[1] % len(known)]
    match step:
        case ("confirm", _):
            return await answers_of.confirm(hold_id), model.confirm(hold_id)
        case ("release", _):
            outcome, _ = await repository.release_hold(connection, hold_id)
            return outcome, model.release(hold_id)
        case ("extend", _, ticks):
            return await answers_of.extend(hold_id, ticks), model.extend(hold_id, ticks)
        case ("release_sold", _, seats):
            part = None
            if seats is not None:
                item = model.holds[model.standing(hold_id)]["items"][0]
                part = (item["leg"], item["cabin"], item["rbd"], seats)
            items = None if part is None else answers_of.items([(*part, 0)])
            outcome, _ = await repository.release_sold(connection, hold_id, items)
            return outcome, model.release_sold(hold_id, part)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    derandomize=True,
)
@given(steps=st.lists(act, min_size=12, max_size=40))
async def test_random_sequences_agree_with_a_model(database, steps):
    async with database.connection() as connection:
        answers_of, model, ids = await _fresh(connection, database), Model(), []
        availability = Availability(_OneConnection(connection, database))
        await availability.refresh()
        for step in steps:
            answered, expected = await perform(step, model, answers_of, ids)
            assert answered == expected, step
            await availability.refresh()
            for leg, cabin in CABINS:
                shown = availability.booking_classes_open([answers_of.legs[leg]], cabin)
                assert shown == {x: min(9, model.opened(leg, cabin, x)) for x, _ in LADDERS[cabin]}, (step, leg, cabin)
            for leg in range(3):
                assert availability.infants_open([answers_of.legs[leg]]) == max(0, model.infants_open(leg)), step
        assert await _promises_broken(connection) == []


async def _fresh(connection, database):
    await connection.execute("SET ais.clock_shift = '0 hours'")
    await connection.execute(
        "TRUNCATE holds, hold_items, inventory_changes, inventory_adjustments, leg_cabins, leg_infants CASCADE"
    )
    if not await connection.fetchval("SELECT count(*) FROM legs"):
        for cabin, rungs in LADDERS.items():
            await add_ladder(connection, cabin, rungs)
        await add_flights(connection, 3, configuration="C4Y12", departure_date=date(2035, 1, 1))
    uow = UnitOfWork(connection, system_actor("test"), database.clock, "test")
    await open_inventory(uow)
    legs = [record[0] for record in await connection.fetch("SELECT id FROM legs ORDER BY id")]
    return Answers(connection, database, legs)


class _OneConnection:
    """Reads through the connection whose clock the test moves."""

    def __init__(self, connection, database):
        self._connection, self.clock = connection, database.clock

    def connection(self):
        return _Lent(self._connection)


class _Lent:
    def __init__(self, connection):
        self._connection = connection

    async def __aenter__(self):
        return self._connection

    async def __aexit__(self, *_):
        return None


async def _promises_broken(connection):
    broken = []
    for invariant in INVARIANTS:
        if invariant.name != "inventory.expired_holds_swept" and await connection.fetch(invariant.sql):
            broken.append(invariant.name)
    return broken
