"""The whole program: storage, API, control, pages and background in one event loop."""

import asyncio
import contextlib
import functools
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from ais_sandbox.http import HttpServer, Reply, Request, Response
from ais_sandbox.storage import Storage
from ais_sandbox.stripe import control, pages
from ais_sandbox.stripe.account import Account
from ais_sandbox.stripe.api import StripeApi
from ais_sandbox.stripe.control import Control
from ais_sandbox.stripe.deliveries import Endpoint
from ais_sandbox.stripe.faults import FaultRules
from ais_sandbox.stripe.idempotency import IdempotencyKeys
from ais_sandbox.stripe.reactions import REACTIONS
from ais_sandbox.stripe.switches import Switchboard, WebhookSwitches
from ais_sandbox.stripe.webhooks import Background

CONFIGURED_ENDPOINT = "we_configured"
_log = logging.getLogger("ais_sandbox.stripe")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the program is started with."""

    host: str
    port: int
    data_directory: Path
    api_key: str
    webhook_secret: str
    webhook_url: str | None
    webhooks: WebhookSwitches
    settle_seconds: float


class Application:
    """Routes a request to Stripe's API, to the sandbox's control, or to a page."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        """Wire everything that lives on `storage`."""
        switchboard = Switchboard(storage, settings.webhooks, settings.settle_seconds)
        self.account = Account(storage, switchboard, f"http://{settings.host}:{settings.port}", REACTIONS)
        self._set_endpoint(settings)
        keys, faults = IdempotencyKeys(storage), FaultRules(storage)
        self.background = Background(self.account, keys)
        self._api = StripeApi(self.account, keys, faults, settings.api_key, self.background.wake)
        self._control = Control(self.account, faults, keys, self.background)

    def answer(self, request: Request) -> Reply:
        """The reply to any request."""
        if request.path.startswith("/v1/"):
            return self._api.answer(request)
        if request.path.startswith(control.PREFIX):
            return self._control.answer(request)
        if request.path.startswith(pages.PREFIXES):
            response = pages.answer(self.account, request)
            self.background.wake()
            return response
        if request.path == "/healthz":
            return Response(200, b'{"status":"ok"}')
        return self._api.answer(request)

    def _set_endpoint(self, settings: Settings) -> None:
        if settings.webhook_url is None:
            self.account.deliveries.remove_endpoint(CONFIGURED_ENDPOINT)
        else:
            endpoint = Endpoint(CONFIGURED_ENDPOINT, settings.webhook_url, settings.webhook_secret, ("*",))
            self.account.deliveries.put_endpoint(endpoint)


async def serve(settings: Settings, stop: asyncio.Event) -> int:
    """Serve until `stop` is set. The exit code: 0, or 1 when the port is taken.

    The line `ready http://host:port` on standard output says that requests are answered from now on.
    """
    storage = Storage(settings.data_directory, "stripe.sqlite3")
    application = Application(settings, storage)
    server = HttpServer(application.answer, storage.commit)
    loop = asyncio.get_running_loop()
    storage.commit_later = functools.partial(loop.call_soon, storage.commit)
    try:
        port = await server.listen(settings.host, settings.port)
    except OSError as error:
        _log.error("Port %d cannot be used: %s", settings.port, os.strerror(error.errno or 0))
        storage.close()
        return 1
    url = f"http://{settings.host}:{port}"
    application.account.page_url = url
    background = loop.create_task(application.background.run())
    print(f"ready {url}", flush=True)  # noqa: T201 - what a starting program waits for
    stopping = loop.create_task(stop.wait())
    await asyncio.wait({stopping, background}, return_when=asyncio.FIRST_COMPLETED)
    failed = background.done()
    await server.close()
    background.cancel()
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await background
    storage.close()
    return 1 if failed else 0
