"""The page at which a customer proves to be the card's owner: the bank's part in 3-D Secure."""

from html import escape
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from ais_sandbox.http import Request, Response
from ais_sandbox.stripe.account import Account
from ais_sandbox.stripe.currencies import written
from ais_sandbox.stripe.errors import Document, StripeError
from ais_sandbox.stripe.payment_intents import complete_authentication

PREFIX = "/authenticate/"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Card authentication (sandbox)</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:10vh auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem;margin-inline-end:.6rem;border-radius:.4rem;border:1px solid #888}}</style>
</head><body><h1>{title}</h1>{content}</body></html>"""


def answer(account: Account, request: Request) -> Response:
    """`GET` shows the two buttons, `POST outcome=succeed|fail` does what the customer chose and goes back."""
    client_secret = request.path.removeprefix(PREFIX)
    intent = account.payment_intents.find(client_secret.partition("_secret_")[0])
    if intent is None or intent["client_secret"] != client_secret:
        return _page(404, "Unknown payment", "<p>This address belongs to no payment.</p>")
    sum_ = escape(written(intent["amount"], intent["currency"]))
    if request.method == "GET" and intent["status"] == "requires_action":
        buttons = (
            '<button name="outcome" value="succeed">Complete</button><button name="outcome" value="fail">Fail</button>'
        )
        return _page(200, "Is it you who pays?", f"<p>{sum_}</p><form method='post'>{buttons}</form>")
    if request.method == "POST":
        outcome = parse_qs(request.body.decode("utf-8", "replace")).get("outcome", [""])[0]
        if outcome not in {"succeed", "fail"}:
            return _page(400, "Unknown choice", "<p>Choose one of the two buttons.</p>")
        return _complete(account, intent, succeeded=outcome == "succeed")
    return _page(200, "Nothing left to do", f"<p>{sum_}: {escape(intent['status'])}</p>")


def _complete(account: Account, intent: Document, *, succeeded: bool) -> Response:
    action = intent["next_action"] or {}
    return_url = action.get("redirect_to_url", {}).get("return_url")
    try:
        with account.storage.transaction():
            intent = complete_authentication(account, intent["id"], succeeded=succeeded)
    except StripeError as error:
        return _page(400, "Nothing left to do", f"<p>{escape(error.error['message'])}</p>")
    if return_url is None:
        return _page(200, "Done", f"<p>The payment is now: {escape(intent['status'])}. You may close this page.</p>")
    paid = intent["status"] in {"succeeded", "processing"}
    added = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if paid else "failed",
    }
    parts = urlsplit(return_url)
    query = f"{parts.query}&{urlencode(added)}" if parts.query else urlencode(added)
    location = urlunsplit(parts._replace(query=query))
    return Response(303, b"", "text/html; charset=utf-8", [("Location", location)])


def _page(status: int, title: str, content: str) -> Response:
    page = _PAGE.format(title=escape(title), content=content)
    return Response(status, page.encode(), "text/html; charset=utf-8")
