"""What the packaged reference data promises, and what its snapshot computes."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from ais.kit import Money, Rounding
from ais.reference import ExchangeRate, NoExchangeRate, ReferenceData, UnknownCode
from ais.reference.packaged import packaged_rows


@pytest.fixture(scope="module")
def rows():
    return packaged_rows()


@pytest.fixture(scope="module")
def reference(rows):
    return ReferenceData(rows)


def test_all_airports_with_an_iata_code_are_there_each_with_zone_city_and_country(reference):
    assert len(reference.airports) == 7884
    for airport in reference.airports.values():
        assert ZoneInfo(airport.timezone)
        assert reference.city(airport.city_code).country_code == airport.country_code
        assert reference.country(airport.country_code)


def test_codes_are_unique(rows):
    for table in (rows.airports, rows.aircraft_types):
        assert len({row.iata for row in table}) == len(table)
    for table in (rows.countries, rows.cities, rows.carriers):
        assert len({row.code for row in table}) == len(table)
    accounting = [carrier.accounting_code for carrier in rows.carriers if carrier.accounting_code]
    assert len(set(accounting)) == len(accounting)


def test_the_regions_airports_speak_arabic_and_zones_differ(reference):
    riyadh = reference.airport("RUH")
    assert (riyadh.name("ar"), riyadh.city("ar"), riyadh.city("en")) == (
        "مطار الملك خالد الدولي",
        "الرياض",
        "Riyadh",
    )
    assert reference.country("EG").name("ar") == "مصر"
    assert reference.airport("LAX").city("ar") == reference.airport("LAX").city("en")
    assert reference.timezone("CAI") == "Africa/Cairo"
    assert sum(airport.name_ar is not None for airport in reference.airports.values()) >= 60


def test_domestic_is_two_airports_of_one_country(reference):
    assert reference.is_domestic("RUH", "JED")
    assert not reference.is_domestic("RUH", "CAI")


def test_distance_is_the_great_circle(reference):
    assert reference.distance_km("RUH", "JED") == pytest.approx(852, abs=1)
    assert reference.distance_km("LHR", "JFK") == pytest.approx(5540, abs=5)
    assert reference.distance_km("RUH", "RUH") == 0


def test_unknown_codes_are_refused(reference):
    for look_up in (reference.airport, reference.city, reference.country, reference.carrier, reference.aircraft):
        with pytest.raises(UnknownCode, match=r"'\?\?'"):
            look_up("??")
    assert not reference.has_airport("??")


def test_rates_are_stored_inverted_or_joined_over_dollars(reference):
    day = date(2027, 1, 1)
    assert reference.exchange_rate("USD", "SAR", day) == Fraction("3.75")
    assert reference.exchange_rate("SAR", "USD", day) == 1 / Fraction("3.75")
    assert reference.exchange_rate("SAR", "BHD", day) == Fraction("0.376") / Fraction("3.75")
    assert reference.exchange_rate("SAR", "SAR", day) == 1
    assert reference.convert(Money(37500, "SAR"), "USD", day) == Money(10000, "USD")
    assert reference.convert(Money(37500, "SAR"), "BHD", day) == Money(37600, "BHD")  # 375.00 SAR, 37.600 BHD
    assert reference.convert(Money(100, "SAR"), "JPY", day, direction=Rounding.UP) == Money(41, "JPY")
    assert reference.convert(Money(100, "SAR"), "JPY", day, direction=Rounding.DOWN) == Money(40, "JPY")


def test_a_rate_counts_only_on_its_days(rows):
    dated = (
        ExchangeRate("USD", "EGP", Decimal(48), date(2026, 1, 1), date(2026, 7, 1)),
        ExchangeRate("USD", "EGP", Decimal(50), date(2026, 7, 1)),
    )
    reference = ReferenceData(type(rows)((), (), (), (), (), dated))
    assert reference.exchange_rate("USD", "EGP", date(2026, 6, 30)) == 48
    assert reference.exchange_rate("USD", "EGP", date(2026, 7, 1)) == 50
    with pytest.raises(NoExchangeRate):
        reference.exchange_rate("USD", "EGP", date(2025, 12, 31))
    with pytest.raises(NoExchangeRate):
        reference.exchange_rate("USD", "SAR", date(2026, 7, 1))
