"""The frame of the hosted pages: plain HTML with its style inside, no script, nothing from elsewhere."""

from html import escape

from ais_sandbox.http import Response
from ais_sandbox.stripe.currencies import exponent
from ais_sandbox.stripe.page_texts import DIRECTIONS, TEXTS

_STYLE = """
:root{color-scheme:light;--ink:#152033;--soft:#5a6780;--line:#dfe4ee;--page:#f3f5fa;--accent:#3d4fd6;--bad:#b3261e}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.55 system-ui,"Segoe UI","Noto Sans","Noto Sans Arabic","Noto Naskh Arabic","DejaVu Sans",sans-serif}
.notice{background:#ffe9a8;color:#4d3a00;padding:.55rem 1rem;text-align:center;font-size:.9rem}
.notice b{margin-inline-end:.4rem}
main{max-width:62rem;margin:0 auto;padding:1.25rem 1rem 3rem;display:grid;gap:1.25rem}
main.narrow{max-width:30rem}
.bar{display:flex;justify-content:space-between;align-items:center;gap:1rem;grid-column:1/-1}
a{color:var(--accent);text-underline-offset:.15em}
.card{background:#fff;border:1px solid var(--line);border-radius:.9rem;padding:1.25rem;min-width:0}
.card>:first-child,.card form>:first-child{margin-block-start:0}
.card>:last-child{margin-block-end:0}
h1{font-size:1.35rem;line-height:1.3;margin:0 0 .75rem}
h2{font-size:1rem;margin:0 0 .75rem}
.sum{font-size:1.9rem;line-height:1.2;font-weight:700;margin:0 0 1rem}
ul.items{list-style:none;margin:0;padding:0;border-top:1px solid var(--line)}
ul.items li,.row{display:flex;justify-content:space-between;gap:1rem;padding:.65rem 0;
border-bottom:1px solid var(--line)}
.items span:first-child{min-width:0;overflow-wrap:anywhere}
.row{border-bottom:0;font-weight:700}
.amount{white-space:nowrap;font-variant-numeric:tabular-nums}
small,.soft{color:var(--soft);font-size:.88rem}
fieldset{border:0;margin:0;padding:0;display:grid;gap:.6rem}
legend{padding:0;margin-bottom:.6rem;font-weight:600}
label.choice{display:flex;gap:.75rem;align-items:center;border:1px solid var(--line);border-radius:.7rem;
padding:.7rem .85rem;cursor:pointer}
label.choice:has(:checked){border-color:var(--accent);box-shadow:0 0 0 1px var(--accent)}
label.choice input{accent-color:var(--accent);inline-size:1.15rem;block-size:1.15rem;flex:none}
label.choice small{display:block}
.field{display:grid;gap:.3rem;margin-block:.9rem}
input[type=email],select{font:inherit;color:inherit;background:#fff;border:1px solid #b9c2d3;border-radius:.6rem;
padding:.6rem .7rem;inline-size:100%}
details{margin-block:.9rem}summary{cursor:pointer;color:var(--accent)}
button,.button{font:inherit;font-weight:600;border:1px solid transparent;border-radius:.7rem;padding:.8rem 1rem;
inline-size:100%;cursor:pointer;background:var(--accent);color:#fff;text-align:center;text-decoration:none;
display:block}
button.second{background:#fff;color:var(--ink);border-color:#b9c2d3}
button:focus-visible,a:focus-visible,summary:focus-visible,input:focus-visible,select:focus-visible{
outline:3px solid #9fb0ff;outline-offset:2px}
.buttons{display:grid;gap:.6rem}
.alert{border:1px solid #f0b8b3;background:#fdeeed;color:var(--bad);border-radius:.7rem;padding:.75rem .9rem;
margin:0 0 1rem;font-weight:600}
@media(min-width:48rem){main:not(.narrow){grid-template-columns:minmax(0,1fr) minmax(0,1.1fr);align-items:start;
padding-block-start:2rem}.card{padding:1.75rem}}
"""

_PAGE = """<!doctype html>
<html lang="{language}" dir="{direction}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<title>{title} · {sandbox}</title><style>{style}</style></head>
<body><div class="notice" role="note"><b>{sandbox}</b>{notice}</div>
<main class="{width}"><div class="bar"><span>{back}</span><a href="?lang={other}" lang="{other}"
hreflang="{other}">{other_language}</a></div>{content}</main></body></html>"""

# Scripts, pictures, frames and requests to anywhere are refused by the browser, whatever an order's text contains.
_HEADERS = [
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
]


def page(language: str, title: str, content: str, *, status: int = 200, back: str = "", wide: bool = False) -> Response:
    """A page; `title` is plain text, `content` and `back` are HTML."""
    texts = TEXTS[language]
    body = _PAGE.format(
        language=language,
        direction=DIRECTIONS[language],
        title=escape(title),
        sandbox=texts["sandbox"],
        notice=texts["sandbox_notice"],
        style=_STYLE,
        width="wide" if wide else "narrow",
        back=back,
        other="ar" if language == "en" else "en",
        other_language=texts["other_language"],
        content=content,
    )
    return Response(status, body.encode(), "text/html; charset=utf-8", list(_HEADERS))


def message(language: str, title: str, text: str, *, status: int = 200, link: str = "", label: str = "") -> Response:
    """A page that says one thing, with a link to go on where there is one."""
    further = f'<p><a class="button" href="{escape(link)}">{escape(label)}</a></p>' if link else ""
    content = f'<section class="card"><h1>{escape(title)}</h1><p>{escape(text)}</p>{further}</section>'
    return page(language, title, content, status=status)


def redirect(location: str) -> Response:
    """Go there, and ask for the page anew."""
    return Response(303, b"", "text/html; charset=utf-8", [("Location", location), ("Cache-Control", "no-store")])


def amount(minor: int, currency: str) -> str:
    """An amount as HTML: digits and currency stay together and in their order in both directions of writing."""
    places = exponent(currency)
    number = f"{minor:,}" if places == 0 else f"{minor // 10**places:,}.{minor % 10**places:0{places}d}"
    return f'<bdi class="amount">{number} {currency.upper()}</bdi>'
