"""Signed heads leave by mail too, whole: what came in a mail is the anchor that a folder would have kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ais.app.head_mail import mail_sinks
from ais.kit.ids import new_uuid
from ais.notifications import MailServerDown
from ais.platform.chain import SignedHead, read_heads
from ais.platform.settings import DEMO_LEDGER_KEY, SettingsError, load_settings
from ais.platform.signatures import SigningKeys

KEYS = SigningKeys(DEMO_LEDGER_KEY)
AUDITOR = "auditor@bank.example"


def settings(smtp_url):
    return load_settings(
        {"AIS_SMTP_URL": smtp_url, "AIS_MAIL_FROM": "Books <books@rimal.example>", "AIS_LEDGER_HEADS_MAIL": AUDITOR}
    )


def head(position=1234):
    draft = SignedHead(position, new_uuid().hex * 2, datetime(2027, 3, 1, 10, 5, tzinfo=UTC), KEYS.signer)
    return SignedHead(draft.position, draft.hash, draft.signed_at, draft.key_id, KEYS.sign(draft.message()))


async def test_a_head_that_was_mailed_is_an_anchor(mailbox, tmp_path: Path):
    (sink,) = mail_sinks(settings(mailbox.smtp_url))
    sent = head()
    for _ in range(2):
        await sink.keep(sent)
    first, again = mailbox.messages(AUDITOR)
    assert first["subject"] == "Head of the ledger chain at 1234"
    assert first["message_id"] == again["message_id"] == "<ledger-head-1234@rimal.example>"
    text = first["text"].replace("\r\n", "\n")
    (tmp_path / "head-000000001234.json").write_text(text[text.index("{") :])
    assert read_heads(tmp_path) == [sent]
    assert KEYS.public.verify(sent.key_id, sent.message(), sent.signature)


async def test_a_server_that_is_away_is_told_to_the_job_which_tries_again(mailbox):
    (sink,) = mail_sinks(settings("smtp://127.0.0.1:1?security=none"))
    with pytest.raises(MailServerDown):
        await sink.keep(head())
    assert mailbox.messages(AUDITOR) == []


def test_without_an_address_nothing_is_mailed_and_an_address_needs_a_server():
    assert mail_sinks(load_settings({})) == ()
    for wrong in (
        {"AIS_LEDGER_HEADS_MAIL": AUDITOR},
        {"AIS_LEDGER_HEADS_MAIL": "nobody", "AIS_SMTP_URL": "smtp://a", "AIS_MAIL_FROM": "a@b.example"},
    ):
        with pytest.raises(SettingsError) as problem:
            load_settings(wrong)
        assert "AIS_LEDGER_HEADS_MAIL" in str(problem.value)
