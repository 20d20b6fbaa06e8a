"""A keep-alive HTTP/1.1 client for what a stand-in sends of its own accord, such as webhooks."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

IDLE_CONNECTIONS_PER_HOST = 32


@dataclass(slots=True)
class _Channel:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    parser: h11.Connection


class HttpClient:
    """Posts bodies and reports the status; keeps idle connections for the next post to the same host."""

    def __init__(self) -> None:
        """Prepare a client without connections."""
        self._idle: dict[tuple[str, str, int], list[_Channel]] = {}

    async def post(self, url: str, body: bytes, headers: list[tuple[str, str]], timeout: float) -> tuple[int, bytes]:  # noqa: ASYNC109 - one deadline over connect, send and read
        """Post `body` and return status and the first 500 bytes of the answer.

        Raises `TimeoutError` when the whole exchange takes longer than `timeout` seconds, `OSError` when there is no
        connection, and `ConnectionError` when it breaks or does not speak HTTP.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = h11.Request(
            method="POST",
            target=target,
            headers=[("Host", parts.netloc.rpartition("@")[2]), ("Content-Length", str(len(body))), *headers],
        )
        async with asyncio.timeout(timeout):
            return await self._exchange((parts.scheme, host, port), head, body)

    def close(self) -> None:
        """Drop the idle connections."""
        for channels in self._idle.values():
            for channel in channels:
                channel.writer.transport.abort()
        self._idle.clear()

    async def _exchange(self, address: tuple[str, str, int], head: h11.Request, body: bytes) -> tuple[int, bytes]:
        idle = self._idle.setdefault(address, [])
        while idle:
            channel = idle.pop()
            if channel.reader.at_eof() or channel.writer.is_closing():
                channel.writer.transport.abort()
                continue
            # An idle connection may have been closed by the other side in this very moment. Trying once more on a
            # fresh one repeats at most a delivery, which receivers of webhooks have to expect anyway.
            with contextlib.suppress(ConnectionError):
                return await self._speak(address, channel, head, body)
        return await self._speak(address, await _connect(*address), head, body)

    async def _speak(
        self, address: tuple[str, str, int], channel: _Channel, head: h11.Request, body: bytes
    ) -> tuple[int, bytes]:
        reusable = False
        try:
            data = (channel.parser.send(head) or b"") + (channel.parser.send(h11.Data(data=body)) or b"")
            channel.parser.send(h11.EndOfMessage())
            channel.writer.write(data)
            status, answer = await _read_answer(channel)
            if channel.parser.our_state is h11.DONE and channel.parser.their_state is h11.DONE:
                channel.parser.start_next_cycle()
                reusable = True
        except h11.ProtocolError as error:
            message = f"the receiver does not speak HTTP: {error}"
            raise ConnectionError(message) from error
        else:
            return status, answer
        finally:
            idle = self._idle.setdefault(address, [])
            if reusable and len(idle) < IDLE_CONNECTIONS_PER_HOST:
                idle.append(channel)
            else:
                channel.writer.transport.abort()


async def _connect(scheme: str, host: str, port: int) -> _Channel:
    context = ssl.create_default_context() if scheme == "https" else None
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    return _Channel(reader, writer, h11.Connection(h11.CLIENT))


async def _read_answer(channel: _Channel) -> tuple[int, bytes]:
    status = 0
    excerpt = b""
    while True:
        event = channel.parser.next_event()
        if event is h11.NEED_DATA:
            data = await channel.reader.read(65536)
            if not data and channel.parser.their_state is h11.SEND_RESPONSE:
                message = "the receiver closed the connection without an answer"
                raise ConnectionError(message)
            channel.parser.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            excerpt = (excerpt + bytes(event.data))[:500]
        elif isinstance(event, h11.EndOfMessage):
            return status, excerpt
