"""Storms, each from its seed: whatever goes wrong, money, seats and documents add up when it is calm again."""

from __future__ import annotations

import pytest
from tests.simulation.storm.field import Field, open_field
from tests.simulation.storm.killed import open_killing_field

# Twenty seeds in process and two over killed processes.
CALM_SEEDS = range(1, 5)
FAULTY_SEEDS = range(5, 21)
KILLED_SEEDS = range(1, 3)


@pytest.fixture(scope="module")
async def field(anyio_backend: object):
    async with open_field() as opened:
        yield opened


async def storms(field: Field, seeds: range, *, faulty: bool):
    """The reports of these seeds; fails at the first that does not add up."""
    reports = []
    for seed in seeds:
        report = await field.storm(seed, faulty=faulty)
        assert report.wrong == [], f"make storm SEED={seed}"
        reports.append(report)
    return reports


@pytest.mark.timeout(300)
async def test_without_faults_every_order_that_is_paid_is_ticketed_unless_its_flight_is_cancelled(field):
    reports = await storms(field, CALM_SEEDS, faulty=False)
    assert sum(report.ticketed for report in reports) > 20


@pytest.mark.timeout(600)
async def test_with_faults_and_cuts_everything_adds_up_and_nine_in_ten_are_ticketed(field):
    # The share is one of all storms together: in a few of them chance alone can make it less.
    reports = await storms(field, FAULTY_SEEDS, faulty=True)
    assert sum(report.cuts.total() for report in reports) > 50
    assert sum(report.ticketed for report in reports) >= 0.9 * sum(report.captured for report in reports) > 50


@pytest.mark.timeout(300)
async def test_processes_and_database_killed_again_and_again(field):
    async with open_killing_field(field.servers) as killing:
        for seed in KILLED_SEEDS:
            report = await killing.storm(seed)
            assert report.wrong == [], f"make storm ARGS=--kill SEED={seed}"
            assert report.cuts.total() >= 4
