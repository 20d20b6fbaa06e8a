"""Form encoding as the SDK writes it, read back; and what cannot be read."""

from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stripe._encode import _api_encode

from ais_sandbox.stripe.currencies import SUPPORTED, check_amount
from ais_sandbox.stripe.errors import StripeError
from ais_sandbox.stripe.forms import decode_form

NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    TEXTS,
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(NAMES, inner, min_size=1, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_the_sdk_encodes_is_decoded(parameters: dict[str, object]) -> None:
    assert decode_form(urlencode(list(_api_encode(parameters)))) == parameters


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ("a=1&b[c]=2&b[d][e]=3", {"a": "1", "b": {"c": "2", "d": {"e": "3"}}}),
        ("expand[]=x&expand[]=y", {"expand": ["x", "y"]}),
        ("l[1]=b&l[0]=a", {"l": ["a", "b"]}),
        ("l[0][p]=1&l[1][p]=2", {"l": [{"p": "1"}, {"p": "2"}]}),
        ("a=%D8%B3+b", {"a": "س b"}),
        ("a=", {"a": ""}),
        ("", {}),
    ],
)
def test_known_forms(encoded: str, decoded: dict[str, object]) -> None:
    assert decode_form(encoded) == decoded


@pytest.mark.parametrize("encoded", ["a[=1", "a]b=1", "[a]=1", "a=1&a[b]=2", "a[b]=1&a=2", "a" + "[b]" * 20 + "=1"])
def test_names_that_cannot_be_read_are_refused(encoded: str) -> None:
    with pytest.raises(StripeError) as refusal:
        decode_form(encoded)
    assert refusal.value.status == 400


@given(st.integers(1, 10**9), st.sampled_from(["kwd", "bhd", "omr", "jod", "tnd"]))
def test_a_three_decimal_amount_passes_only_in_tens(amount: int, currency: str) -> None:
    try:
        check_amount(amount, currency)
    except StripeError:
        return
    assert amount % 10 == 0
    assert amount <= 99_999_999


def test_the_currencies_of_the_region_are_charged() -> None:
    assert {"sar", "aed", "egp", "jod", "kwd", "bhd", "omr", "qar", "usd", "eur"} <= set(SUPPORTED)
    assert len(SUPPORTED) == len(set(SUPPORTED))
