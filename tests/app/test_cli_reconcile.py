"""``ais reconcile``: what was lost is finished, and the kept reports can be read again."""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.command_line import CommandLine
from tests.factories.in_process import in_process
from tests.factories.stripe_simulator import start_stripe_simulator


@pytest.fixture
def provider(tmp_path):
    running = start_stripe_simulator(tmp_path)
    yield running
    running.kill()


@pytest.fixture
def unheard(market_url, servers, provider):
    """An order that was paid, of which no news has come."""

    async def sell():
        async with in_process(market_url, servers.cache_url(), provider) as program:
            order = await program.order()
            await program.confirm(await program.begin_payment(order))
            return order

    return asyncio.run(sell())


@pytest.fixture
def ais(market_url, tmp_path, provider, monkeypatch):
    monkeypatch.setenv("STRIPE_API_BASE", provider.url)
    return CommandLine(market_url, tmp_path)


def test_what_differs_is_said_then_finished_then_agrees(ais, unheard):
    differs = ais.json("reconcile", "--dry-run", code=1)
    assert (differs["dry_run"], differs["scanned"], differs["skipped"]) == (True, 1, 1)
    assert [row["reason"] for row in differs["rows"]] == ["dry_run"]
    fixed = ais("reconcile")
    assert "1 compared, 1 fixed, 0 failed, 0 skipped (rec_" in fixed.stdout
    assert "settled: the books lacked it" in fixed.stdout
    assert ais.json("order", "show", unheard["id"])["order"]["status"] == "confirmed"
    again = ais.json("reconcile")
    assert (again["scanned"], again["fixed"], again["rows"]) == (1, 0, [])

    kept = ais.json("reconcile", "--past")["reports"]
    assert [(each["dry_run"], each["fixed"]) for each in kept] == [(False, 0), (False, 1), (True, 0)]
    shown = ais.json("reconcile", "--show", kept[1]["id"])
    assert [(row["kind"], row["outcome"], row["reason"]) for row in shown["rows"]] == [("payment", "fixed", "settled")]
    assert kept[0]["id"] in ais("reconcile", "--past").stdout


def test_a_window_of_the_past_finds_nothing_and_wrong_ones_are_refused(ais, unheard):
    past = ais.json("reconcile", "--from", "2026-01-01", "--to", "2026-01-02T12:00")
    assert (past["from"], past["to"], past["scanned"]) == ("2026-01-01T00:00:00Z", "2026-01-02T12:00:00Z", 0)
    refused = ais("reconcile", "--from", "2026-01-02", "--to", "2026-01-01", code=2)
    assert "The window ends before it begins." in refused.stderr
    assert "ord_1 is no report" in ais("reconcile", "--show", "ord_1", code=2).stderr
    assert ais("reconcile", "--show", "rec_" + "0" * 26, code=1).stderr.startswith("There is no report rec_")


def test_a_provider_that_is_away_is_said_in_a_sentence(ais, provider):
    provider.kill()
    ended = ais("reconcile", code=3)
    assert ended.stderr.endswith("does not answer.\n")


def test_nothing_compared_yet_is_fine(ais):
    assert ais("reconcile", "--past").stdout == "Nothing was compared yet.\n"
