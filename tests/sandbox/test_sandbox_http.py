"""The HTTP server of the stand-ins, spoken to byte by byte."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.factories.stripe_simulator import StripeSimulator

from ais_sandbox.http import HttpServer, Response

AUTHORIZED = b"Authorization: Bearer sk_test_ais_demo\r\nHost: x\r\n"


@contextmanager
def connection(simulator: StripeSimulator) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(simulator.url.rpartition(":")[2])), timeout=5) as opened:
        yield opened


def read_answers(opened: socket.socket, number: int) -> list[tuple[int, bytes]]:
    """Read that many answers: status and body."""
    answers, data = [], b""
    while len(answers) < number:
        head, separator, rest = data.partition(b"\r\n\r\n")
        length = 0
        if separator:
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            length = int(fields[b"content-length"])
        if separator and len(rest) >= length:
            answers.append((int(head.split(b" ")[1]), rest[:length]))
            data = rest[length:]
            continue
        received = opened.recv(65536)
        assert received, "the connection was closed before the answer"
        data += received
    return answers


def test_requests_sent_together_are_answered_in_order(simulator: StripeSimulator) -> None:
    with connection(simulator) as opened:
        request = b"GET /v1/payment_intents/pi_%d HTTP/1.1\r\n" + AUTHORIZED + b"\r\n"
        opened.sendall(b"".join(request % number for number in range(5)))
        answers = read_answers(opened, 5)
    assert [status for status, _ in answers] == [404] * 5
    assert [f"'pi_{number}'".encode() in body for number, (_, body) in enumerate(answers)] == [True] * 5


def test_a_request_may_come_byte_by_byte_and_in_chunks(simulator: StripeSimulator) -> None:
    form = b"amount=12345&currency=sar"
    head = b"POST /v1/payment_intents HTTP/1.1\r\n" + AUTHORIZED
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(form), form)
    with connection(simulator) as opened:
        for byte in head + chunked:
            opened.sendall(bytes([byte]))
        ((status, body),) = read_answers(opened, 1)
    assert (status, b'"amount":12345' in body) == (200, True)


def test_a_client_may_ask_before_it_sends(simulator: StripeSimulator) -> None:
    with connection(simulator) as opened:
        head = b"POST /v1/payment_intents HTTP/1.1\r\n" + AUTHORIZED
        opened.sendall(head + b"Expect: 100-continue\r\nContent-Length: 25\r\n\r\n")
        assert opened.recv(1000).startswith(b"HTTP/1.1 100")
        opened.sendall(b"amount=12345&currency=sar")
        assert read_answers(opened, 1)[0][0] == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"this is no HTTP\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"POST /v1/refunds HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000 + b"\r\n\r\n", 431),
        (b"POST /v1/refunds HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"a" * 2_000_000, 413),
    ],
)
def test_what_is_no_request_is_refused_and_the_next_client_is_served(
    simulator: StripeSimulator, sent: bytes, status: int
) -> None:
    with connection(simulator) as opened:
        try:
            opened.sendall(sent)
        except ConnectionError:
            assert status == 413
        try:
            answer = opened.recv(1000)
        except ConnectionError:
            answer = b""
    # A client that still sends may find the connection gone before it has read why.
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) or (status in {413, 431} and answer == b"")
    assert "objects" in simulator.control("GET", "")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"", 401),
        (b"Authorization: Basic !!!\r\n", 401),
        (b"Authorization: Bearer \r\n", 401),
        (b"Authorization: Basic c2tfdGVzdF9haXNfZGVtbzo=\r\n", 200),
    ],
)
def test_the_key_comes_as_bearer_or_as_user_name(simulator: StripeSimulator, header: bytes, status: int) -> None:
    with connection(simulator) as opened:
        opened.sendall(b"GET /v1/charges HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n")
        answer = read_answers(opened, 1)[0]
    assert answer[0] == status
    if status == 401:
        assert b'"type":"invalid_request_error"' in answer[1]


def test_json_is_not_what_stripe_reads(simulator: StripeSimulator) -> None:
    with connection(simulator) as opened:
        head = b"POST /v1/payment_intents HTTP/1.1\r\n" + AUTHORIZED
        opened.sendall(head + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        assert read_answers(opened, 1)[0][0] == 400


@pytest.mark.parametrize("kept", [True, False])
async def test_an_answer_is_sent_only_after_its_work_is_durable(kept: bool) -> None:
    sent_before_commit: list[bytes] = []
    reader: asyncio.StreamReader

    def commit() -> None:
        sent_before_commit.append(bytes(reader._buffer))
        if not kept:
            message = "the disk is full"
            raise OSError(message)

    server = HttpServer(lambda _: Response(200, b"paid"), commit)
    port = await server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        if kept:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
            assert await reader.readexactly(4) == b"paid"
        else:
            assert await reader.read() == b""
        assert sent_before_commit == [b""]
    finally:
        writer.close()
        await server.close()
