"""Mail by SMTP (RFC 5321), with STARTTLS or TLS and a login where the address asks for them."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import Policy
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
import msgspec

from ais.notifications.domain import Mail
from ais.notifications.ports import MailDeferred, MailRefused, MailServerDown

STEP_SECONDS = 10.0
MAIL_SECONDS = 20.0
_DEFAULT_PORTS = {"none": 25, "starttls": 587, "tls": 465}
_INTERNATIONAL = re.compile(r"[^\s\"(),:;<>@\[\\\]]+")
_ENHANCED_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


class SMTPServer(msgspec.Struct, frozen=True):
    """A server as ``smtp_url`` names it. ``security`` is ``none``, ``starttls`` or ``tls``."""

    host: str
    port: int
    user: str | None
    password: str | None
    security: str

    @classmethod
    def of(cls, url: str) -> SMTPServer:
        """Read ``smtp://user:password@host:port?security=starttls`` or ``smtps://…``.

        A server that is asked for a login is spoken to with STARTTLS unless the address says otherwise.
        """
        parts = urlsplit(url)
        asked = parse_qs(parts.query).get("security", [None])[-1]
        usual = "tls" if parts.scheme == "smtps" else "starttls" if parts.username else "none"
        security = asked or usual
        return cls(
            parts.hostname or "",
            parts.port or _DEFAULT_PORTS[security],
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            security,
        )


class SMTPGateway:
    """Sends through one server. Certificates are verified by ``trusted``, the system's authorities unless given."""

    def __init__(self, server: SMTPServer, trusted: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._trusted = trusted

    @asynccontextmanager
    async def session(self) -> AsyncIterator[_Session]:
        """A conversation; its connection is opened at the first mail and anew after it broke."""
        opened = _Session(self._server, self._trusted)
        try:
            yield opened
        finally:
            await opened.close()


class _Session:
    def __init__(self, server: SMTPServer, trusted: ssl.SSLContext | None) -> None:
        self._server = server
        self._trusted = trusted
        self._client: aiosmtplib.SMTP | None = None

    async def send(self, mail: Mail) -> None:
        message = compose_message(mail)
        sender = parseaddr(mail.sender)[1]
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                client = await self._connected()
                await client.send_message(message, sender=sender, recipients=[mail.recipient])
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _about_the_mail(refused.recipients[0], "recipient") from None
        except aiosmtplib.SMTPDataError as refused:
            await self._drop()
            raise _about_the_mail(refused, "message") from None
        except aiosmtplib.SMTPNotSupported:
            raise MailRefused("the server takes no addresses beyond ASCII") from None
        except aiosmtplib.SMTPResponseException as refused:
            # The greeting, the login or the sender: it is not this mail that it dislikes.
            await self._drop()
            raise MailServerDown(_spoken(refused, "server")) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as problem:
            # ValueError is how the client says that it does not support what the server offers.
            await self._drop()
            raise MailServerDown(type(problem).__name__) from None

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        server = self._server
        self._client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            timeout=STEP_SECONDS,
            tls_context=self._trusted,
        )
        await self._client.connect()
        return self._client

    async def _drop(self) -> None:
        """Forget a connection whose state is not known."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def close(self) -> None:
        """Say goodbye, and go without an answer if none comes."""
        if self._client is None or not self._client.is_connected:
            return
        with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            await self._client.quit(timeout=1)
        await self._drop()


def _recipient(address: str) -> Address:
    if address.isascii():
        return Address(addr_spec=address)
    # Internationalised (RFC 6531); Python reads only ASCII from a whole address, so the special characters are looked
    # for here.
    local, _, domain = address.rpartition("@")
    if not _INTERNATIONAL.fullmatch(local) or not _INTERNATIONAL.fullmatch(domain):
        raise ValueError("special characters")
    return Address(username=local, domain=domain)


def _about_the_mail(refused: aiosmtplib.SMTPResponseException, step: str) -> Exception:
    return (MailRefused if refused.code >= 500 else MailDeferred)(_spoken(refused, step))


def _spoken(refused: aiosmtplib.SMTPResponseException, step: str) -> str:
    """The codes of an answer (RFC 3463), never its words, which often repeat the address."""
    enhanced = _ENHANCED_STATUS.match(refused.message.lstrip())
    return f"{step}: {refused.code}{' ' + enhanced[0] if enhanced else ''}"


class _Subject(str):
    """A subject that writes itself: as MIME's encoded words where it is not ASCII, by the library's older class.

    The newer one loses the space at which it breaks a line, which joins two Arabic words (seen in Python 3.11).
    """

    __slots__ = ()
    name = "Subject"

    def fold(self, *, policy: Policy[Any]) -> str:
        """The whole header, as the message's policy asks each of its headers for it."""
        charset = "us-ascii" if self.isascii() else "utf-8"
        written = Header(str(self), charset, header_name=self.name).encode(linesep=policy.linesep)
        return f"{self.name}: {written}{policy.linesep}"


def compose_message(mail: Mail) -> EmailMessage:
    """The mail as RFC 5322 and MIME write it, its plain part before its HTML part.

    Raises :class:`MailRefused` for an address that no mail can carry.
    """
    message = EmailMessage(policy=SMTP_POLICY)
    name, address = parseaddr(mail.sender)
    try:
        message["From"] = Address(name, addr_spec=address)
        message["To"] = _recipient(mail.recipient)
    except (MessageError, ValueError, IndexError):
        raise MailRefused("the address cannot be written in a mail") from None
    message["Subject"] = _Subject(mail.subject)
    message["Message-ID"] = mail.message_id
    message["Date"] = format_datetime(mail.written_at)
    # Tells out-of-office robots not to answer (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    # Setting a content forgets every header that describes one.
    message["Content-Language"] = mail.language
    return message
