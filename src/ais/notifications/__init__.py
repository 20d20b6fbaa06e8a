"""Notifications: what people are told about their orders and accounts.

A *notice* is one thing to tell: its kind, order (none for an account's), cause and language; of one kind and cause
there is one notice. It holds ids only; the mail is written from the order or account when it is sent, and not sent if
it is no longer true. Sending is begin, send, settle: a mail server that is down delays mail for up to a day and
nothing else, then the notice is put before staff (`ais notices`). Each notice has one Message-ID, so that a mail which
had to be sent twice is recognised. The token of a link is made when the mail is written and stands nowhere else.

Nothing calls this package: it hears what the packages below publish. Without a mail server it is not there at all.
"""

from ais.notifications.account_letters import AccountLetters
from ais.notifications.domain import NOTICE_TRANSITIONS, Mail, Notice, NoticeKind, NoticeStatus
from ais.notifications.domain import PREFIX as NOTICE_PREFIX
from ais.notifications.letters import Letters
from ais.notifications.ports import MailDeferred, MailGateway, MailRefused, MailServerDown, MailSession
from ais.notifications.repository import list_notices
from ais.notifications.service import DeliveryReport, deliver_due, retry_notices, tell

__all__ = [
    "NOTICE_PREFIX",
    "NOTICE_TRANSITIONS",
    "AccountLetters",
    "DeliveryReport",
    "Letters",
    "Mail",
    "MailDeferred",
    "MailGateway",
    "MailRefused",
    "MailServerDown",
    "MailSession",
    "Notice",
    "NoticeKind",
    "NoticeStatus",
    "deliver_due",
    "list_notices",
    "retry_notices",
    "tell",
]
