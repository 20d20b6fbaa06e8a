"""The pages to read what was taken: plain HTML without script, and nothing that asks another host for anything."""

from datetime import UTC, datetime
from html import escape
from urllib.parse import parse_qs, quote, urlencode

from ais_sandbox.http import Request, Response
from ais_sandbox.mailbox.messages import Message, Messages, Summary

SHOWN_AT_ONCE = 50

# A message is somebody else's HTML: it may style itself and nothing more. Its links open in a tab of their own.
_BODY_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
)
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root{{color-scheme:light dark;--line:color-mix(in srgb,currentColor 18%,transparent)}}
body{{font:16px/1.5 system-ui,"Noto Sans","Noto Sans Arabic",sans-serif;max-width:60rem;margin:0 auto;padding:1rem}}
h1{{font-size:1.3rem;margin:.4rem 0}}h2{{font-size:1rem;margin:1.4rem 0 .4rem}}
table{{border-collapse:collapse;width:100%}}
th,td{{text-align:start;padding:.45rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}}
th{{font-weight:600;white-space:nowrap}}td:first-child,th:first-child{{padding-inline-start:0}}
form{{display:flex;gap:.5rem;flex-wrap:wrap;margin:.8rem 0}}
input,button{{font:inherit;padding:.35rem .7rem;border:1px solid var(--line);border-radius:.4rem}}
iframe{{width:100%;height:75vh;border:1px solid var(--line);border-radius:.5rem;background:#fff}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere;font:15px/1.6 ui-monospace,"Noto Sans Mono",monospace;
unicode-bidi:plaintext;text-align:start;border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:0}}
.when{{white-space:nowrap;font-variant-numeric:tabular-nums}}.muted{{opacity:.7}}
@media (max-width:40rem){{.when,.to{{font-size:.85rem}}}}
</style></head><body>{content}</body></html>"""


def answer(messages: Messages, request: Request) -> Response:
    """`/` lists, `/messages/N` shows one, `/messages/N/html` its HTML part alone, `/messages/N/raw` what was sent."""
    if request.method not in {"GET", "HEAD"}:
        return _page(405, "Only to be read", "<p>These pages can only be read.</p>")
    if request.path == "/":
        return _list(messages, request)
    _, first, number, *rest = [*request.path.split("/"), "", ""]
    message = messages.get(int(number)) if first == "messages" and number.isdecimal() and len(number) < 19 else None
    if message is None:
        return _page(404, "Not found", "<h1>Not found</h1><p><a href='/'>All messages</a></p>")
    if rest[0] == "html" and message.html is not None:
        return _response(200, f"<base target=_blank>{message.html}", _BODY_POLICY)
    if rest[0] == "raw":
        raw = messages.raw(message.id) or b""
        return Response(200, raw, "text/plain; charset=utf-8", [("X-Content-Type-Options", "nosniff")])
    return _message(message)


def _list(messages: Messages, request: Request) -> Response:
    query = {name: values[-1] for name, values in parse_qs(request.query).items()}
    recipient = query.get("to", "").strip()
    before = int(query["before"]) if query.get("before", "").isdecimal() and len(query["before"]) < 19 else None
    found = messages.find(recipient or None, SHOWN_AT_ONCE, before)
    rows = "".join(_line(each) for each in found) or "<tr><td colspan=3 class=muted>No message.</td></tr>"
    older = ""
    if len(found) == SHOWN_AT_ONCE:
        link = urlencode({"to": recipient, "before": found[-1].id})
        older = f"<p><a href='/?{escape(link)}'>Older messages</a></p>"
    content = f"""<h1>Mailbox <span class=muted>(sandbox: nothing leaves this machine)</span></h1>
<form method="get" role="search"><label>Recipient <input name="to" type="search" value="{escape(recipient)}"></label>
<button>Show</button></form>
<table><thead><tr><th>Received</th><th>To</th><th>Subject</th></tr></thead><tbody>{rows}</tbody></table>{older}"""
    return _page(200, "Mailbox", content)


def _line(message: Summary) -> str:
    to = ", ".join(message.recipients)
    subject = escape(message.subject) or "(no subject)"
    return (
        f"<tr><td class=when>{_time(message.received_at)}</td><td class=to><bdi>{escape(to)}</bdi></td>"
        f"<td><a href='/messages/{message.id}'><bdi>{subject}</bdi></a></td></tr>"
    )


def _message(message: Message) -> Response:
    shown = [
        ("From", message.from_header),
        ("To", message.to_header),
        ("Delivered to", ", ".join(message.recipients)),
        ("Received", _time(message.received_at)),
        ("Message-ID", message.message_id),
        ("Language", message.language or "not said"),
    ]
    rows = "".join(f"<tr><th scope=row>{name}</th><td><bdi>{escape(value)}</bdi></td></tr>" for name, value in shown)
    html = (
        f"<iframe src='/messages/{message.id}/html' sandbox='allow-popups allow-popups-to-escape-sandbox'"
        f" title='HTML part'></iframe>"
        if message.html is not None
        else "<p class=muted>The message has no HTML part.</p>"
    )
    text = (
        f"<pre dir=auto>{escape(message.text)}</pre>"
        if message.text is not None
        else "<p class=muted>The message has no text part.</p>"
    )
    to = quote(message.recipients[0]) if message.recipients else ""
    content = f"""<p><a href="/">All messages</a> · <a href="/?to={to}">to this recipient</a> ·
<a href="/messages/{message.id}/raw">as it was sent</a></p>
<h1 dir=auto>{escape(message.subject) or "(no subject)"}</h1><table>{rows}</table>
<h2>HTML part</h2>{html}<h2>Text part</h2>{text}"""
    return _page(200, message.subject or "Message", content)


def _time(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _page(status: int, title: str, content: str) -> Response:
    return _response(status, _PAGE.format(title=escape(title), content=content), _PAGE_POLICY)


def _response(status: int, page: str, policy: str) -> Response:
    headers = [
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    ]
    return Response(status, page.encode("utf-8", "replace"), "text/html; charset=utf-8", headers)
