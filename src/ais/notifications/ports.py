"""The way out: a mail server, whichever it is."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ais.notifications.domain import Mail


class MailRefused(Exception):
    """The server will never take this mail; the text says why without naming anybody."""


class MailDeferred(Exception):
    """The server does not take this mail now and may later; others may go."""


class MailServerDown(Exception):
    """The server cannot be reached, or takes no mail of ours: whatever is sent next would fare alike."""


class MailSession(Protocol):
    """One conversation with the server, for several mails."""

    async def send(self, mail: Mail) -> None:
        """Hand ``mail`` over; the server has it when this returns.

        Raises :class:`MailRefused`, :class:`MailDeferred` or :class:`MailServerDown`. After the last one, and after a
        connection that broke, the server may have it or not.
        """


class MailGateway(Protocol):
    """Where mail goes."""

    def session(self) -> AbstractAsyncContextManager[MailSession]:
        """A conversation; the server is called at the first mail."""
