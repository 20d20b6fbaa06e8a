"""The mailbox: real SMTP in, pages and JSON out, and the ways in which it misbehaves on request."""

import ipaddress
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.factories.mailbox import Mailbox, start_mailbox

ARABIC_SUBJECT = "تأكيد حجزك ABC234"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    mailbox = start_mailbox(tmp_path_factory.mktemp("mailbox"))
    yield mailbox
    assert mailbox.stop() == 0


@pytest.fixture
def mailbox(running: Mailbox) -> Mailbox:
    running.clear()
    return running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Mailbox]]:
    started: list[Mailbox] = []

    def start_one(*options: str) -> Mailbox:
        started.append(start_mailbox(tmp_path / str(len(started)), *options))
        return started[-1]

    yield start_one
    for each in started:
        each.kill()


def letter(to: str = "sara@example.com", subject: str = "Your booking ABC234", language: str = "en") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Najd Air <booking@najd.example>"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<one@najd.example>"
    message["Content-Language"] = language
    message.set_content("Thank you.\n.\nA line of one dot stood above.\n")
    message.add_alternative("<p onclick='x()'>Thank you.</p><script>alert(1)</script>", subtype="html")
    return message


def send(mailbox: Mailbox, message: EmailMessage, timeout: float = 5.0) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=timeout) as client:
        client.send_message(message)


def test_a_message_is_listed_by_recipient_and_read_with_both_parts(mailbox):
    send(mailbox, letter())
    send(mailbox, letter("omar@example.com", ARABIC_SUBJECT, "ar"))
    (message,) = mailbox.messages("SARA@example.com")
    assert message["subject"] == "Your booking ABC234"
    assert message["from_header"] == "Najd Air <booking@najd.example>"
    assert message["mail_from"] == "booking@najd.example"
    assert message["recipients"] == ["sara@example.com"]
    assert message["message_id"] == "<one@najd.example>"
    assert message["text"].replace("\r\n", "\n") == "Thank you.\n.\nA line of one dot stood above.\n"
    assert "<p onclick='x()'>Thank you.</p>" in message["html"]
    assert [each["subject"] for each in mailbox.messages()] == ["Your booking ABC234", ARABIC_SUBJECT]
    assert mailbox.messages("nobody@example.com") == []


def test_messages_are_removed_one_by_one_or_all(mailbox):
    for _ in range(3):
        send(mailbox, letter())
    first, second, third = mailbox.messages()
    assert mailbox.control("DELETE", f"/messages/{second['id']}") == {"removed": 1}
    assert [each["id"] for each in mailbox.messages()] == [first["id"], third["id"]]
    assert mailbox.control("DELETE", "/messages") == {"removed": 2}
    assert mailbox.messages("sara@example.com") == []
    with pytest.raises(urllib.error.HTTPError) as refused:
        mailbox.control("GET", f"/messages/{first['id']}")
    assert refused.value.code == 404


def test_the_list_goes_on_where_a_page_ended(mailbox):
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=5) as client:
        for number in range(55):
            client.send_message(letter(subject=f"Message {number}"))
    first, _ = mailbox.page("/")
    assert first.count("<bdi>Message ") == 50
    assert "Message 54" in first
    assert "Message 4<" not in first
    link = first.partition("href='/?to=&amp;before=")[2].partition("'")[0]
    second, _ = mailbox.page(f"/?to=&before={link}")
    assert second.count("<bdi>Message ") == 5
    assert "Message 4<" in second


def test_somebody_elses_html_runs_no_script_and_asks_nobody_for_anything(mailbox):
    message = letter(subject="<script>alert(2)</script>", to="x@example.com")
    send(mailbox, message)
    number = mailbox.messages()[0]["id"]
    page, headers = mailbox.page(f"/messages/{number}")
    assert "<script" not in page
    assert f"<iframe src='/messages/{number}/html' sandbox='allow-popups allow-popups-to-escape-sandbox'" in page
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'; frame-src")
    body, headers = mailbox.page(f"/messages/{number}/html")
    assert "Thank you." in body
    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'")
    assert "allow-scripts" not in policy
    raw, headers = mailbox.page(f"/messages/{number}/raw")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert "Content-Type: multipart/alternative" in raw


@pytest.mark.parametrize("path", ["/messages/9", "/messages/x", "/messages/" + "9" * 40, "/other", "/messages/1/2/3"])
def test_what_does_not_exist_is_not_found(mailbox, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        mailbox.page(path)
    assert refused.value.code == 404


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("connect", smtplib.SMTPConnectError),
        ("mail", smtplib.SMTPSenderRefused),
        ("rcpt", smtplib.SMTPRecipientsRefused),
        ("data", smtplib.SMTPDataError),
    ],
)
@pytest.mark.parametrize("status", [421, 451, 550])
def test_it_refuses_once_at_the_step_it_was_told_and_keeps_nothing(mailbox, step, error, status):
    mailbox.fault("refuse", step, status=status, text="5.1.1 No such person")
    with pytest.raises(error) as refused:
        send(mailbox, letter())
    told = str(getattr(refused.value, "smtp_code", "")) + str(refused.value)
    assert str(status) in told
    assert "No such person" in told
    assert mailbox.messages() == []
    send(mailbox, letter())
    assert len(mailbox.messages()) == 1


def test_it_refuses_one_recipient_for_as_long_as_the_rule_stands(mailbox):
    mailbox.fault("refuse", "rcpt", status=550, recipient="gone@example.com", times=None)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(mailbox, letter("Gone@example.com"))
    send(mailbox, letter("here@example.com"))
    assert [each["recipients"] for each in mailbox.messages()] == [["here@example.com"]]
    (rule,) = mailbox.control("GET", "/faults")["faults"]
    assert rule["applied"] == 2


@pytest.mark.parametrize(("step", "kept"), [("connect", 0), ("mail", 0), ("data", 0), ("taken", 1)])
def test_it_cuts_the_connection_before_or_after_it_has_taken_the_message(mailbox, step, kept):
    mailbox.fault("cut", step)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(mailbox, letter())
    assert len(mailbox.messages()) == kept
    send(mailbox, letter())
    assert len(mailbox.messages()) == kept + 1


def test_it_hangs_and_delays(mailbox):
    mailbox.fault("hang", "data", seconds=30)
    began = time.monotonic()
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        send(mailbox, letter(), timeout=0.3)
    assert time.monotonic() - began < 3
    mailbox.fault("delay", "taken", seconds=0.4)
    began = time.monotonic()
    send(mailbox, letter())
    assert time.monotonic() - began >= 0.4
    assert len(mailbox.messages()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"action": "explode"},
        {"action": "refuse", "status": 250},
        {"action": "refuse", "text": "two\r\nlines"},
        {"action": "cut", "step": "mail", "recipient": "a@example.com"},
        {"action": "cut", "unknown": 1},
    ],
)
def test_a_rule_that_means_nothing_is_refused(mailbox, body):
    with pytest.raises(urllib.error.HTTPError) as refused:
        mailbox.control("POST", "/faults", body)
    assert refused.value.code == 400
    assert mailbox.control("GET", "/faults") == {"faults": []}


def test_a_kill_loses_no_message_that_was_taken(start):
    mailbox = start()
    for _ in range(5):
        send(mailbox, letter())
    mailbox.fault("refuse", status=550, times=None)
    mailbox.kill()
    mailbox.restart()
    assert len(mailbox.messages()) == 5
    with pytest.raises(smtplib.SMTPDataError):
        send(mailbox, letter())


def test_an_account_is_asked_for_when_there_is_one(start):
    mailbox = start("--user", "ais", "--password", "open sesame")
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=5) as client:
        client.ehlo()
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.send_message(letter())
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ais", "wrong")
        client.login("ais", "open sesame")
        client.send_message(letter())
    assert len(mailbox.messages()) == 1


def certificate(directory: Path) -> Path:
    """A PEM file of a key and a certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = directory / "mailbox.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize("implicit", [False, True])
def test_it_speaks_tls_with_a_certificate(start, tmp_path, implicit):
    file = certificate(tmp_path)
    mailbox = start("--certificate", str(file), *(["--implicit-tls"] if implicit else []))
    context = ssl.create_default_context(cafile=str(file))
    if implicit:
        with smtplib.SMTP_SSL("127.0.0.1", mailbox.smtp_port, timeout=5, context=context) as client:
            client.send_message(letter())
    else:
        with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=5) as client:
            client.starttls(context=context)
            client.send_message(letter())
    assert len(mailbox.messages()) == 1


def test_a_port_in_use_and_a_missing_certificate_are_said_in_a_sentence(start, tmp_path):
    mailbox = start()
    page_port = mailbox.url.rpartition(":")[2]
    free = ["--port", "0", "--smtp-port", "0"]
    for arguments, said in (
        (["--port", page_port, "--smtp-port", "0"], f"Port {page_port} cannot be used"),
        (["--port", "0", "--smtp-port", str(mailbox.smtp_port)], f"Port {mailbox.smtp_port} cannot be used"),
        ([*free, "--certificate", "/nowhere.pem"], "The certificate /nowhere.pem cannot be used"),
        ([*free, "--data-dir", str(mailbox.data_directory)], "is used by another process"),
    ):
        command = [sys.executable, "-m", "ais_sandbox", "mailbox", "--data-dir", str(tmp_path / "o"), *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        assert ended.returncode == 1, arguments
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_signal_ends_it_amid_conversations_and_it_stays_small(start):
    mailbox = start()
    for _ in range(100):
        send(mailbox, letter())
    assert mailbox.memory_bytes() < 50 * 1024 * 1024
    mailbox.fault("hang", "data", seconds=60)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        send(mailbox, letter(), timeout=0.1)
    with socket.create_connection(("127.0.0.1", mailbox.smtp_port)) as half:
        half.sendall(b"EHLO x\r\n")
        began = time.monotonic()
        assert mailbox.stop() == 0
        assert time.monotonic() - began < 2
    log = mailbox.data_directory.with_name("mailbox.log").read_text(encoding="utf-8")
    assert "Traceback" not in log


def test_it_loads_nothing_of_the_payment_simulator_or_of_the_product():
    code = (
        "import sys, ais_sandbox.cli, ais_sandbox.mailbox.server\n"
        "names = {name for name in sys.modules}\n"
        "print(sorted(n for n in names if n == 'ais' or n.startswith(('ais_sandbox.stripe', 'litestar', 'httpx'))))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert shown.stdout.strip() == "[]"
