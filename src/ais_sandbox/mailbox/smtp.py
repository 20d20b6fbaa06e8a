"""The SMTP side: aiosmtpd's protocol, whose answers go through the fault rules."""

import asyncio
import hmac
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ais_sandbox.mailbox.faults import FaultRule, FaultRules, Step
from ais_sandbox.mailbox.messages import Messages

HOST_NAME = "mailbox.sandbox"
LARGEST_MESSAGE_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Door:
    """How clients come in: the account they must name, if any, and the certificate of the connection, if any."""

    user: str = ""
    password: str = ""
    certificate: ssl.SSLContext | None = None
    implicit_tls: bool = False


class _Cut(Exception):
    """The connection was cut on request: there is nobody to answer."""


class Handler:
    """What becomes of each step of a conversation."""

    def __init__(self, messages: Messages, faults: FaultRules) -> None:
        """Keep messages in `messages`; misbehave as `faults` says."""
        self._messages, self._faults = messages, faults

    async def handle_MAIL(  # noqa: N802 - the name is aiosmtpd's
        self,
        server: SMTP,
        session: Session,  # noqa: ARG002 - the signature is aiosmtpd's
        envelope: Envelope,
        address: str,
        mail_options: list[str],
    ) -> str:
        """The answer to `MAIL FROM`."""
        fault = await self._misbehave(server, "mail", [])
        if fault is not None:
            return fault
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self,
        server: SMTP,
        session: Session,  # noqa: ARG002 - the signature is aiosmtpd's
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """The answer to `RCPT TO`."""
        fault = await self._misbehave(server, "rcpt", [address])
        if fault is not None:
            return fault
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - see above
        """The answer to a whole message: 250 once it is durable."""
        fault = await self._misbehave(server, "data", envelope.rcpt_tos)
        if fault is not None:
            return fault
        content = envelope.original_content or b""
        number = self._messages.add(envelope.mail_from or "", envelope.rcpt_tos, content)
        fault = await self._misbehave(server, "taken", envelope.rcpt_tos)
        return fault or f"250 OK: message {number} taken"

    async def handle_exception(self, error: Exception) -> str:
        """The answer when something went wrong in the sandbox itself, or none is wanted."""
        if not isinstance(error, _Cut):
            logging.getLogger("ais_sandbox.mailbox").error("A message could not be taken", exc_info=error)
        return "451 4.3.0 The sandbox failed; see its log"

    async def _misbehave(self, server: SMTP, step: Step, recipients: list[str]) -> str | None:
        """Do what the rules ask for at this step; the answer to give instead of the right one, or None."""
        rule = self._faults.choose(step, recipients)
        if rule is None:
            return None
        if rule.action == "refuse":
            return f"{rule.status} {rule.text}"
        if rule.action in {"hang", "delay"}:
            await asyncio.sleep(rule.seconds)
        if rule.action == "delay":
            return None
        if server.transport is not None:
            server.transport.abort()  # type: ignore[attr-defined]  # a socket's transport, of plain text or TLS, has it
        raise _Cut


class Conversation(SMTP):
    """One connection; a rule for the step `connect` acts before the greeting."""

    def __init__(self, handler: Handler, faults: FaultRules, door: Door) -> None:
        """Prepare a connection that comes in by `door`."""
        super().__init__(
            handler,
            hostname=HOST_NAME,
            ident="ais-sandbox mailbox",
            data_size_limit=LARGEST_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            tls_context=None if door.implicit_tls else door.certificate,
            authenticator=_authenticator(door),
            auth_required=bool(door.user),
            # A sandbox on this machine may be spoken to in plain text.
            auth_require_tls=False,
            timeout=60,
        )
        self._faults = faults
        self._greeted = False

    async def _handle_client(self) -> None:
        rule = None if self._greeted else self._faults.choose("connect", [])
        self._greeted = True
        if rule is not None and not await self._greet_badly(rule):
            return
        await super()._handle_client()

    async def _greet_badly(self, rule: FaultRule) -> bool:
        """Do what the rule asks for; whether the conversation goes on."""
        if rule.action in {"hang", "delay"}:
            await asyncio.sleep(rule.seconds)
        if rule.action == "delay":
            return True
        if rule.action == "refuse":
            await self.push(f"{rule.status} {rule.text}")
            self._writer.close()
        else:
            self._writer.transport.abort()
        return False


def _authenticator(door: Door) -> Callable[[SMTP, Session, Envelope, str, Any], AuthResult] | None:
    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
        right = (
            isinstance(given, LoginPassword)
            and hmac.compare_digest(given.login, door.user.encode())
            and hmac.compare_digest(given.password, door.password.encode())
        )
        return AuthResult(success=right, handled=False)

    return check if door.user else None
