"""Events, read back. They are written by `Account.record` in the transaction of what they tell."""

from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.errors import Document


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/events/{id}`."""
    call.parameters.finish()
    return _with_pending(account, account.events.get(call.ids["id"]))


def list_(account: Account, call: Call) -> Document:
    """`GET /v1/events`, by `type` (a trailing `*` stands for anything), `types` and time of creation."""
    page = account.events.page(call.parameters, "/v1/events")
    page["data"] = [_with_pending(account, event) for event in page["data"]]
    return page


def _with_pending(account: Account, event: Document) -> Document:
    """The event with the number of endpoints that have not accepted it yet."""
    event["pending_webhooks"] = account.deliveries.pending_endpoints(event["id"])
    return event
