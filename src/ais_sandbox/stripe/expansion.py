"""`expand[]`: ids in an answer replaced by the objects they name."""

from ais_sandbox.stripe.account import Account
from ais_sandbox.stripe.checkout_sessions import line_items
from ais_sandbox.stripe.collections import USUAL_PAGE
from ais_sandbox.stripe.errors import Document, StripeError

_DEEPEST = 4
# Members whose value is an id or null, or a list that is shown only on request.
_EXPANDABLE = {
    "payment_intent": {"latest_charge", "payment_method", "customer", "review"},
    "charge": {
        "balance_transaction", "customer", "dispute", "failure_balance_transaction", "payment_intent", "refunds",
    },
    "checkout.session": {"customer", "line_items", "payment_intent"},
    "refund": {"balance_transaction", "charge", "failure_balance_transaction", "payment_intent"},
    "dispute": {"charge", "payment_intent"},
    "balance_transaction": {"source"},
    "payout": {"balance_transaction", "destination", "failure_balance_transaction"},
}  # fmt: skip


def expand(account: Account, document: Document, paths: list[str]) -> Document:
    """The answer with every path expanded. `StripeError` 400 for a path that cannot be, or is too deep."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            message = f"You cannot expand more than {_DEEPEST} levels of a property: {path}."
            raise StripeError(400, message, param="expand", executed=False)
        _walk(account, document, steps, path)
    return document


def _walk(account: Account, document: Document, steps: list[str], path: str) -> None:
    if not steps:
        return
    name = steps[0]
    if document.get("object") == "list" and name == "data":
        for entry in document["data"]:
            _walk(account, entry, steps[1:], path)
        return
    allowed = _EXPANDABLE.get(document.get("object", ""), set())
    if name not in allowed:
        message = f"This property cannot be expanded ({path})."
        if document.get("object") == "list":
            message += " You may want to try expanding 'data." + path + "' instead."
        raise StripeError(400, message, param="expand", executed=False)
    if name == "refunds" and "refunds" not in document:
        refunds = account.refunds.all_where("charge", document["id"])
        url = f"/v1/charges/{document['id']}/refunds"
        page = refunds[:USUAL_PAGE]
        document["refunds"] = {"object": "list", "data": page, "has_more": len(refunds) > len(page), "url": url}
    if name == "line_items":
        document["line_items"] = line_items(account, document["id"])
    value = document.get(name)
    if isinstance(value, str):
        document[name] = _find(account, value)
    if isinstance(document[name], dict):
        _walk(account, document[name], steps[1:], path)


def _find(account: Account, object_id: str) -> Document:
    prefix = object_id.partition("_")[0]
    kind = next(kind for kind in account.collections if kind.prefix == prefix)
    return account.collections[kind].get(object_id)
