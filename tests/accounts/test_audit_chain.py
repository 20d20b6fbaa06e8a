"""The audit trail is chained as the ledger is: every edit of it is found and named, with heads even one that covers
itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.factories.audit import chained_entries, entries
from tests.factories.ledger import superuser

from ais.accounts.audit import CHAIN, ENTRY_FIELDS
from ais.accounts.audit.exporting import EXPORT_COLUMNS, EntryGone, export_trail
from ais.platform.chain import GENESIS, FolderSink, chain_hash, read_heads
from ais.platform.settings import DEMO_LEDGER_KEY
from ais.platform.signatures import SigningKeys

KEYS = SigningKeys(DEMO_LEDGER_KEY)
SCRIPT = Path(__file__).parents[2] / "docs" / "verify_audit_export.py"


async def links(database):
    async with database.connection() as connection:
        return [link async for link in CHAIN.walk(connection)]


async def anchored(database, actor, folder):
    """Six entries with heads signed at 2 and 4."""
    for first in (1, 3):
        await chained_entries(database, actor, 2, first=first)
        await CHAIN.sign_head(database, KEYS, [FolderSink(folder)])
    await chained_entries(database, actor, 2, first=5)
    return read_heads(folder)


async def cover(database, position):
    """What a superuser does who covers an edit: every hash from ``position`` on, anew."""
    everything = await links(database)
    previous = everything[position - 2].hash if position > 1 else GENESIS
    async with superuser(database) as connection:
        for link in everything[position - 1 :]:
            previous = chain_hash(previous, link.content)
            await connection.execute("UPDATE audit_chain SET hash = $2 WHERE position = $1", link.position, previous)


async def test_an_entry_is_chained_as_it_is_documented(database, actor):
    await chained_entries(database, actor, 1)
    (link,) = await links(database)
    ((identifier, occurred_at, recorded_at, correlation_id),) = await entries(
        database,
        "id, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
        " to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), correlation_id",
    )
    written = [
        str(identifier), "lamp.lit", "lmp_0001", None, "system", "test", None, None, "cli", None, correlation_id, None,
        '{"watts":1}', occurred_at, recorded_at,
    ]  # fmt: skip
    assert link.content == json.dumps(written)
    assert len(written) == len(ENTRY_FIELDS)
    assert link.hash == chain_hash(GENESIS, link.content)


async def test_what_one_transaction_did_is_chained_in_the_order_in_which_it_was_done(database, actor):
    await chained_entries(database, actor, 40)
    subjects = [json.loads(link.content)[2] for link in await links(database)]
    assert subjects == [f"lmp_{number:04}" for number in range(1, 41)]


EDITS = {
    "one byte of a subject": "UPDATE audit_entries SET subject = overlay(subject PLACING 'x' FROM 1) WHERE id = $1",
    "one digit of a value": """UPDATE audit_entries SET after = '{"watts":9}' WHERE id = $1""",
    "a space in a value": """UPDATE audit_entries SET after = '{"watts": 4}' WHERE id = $1""",
    "who did it": "UPDATE audit_entries SET actor_id = 'another' WHERE id = $1",
    "with which right": "UPDATE audit_entries SET roles = '{admin}' WHERE id = $1",
    "when": "UPDATE audit_entries SET occurred_at = occurred_at + interval '1 microsecond' WHERE id = $1",
    "the whole entry": "DELETE FROM audit_entries WHERE id = $1",
}


@pytest.mark.parametrize("edit", EDITS)
async def test_an_edit_by_the_superuser_is_found_and_named(database, actor, edit):
    await chained_entries(database, actor, 6)
    victim = (await links(database))[3]
    async with superuser(database) as connection:
        await connection.execute(EDITS[edit], victim.row_id)
    report = await CHAIN.verify(database)
    assert (report.length, report.broken.position, report.broken.row_id) == (3, 4, victim.row_id)
    gone = edit == "the whole entry"
    assert report.broken.reason == ("the entry is gone" if gone else "the entry is not what was chained")


async def test_a_chain_that_was_written_anew_is_found_by_the_heads_and_not_without(database, actor, tmp_path):
    heads = await anchored(database, actor, tmp_path)
    assert [(head.position, head.chain) for head in heads] == [(2, "audit"), (4, "audit")]
    report = await CHAIN.verify(database, heads, KEYS.public)
    assert (report.length, report.anchors, report.broken) == (6, 2, None)
    victim = (await links(database))[2]
    async with superuser(database) as connection:
        await connection.execute(EDITS["who did it"], victim.row_id)
    await cover(database, 3)
    assert (await CHAIN.verify(database)).broken is None
    broken = (await CHAIN.verify(database, heads, KEYS.public)).broken
    assert (broken.position, broken.since) == (4, 2)
    assert broken.reason == "the chain was written anew since this head was signed"


async def test_a_head_of_the_books_is_none_of_the_trail(database, actor, tmp_path):
    await chained_entries(database, actor, 2)
    head = await CHAIN.sign_head(database, KEYS, [])
    assert head.message().startswith(b"ais audit head\n2\n")
    (tmp_path / "head-000000000002.json").write_text(
        json.dumps(
            {"position": 2, "hash": head.hash, "signed_at": head.signed_at.isoformat(), "key_id": "demo-0",
             "signature": ""}
        )
    )  # fmt: skip
    broken = (await CHAIN.verify(database, read_heads(tmp_path), KEYS.public)).broken
    assert broken.reason == "the head of position 2 is one of the chain 'ledger'"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_an_export_is_verified_without_the_program_and_is_an_entry(database, actor, tmp_path, form):
    heads = await anchored(database, actor, tmp_path / "heads")
    file = tmp_path / f"audit.{form}"
    with file.open("w", encoding="utf-8", newline="") as target:
        assert await export_trail(database, actor, target, form) == 6
    assert await entries(database, "subject, after", "action = 'audit.exported'") == [("audit", {"format": form})]
    kept = sorted((tmp_path / "heads").iterdir())
    assert len(kept) == len(heads)

    def verified(*more):
        return subprocess.run([sys.executable, SCRIPT, file, *more], capture_output=True, text=True, check=False)

    assert verified(*kept).stdout.startswith("6 entries hold; head ")
    text = file.read_text(encoding="utf-8")
    assert text.startswith(",".join(EXPORT_COLUMNS)) if form == "csv" else text.count("\n") == 6
    file.write_text(text.replace("lmp_0003", "lmp_0004"), encoding="utf-8")
    assert verified().stderr.startswith("broken at position 3")


async def test_what_is_gone_cannot_be_exported(database, actor, tmp_path):
    await chained_entries(database, actor, 2)
    async with superuser(database) as connection:
        await connection.execute("DELETE FROM audit_entries WHERE subject = 'lmp_0002'")
    with (tmp_path / "audit.csv").open("w") as target, pytest.raises(EntryGone, match="position 2"):
        await export_trail(database, actor, target, "csv")
