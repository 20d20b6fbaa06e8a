"""Standard nesting in numbers alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories.inventory import claim_of

from ais.inventory import HOLD_ITEM_TRANSITIONS, HOLD_TRANSITIONS, ClaimItem, open_by_rank


@pytest.mark.parametrize(
    ("limits", "taken", "blocked", "expected"),
    [
        ([100, 83, 49], [20, 30, 15], 0, [35, 35, 34]),
        ([100, 83, 49], [0, 0, 0], 0, [100, 83, 49]),
        ([100, 83, 49], [0, 0, 49], 0, [51, 34, 0]),
        ([100, 83, 49], [51, 0, 0], 0, [49, 49, 49]),
        ([100, 83, 49], [0, 60, 0], 0, [40, 23, 23]),
        ([100, 83, 49], [100, 0, 0], 0, [0, 0, 0]),
        ([100, 83, 49], [20, 30, 15], 5, [30, 30, 30]),
        ([100, 10, 5], [0, 30, 0], 0, [70, 0, 0]),
        ([60, 50, 29], [20, 30, 15], 0, [0, 0, 0]),
        ([70], [69], 0, [1]),
    ],
)
def test_worked_tables(limits, taken, blocked, expected):
    assert open_by_rank(limits, taken, blocked) == expected


ladders = st.lists(st.integers(0, 200), min_size=1, max_size=9).map(lambda limits: sorted(limits, reverse=True))


@st.composite
def cabins(draw):
    limits = draw(ladders)
    return limits, draw(st.lists(st.integers(0, 40), min_size=len(limits), max_size=len(limits)))


@given(cabins())
def test_open_is_the_formula(cabin):
    limits, taken = cabin
    for rank, seats in enumerate(open_by_rank(limits, taken)):
        assert seats == max(0, min(limits[i] - sum(taken[i:]) for i in range(rank + 1)))


@given(cabins())
def test_a_lower_class_is_never_open_for_more_than_a_higher_one(cabin):
    opened = open_by_rank(*cabin)
    assert opened == sorted(opened, reverse=True)


@given(cabins(), st.data())
def test_taking_what_is_open_never_breaks_a_limit(cabin, data):
    limits, taken = cabin
    rank = data.draw(st.integers(0, len(limits) - 1))
    opened = open_by_rank(limits, taken)
    party = data.draw(st.integers(0, opened[rank]))
    after = [seats + (party if place == rank else 0) for place, seats in enumerate(taken)]
    reopened = open_by_rank(limits, after)
    for place in range(rank + 1):
        assert party == 0 or sum(after[place:]) <= limits[place]
    assert all(before - now in range(party + 1) for before, now in zip(opened, reopened, strict=True))
    assert reopened[rank] == opened[rank] - party


@pytest.mark.parametrize(
    "item",
    [
        {"seats": 0}, {"seats": -1}, {"seats": 1, "infants": -1}, {"seats": 1, "rbd": ""}, {"seats": 1, "rbd": "YB"},
        {"seats": 1, "cabin": ""},
    ],
)  # fmt: skip
def test_a_claim_item_that_cannot_be_is_refused(item):
    with pytest.raises(ValueError):
        ClaimItem(**{"leg_id": 1, "cabin": "Y", "rbd": "Y", **item})


def test_a_claim_without_items_or_end_is_refused():
    with pytest.raises(ValueError, match="at least one item"):
        claim_of()
    for seconds in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(ValueError, match="lasts"):
            claim_of(ClaimItem(1, "Y", "Y", 1), hold_seconds=seconds)


async def test_the_database_knows_the_same_state_tables(database):
    async with database.connection() as connection:
        for table in (HOLD_TRANSITIONS, HOLD_ITEM_TRANSITIONS):
            stored = await connection.fetch(
                "SELECT from_state, to_state FROM transitions WHERE aggregate = $1 ORDER BY 1, 2", table.aggregate
            )
            assert [tuple(record) for record in stored] == list(table)
