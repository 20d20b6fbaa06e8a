"""``ais notices``: what did not reach anybody is listed with its reason, and sent again."""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.command_line import CommandLine
from tests.factories.in_process import in_process, order_id
from tests.factories.mailbox import start_mailbox


@pytest.fixture
def mailbox(tmp_path):
    running = start_mailbox(tmp_path)
    yield running
    running.kill()


@pytest.fixture
def refused(market_url, servers, simulator, mailbox):
    """A paid order whose mail the server refused for good."""

    async def sell():
        settings = {"smtp_url": mailbox.smtp_url, "mail_from": "booking@rimal.example"}
        async with in_process(market_url, servers.cache_url(), simulator, **settings) as program:
            order = await program.order()
            mailbox.fault("refuse", "rcpt", status=550, text="5.1.1 unknown")
            await program.pay(order)
            assert (await program.read(order))["status"] == "confirmed"
            (status,) = await program.rows("SELECT status FROM notices WHERE order_id = $1", order_id(order))
            assert status == "failed"
            return order

    return asyncio.run(sell())


def test_no_notice_is_fine(ais: CommandLine):
    assert ais("notices", "list").stdout == "There is no such notice.\n"
    assert ais("notices", "retry", "--all").stdout == "0 notices wait again.\n"


def test_a_refused_notice_is_listed_and_retried_once(ais: CommandLine, refused):
    (notice,) = ais.json("notices", "list", "--status", "failed")["notices"]
    assert (notice["kind"], notice["order_id"]) == ("order_confirmed", refused["id"])
    assert notice["last_error"] == "recipient: 550 5.1.1"
    assert "recipient: 550 5.1.1" in ais("notices", "list").stdout
    assert "notice_failed" in ais("staff", "list").stdout
    assert ais("notices", "retry", notice["id"]).stdout == "1 notices wait again.\n"
    again = ais("notices", "retry", notice["id"], code=1)
    assert f"Left as they are: {notice['id']}." in again.stderr
    (waiting,) = ais.json("notices", "list")["notices"]
    assert (waiting["status"], waiting["attempts"]) == ("waiting", 0)
    (job,) = ais.json("jobs", "list", "--name", "notifications.deliver")["jobs"]
    assert job["state"] == "waiting"


def test_what_is_no_notice_is_wrong_use(ais: CommandLine):
    assert "ord_1 is no notice" in ais("notices", "retry", "ord_1", code=2).stderr
    assert "Name the failed notices" in ais("notices", "retry", code=2).stderr
