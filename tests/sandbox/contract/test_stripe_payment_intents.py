"""Payment intents as Stripe has them, through the real SDK. Runs against Stripe's test mode as well."""

from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import card_payment


def test_a_new_intent_wants_a_payment_method(contract_client: stripe.StripeClient) -> None:
    intent = contract_client.v1.payment_intents.create(
        params=card_payment(12_345, "sar", metadata={"order": "ord_1"}, description="RUH-JED")
    )
    assert intent.id.startswith("pi_")
    assert intent.object == "payment_intent"
    assert (intent.amount, intent.currency, intent.status) == (12_345, "sar", "requires_payment_method")
    assert intent.metadata.to_dict() == {"order": "ord_1"}
    assert intent.description == "RUH-JED"
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert (intent.amount_received, intent.latest_charge, intent.last_payment_error) == (0, None, None)
    assert intent.livemode is False


def test_a_confirmed_card_pays_and_leaves_one_charge(contract_client: stripe.StripeClient) -> None:
    created = contract_client.v1.payment_intents.create(params=card_payment(12_345, "sar"))
    intent = contract_client.v1.payment_intents.confirm(created.id, params={"payment_method": "pm_card_visa"})
    assert (intent.status, intent.amount_received) == ("succeeded", 12_345)
    shown = contract_client.v1.payment_intents.retrieve(created.id, params={"expand": ["latest_charge"]})
    charge = shown.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (charge.status, charge.paid, charge.captured, charge.refunded) == ("succeeded", True, True, False)
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (12_345, 12_345, 0)
    assert charge.payment_intent == created.id
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    assert (charge.payment_method_details.card.brand, charge.payment_method_details.card.last4) == ("visa", "4242")
    listed = contract_client.v1.charges.list(params={"payment_intent": created.id})
    assert [entry.id for entry in listed.data] == [charge.id]


DECLINES = [
    ("pm_card_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."),
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds",
     "Your card has insufficient funds."),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "Your card was declined."),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", "Your card was declined."),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "Your card has expired."),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc",
     "Your card's security code is incorrect."),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error",
     "An error occurred while processing your card. Try again in a little bit."),
]  # fmt: skip


@pytest.mark.parametrize(("card", "code", "decline_code", "message"), DECLINES)
def test_a_declined_card_answers_402_and_another_card_may_pay(
    contract_client: stripe.StripeClient, card: str, code: str, decline_code: str, message: str
) -> None:
    created = contract_client.v1.payment_intents.create(params=card_payment())
    with pytest.raises(stripe.CardError) as refusal:
        contract_client.v1.payment_intents.confirm(created.id, params={"payment_method": card})
    error = refusal.value
    assert (error.http_status, error.code) == (402, code)
    body: dict[str, Any] = error.json_body["error"]  # type: ignore[index,call-overload,assignment]  # sent wrong on purpose, or wider than the SDK says
    assert (body["type"], body["decline_code"], body["message"]) == ("card_error", decline_code, message)
    assert body["payment_intent"]["id"] == created.id
    assert body["payment_intent"]["status"] == "requires_payment_method"
    intent = contract_client.v1.payment_intents.retrieve(created.id, params={"expand": ["latest_charge"]})
    assert (intent.status, intent.payment_method, intent.amount_received) == ("requires_payment_method", None, 0)
    assert intent.last_payment_error is not None
    assert (intent.last_payment_error.code, intent.last_payment_error.decline_code) == (code, decline_code)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.latest_charge.status, intent.latest_charge.paid) == ("failed", False)
    assert intent.latest_charge.failure_code == code
    paid = contract_client.v1.payment_intents.confirm(created.id, params={"payment_method": "pm_card_mastercard"})
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert len(contract_client.v1.charges.list(params={"payment_intent": created.id}).data) == 2


def test_create_and_confirm_in_one_call_keeps_the_declined_intent(contract_client: stripe.StripeClient) -> None:
    params = card_payment(confirm=True, payment_method="pm_card_visa_chargeDeclined")
    with pytest.raises(stripe.CardError) as refusal:
        contract_client.v1.payment_intents.create(params=params)
    intent_id = refusal.value.json_body["error"]["payment_intent"]["id"]  # type: ignore[index,call-overload]  # sent wrong on purpose, or wider than the SDK says
    assert contract_client.v1.payment_intents.retrieve(intent_id).status == "requires_payment_method"
    paid = contract_client.v1.payment_intents.create(params=card_payment(confirm=True, payment_method="pm_card_visa"))
    assert paid.status == "succeeded"


def refusal_of(error: pytest.ExceptionInfo[stripe.InvalidRequestError]) -> tuple[int | None, str | None, str | None]:
    return error.value.http_status, error.value.code, error.value.param


def test_each_status_allows_only_its_own_calls(contract_client: stripe.StripeClient) -> None:
    intents = contract_client.v1.payment_intents
    unpaid = intents.create(params=card_payment())
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method") as refusal:
        intents.confirm(unpaid.id)
    assert refusal_of(refusal)[:2] == (400, "payment_intent_unexpected_state")
    paid = intents.create(params=card_payment(confirm=True, payment_method="pm_card_visa"))
    with pytest.raises(stripe.InvalidRequestError, match="already succeeded") as refusal:
        intents.confirm(paid.id, params={"payment_method": "pm_card_visa"})
    assert refusal_of(refusal)[:2] == (400, "payment_intent_unexpected_state")
    with pytest.raises(stripe.InvalidRequestError, match=r"cannot cancel .* status of succeeded") as refusal:
        intents.cancel(paid.id)
    assert refusal_of(refusal)[:2] == (400, "payment_intent_unexpected_state")
    with pytest.raises(stripe.InvalidRequestError, match="amount could not be updated") as refusal:
        intents.update(paid.id, params={"amount": 20_000})
    assert refusal_of(refusal)[:2] == (400, "payment_intent_unexpected_state")
    canceled = intents.cancel(unpaid.id, params={"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert canceled.canceled_at is not None
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled") as refusal:
        intents.confirm(unpaid.id, params={"payment_method": "pm_card_visa"})
    assert refusal_of(refusal)[:2] == (400, "payment_intent_unexpected_state")
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        intents.cancel(unpaid.id)
    assert intents.retrieve(paid.id).amount == 12_345
    assert intents.retrieve(unpaid.id).latest_charge is None


def test_a_payment_method_given_early_waits_for_confirmation(contract_client: stripe.StripeClient) -> None:
    intents = contract_client.v1.payment_intents
    intent = intents.create(params=card_payment(payment_method="pm_card_visa"))
    assert intent.status == "requires_confirmation"
    changed = intents.update(intent.id, params={"amount": 20_000, "metadata": {"a": "1", "b": "2"}})
    assert (changed.amount, changed.metadata.to_dict()) == (20_000, {"a": "1", "b": "2"})
    changed = intents.update(intent.id, params={"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    paid = intents.confirm(intent.id)
    assert (paid.status, paid.amount_received) == ("succeeded", 20_000)
    assert intents.update(intent.id, params={"metadata": ""}).metadata.to_dict() == {}


def test_a_card_that_wants_authentication_waits_for_it(contract_client: stripe.StripeClient) -> None:
    for card in ("pm_card_authenticationRequired", "pm_card_threeDSecure2Required"):
        intent = contract_client.v1.payment_intents.create(
            params={
                "amount": 5000,
                "currency": "usd",
                "allowed_payment_method_types": ["card"],
                "payment_method": card,
                "confirm": True,
                "return_url": "https://example.com/back?order=1",
            }
        )
        assert (intent.status, intent.amount_received, intent.latest_charge) == ("requires_action", 0, None)
        assert intent.next_action is not None
        assert intent.next_action.type == "redirect_to_url"
        assert intent.next_action.redirect_to_url is not None
        assert intent.next_action.redirect_to_url.return_url == "https://example.com/back?order=1"
        assert intent.next_action.redirect_to_url.url
        canceled = contract_client.v1.payment_intents.cancel(intent.id)
        assert (canceled.status, canceled.next_action) == ("canceled", None)


def test_a_card_that_wants_authentication_is_declined_off_session(contract_client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        contract_client.v1.payment_intents.create(
            params=card_payment(
                5000, "usd", confirm=True, off_session=True, payment_method="pm_card_authenticationRequired"
            )
        )
    assert (refusal.value.http_status, refusal.value.code) == (402, "authentication_required")


def test_automatic_methods_that_may_redirect_want_a_way_back(contract_client: stripe.StripeClient) -> None:
    intent = contract_client.v1.payment_intents.create(params={"amount": 5000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        contract_client.v1.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert contract_client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_the_least_amount_is_said(contract_client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.payment_intents.create(params=card_payment(49, "usd"))
    assert refusal.value.user_message == "Amount must be at least $0.50 usd"
    contract_client.v1.payment_intents.create(params=card_payment(50, "usd"))


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 199, "currency": "aed"}, "amount_too_small", "amount"),
        ({"amount": 100, "currency": "sar"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": -5}, "parameter_invalid_integer", "amount"),
        ({"amount": "12.50"}, "parameter_invalid_integer", "amount"),
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"currency": "xyz"}, None, "currency"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"payment_method": "pm_card_unheardOf", "confirm": True}, "resource_missing", "payment_method"),
    ],
)
def test_what_cannot_be_charged_is_refused(
    contract_client: stripe.StripeClient, change: dict[str, Any], code: str | None, param: str
) -> None:
    params = {name: value for name, value in (card_payment() | change).items() if value is not None}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.payment_intents.create(params=params)  # type: ignore[arg-type]  # sent wrong on purpose, or wider than the SDK says
    assert refusal_of(refusal) == (400, code, param)


def test_three_decimal_currencies_are_charged_in_tens(contract_client: stripe.StripeClient) -> None:
    for currency in ("kwd", "bhd", "omr", "jod"):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            contract_client.v1.payment_intents.create(params=card_payment(10_005, currency))
        assert (refusal.value.http_status, refusal.value.param) == (400, "amount")
        assert contract_client.v1.payment_intents.create(params=card_payment(10_010, currency)).amount == 10_010


def test_an_unknown_intent_is_404(contract_client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent: 'pi_none'") as refusal:
        contract_client.v1.payment_intents.retrieve("pi_none")
    assert refusal_of(refusal) == (404, "resource_missing", "intent")


def test_lists_page_both_ways_and_filter_by_time(contract_client: stripe.StripeClient) -> None:
    intents = contract_client.v1.payment_intents
    made = [intents.create(params=card_payment(1000 + number)) for number in range(7)]
    newest_first = [intent.id for intent in reversed(made)]
    first = intents.list(params={"limit": 3})
    assert [intent.id for intent in first.data] == newest_first[:3]
    assert (first.has_more, first.url) == (True, "/v1/payment_intents")
    second = intents.list(params={"limit": 3, "starting_after": newest_first[2]})
    assert [intent.id for intent in second.data] == newest_first[3:6]
    back = intents.list(params={"limit": 3, "ending_before": newest_first[5]})
    assert [intent.id for intent in back.data] == newest_first[2:5]
    assert back.has_more is True
    newest = intents.list(params={"limit": 3, "ending_before": newest_first[1]})
    assert ([intent.id for intent in newest.data], newest.has_more) == (newest_first[:1], False)
    since = {"created": {"gte": made[0].created, "lt": made[-1].created + 1}, "limit": 2}
    walked = [intent.id for intent in intents.list(params=since).auto_paging_iter()]  # type: ignore[arg-type]  # sent wrong on purpose, or wider than the SDK says
    assert walked[:7] == newest_first
    none = intents.list(params={"created": {"gt": made[-1].created + 3600}})
    assert none.data == []
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        intents.list(params={"limit": 1, "starting_after": "pi_none"})
    assert refusal.value.code == "resource_missing"
