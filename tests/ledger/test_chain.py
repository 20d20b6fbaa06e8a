"""The hash chain: complete, in order, and broken by every change; with signed heads even by one that covers itself."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import msgspec
import pytest
from tests.factories.ledger import capture, chain_all, chained, superuser

from ais.kit import Money
from ais.ledger import (
    Account,
    Posting,
    credit,
    debit,
    extend_chain,
    last_head,
    last_link,
    post,
    post_all,
    sign_head,
    verify_chain,
    walk_chain,
)
from ais.platform.chain import GENESIS, FolderSink, HeadFileError, chain_hash, read_heads, statements
from ais.platform.settings import DEMO_LEDGER_KEY
from ais.platform.signatures import PublicKeys, SigningKeys

KEYS = SigningKeys(DEMO_LEDGER_KEY)


async def links(database):
    async with database.connection() as connection:
        return [link async for link in walk_chain(connection)]


async def write(database, actor, *postings):
    async with database.unit_of_work(actor) as uow:
        return await post_all(uow, postings)


async def rewrite_from(database, position):
    """What a superuser does who covers an edit: every hash from ``position`` on, anew."""
    everything = await links(database)
    previous = everything[position - 2].hash if position > 1 else GENESIS
    async with superuser(database) as connection:
        for link in everything[position - 1 :]:
            previous = chain_hash(previous, link.content)
            await connection.execute("UPDATE ledger_chain SET hash = $2 WHERE position = $1", link.position, previous)


async def test_every_posting_has_one_place_and_its_hash_covers_all_before_it(database, actor):
    await chained(database, actor, 5)
    found = await links(database)
    assert [link.position for link in found] == [1, 2, 3, 4, 5]
    previous = GENESIS
    for link in found:
        previous = chain_hash(previous, link.content)
        assert link.hash == previous
    assert sorted(json.loads(link.content)[0][3] for link in found) == [f"p-{number:04}" for number in range(1, 6)]
    assert sorted(json.loads(link.content)[1][2] for link in found) == ["100", "200", "300", "400", "500"]
    report = await verify_chain(database)
    assert (report.length, report.hash, report.waiting, report.broken) == (5, previous.hex(), 0, None)


async def test_the_content_is_what_is_documented(database, actor):
    await write(
        database,
        actor,
        Posting(
            kind="captured",
            cause_type="payment",
            cause_id='quoted " and \\ and عربي and \t tab',
            entries=(debit(Account.BANK, Money(5, "SAR")), credit(Account.CUSTOMER_DEPOSITS, Money(5, "SAR"))),
        ),
    )
    await chain_all(database, actor)
    (link,) = await links(database)
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT *, happened_at AT TIME ZONE 'UTC' AS utc FROM ledger_postings")
    nothing = ", ".join(["null"] * 10)
    assert link.content.startswith(f'[["{row["id"]}", "captured", "payment", ')
    assert '"quoted \\" and \\\\ and عربي and \\t tab", null, null, "system:test", "cli", null, "' in link.content
    assert f'"{row["utc"]:%Y-%m-%dT%H:%M:%S.%fZ}"' in link.content
    assert link.content.endswith(
        f'"2"], ["1", "bank", "5", "SAR", {nothing}], ["2", "customer_deposits", "-5", "SAR", {nothing}]]'
    )


async def test_what_may_still_be_overtaken_waits(database, actor):
    """A transaction that began to write earlier and has not ended holds back all that came after it, and only that."""
    await write(database, actor, capture(cause="before"))
    async with database.unit_of_work(actor) as slow:
        await post(slow, capture(cause="slow"))
        await write(database, actor, capture(cause="after"))
        assert await chain_all(database, actor, but=1) == 1
        report = await verify_chain(database)
        assert (report.length, report.waiting) == (1, 1)
    assert await chain_all(database, actor) == 2
    assert ["before" in link.content for link in await links(database)] == [True, False, False]
    assert ["slow" in link.content for link in await links(database)] == [False, True, False]


async def test_control_taking_all_that_is_visible_is_out_of_order(database, actor, monkeypatch):
    """The control of the test above: without the horizon what came later is chained first."""
    real = statements.lock_chain

    async def everything(uow, table):
        horizon = await real(uow, table)
        return statements.Horizon("9999999999", "9999999999", "0", restored=False) if horizon else None

    async with database.unit_of_work(actor) as slow:
        await post(slow, capture(cause="slow"))
        await write(database, actor, capture(cause="after"))
        with monkeypatch.context() as patched:
            patched.setattr(statements, "lock_chain", everything)
            async with database.unit_of_work(actor) as uow:
                assert await extend_chain(uow) == 1
    assert ["after" in link.content for link in await links(database)] == [True]


async def test_what_was_rolled_back_leaves_no_gap(database, actor):
    await write(database, actor, capture())

    async def fail():
        async with database.unit_of_work(actor) as uow:
            await post(uow, capture())
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await fail()
    await write(database, actor, capture())
    await chain_all(database, actor)
    assert [link.position for link in await links(database)] == [1, 2]


async def test_the_worker_chains_and_signs_what_was_sold(own_program):
    await own_program.pay(await own_program.order())
    async with own_program.later(hours=1, minutes=1) as late:
        for _ in range(100):
            await late.run_jobs()
            if (await verify_chain(late.database)).waiting == 0:
                break
            await late.rows("UPDATE job_schedules SET next_run_at = ais_now() WHERE name = 'ledger.chain' RETURNING 1")
    async with own_program.database.connection() as connection:
        end = await last_link(connection)
    assert end[0] == 2
    async with own_program.later(hours=2, minutes=2) as later:
        await later.run_jobs()
    (head,) = read_heads(own_program.settings.heads_dir)[-1:]
    assert (head.position, head.hash, head.key_id) == (2, end[1].hex(), "demo-0")
    assert KEYS.public.verify(head.key_id, head.message(), head.signature)


async def test_several_workers_beside_a_busy_sale_make_one_chain(database, actor):
    async def sell():
        for _ in range(25):
            await write(database, actor, capture())

    async def work():
        for _ in range(25):
            async with database.unit_of_work(actor) as uow:
                await extend_chain(uow, limit=7)

    await asyncio.gather(*(sell() for _ in range(4)), *(work() for _ in range(3)))
    await chain_all(database, actor)
    report = await verify_chain(database)
    assert (report.length, report.waiting, report.broken) == (100, 0, None)


async def test_small_batches_give_the_same_chain(database, actor):
    await write(database, actor, *(capture(cause=f"a-{number}") for number in range(10)))
    await write(database, actor, *(capture(cause=f"b-{number}") for number in range(10)))
    taken = []
    while sum(taken) < 20:
        async with database.unit_of_work(actor) as uow:
            taken.append(await extend_chain(uow, limit=8))
    assert max(taken) <= 8
    assert (await verify_chain(database)).length == 20


async def test_after_a_restore_that_counts_transactions_anew_nothing_is_forgotten(database, actor):
    """A dump keeps the numbers of the old server's transactions; the new server begins far below them."""
    await chained(database, actor, 3)
    await write(database, actor, capture(cause="left-over"))
    async with superuser(database) as connection:
        await connection.execute("UPDATE ledger_postings SET transaction_id = '900000000'")
        await connection.execute("UPDATE ledger_chain_progress SET next_transaction_id = '900000001'")
    await write(database, actor, capture(cause="new"))
    assert await chain_all(database, actor) == 2
    await write(database, actor, capture(cause="newer"))
    assert await chain_all(database, actor) == 1
    report = await verify_chain(database)
    assert (report.length, report.waiting, report.broken) == (6, 0, None)


EDITS = {
    "an amount": "UPDATE ledger_entries SET amount_minor = amount_minor + sign(amount_minor) WHERE posting_id = $1",
    "one byte of a cause": "UPDATE ledger_postings SET cause_id = overlay(cause_id PLACING 'q' FROM 1) WHERE id = $1",
    "a time": "UPDATE ledger_postings SET happened_at = happened_at - interval '1 microsecond' WHERE id = $1",
    "an account": "UPDATE ledger_entries SET account = 'bank' WHERE posting_id = $1 AND number = 1",
    "an entry gone": "DELETE FROM ledger_entries WHERE posting_id = $1 AND number = 2",
    "two entries more": """
        INSERT INTO ledger_entries (posting_id, number, account, amount_minor, currency)
        VALUES ($1, 3, 'bank', 1, 'SAR'), ($1, 4, 'bank', -1, 'SAR')""",
    "the whole posting gone": "DELETE FROM ledger_postings WHERE id = $1",
}


@pytest.mark.parametrize("edit", EDITS)
async def test_an_edit_by_the_superuser_is_found_and_named(database, actor, edit):
    await chained(database, actor, 7)
    victim = (await links(database))[3]
    async with superuser(database) as connection:
        if "whole" in edit:
            await connection.execute("DELETE FROM ledger_entries WHERE posting_id = $1", victim.row_id)
        await connection.execute(EDITS[edit], victim.row_id)
    report = await verify_chain(database)
    assert (report.length, report.broken.position, report.broken.row_id) == (3, 4, victim.row_id)
    gone = "the posting or its entries are gone"
    assert report.broken.reason == (gone if "whole" in edit else "the posting is not what was chained")


async def test_a_link_taken_out_is_found_and_named(database, actor):
    await chained(database, actor, 4)
    async with superuser(database) as connection:
        await connection.execute("DELETE FROM ledger_chain WHERE position = 2")
    report = await verify_chain(database)
    assert (report.broken.position, report.broken.reason) == (2, "this position is missing from the chain")


async def anchored(database, actor, folder):
    """Ten postings with heads signed at 4 and 7, and the head of 7 kept in ``folder`` beside that of 4."""
    sink = FolderSink(folder)
    for count in (4, 3):
        await write(database, actor, *(capture() for _ in range(count)))
        await chain_all(database, actor)
        await sign_head(database, KEYS, [sink])
    await write(database, actor, *(capture() for _ in range(3)))
    await chain_all(database, actor)
    return read_heads(folder)


async def test_a_chain_that_was_written_anew_is_found_by_the_heads_and_not_without(database, actor, tmp_path):
    heads = await anchored(database, actor, tmp_path)
    assert [head.position for head in heads] == [4, 7]
    report = await verify_chain(database, heads, KEYS.public)
    assert (report.length, report.anchors, report.broken) == (10, 2, None)
    victim = (await links(database))[5]
    async with superuser(database) as connection:
        await connection.execute(EDITS["an amount"], victim.row_id)
    await rewrite_from(database, 6)
    assert (await verify_chain(database)).broken is None
    broken = (await verify_chain(database, heads, KEYS.public)).broken
    assert (broken.position, broken.since) == (7, 4)
    assert broken.reason == "the chain was written anew since this head was signed"


async def test_what_was_cut_off_the_end_is_found_by_the_heads_and_not_without(database, actor, tmp_path):
    heads = await anchored(database, actor, tmp_path)
    async with superuser(database) as connection:
        await connection.execute("DELETE FROM ledger_chain WHERE position > 5")
    assert (await verify_chain(database)).broken is None
    broken = (await verify_chain(database, heads, KEYS.public)).broken
    assert (broken.position, broken.reason) == (7, "the chain ends before this head, which was signed")


async def test_a_head_that_nobody_known_has_signed_proves_nothing(database, actor, tmp_path):
    heads = await anchored(database, actor, tmp_path)
    others = SigningKeys("other:" + "A" * 43)
    for keys in (others.public, PublicKeys({"demo-0": others.public.raw()["other"]}), None):
        broken = (await verify_chain(database, heads, keys)).broken
        assert (broken.position, broken.reason) == (4, "the head of position 4 is not signed by a key that is known")


async def test_a_key_that_was_replaced_still_verifies_what_it_signed(database, actor, tmp_path):
    heads = await anchored(database, actor, tmp_path)
    rotated = SigningKeys("new:" + "B" * 42 + "A," + DEMO_LEDGER_KEY)
    assert rotated.signer == "new"
    assert (await verify_chain(database, heads, rotated.public)).broken is None


async def test_a_head_is_signed_once_and_its_file_is_never_written_over(database, actor, tmp_path):
    sink = FolderSink(tmp_path / "heads")
    assert await sign_head(database, KEYS, [sink]) is None
    await chained(database, actor, 2)
    first, second = await sign_head(database, KEYS, [sink]), await sign_head(database, KEYS, [sink])
    assert first == second
    (file,) = (tmp_path / "heads").iterdir()
    assert file.name == "head-000000000002.json"
    assert file.stat().st_mode & 0o222 == 0
    async with database.connection() as connection:
        assert await last_head(connection) == first
        assert (first.position, bytes.fromhex(first.hash)) == await last_link(connection)
    file.chmod(0o644)
    file.write_text("{}")
    with pytest.raises(HeadFileError):
        read_heads(tmp_path / "heads")
    await sign_head(database, KEYS, [sink])
    assert file.read_text() == "{}"


async def test_a_head_that_could_not_leave_leaves_with_the_next_run(database, actor, tmp_path):
    await chained(database, actor, 2)
    blocked = tmp_path / "heads"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(FileExistsError):
        await sign_head(database, KEYS, [FolderSink(blocked)])
    blocked.unlink()
    head = await sign_head(database, KEYS, [FolderSink(blocked)])
    assert read_heads(blocked) == [head]


async def test_heads_that_left_before_there_were_other_chains_still_count(database, actor, tmp_path):
    """Their files name no chain, and what was signed says that it is the ledger's."""
    head = (await anchored(database, actor, tmp_path))[0]
    written = json.loads((tmp_path / "head-000000000004.json").read_text())
    assert sorted(written) == ["hash", "key_id", "position", "signature", "signed_at"]
    assert head.message().decode() == f"ais ledger head\n4\n{head.hash}\n{head.signed_at.isoformat()}\ndemo-0\n"
    others = [msgspec.structs.replace(head, chain="audit")]
    broken = (await verify_chain(database, others, KEYS.public)).broken
    assert broken.reason == "the head of position 4 is one of the chain 'audit'"


async def test_the_chain_is_history_too(database):
    async with database.connection() as connection:
        for table in ("ledger_chain", "ledger_heads"):
            with pytest.raises(asyncpg.RestrictViolationError, match="is history"):
                await connection.execute(f"DELETE FROM {table}")


async def test_progress_is_told_and_memory_stays_small(database, actor):
    await chained(database, actor, 30)
    told = []
    await verify_chain(database, tell=lambda done, total: told.append((done, total)))
    assert told == [(30, 30)]
    async with database.connection() as connection:
        assert [link.position async for link in walk_chain(connection, links_at_once=4)] == list(range(1, 31))
