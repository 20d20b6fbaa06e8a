"""The mailbox's own API under `/_sandbox`, in JSON: what was taken, and how to misbehave."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs

import msgspec

from ais_sandbox.http import Request, Response
from ais_sandbox.mailbox.faults import FaultRule, FaultRules
from ais_sandbox.mailbox.messages import Messages
from ais_sandbox.storage import Storage

PREFIX = "/_sandbox"
MOST_LISTED = 1000


class NoSuchMessage(LookupError):
    """There is no message of this number."""


class Control:
    """Answers the requests under `/_sandbox`."""

    def __init__(self, storage: Storage, messages: Messages, faults: FaultRules) -> None:
        """Wire the parts that it shows and switches."""
        self._storage, self._messages, self._faults = storage, messages, faults
        routes: list[tuple[str, str, Callable[[Request, str], object]]] = [
            ("GET", "", self._status),
            ("GET", "/messages", self._list),
            ("DELETE", "/messages", self._remove),
            ("GET", "/messages/([0-9]{1,18})", self._get),
            ("DELETE", "/messages/([0-9]{1,18})", self._remove),
            ("GET", "/faults", self._list_faults),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", self._remove_faults),
            ("DELETE", "/faults/([0-9]{1,18})", self._remove_faults),
        ]
        self._routes = [(method, re.compile(PREFIX + path + "/?"), handler) for method, path, handler in routes]

    def answer(self, request: Request) -> Response:
        """The reply to one request: 200 with JSON, 404 for what does not exist, 400 for a body that does not fit."""
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(request.path)
            if found is None or method != request.method:
                continue
            try:
                with self._storage.transaction():
                    result = handler(request, found[1] if pattern.groups else "")
            except (msgspec.MsgspecError, ValueError) as error:
                return _json(400, {"error": str(error)})
            except NoSuchMessage as error:
                return _json(404, {"error": str(error)})
            return _json(200, result)
        return _json(404, {"error": f"no such route: {request.method} {request.path}"})

    def _status(self, _: Request, __: str) -> object:
        return {"messages": self._messages.count(), "faults": self._faults.all()}

    def _list(self, request: Request, _: str) -> object:
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        limit = min(int(query.get("limit", "100")), MOST_LISTED)
        before = int(query["before"]) if "before" in query else None
        return {"messages": self._messages.find(query.get("to"), limit, before)}

    def _get(self, _: Request, number: str) -> object:
        message = self._messages.get(int(number))
        if message is None:
            raise NoSuchMessage(f"no message {number}")
        return message

    def _remove(self, _: Request, number: str) -> object:
        return {"removed": self._messages.remove(int(number) if number else None)}

    def _list_faults(self, _: Request, __: str) -> object:
        return {"faults": self._faults.all()}

    def _add_fault(self, request: Request, _: str) -> object:
        return self._faults.add(msgspec.json.decode(request.body, type=FaultRule))

    def _remove_faults(self, _: Request, number: str) -> object:
        return {"removed": self._faults.remove(int(number) if number else None)}


def _json(status: int, value: object) -> Response:
    return Response(status, msgspec.json.encode(value))
