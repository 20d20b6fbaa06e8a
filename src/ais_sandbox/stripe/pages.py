"""The pages that a person uses in a browser, without JavaScript: Stripe's checkout, and the bank's 3-D Secure step."""

from html import escape
from time import gmtime, strftime
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from ais_sandbox.http import Request, Response
from ais_sandbox.stripe import checkout_sessions
from ais_sandbox.stripe.account import Account
from ais_sandbox.stripe.attempts import complete_authentication
from ais_sandbox.stripe.errors import Document, StripeError
from ais_sandbox.stripe.page_layout import amount, message, page, redirect
from ais_sandbox.stripe.page_texts import TEXTS, language_of

AUTHENTICATE, CHECKOUT = "/authenticate/", checkout_sessions.PAGE_PATH
PREFIXES = (AUTHENTICATE, CHECKOUT)

_CHOICES = (
    ("pm_card_visa", "visa"),
    ("pm_card_threeDSecure2Required", "secure"),
    ("pm_card_visa_chargeDeclined", "declined"),
)
_MORE = (
    ("pm_card_mastercard", "mastercard"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "funds"),
    ("pm_card_visa_chargeDeclinedExpiredCard", "expired_card"),
    ("pm_card_visa_chargeDeclinedIncorrectCvc", "cvc"),
    ("pm_card_visa_chargeDeclinedStolenCard", "stolen"),
    ("pm_card_visa_chargeDeclinedProcessingError", "trouble"),
    ("pm_card_threeDSecureRequiredChargeDeclined", "secure_declined"),
    ("pm_sandbox_processingSucceeds", "slow"),
    ("pm_sandbox_processingFails", "slow_declined"),
    ("pm_card_createDispute", "dispute"),
    ("pm_card_createDisputeInquiry", "inquiry"),
    ("pm_card_refundFail", "refund_fails"),
    ("pm_card_pendingRefund", "refund_waits"),
)
_OFFERED = frozenset(name for name, _ in (*_CHOICES, *_MORE))


def answer(account: Account, request: Request) -> Response:
    """The reply to a browser on one of the pages."""
    if request.path.startswith(CHECKOUT):
        return _checkout(account, request)
    return _authenticate(account, request)


def _checkout(account: Account, request: Request) -> Response:
    """`GET` shows the session, `POST` is one attempt to pay it, `GET .../return` the way back from the bank."""
    session_id, _, step = request.path.removeprefix(CHECKOUT).partition("/")
    session = account.checkout_sessions.find(session_id)
    language = _language(request, None if session is None else session["locale"])
    texts = TEXTS[language]
    if session is None:
        return message(language, texts["unknown_title"], texts["unknown_text"], status=404)
    # A second press of the button, a reload, another tab: whoever paid already goes where paying leads.
    if session["status"] == "complete" and (request.method == "POST" or step == "return"):
        return redirect(checkout_sessions.return_address(session))
    if request.method == "POST" and session["status"] == "open":
        return _pay(account, session, request, language)
    if session["status"] == "open":
        return _checkout_page(account, session, language)
    if session["status"] == "complete":
        link = checkout_sessions.return_address(session)
        return message(language, texts["complete_title"], texts["complete_text"], link=link, label=texts["continue"])
    link = session["cancel_url"] or ""
    return message(
        language, texts["expired_title"], texts["expired_text"], status=410, link=link, label=texts["return"]
    )


def _pay(account: Account, session: Document, request: Request, language: str) -> Response:
    form = {name: values[-1] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    method = form.get("other") or form.get("payment_method", "")
    here = f"{CHECKOUT}{session['id']}?lang={language}"
    if method not in _OFFERED:
        texts = TEXTS[language]
        return message(
            language, texts["choice_title"], texts["choice_text"], status=400, link=here, label=texts["continue"]
        )
    try:
        with account.storage.transaction():
            email = form.get("email", "").strip() or None
            intent = checkout_sessions.pay(account, session["id"], method, email=email, language=language)
    except StripeError:
        return redirect(here)
    if intent["status"] == "requires_action":
        return redirect(f"{AUTHENTICATE}{intent['client_secret']}?lang={language}")
    if intent["status"] in {"succeeded", "processing"}:
        return redirect(checkout_sessions.return_address(session))
    return redirect(here)


def _checkout_page(account: Account, session: Document, language: str) -> Response:
    texts = TEXTS[language]
    currency = session["currency"]
    rows = []
    for item in checkout_sessions.line_items(account, session["id"], checkout_sessions.MOST_LINE_ITEMS)["data"]:
        count = f"<br><small>{texts['quantity']}: {item['quantity']}</small>" if item["quantity"] > 1 else ""
        name = f"<span><bdi>{escape(item['description'])}</bdi>{count}</span>"
        rows.append(f"<li>{name}{amount(item['amount_total'], currency)}</li>")
    reference = session["client_reference_id"]
    order = f"<p class='soft'>{texts['order']}: <bdi>{escape(reference)}</bdi></p>" if reference else ""
    total = amount(session["amount_total"], currency)
    summary = (
        f"<section class='card'><h1>{texts['pay_title']}</h1><p class='sum'>{total}</p>{order}"
        f"<ul class='items'>{''.join(rows)}</ul><div class='row'><span>{texts['total']}</span>{total}</div></section>"
    )
    return page(
        language,
        texts["pay_title"],
        summary + _payment_form(account, session, language),
        back=_back_link(session, language),
        wide=True,
    )


def _payment_form(account: Account, session: Document, language: str) -> str:
    texts = TEXTS[language]
    choices = "".join(
        f"<label class='choice'><input type='radio' name='payment_method' value='{name}'"
        f"{' checked' if name == _CHOICES[0][0] else ''}><span>{texts[key]}<small>{texts[f'{key}_hint']}</small></span>"
        "</label>"
        for name, key in _CHOICES
    )
    more = "".join(f"<option value='{name}'>{texts[key]}</option>" for name, key in _MORE)
    button = texts["pay_button"].format(amount=amount(session["amount_total"], session["currency"]))
    until = strftime("%Y-%m-%d %H:%M", gmtime(session["expires_at"]))
    return (
        f"<section class='card'>{_alert(account, session, language)}<form method='post' action='?lang={language}'>"
        f"{_email_field(session, language)}<fieldset><legend>{texts['how']}</legend>{choices}</fieldset>"
        f"<details><summary>{texts['more']}</summary><div class='field'><label for='other'>{texts['other']}</label>"
        f"<select id='other' name='other'><option value=''>{texts['none']}</option>{more}</select></div></details>"
        f"<button>{button}</button></form>"
        f"<p class='soft'>{texts['until'].format(time=f'<bdi>{until}</bdi>')}</p></section>"
    )


def _email_field(session: Document, language: str) -> str:
    texts = TEXTS[language]
    if session["customer_email"] is not None:
        return f"<p class='soft'>{texts['email']}: <bdi>{escape(session['customer_email'])}</bdi></p>"
    return (
        f"<div class='field'><label for='email'>{texts['email']} <small>{texts['email_hint']}</small></label>"
        "<input id='email' name='email' type='email' dir='ltr' autocomplete='email'></div>"
    )


def _alert(account: Account, session: Document, language: str) -> str:
    """Why the last attempt failed, if there was one."""
    if session["payment_intent"] is None:
        return ""
    error = account.payment_intents.get(session["payment_intent"])["last_payment_error"]
    if error is None:
        return ""
    key = f"error_{error.get('decline_code', 'authentication')}"
    texts = TEXTS[language]
    return f"<p class='alert' role='alert'>{texts.get(key, texts['error_generic_decline'])}</p>"


def _back_link(session: Document, language: str) -> str:
    if session["cancel_url"] is None:
        return ""
    arrow = "→" if language == "ar" else "←"
    return f"<a href='{escape(session['cancel_url'])}'>{arrow} {TEXTS[language]['back']}</a>"


def _authenticate(account: Account, request: Request) -> Response:
    """`GET` shows the two buttons, `POST outcome=succeed|fail` does what the customer chose and goes back."""
    client_secret = request.path.removeprefix(AUTHENTICATE)
    intent = account.payment_intents.find(client_secret.partition("_secret_")[0])
    language = _language(request, None)
    texts = TEXTS[language]
    if intent is None or intent["client_secret"] != client_secret:
        return message(language, texts["unknown_title"], texts["unknown_text"], status=404)
    if request.method == "GET" and intent["status"] == "requires_action":
        content = (
            f"<section class='card'><p class='soft'>{texts['bank']}</p><h1>{texts['secure_title']}</h1>"
            f"<p class='sum'>{amount(intent['amount'], intent['currency'])}</p><p>{texts['secure_text']}</p>"
            f"<form method='post' action='?lang={language}' class='buttons'>"
            f"<button name='outcome' value='succeed'>{texts['secure_yes']}</button>"
            f"<button name='outcome' value='fail' class='second'>{texts['secure_no']}</button></form></section>"
        )
        return page(language, texts["secure_title"], content)
    if request.method == "POST":
        outcome = parse_qs(request.body.decode("utf-8", "replace")).get("outcome", [""])[0]
        if outcome not in {"succeed", "fail"}:
            return message(language, texts["choice_title"], texts["choice_text"], status=400)
        return _complete(account, intent, language, succeeded=outcome == "succeed")
    state = texts["secure_end_text"].format(status=intent["status"])
    return message(language, texts["nothing_title"], state)


def _complete(account: Account, intent: Document, language: str, *, succeeded: bool) -> Response:
    action = intent["next_action"] or {}
    return_url = action.get("redirect_to_url", {}).get("return_url")
    texts = TEXTS[language]
    try:
        with account.storage.transaction():
            intent = complete_authentication(account, intent["id"], succeeded=succeeded)
    except StripeError:
        state = texts["secure_end_text"].format(status=intent["status"])
        return message(language, texts["nothing_title"], state, status=400)
    if return_url is None:
        return message(language, texts["secure_end_title"], texts["secure_end_text"].format(status=intent["status"]))
    paid = intent["status"] in {"succeeded", "processing"}
    added = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if paid else "failed",
    }
    parts = urlsplit(return_url)
    query = f"{parts.query}&{urlencode(added)}" if parts.query else urlencode(added)
    return redirect(urlunsplit(parts._replace(query=query)))


def _language(request: Request, locale: str | None) -> str:
    asked = parse_qs(request.query).get("lang", [None])[-1]
    return language_of(asked, locale, request.headers.get("accept-language", ""))
