"""Errors are told to Sentry's protocol, without anything of the people they happened to."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sentry_sdk

from ais.platform import error_reports, telemetry
from ais.platform.error_reports import only_what_may_leave, start_error_reports
from ais.platform.settings import Settings

EMAIL, NAME, TOKEN, CARD = "huda@planted.example", "Zubaydah", "gst_" + "A" * 40, "4242 4242 4242 4242"


class Receiver:
    """What came, envelope by envelope: each a list of its lines."""

    def __init__(self) -> None:
        self.envelopes: list[list[dict]] = []
        self.headers: list[dict[str, str]] = []
        self.dsn = ""


@contextmanager
def envelope_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.envelopes.append([json.loads(line) for line in body.splitlines() if line])
            receiver.headers.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.dsn = f"http://public@127.0.0.1:{server.server_address[1]}/7"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with envelope_receiver() as receiver:
        start_error_reports(Settings(sentry_dsn=receiver.dsn, env="test"))
        yield receiver
        telemetry.stop_telling_errors()
        sentry_sdk.get_client().close(timeout=2)
        sentry_sdk.get_global_scope().set_client(None)


def log_line(level: str, event: str, **fields: object) -> None:
    """A line as a process logs it, through the same processors."""
    line: dict = {"event": event, "level": level, **fields}
    for processor in (
        telemetry._add_correlation_id,
        telemetry._name_process("web"),
        telemetry._keep_error,
        telemetry.tell_exception,
        telemetry.mask_personal_data,
        telemetry._tell_listeners,
    ):
        line = processor(None, level, line)
    assert "_error" not in line


def fail(family_name: str) -> None:
    secret = f"{family_name} {TOKEN}"
    try:
        int(secret)
    except ValueError as problem:
        raise RuntimeError(f"the order of {EMAIL} paid with {CARD}") from problem


def reported(receiver: Receiver) -> list[dict]:
    sentry_sdk.flush(timeout=5)
    return [lines[2] for lines in receiver.envelopes]


def test_an_accident_is_reported_with_its_place_and_without_the_people(receiver):
    token = telemetry.CORRELATION_ID.set("trip-7")
    try:
        fail(NAME)
    except RuntimeError as problem:
        log_line("error", f"unexpected failure for {EMAIL}", component="http", exc_info=problem, email=EMAIL, name=NAME)
    finally:
        telemetry.CORRELATION_ID.reset(token)
    (event,) = reported(receiver)
    assert event["message"] == "unexpected failure for ***"
    assert event["tags"] == {"component": "http", "service": "web", "correlation_id": "trip-7"}
    assert (event["level"], event["environment"]) == ("error", "test")
    first, second = event["exception"]["values"]
    assert (first["type"], second["type"]) == ("ValueError", "RuntimeError")
    assert second["value"] == "RuntimeError: the order of *** paid with ***"
    frame = second["stacktrace"]["frames"][-1]
    assert (frame["function"], frame["filename"]) == ("fail", __file__)
    whole = json.dumps(receiver.envelopes)
    assert not any(each in whole for each in (EMAIL, NAME, TOKEN, CARD, "4242"))
    assert set(event) <= error_reports._SENT
    assert set(frame) <= {"function", "filename", "lineno", "in_app"}


def test_an_alarm_without_an_exception_is_reported_too_and_what_is_no_error_is_not(receiver):
    log_line("info", "order written")
    log_line("warning", "unavailable")
    log_line("error", "rate limits are not shared: Valkey is away", component="rate_limits")
    (event,) = reported(receiver)
    assert event["message"] == "rate limits are not shared: Valkey is away"
    assert "exception" not in event


def test_what_the_library_would_add_is_taken_out():
    added = {
        "user": {"email": EMAIL}, "request": {"headers": {"Authorization": TOKEN}, "data": NAME}, "extra": {"a": NAME},
        "breadcrumbs": [NAME], "contexts": {}, "server_name": "host", "modules": {}, "level": "error",
    }  # fmt: skip
    assert only_what_may_leave(added, {}) == {"level": "error"}


def test_without_an_address_nothing_is_reported_and_nothing_listens():
    start_error_reports(Settings())
    log_line("error", "an accident")
    assert telemetry._listeners == []


def test_the_library_is_loaded_by_a_process_that_reports_and_by_no_other():
    """At no module's top level: each start would be half a second slower."""
    for file in Path(error_reports.__file__).parents[1].rglob("*.py"):
        assert not re.search(r"^(import|from) sentry_sdk", file.read_text(encoding="utf-8"), re.MULTILINE), file
