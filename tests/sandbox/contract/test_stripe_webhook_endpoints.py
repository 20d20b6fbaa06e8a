"""Webhook endpoints as Stripe has them, through the real SDK. Runs against Stripe's test mode as well."""

import pytest
import stripe

URL = "https://example.com/webhooks/stripe"


def test_an_endpoint_lives_and_shows_its_secret_once(contract_client: stripe.StripeClient) -> None:
    endpoints = contract_client.v1.webhook_endpoints
    made = endpoints.create(
        params={"url": URL, "enabled_events": ["payment_intent.succeeded"], "metadata": {"run": "1"}}
    )
    try:
        assert made.id.startswith("we_")
        assert (made.url, made.enabled_events, made.status) == (URL, ["payment_intent.succeeded"], "enabled")
        assert made.secret is not None
        assert made.secret.startswith("whsec_")
        assert "secret" not in endpoints.retrieve(made.id)
        changed = endpoints.update(made.id, params={"enabled_events": ["*"], "disabled": True, "description": "off"})
        assert (changed.enabled_events, changed.status, changed.description) == (["*"], "disabled", "off")
        assert made.id in {one.id for one in endpoints.list(params={"limit": 100}).data}
    finally:
        gone = endpoints.delete(made.id)
    assert gone.deleted
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        endpoints.retrieve(made.id)
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")


@pytest.mark.parametrize("wrong", [{"url": "somewhere"}, {"enabled_events": []}])
def test_an_endpoint_needs_an_address_and_events(
    contract_client: stripe.StripeClient, wrong: dict[str, object]
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.webhook_endpoints.create(params={"url": URL, "enabled_events": ["*"], **wrong})  # type: ignore[arg-type]  # sent wrong on purpose
    assert refusal.value.http_status == 400
