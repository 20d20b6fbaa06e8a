"""The worked tables of docs/algorithms/inventory.md are worked again."""

from __future__ import annotations

from pathlib import Path

from tests.factories.inventory import add_flights, add_ladder

from ais.inventory import leg_cabins, open_by_rank, open_inventory
from ais.inventory.domain import slack_by_rank

PAGE = (Path(__file__).resolve().parents[2] / "docs/algorithms/inventory.md").read_text(encoding="utf-8")


def table(header):
    """The rows under a header line, every cell a list of numbers where it is made of them."""
    rows = PAGE.split(f"{header}\n", 1)[1].splitlines()[1:]
    for row in rows:
        if not row.startswith("|"):
            return
        yield [
            [int(word) for word in cell.split()] if _is_numbers(cell) else cell.strip() for cell in row.split("|")[1:-1]
        ]


def _is_numbers(cell):
    return all(word.lstrip("-").isdigit() for word in cell.split())


def test_open_seats_of_a_leg_cabin():
    rows = list(table("| limits | taken | blocked | slack | open |"))
    assert len(rows) == 8
    for limits, taken, [blocked], slack, opened in rows:
        assert slack_by_rank(limits, taken, blocked) == slack
        assert open_by_rank(limits, taken, blocked) == opened


def test_several_legs():
    rows = list(table("| what has been taken | A-B taken | A-B open | B-C taken | B-C open | A-C open |"))
    assert len(rows) == 5
    for _, first, first_open, second, second_open, through_open in rows:
        assert open_by_rank([7, 5, 3], first) == first_open
        assert open_by_rank([7, 5, 3], second) == second_open
        assert list(map(min, first_open, second_open)) == through_open


async def test_limits(database, actor):
    rows = list(table("| authorisation | ladder in per cent | limits |"))
    assert len(rows) == 3
    for [authorised], percents, limits in rows:
        async with database.unit_of_work(actor) as uow:
            await uow.connection.execute("DELETE FROM booking_class_ladders WHERE carrier = 'QZ'")
            await add_ladder(uow.connection, "Y", list(zip("YBMHQKLVT", percents, strict=False)))
            [flight] = await add_flights(uow.connection, 1, configuration=f"Y{authorised}")
            await open_inventory(uow, flight.leg_ids)
            [cabin] = await leg_cabins(uow, flight.leg_ids)
            assert cabin.limits == limits


def test_a_batch():
    rows = list(table("| arrives | asks | slack before | answer |"))
    assert len(rows) == 6
    taken = [0, 0, 0]
    for _, asks, slack, answer in rows:
        assert slack_by_rank([7, 5, 3], taken) == slack
        seats, rank = int(asks.split()[0]), "YMQ".index(asks.split()[-1])
        opened = open_by_rank([7, 5, 3], taken)[rank]
        if seats <= opened:
            assert answer == "held"
            taken[rank] += seats
        else:
            assert answer == f"refused, {opened} {'is' if opened == 1 else 'are'} open"
