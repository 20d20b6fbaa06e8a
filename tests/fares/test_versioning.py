"""Which versions begin and end when rows are filed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ais.fares.domain.versioning import FiledRow, NewVersion, StoredVersion, midnight, plan_versions

NOW = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
LAST_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def row(content="a", sale_from=None, sale_until=None, key="K"):
    """A row as it is filed: its digest covers its sale dates too, as that of a real row does."""
    return FiledRow(key, digest(content, sale_from, sale_until), sale_from, sale_until)


def digest(content, sale_from=None, sale_until=None):
    return f"{content}|{sale_from}|{sale_until}".encode()


def stored(number=1, content="a", starts=LAST_YEAR, ends=None, superseded=False, key="K"):
    return StoredVersion(number, key, digest(content), starts, ends, superseded)


def test_a_first_version_is_sold_from_its_sale_date_or_from_the_day_of_filing():
    plan = plan_versions([row(sale_from=date(2026, 5, 1), sale_until=date(2027, 6, 30)), row(key="L")], [], NOW)
    assert plan.begins == (
        NewVersion(0, datetime(2026, 5, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)),
        NewVersion(1, datetime(2027, 1, 15, tzinfo=UTC), None),
    )
    assert (plan.ends, plan.unchanged, plan.past) == ((), 0, 0)


def test_the_same_row_changes_nothing():
    plan = plan_versions([row()], [stored()], NOW)
    assert (plan.begins, plan.ends, plan.unchanged) == ((), (), 1)


def test_a_changed_row_begins_now_and_ends_the_one_before():
    plan = plan_versions([row("b", date(2026, 1, 1))], [stored()], NOW)
    assert plan.begins == (NewVersion(0, NOW, None),)
    assert [(each.id, each.sale_ends_at) for each in plan.ends] == [(1, NOW)]


def test_a_changed_row_with_a_later_sale_lets_the_old_one_sell_until_then():
    plan = plan_versions([row("b", date(2027, 2, 1))], [stored()], NOW)
    turn = datetime(2027, 2, 1, tzinfo=UTC)
    assert plan.begins == (NewVersion(0, turn, None),)
    assert [(each.id, each.sale_ends_at) for each in plan.ends] == [(1, turn)]


def test_a_version_that_has_not_begun_and_is_replaced_is_never_sold():
    future = datetime(2027, 3, 1, tzinfo=UTC)
    plan = plan_versions([row("b")], [stored(starts=future)], NOW)
    assert [(each.id, each.sale_ends_at) for each in plan.ends] == [(1, future)]
    assert plan.begins == (NewVersion(0, NOW.replace(hour=9), None),)


def test_a_row_whose_sale_is_over_ends_the_old_version_and_begins_none():
    plan = plan_versions([row("b", sale_until=date(2027, 1, 14))], [stored()], NOW)
    assert (plan.begins, plan.past) == ((), 1)
    assert [(each.id, each.sale_ends_at) for each in plan.ends] == [(1, NOW)]


def test_going_back_to_an_earlier_price_is_a_new_version():
    plan = plan_versions(
        [row("a")], [stored(1, "a", ends=NOW, superseded=True), stored(2, "b", starts=NOW)], NOW + timedelta(hours=1)
    )
    assert plan.begins == (NewVersion(0, NOW + timedelta(hours=1), None),)
    assert [each.id for each in plan.ends] == [2]


def test_other_keys_are_left_alone():
    assert plan_versions([row("b")], [stored(key="OTHER")], NOW).ends == ()


def test_the_history_of_the_worked_table():
    """The table of docs/algorithms/pricing.md, section 10."""

    def at(day, month=1, hour=9):
        return datetime(2027, month, day, hour, tzinfo=UTC)

    store: list[StoredVersion] = []
    for filed_at, filed in (
        (at(1), row("199.00")),
        (at(15), row("199.00")),
        (at(15), row("229.00")),
        (at(20), row("259.00", date(2027, 2, 1))),
        (at(21), row("229.00")),
    ):
        plan = plan_versions([filed], store, filed_at)
        ends = {each.id: each.sale_ends_at for each in plan.ends}
        store = [
            msgspec.structs.replace(each, sale_ends_at=ends[each.id], is_superseded=True) if each.id in ends else each
            for each in store
        ]
        store += [stored(len(store) + 1, "", each.sale_starts_at, each.sale_ends_at) for each in plan.begins]
        store[-1] = msgspec.structs.replace(store[-1], digest=filed.digest)
    assert [(each.digest.decode().split("|")[0], each.sale_starts_at, each.sale_ends_at) for each in store] == [
        ("199.00", at(1, hour=0), at(15)),
        ("229.00", at(15), at(21)),
        ("259.00", at(1, month=2, hour=0), at(1, month=2, hour=0)),
        ("229.00", at(21), None),
    ]


DATES = st.one_of(st.none(), st.dates(date(2027, 1, 10), date(2027, 1, 20)))
FILINGS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.lists(st.tuples(st.sampled_from("abc"), DATES, DATES), min_size=1, max_size=2),
    ),
    min_size=1,
    max_size=6,
)


def disjoint(rows):
    periods = [(each.sale_from or date.min, each.sale_until or date.max) for each in rows]
    one_valid = all(first <= last for first, last in periods)
    return one_valid and (len(periods) == 1 or periods[0][1] < periods[1][0] or periods[1][1] < periods[0][0])


@given(FILINGS)
@settings(max_examples=500)
def test_whatever_is_filed_versions_never_overlap_and_the_last_filing_is_what_is_sold(filings):
    store: list[StoredVersion] = []
    now = NOW
    for hours, contents in filings:
        rows = [row(*content) for content in contents]
        if not disjoint(rows):
            continue
        now += timedelta(hours=hours, seconds=1)
        plan = plan_versions(rows, store, now)
        ends = {each.id: each.sale_ends_at for each in plan.ends}
        for version in store:
            if version.id in ends:
                assert version.sale_ends_at is None or ends[version.id] <= version.sale_ends_at
                # What was sold until now was sold: only the future is taken back.
                assert (
                    ends[version.id] >= min(now, version.sale_ends_at or now)
                    or ends[version.id] == version.sale_starts_at
                )
        store = [
            StoredVersion(
                each.id,
                each.key,
                each.digest,
                each.sale_starts_at,
                ends.get(each.id, each.sale_ends_at),
                each.is_superseded or each.id in ends,
            )
            for each in store
        ]
        store += [
            StoredVersion(
                len(store) + number, "K", rows[each.row].digest, each.sale_starts_at, each.sale_ends_at, False
            )
            for number, each in enumerate(plan.begins, 1)
        ]
        sold = sorted((each.sale_starts_at, each.sale_ends_at or datetime.max.replace(tzinfo=UTC)) for each in store)
        sold = [period for period in sold if period[0] < period[1]]
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(sold))
        again = plan_versions(rows, store, now + timedelta(days=2))
        assert (again.begins, again.ends) == ((), ())
        for each in rows:
            at = max(now, midnight(each.sale_from or now.date()))
            if each.sale_until is None or at < midnight(each.sale_until + timedelta(days=1)):
                on_sale = [
                    v for v in store if v.sale_starts_at <= at and (v.sale_ends_at is None or at < v.sale_ends_at)
                ]
                assert [v.digest for v in on_sale] == [each.digest]
