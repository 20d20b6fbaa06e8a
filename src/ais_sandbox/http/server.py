"""An HTTP/1.1 server on asyncio and h11, for one application function."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

import h11

from ais_sandbox.http.messages import CutConnection, Delayed, Reply, Request, Response

Application = Callable[[Request], Reply]

LARGEST_BODY_BYTES = 1024 * 1024
_REASONS = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}
_log = logging.getLogger("ais_sandbox.http")


class HttpServer:
    """Serves an application on one address until `close`.

    The application is called on the event loop and has to answer at once; what takes time is returned as `Delayed`
    or `Hang`. An exception that escapes it is logged and answered with a plain 500.
    """

    def __init__(self, application: Application, before_sending: Callable[[], None]) -> None:
        """Prepare a server; it listens after `listen`.

        Replies that are worked out in the same moment are sent together, after one call of `before_sending`; if that
        raises, none of them is sent and their connections are cut.
        """
        self._application = application
        self._before_sending = before_sending
        self._outgoing: list[tuple[_Connection, Reply]] = []
        self._server: asyncio.Server | None = None
        self.connections: set[_Connection] = set()

    async def listen(self, host: str, port: int) -> int:
        """Listen and return the port, which differs from `port` when that is 0. `OSError` if it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self, self._application), host, port, backlog=512)
        return cast("int", self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and drop every connection; an answer that is being worked out is not sent."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self.connections):
            connection.abort()
        # A connection accepted in the same moment may linger; a second is ample for the loop to forget it.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), timeout=1.0)

    def send_soon(self, connection: "_Connection", reply: Reply) -> None:
        """Send a reply with the others of this moment."""
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._send_all)
        self._outgoing.append((connection, reply))

    def _send_all(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        try:
            self._before_sending()
        except Exception:
            # What these answers say did not become durable: they must not be heard.
            _log.exception("The work of %d requests could not be kept", len(outgoing))
            outgoing = [(connection, CutConnection()) for connection, _ in outgoing]
        for connection, reply in outgoing:
            connection.reply(reply)


class _Connection(asyncio.Protocol):
    """One client connection: requests one after the other, pipelined ones wait inside h11."""

    def __init__(self, server: HttpServer, application: Application) -> None:
        self._server = server
        self._application = application
        self._transport: asyncio.Transport | None = None
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        self._head: h11.Request | None = None
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._waiting: asyncio.TimerHandle | None = None
        self._hanging = False
        self._working = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        self._server.connections.discard(self)
        self._transport = None
        # A request whose client has gone is carried out all the same, as any server would; only silence can end.
        if self._waiting is not None and self._hanging:
            self._waiting.cancel()

    def abort(self) -> None:
        """Drop the connection now, without sending what is still buffered."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._parser.receive_data(data)
        if not self._working:
            self._advance()

    def eof_received(self) -> None:
        self._parser.receive_data(b"")
        if not self._working:
            self._advance()

    def _advance(self) -> None:
        """Take events from the parser until it needs more data or an answer is pending."""
        try:
            while self._transport is not None and not self._working:
                event = self._parser.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    if isinstance(event, h11.ConnectionClosed):
                        self._transport.close()
                    return
                self._take(event)
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, str(error))

    def _take(self, event: h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]) -> None:
        if isinstance(event, h11.Request):
            self._head = event
            self._body = []
            self._body_bytes = 0
            if self._parser.they_are_waiting_for_100_continue:
                self._write(self._parser.send(h11.InformationalResponse(status_code=100, headers=[])))
        elif isinstance(event, h11.Data):
            self._body_bytes += len(event.data)
            if self._body_bytes > LARGEST_BODY_BYTES:
                self._refuse(413, "The request body is too large.")
                return
            self._body.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and self._head is not None:
            path, _, query = self._head.target.decode("ascii").partition("?")
            headers = {name.decode("ascii"): value.decode("latin-1") for name, value in self._head.headers}
            request = Request(self._head.method.decode("ascii"), path, query, headers, b"".join(self._body))
            self._working = True
            self._server.send_soon(self, self._answer(lambda: self._application(request)))

    def _answer(self, work: Callable[[], Reply]) -> Reply:
        try:
            return work()
        except Exception:
            # The stand-in itself is at fault here; the client sees what it would see of a broken server.
            _log.exception("A request could not be answered")
            return Response(500, b'{"error":{"type":"api_error","message":"The sandbox failed; see its log."}}')

    def reply(self, reply: Reply) -> None:
        """Do with this connection what the application decided."""
        loop = asyncio.get_running_loop()
        if isinstance(reply, Delayed):
            self._waiting = loop.call_later(reply.seconds, self._resume, reply)
        elif self._transport is None:
            return
        elif isinstance(reply, Response):
            self._send(reply)
            self._working = False
            self._advance()
        elif isinstance(reply, CutConnection):
            self._transport.abort()
        else:
            self._hanging = True
            self._waiting = loop.call_later(reply.seconds, self._transport.abort)

    def _resume(self, delayed: Delayed) -> None:
        self._waiting = None
        self._server.send_soon(self, self._answer(delayed.reply))

    def _send(self, response: Response) -> None:
        head = h11.Response(
            status_code=response.status,
            reason=_REASONS.get(response.status, b""),
            headers=[
                ("Date", formatdate(usegmt=True)),
                ("Content-Type", response.content_type),
                ("Content-Length", str(len(response.body))),
                *response.headers,
            ],
        )
        data = (self._parser.send(head) or b"") + (self._parser.send(h11.Data(data=response.body)) or b"")
        self._parser.send(h11.EndOfMessage())
        self._write(data)
        if self._parser.our_state is h11.MUST_CLOSE:
            if self._transport is not None:
                self._transport.close()
        elif self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE:
            self._parser.start_next_cycle()

    def _write(self, data: bytes | None) -> None:
        if data and self._transport is not None:
            self._transport.write(data)

    def _refuse(self, status: int, message: str) -> None:
        """Answer what is not a request we can read, and close: its end cannot be found."""
        if self._transport is None:
            return
        body = message.encode()
        reason = _REASONS.get(status, b"Bad Request").decode("ascii")
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        self._transport.write(head.encode("ascii") + b"Connection: close\r\n\r\n" + body)
        self._transport.close()
        self._transport = None
