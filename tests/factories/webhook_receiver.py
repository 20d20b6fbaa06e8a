"""A receiver of webhooks on a port of its own, which keeps what it was sent and answers as it is told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe


@dataclass(frozen=True)
class Received:
    """One request as it came: the raw body, and Stripe's signature header."""

    body: bytes
    signature: str
    received_at: float

    def event(self, secret: str) -> stripe.Event:
        """The verified event. `stripe.SignatureVerificationError` if the signature is not that of `secret`."""
        return stripe.Webhook.construct_event(self.body, self.signature, secret)  # type: ignore[no-any-return]  # the SDK types it as Any


class WebhookReceiver:
    """What was received so far, and the status the next request is answered with."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer_with: Callable[[Received], int] = lambda _: 200
        self.answer_after_seconds = 0.0
        self.url = ""
        self._changed = threading.Condition()

    def take(self, received: Received) -> int:
        """Keep a request and say what to answer."""
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()
        if self.answer_after_seconds:
            time.sleep(self.answer_after_seconds)
        return self.answer_with(received)

    def wait_for(self, wanted: Callable[[list[Received]], bool], seconds: float = 10.0) -> list[Received]:
        """Wait until `wanted` holds of what was received and return that. `AssertionError` if it does not in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: wanted(self.received), seconds):
                message = f"Only {len(self.received)} webhooks came within {seconds} s."
                raise AssertionError(message)
            return list(self.received)


@contextmanager
def webhook_receiver() -> Iterator[WebhookReceiver]:
    """A receiver that listens on a free port until the block ends."""
    receiver = WebhookReceiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(Received(body, self.headers["Stripe-Signature"], time.time()))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the tests' output quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # With the usual backlog of 5 a burst of webhooks would wait for the kernel to try its connections again.
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
