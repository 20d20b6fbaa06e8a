"""Accepting an offer: the versions it names cost the same, or what changed is named."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from tests.factories.fares import NOW, make_book, make_fare, make_party, make_segment, make_tax

from ais.fares import ChangeKind, ChosenFare, FareRule, PriceChange, PricedItinerary, TripType, price_itinerary, reprice
from ais.kit import Money

LATER = NOW + timedelta(minutes=20)
SLICES = [[make_segment()], [make_segment("JED-RUH", date(2027, 3, 8))]]
SOLD_OUT = [[make_segment(seats=0)], [make_segment("JED-RUH", date(2027, 3, 8), seats=0)]]
FARES = (
    make_fare(1, amount="150.00", trip_type=TripType.HALF_RETURN, rule=FareRule(name="R", min_stay_days=3)),
    make_fare(2, amount="589.00", brand="FLEX"),
)
TAXES = (make_tax(1), make_tax(2, "YQ", "25.00"))
PARTY = make_party(2, 1, 1)


def changed(rows, number, **changes):
    return tuple(msgspec.structs.replace(row, **changes) if row.id == number else row for row in rows)


def accept(on_file=FARES, taxes=TAXES, slices=SOLD_OUT, **changes):
    """Accept at LATER the offer that was made at NOW, over the data as it is then."""
    offer = price_itinerary(make_book(FARES, TAXES), SLICES, PARTY, cabin="Y", as_of=NOW, point_of_sale="SA")[0]
    options = {
        "cabin": "Y",
        "brand": offer.brand,
        "fares": [ChosenFare(0, 0, 0, 1), ChosenFare(1, 0, 0, 1)],
        "promised_total": offer.total,
        "tax_version_ids": offer.tax_version_ids,
        "as_of": NOW,
        "now": LATER,
        "point_of_sale": "SA",
    }
    return offer, reprice(make_book(on_file, taxes), slices, PARTY, **(options | changes))


def test_nothing_changed_gives_the_same_price_line_by_line_whatever_seats_are_left():
    offer, answer = accept()
    assert isinstance(answer, PricedItinerary)
    assert (answer.total, answer.passengers, answer.components) == (offer.total, offer.passengers, offer.components)
    assert answer.conditions == offer.conditions


def test_versions_replaced_after_the_offer_still_hold():
    _, answer = accept(
        changed(FARES, 1, sale_ends_at=NOW + timedelta(minutes=1)),
        changed(TAXES, 1, sale_ends_at=NOW + timedelta(minutes=1)),
    )
    assert isinstance(answer, PricedItinerary)


def test_a_cheaper_or_dearer_newer_version_does_not_matter():
    newer = make_fare(9, amount="1.00", trip_type=TripType.HALF_RETURN, sale_starts_at=NOW + timedelta(minutes=1))
    _, answer = accept((*changed(FARES, 1, sale_ends_at=NOW + timedelta(minutes=1)), newer))
    assert isinstance(answer, PricedItinerary)


def test_a_withdrawn_fare_is_named():
    offer, answer = accept(changed(FARES, 1, withdrawn_at=NOW + timedelta(minutes=1)))
    assert isinstance(answer, PriceChange)
    assert [(each.kind, each.code, each.version_id) for each in answer.differences] == [
        (ChangeKind.FARE_WITHDRAWN, "QX1", 1)
    ] * 2
    assert (answer.previous_total, answer.current_total) == (offer.total, None)


def test_a_withdrawn_tax_is_named_with_what_the_same_fares_cost_now():
    offer, answer = accept(taxes=changed(TAXES, 2, withdrawn_at=NOW + timedelta(minutes=1)))
    assert isinstance(answer, PriceChange)
    assert [(each.kind, each.code, each.version_id) for each in answer.differences] == [
        (ChangeKind.TAX_WITHDRAWN, "YQ", 2)
    ]
    # Two coupons and four passengers no longer pay 25.00 each.
    assert answer.current_total == offer.total - Money(200_00, "SAR")


def test_a_fare_that_is_not_on_file_counts_as_withdrawn():
    _, answer = accept(FARES[1:])
    assert isinstance(answer, PriceChange)
    assert {each.kind for each in answer.differences} == {ChangeKind.FARE_WITHDRAWN}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"sale_starts_at": NOW + timedelta(seconds=1)}, ChangeKind.FARE_NOT_ON_SALE),
        ({"points_of_sale": ("KW",)}, ChangeKind.FARE_NOT_ON_SALE),
        ({"rule": FareRule(name="R", min_stay_days=8)}, ChangeKind.RULE_BROKEN),
        ({"origin": "DMM"}, ChangeKind.RULE_BROKEN),
        ({"brand": "VALUE"}, ChangeKind.RULE_BROKEN),
    ],
)
def test_a_fare_that_does_not_fit_is_named(changes, kind):
    _, answer = accept(changed(FARES, 1, **changes))
    assert isinstance(answer, PriceChange)
    assert {each.kind for each in answer.differences} == {kind}


def test_another_total_is_never_charged():
    offer, answer = accept(promised_total=Money(1, "SAR"))
    assert isinstance(answer, PriceChange)
    assert [each.kind for each in answer.differences] == [ChangeKind.TOTAL_CHANGED]
    assert (answer.previous_total, answer.current_total) == (Money(1, "SAR"), offer.total)


def test_taxes_other_than_promised_are_named():
    _, answer = accept(tax_version_ids=(1,))
    assert isinstance(answer, PriceChange)
    assert [(each.kind, each.version_id) for each in answer.differences] == [(ChangeKind.TAX_CHANGED, 2)]


def test_fares_must_cover_every_segment_once():
    with pytest.raises(ValueError, match="cover every segment"):
        accept(fares=[ChosenFare(0, 0, 0, 1)])
