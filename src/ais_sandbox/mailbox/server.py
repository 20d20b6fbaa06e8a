"""The program: SMTP on one port, the pages and the JSON API on another, one event loop."""

import asyncio
import contextlib
import functools
import logging
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from ais_sandbox.http import HttpServer, Reply, Request, Response
from ais_sandbox.mailbox import control, pages
from ais_sandbox.mailbox.control import Control
from ais_sandbox.mailbox.faults import FaultRules
from ais_sandbox.mailbox.messages import Messages
from ais_sandbox.mailbox.smtp import Conversation, Door, Handler
from ais_sandbox.storage import Storage

_log = logging.getLogger("ais_sandbox.mailbox")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the program is started with. A port of 0 takes a free one."""

    host: str
    port: int
    smtp_port: int
    data_directory: Path
    user: str = ""
    password: str = ""
    certificate: Path | None = None
    key: Path | None = None
    implicit_tls: bool = False


def _answer(messages: Messages, own: Control, request: Request) -> Reply:
    """The reply to any request."""
    if request.path.startswith(control.PREFIX):
        return own.answer(request)
    if request.path == "/healthz":
        return Response(200, b'{"status":"ok"}')
    return pages.answer(messages, request)


async def serve(settings: Settings, stop: asyncio.Event) -> int:
    """Serve until `stop` is set. The exit code: 0, or 1 when a port is taken or the certificate cannot be read.

    The line `ready http://host:port smtp://host:port` on standard output says that both answer from now on.
    """
    try:
        door = _door(settings)
    except OSError as error:
        _log.error("The certificate %s cannot be used: %s", settings.certificate, error.strerror)
        return 1
    # It would tell each command of each conversation, addresses and all.
    logging.getLogger("mail").setLevel(logging.WARNING)
    storage = Storage(settings.data_directory, "mailbox.sqlite3")
    messages, faults = Messages(storage), FaultRules(storage)
    own = Control(storage, messages, faults)
    pages_server = HttpServer(functools.partial(_answer, messages, own), storage.commit)
    handler = Handler(messages, faults)
    loop = asyncio.get_running_loop()
    taking = settings.smtp_port
    try:
        smtp_server = await loop.create_server(
            lambda: Conversation(handler, faults, door),
            settings.host,
            settings.smtp_port,
            ssl=door.certificate if door.implicit_tls else None,
        )
        taking = settings.port
        port = await pages_server.listen(settings.host, settings.port)
    except OSError as error:
        _log.error("Port %d cannot be used: %s", taking, os.strerror(error.errno or 0))
        storage.close()
        return 1
    smtp_port = smtp_server.sockets[0].getsockname()[1]
    print(f"ready http://{settings.host}:{port} smtp://{settings.host}:{smtp_port}", flush=True)  # noqa: T201 - what a starting program waits for
    await stop.wait()
    smtp_server.close()
    await pages_server.close()
    # Conversations that are under way are cut off with the process; what was answered with 250 is durable.
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await task
    storage.close()
    return 0


def _door(settings: Settings) -> Door:
    context = None
    if settings.certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.certificate, settings.key)
    return Door(settings.user, settings.password, context, settings.implicit_tls and context is not None)
