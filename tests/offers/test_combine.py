"""Journeys are joined in the order of what they cost, each brand having its turn."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ais.offers.combine import OPTIONS_MAX, PRICED_MAX, combine

START = datetime(2027, 3, 1, tzinfo=UTC)


class Option(msgspec.Struct, frozen=True):
    name: str
    signature: str
    minutes: int
    departs_at: datetime

    @property
    def arrives_at(self):
        return self.departs_at + timedelta(minutes=self.minutes)


class Price(msgspec.Struct, frozen=True):
    brand: str
    total_minor: int


def option(name, hour, minutes=60, signature="same"):
    return Option(name, signature, minutes, START + timedelta(hours=hour))


def follows(before, after):
    return after.departs_at >= before.arrives_at


def names(journeys):
    return [("+".join(one.name for one in journey.options), journey.price.brand) for journey in journeys]


def test_one_slice_is_ordered_by_total_then_duration_then_departure():
    slow, fast, late = option("slow", 6, 90), option("fast", 8), option("late", 9)
    found = combine([[slow, late, fast]], follows=follows, price=lambda _: [Price("LIGHT", 100)], limit=10)
    assert names(found) == [("fast", "LIGHT"), ("late", "LIGHT"), ("slow", "LIGHT")]


def test_what_costs_the_same_is_priced_once():
    asked = []

    def price(options):
        asked.append(options)
        return [Price("LIGHT", 100), Price("FLEX", 300)]

    out = [option("a", 6), option("b", 8)]
    back = [option("c", 30), option("d", 32)]
    found = combine([out, back], follows=follows, price=price, limit=50)
    assert len(found) == 8
    assert len(asked) == 1


def test_a_slice_departs_after_the_one_before_has_arrived():
    out = [option("early", 6), option("late", 20)]
    back = [option("noon", 12), option("night", 23)]
    found = combine([out, back], follows=follows, price=lambda _: [Price("LIGHT", 1)], limit=50)
    assert sorted(names(found)) == [("early+night", "LIGHT"), ("early+noon", "LIGHT"), ("late+night", "LIGHT")]


def test_journeys_that_cannot_be_flown_are_not_priced():
    found = combine([[option("a", 20)], [option("b", 6)]], follows=follows, price=lambda _: 1 / 0, limit=50)
    assert found == []


def test_brands_take_turns_and_the_cheapest_comes_first():
    flights = [option(f"f{hour}", hour) for hour in range(6)]
    prices = [Price("FLEX", 300), Price("LIGHT", 100), Price("VALUE", 200)]
    found = combine([flights], follows=follows, price=lambda _: prices, limit=4)
    assert names(found) == [("f0", "LIGHT"), ("f1", "LIGHT"), ("f0", "VALUE"), ("f0", "FLEX")]
    assert names(combine([flights], follows=follows, price=lambda _: prices, limit=1)) == [("f0", "LIGHT")]


def test_a_brand_that_ends_leaves_its_turns_to_the_others():
    flights = [option("open", 6, signature="open"), *(option(f"f{hour}", hour) for hour in range(7, 12))]

    def price(options):
        flex = [Price("FLEX", 300)]
        return [Price("LIGHT", 100), *flex] if options[0].signature == "open" else flex

    found = combine([flights], follows=follows, price=price, limit=5)
    assert names(found) == [("open", "LIGHT"), ("open", "FLEX"), ("f7", "FLEX"), ("f8", "FLEX"), ("f9", "FLEX")]


def test_every_price_signature_is_among_the_options_that_are_combined():
    slow = [option(f"s{number}", 5, 60 + number, "usual") for number in range(40)]
    sale = option("sale", 5, 600, "sale")
    cheap = lambda options: [Price("LIGHT", 10 if options[0].signature == "sale" else 100)]  # noqa: E731  # a price list in one line
    found = combine([[*slow, sale], [option("back", 30)]], follows=follows, price=cheap, limit=50)
    assert names(found)[0] == ("sale+back", "LIGHT")
    assert len(found) == OPTIONS_MAX[2]


def test_the_work_is_bounded():
    asked = []

    def price(options):
        asked.append(options)
        return [Price("LIGHT", len(asked))]

    slices = [[option(f"{n}{k}", 30 * n + k / 60, 1, f"{n}{k}") for k in range(50)] for n in range(6)]
    found = combine(slices, follows=follows, price=price, limit=200)
    assert len(asked) == PRICED_MAX
    assert len(found) == PRICED_MAX
    assert names(found)[0][0] == "00+10+20+30+40+50"


@settings(max_examples=200)
@given(st.integers(0, 10**9), st.integers(1, 3), st.integers(1, 40))
def test_the_answer_is_that_of_pricing_every_journey(seed, slice_count, limit):
    rng = random.Random(seed)
    tariff = {}

    def price(options):
        key = tuple(one.signature for one in options)
        if key not in tariff:
            tariff[key] = [
                Price(brand, rng.choice([100, 100, 150, 250, 400]))
                for brand in ("LIGHT", "VALUE", "FLEX")
                if rng.random() < 0.8
            ]
        return tariff[key]

    slices = [
        [
            option(f"{number}.{k}", 20 * number + rng.randint(0, 24), rng.randint(50, 70), rng.choice("abc"))
            for k in range(rng.randint(0, 5))
        ]
        for number in range(slice_count)
    ]
    found = combine(slices, follows=follows, price=price, limit=limit)
    every = [
        (each.total_minor, sum(one.minutes for one in options), options[0].departs_at, each.brand)
        for options in product(*slices)
        if all(follows(before, after) for before, after in pairwise(options))
        for each in price(options)
    ]
    got = [(*journey.rank, journey.price.brand) for journey in found]
    assert got == sorted(got, key=lambda each: each[:3])
    assert len(got) == min(limit, len(every))
    assert not every or got[0][:3] == min(every)[:3]
    for brand in {each[3] for each in every}:
        mine = [each[:3] for each in got if each[3] == brand]
        assert mine == sorted(each[:3] for each in every if each[3] == brand)[: len(mine)]
