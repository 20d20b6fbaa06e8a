"""Document numbers, check digits, and names as documents show them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.ticketing import check_digit, ticket_name
from ais.ticketing.domain import CheckDigitBase, document_number, in_documents


@pytest.mark.parametrize(
    ("number", "digit"),
    [
        ("10133334178901", 3),
        ("00786234277044", 6),
        ("11327343888253", 1),
        ("00012234732287", 1),
        ("10237424413392", 1),
        ("00032781811234", 4),
        ("00611232134231", 5),
        ("00193222543435", 5),
    ],
)
def test_published_check_digits_over_coupon_and_number(number, digit):
    assert check_digit(number[1:], coupon=int(number[0])) == digit


@pytest.mark.parametrize(("number", "digit"), [("0062120234533", 0), ("2982425696898", 4)])
def test_check_digits_over_the_number_alone(number, digit):
    assert check_digit(number, base=CheckDigitBase.DOCUMENT) == digit


@pytest.mark.parametrize("number", ["", "123", "12345678901234", "123456789012a"])
def test_what_has_no_check_digit(number):
    with pytest.raises(ValueError, match="13 digits"):
        check_digit(number)


@given(st.integers(0, 999), st.integers(0, 10**10 - 1))
def test_a_number_is_the_accounting_code_and_ten_digits(code, serial):
    number = document_number(f"{code:03d}", serial)
    assert (len(number), int(number[:3]), int(number[3:])) == (13, code, serial)


@pytest.mark.parametrize(("code", "serial"), [("99", 1), ("9999", 1), ("abc", 1), ("999", -1), ("999", 10**10)])
def test_what_makes_no_number(code, serial):
    with pytest.raises(ValueError, match="no document number"):
        document_number(code, serial)


@given(st.lists(st.integers(), min_size=1, max_size=24))
def test_a_document_has_at_most_four_coupons_in_order(coupons):
    parts = [list(part) for part in in_documents(coupons)]
    assert [coupon for part in parts for coupon in part] == coupons
    assert all(len(part) == 4 for part in parts[:-1])
    assert 1 <= len(parts[-1]) <= 4


@pytest.mark.parametrize(
    ("family", "given_name", "title", "shown"),
    [
        ("Al-Harbi", "Sara", "Mrs", "AL HARBI/SARA MRS"),
        ("O'Brien", "Mary-Jane", None, "OBRIEN/MARY JANE"),
        ("O’Brien", "", None, "OBRIEN/FNU"),
        ("Müller", "Jürgen", "Dr.", "MUELLER/JUERGEN DR"),
        ("Mu\u0308ller", "Ju\u0308rgen", None, "MUELLER/JUERGEN"),  # the same letters, decomposed
        ("Łukasz", "Øyvind", None, "LUKASZ/OEYVIND"),
        ("Weiß", "Ægir", None, "WEISS/AEGIR"),
        ("Nuñez", "José", None, "NUNEZ/JOSE"),
        ("Şahin", "Işıl", None, "SAHIN/ISIL"),
        ("Əliyev", "Ŧom", None, "ELIYEV/TOM"),
        ("  van  der  Berg ", "A.  B.", None, "VAN DER BERG/A B"),
        ("A" * 40, "B" * 40, "MR", "A" * 40 + "/" + "B" * 18),
    ],
)
def test_names_on_documents(family, given_name, title, shown):
    assert ticket_name(family, given_name, title) == shown
