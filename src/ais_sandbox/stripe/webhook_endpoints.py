"""Webhook endpoints as the API has them. Where events go is in `deliveries`; this is what their owner sees."""

from urllib.parse import urlsplit

from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.deliveries import Endpoint
from ais_sandbox.stripe.errors import Document, invalid_parameter, missing_parameter
from ais_sandbox.stripe.ids import object_id, random_text
from ais_sandbox.stripe.parameters import Parameters


def create(account: Account, call: Call) -> Document:
    """`POST /v1/webhook_endpoints`. The answer is the only one that has the `secret`."""
    given = call.parameters
    url = _read_url(given)
    events = given.take_list("enabled_events")
    if not events:
        raise missing_parameter("enabled_events")
    endpoint: Document = {
        "id": object_id("we"),
        "object": "webhook_endpoint",
        "api_version": given.take_text("api_version") or None,
        "application": None,
        "created": now_seconds(),
        "description": given.take_text("description") or None,
        "enabled_events": events,
        "livemode": False,
        "metadata": given.take_metadata({}),
        "status": "enabled",
        "url": url,
    }
    given.take_boolean("connect")
    given.finish()
    secret = f"whsec_{random_text(32)}"
    account.webhook_endpoints.insert(endpoint)
    account.undisclosed.put(endpoint["id"], {"secret": secret})
    _register(account, endpoint, secret)
    return endpoint | {"secret": secret}


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/webhook_endpoints/{id}`."""
    call.parameters.finish()
    return account.webhook_endpoints.get(call.ids["id"])


def list_(account: Account, call: Call) -> Document:
    """`GET /v1/webhook_endpoints`: those that the API made."""
    return account.webhook_endpoints.page(call.parameters, "/v1/webhook_endpoints")


def update(account: Account, call: Call) -> Document:
    """`POST /v1/webhook_endpoints/{id}`: address, types of events, description, metadata, on or off."""
    endpoint = account.webhook_endpoints.get(call.ids["id"])
    given = call.parameters
    url = _read_url(given, required=False)
    events = given.take_list("enabled_events")
    description = given.take_text("description")
    disabled = given.take_boolean("disabled", default=endpoint["status"] == "disabled")
    endpoint["metadata"] = given.take_metadata(endpoint["metadata"])
    given.finish()
    endpoint["url"] = url or endpoint["url"]
    endpoint["enabled_events"] = events or endpoint["enabled_events"]
    endpoint["description"] = endpoint["description"] if description is None else description or None
    endpoint["status"] = "disabled" if disabled else "enabled"
    account.webhook_endpoints.save(endpoint)
    _register(account, endpoint, account.undisclosed.get(endpoint["id"])["secret"])
    return endpoint


def delete(account: Account, call: Call) -> Document:
    """`DELETE /v1/webhook_endpoints/{id}`: what was still to be posted to it is not."""
    endpoint = account.webhook_endpoints.get(call.ids["id"])
    call.parameters.finish()
    account.webhook_endpoints.delete(endpoint["id"])
    account.deliveries.remove_endpoint(endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def _register(account: Account, endpoint: Document, secret: str) -> None:
    events = tuple(endpoint["enabled_events"]) if endpoint["status"] == "enabled" else ()
    account.deliveries.put_endpoint(Endpoint(endpoint["id"], endpoint["url"], secret, events))


def _read_url(given: Parameters, *, required: bool = True) -> str | None:
    url = given.need_text("url") if required else given.take_text("url")
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        message = "Invalid URL: An explicit scheme (such as https) must be provided."
        raise invalid_parameter(message, "url", "url_invalid")
    return url
