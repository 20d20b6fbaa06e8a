"""The export is verified by a script of one page that knows nothing of this program."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories.ledger import capture, chain_all, chained, superuser

from ais.kit import Money, system_actor
from ais.ledger import Account, Posting, credit, debit, post, sign_head
from ais.ledger.domain import ENTRY_FIELDS, POSTING_FIELDS
from ais.ledger.exporting import EXPORT_COLUMNS, PostingGone, export_chain
from ais.platform.chain import FolderSink
from ais.platform.settings import DEMO_LEDGER_KEY
from ais.platform.signatures import SigningKeys

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_ledger_export.py"


def verified(*arguments):
    """The script in an interpreter without our packages: isolated, from an empty place."""
    return subprocess.run(
        [sys.executable, "-I", "-S", SCRIPT, *arguments], capture_output=True, text=True, check=False, cwd="/"
    )


async def exported(database, folder):
    files = []
    for form in ("csv", "jsonl"):
        file = folder / f"ledger.{form}"
        with file.open("w", encoding="utf-8", newline="") as target:
            await export_chain(database, system_actor("test"), target, form)
        files.append(file)
    return files


def test_the_script_fits_on_a_page():
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    assert "import ais" not in text
    assert "from ais" not in text


@pytest.fixture
async def files(database, actor, tmp_path):
    """Five postings of several kinds, one with everything that a text can hold, exported both ways; heads beside."""
    await chained(database, actor, 3)
    odd = 'a "quoted", comma;\nline\r\nbreak \\ and عربي 🛫 \x01 end'
    async with database.unit_of_work(actor) as uow:
        await post(uow, capture(5, "KWD", cause=odd, order_id=uuid4(), seller_id=odd, form_of_payment="cash"))
        coupon = {"document_id": uuid4(), "coupon_number": 2}
        await post(
            uow,
            Posting(
                kind="issued",
                cause_type="document",
                cause_id="d",
                entries=(
                    debit(Account.CUSTOMER_DEPOSITS, Money(900, "SAR")),
                    credit(Account.UNFLOWN_FARE, Money(500, "SAR"), **coupon),
                    credit(Account.TAX_PAYABLE, Money(400, "SAR"), authority="SA", code="K7", **coupon),
                ),
            ),
        )
    await chain_all(database, actor)
    await sign_head(database, SigningKeys(DEMO_LEDGER_KEY), [FolderSink(tmp_path / "heads")])
    return await exported(database, tmp_path)


async def test_both_forms_hold_the_same_and_the_script_says_so(files, tmp_path):
    heads = list((tmp_path / "heads").iterdir())
    answers = [verified(file, *heads) for file in files]
    assert [(each.returncode, each.stderr) for each in answers] == [(0, ""), (0, "")]
    assert answers[0].stdout == answers[1].stdout
    assert answers[0].stdout.startswith("5 postings hold; head ")
    assert json.loads(heads[0].read_text())["hash"] in answers[0].stdout
    rows = list(csv.reader(io.StringIO(files[0].read_text(encoding="utf-8"), newline="")))
    assert tuple(rows[0]) == EXPORT_COLUMNS
    lines = files[1].read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) == 5
    first = json.loads(lines[0])
    assert (tuple(first["posting"]), tuple(first["entries"][0])) == (POSTING_FIELDS, ENTRY_FIELDS)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_one_byte_of_the_export_is_found(files, form):
    file = next(each for each in files if each.suffix == f".{form}")
    content = file.read_bytes()
    place = content.index(b"customer_deposits", len(content) // 2)
    file.write_bytes(content[:place] + b"K" + content[place + 1 :])
    answer = verified(file)
    assert answer.returncode == 1
    assert answer.stderr.startswith("broken at position ")


async def test_lines_taken_away_are_found(files, tmp_path):
    jsonl = files[1]
    lines = jsonl.read_text(encoding="utf-8").splitlines(keepends=True)
    jsonl.write_text("".join(lines[1:]), encoding="utf-8")
    assert verified(jsonl).stderr.startswith("broken at position 2")
    jsonl.write_text("".join(lines[:-1]), encoding="utf-8")
    assert verified(jsonl).returncode == 0
    assert "before a head that was signed" in verified(jsonl, *(tmp_path / "heads").iterdir()).stderr


async def test_what_is_gone_cannot_be_exported(database, actor, tmp_path):
    await chained(database, actor, 3)
    async with superuser(database) as connection:
        await connection.execute("DELETE FROM ledger_entries")
    with pytest.raises(PostingGone, match="position 1"):
        await exported(database, tmp_path)


async def test_the_database_writes_text_as_every_json_writer_does(database):
    """The chain is taken over what PostgreSQL writes; whoever verifies it writes it with another program."""
    texts = []

    @given(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")), max_size=20))
    @settings(max_examples=60, database=None)
    def collect(found):
        texts.extend(found)

    collect()
    async with database.connection() as connection:
        written = await connection.fetch("SELECT json_build_array(t, NULL)::text FROM unnest($1::text[]) AS t", texts)
    assert [row[0] for row in written] == [json.dumps([text, None], ensure_ascii=False) for text in texts]
    assert len(texts) > 100
