"""What is written as text is what the schemas say, field by field."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from tests.factories.shopping import make_request, make_shop

from ais.fares import BagAllowance, Baggage, Conditions, PenaltyTier, Permission
from ais.kit import Money
from ais.offers.schemas import ConditionsBody, OfferBody, PaymentRequirementsBody, SearchAnswer
from ais.offers.wire import write_conditions, write_instant, write_money, write_payment_requirements


def field_names(kind):
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def require_fields(value, kind):
    """Every object of the text has the fields of its Struct, and no others."""
    if isinstance(value, list):
        for each in value:
            require_fields(each, kind)
    elif isinstance(value, dict):
        assert sorted(value) == sorted(field_names(kind))
        for field in msgspec.structs.fields(kind):
            inner = [field.type, *getattr(field.type, "__args__", ())]
            for each in inner:
                if isinstance(each, type) and issubclass(each, msgspec.Struct):
                    require_fields(value[field.encode_name], each)


@pytest.mark.parametrize("slices", [("RUH-JED 2027-01-20",), ("DMM-CAI 2027-01-20", "CAI-DMM 2027-01-25")])
def test_an_answer_has_exactly_the_fields_of_its_schema(slices):
    body = make_shop().search_json(make_request(*slices, passengers=("adult", ("infant", 1))))
    answer = msgspec.json.decode(body)
    assert len(answer["offers"]) > 3
    require_fields(answer["offers"], OfferBody)
    decoded = msgspec.json.decode(body, type=SearchAnswer, strict=True)
    assert len(decoded.offers) == len(answer["offers"])
    assert msgspec.json.decode(msgspec.json.encode(decoded), type=SearchAnswer) == decoded


def test_conditions_with_every_part():
    conditions = Conditions(
        refund=Permission(
            allowed=True, tiers=(PenaltyTier(24, Money(10000, "SAR")), PenaltyTier(0, Money(25050, "SAR")))
        ),
        change=Permission(allowed=True, tiers=(PenaltyTier(0, Money(0, "SAR")),)),
        no_show=Permission(allowed=False),
        baggage=Baggage(BagAllowance(1, 7), (BagAllowance(2, 23), BagAllowance(1, 10))),
    )
    text = write_conditions(conditions)
    assert msgspec.json.decode(text) == {
        "refund": {
            "allowed": True,
            "tiers": [
                {"until_hours_before": 24, "penalty": {"amount": "100.00", "currency": "SAR"}},
                {"until_hours_before": 0, "penalty": {"amount": "250.50", "currency": "SAR"}},
            ],
        },
        "change": {
            "allowed": True,
            "tiers": [{"until_hours_before": 0, "penalty": {"amount": "0.00", "currency": "SAR"}}],
        },
        "no_show": {"allowed": False, "tiers": []},
        "baggage": {
            "carry_on": {"pieces": 1, "weight_kg": 7},
            "checked": [{"pieces": 2, "weight_kg": 23}, {"pieces": 1, "weight_kg": 10}],
        },
    }
    assert msgspec.json.decode(text, type=ConditionsBody).baggage.checked[0].weight_kg == 23


@pytest.mark.parametrize(("minutes", "written"), [(15.0, 15), (0.5, 0.5), (2.25, 2.25)])
def test_payment_requirements(minutes, written):
    text = write_payment_requirements(minutes)
    assert msgspec.json.decode(text) == {"hold_minutes": written, "pay_by": None}
    assert msgspec.json.decode(text, type=PaymentRequirementsBody).hold_minutes == minutes


def test_instants_and_sums():
    riyadh = timezone(timedelta(hours=3))
    assert write_instant(datetime(2027, 3, 1, 10, 5, tzinfo=riyadh)) == '"2027-03-01T10:05:00+03:00"'
    assert write_instant(datetime(2027, 3, 1, 7, 5, tzinfo=UTC)) == '"2027-03-01T07:05:00Z"'
    assert write_money(Money(31500, "KWD")) == '{"amount":"31.500","currency":"KWD"}'


def test_names_are_in_the_language_asked_for():
    shop = make_shop()
    arabic = msgspec.json.decode(shop.search_json(make_request("RUH-CAI 2027-01-20"), language="ar"))
    assert {tax["name"] for tax in arabic["offers"][0]["passengers"][0]["taxes"]} == {"ضريبة SA", "ضريبة T2"}
