"""A person with a browser that knows no JavaScript: opens pages, fills forms in, follows redirects, keeps cookies."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import httpx
from tests.factories.in_process import InProcess, departure

from ais.platform.http.correlation import Correlated

SITE = "http://ais.test"
_DAYS = itertools.cycle(range(5, 38))


class _Forms(HTMLParser):
    """The forms of a page with their fields as they are filled in."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append({"action": given.get("action"), "method": given.get("method", "get"), "fields": {}})
        if not self.forms:
            return
        fields = self.forms[-1]["fields"]
        name = given.get("name")
        if tag == "input" and name:
            if given.get("type") in {"radio", "checkbox"} and "checked" not in given:
                return
            fields[name] = given.get("value") or ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in fields):
            fields[self._select] = given.get("value") or ""


@dataclass
class Page:
    """An answer as a person sees it."""

    answer: httpx.Response

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def path(self) -> str:
        return self.answer.url.raw_path.decode()

    @property
    def text(self) -> str:
        """What is to be read, without tags, in one line."""
        visible = re.sub(r"<(script|style|noscript)\b.*?</\1>|<[^>]+>", " ", self.answer.text, flags=re.DOTALL)
        return " ".join(html.unescape(visible).split())

    def form(self, action: str) -> dict[str, str]:
        """The fields of the form that leads to an address with this end."""
        every = self.forms()
        found = [each for each in every if str(each["action"]).endswith(action)]
        assert found, f"no form leads to {action}: {[each['action'] for each in every]}"
        fields: dict[str, str] = found[0]["fields"]
        return dict(fields)

    def forms(self) -> list[dict[str, Any]]:
        """All forms of the page: ``action`` (None for the page itself), ``method`` and ``fields``."""
        reader = _Forms()
        reader.feed(self.answer.text)
        return reader.forms

    def links(self, pattern: str) -> list[str]:
        """The addresses of links that match."""
        found = [html.unescape(each) for each in re.findall(r'href="([^"]+)"', self.answer.text)]
        return [each for each in found if re.search(pattern, each)]


@dataclass
class Visitor:
    """The person."""

    program: InProcess
    http: httpx.AsyncClient

    async def open(self, path: str, **more: Any) -> Page:
        return Page(await self.http.get(path, follow_redirects=True, **more))

    async def send(self, path: str, fields: dict[str, str], *, follow: bool = True, **more: Any) -> Page:
        headers = {"Origin": SITE, **more.pop("headers", {})}
        return Page(await self.http.post(path, data=fields, headers=headers, follow_redirects=follow, **more))

    async def travellers(self, language: str = "en", **asked: str) -> Page:
        """The travellers' form of the cheapest one-way flight from Riyadh to Jeddah of a day that nobody else uses."""
        day = departure(next(_DAYS)).isoformat()
        query = {"from": "RUH", "to": "JED", "depart": day, "trip": "oneway", "adults": "1", **asked}
        flights = await self.open(f"/{language}/flights", params=query)
        assert flights.status == 200, flights.text
        return await self.open(flights.links("/travellers\\?")[0])

    @staticmethod
    def filled_in(form: Page, **more: str) -> dict[str, str]:
        """The form with one adult's name and an address."""
        names = {"p0-given": "Sara", "p0-family": "Al-Harbi", "email": "sara@example.com"}
        return {**form.form("/travellers"), **names, **more}

    async def order(self, language: str = "en", **asked: str) -> Page:
        """The page of a new order."""
        form = await self.travellers(language, **asked)
        page = await self.send(f"/{language}/travellers", self.filled_in(form))
        assert page.status == 200, page.text
        return page

    def order_json(self, page: Page) -> dict[str, str]:
        """The order of a page as the API's tests know orders: its id and the guest's token in the cookie."""
        order_id = re.search(r"ord_[a-z0-9]+", page.path)
        assert order_id is not None
        token = self.http.cookies["ais_shop"].split(".")[-1]
        return {"id": order_id[0], "guest_token": token}


@asynccontextmanager
async def visitor_of(program: InProcess) -> AsyncIterator[Visitor]:
    """A person who has never been here."""
    transport = program.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    assert isinstance(transport.app, Correlated)
    async with httpx.AsyncClient(transport=transport, base_url=SITE) as http:
        yield Visitor(program, http)
