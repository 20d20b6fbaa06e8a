"""Signed heads by mail: to somebody whose mailbox whoever runs the database cannot reach."""

from __future__ import annotations

import html
from email.utils import parseaddr

import msgspec

from ais.app.notices import open_mail_gateway
from ais.notifications import Mail, MailGateway
from ais.platform.chain import HeadSink, SignedHead
from ais.platform.settings import Settings


def mail_sinks(settings: Settings) -> tuple[HeadSink, ...]:
    """The mailbox that heads go to, if one is named."""
    if settings.ledger_heads_mail is None:
        return ()
    assert settings.mail_from is not None
    return (MailSink(open_mail_gateway(settings), settings.mail_from, settings.ledger_heads_mail),)


class MailSink:
    """Sends each head to ``recipient``, as the document that a head's file holds. One that has not moved since the
    last is sent again, under the same Message-ID: that nothing comes is news too.
    """

    def __init__(self, gateway: MailGateway, sender: str, recipient: str) -> None:
        self._gateway = gateway
        self._sender = sender
        self._recipient = recipient

    async def keep(self, head: SignedHead) -> None:
        """Raises what the mail server's adapter raises; the job that signs heads then tries again."""
        document = msgspec.json.format(msgspec.json.encode(head), indent=2).decode()
        name = f"head-{head.position:012d}.json"
        said = (
            f"The {head.chain} chain stood at position {head.position} when this was signed."
            f" Kept in a folder as {name}, it is an anchor for `ais {head.chain} verify --anchors`."
        )
        mail = Mail(
            message_id=f"<{head.chain}-head-{head.position}@{parseaddr(self._sender)[1].rpartition('@')[2]}>",
            sender=self._sender,
            recipient=self._recipient,
            subject=f"Head of the {head.chain} chain at {head.position}",
            text=f"{said}\n\n{document}\n",
            html=f"<p>{html.escape(said)}</p><pre>{html.escape(document)}</pre>",
            language="en",
            written_at=head.signed_at,
        )
        async with self._gateway.session() as session:
            await session.send(mail)
