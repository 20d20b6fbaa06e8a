"""``make storm SEED=…``: one storm or many, each judged; exit code 1 if any does not add up."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from contextlib import AsyncExitStack

import anyio
from tests.simulation.storm.field import open_field
from tests.simulation.storm.killed import open_killing_field
from tests.simulation.storm.storm import Report

TICKETED_AT_LEAST = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(prog="storm", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--calm", action="store_true", help="no faults: then every captured order must be ticketed")
    parser.add_argument("--kill", action="store_true", help="over running processes, which are ended by signal 9")
    arguments = parser.parse_args()
    sys.exit(anyio.run(run, arguments, backend_options={"use_uvloop": True}))


async def run(arguments: argparse.Namespace) -> int:
    hits: Counter[str] = Counter()
    cuts: Counter[str] = Counter()
    did: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    failed: list[int] = []
    captured = ticketed = 0
    async with open_field() as field, AsyncExitStack() as stack:
        killing = await stack.enter_async_context(open_killing_field(field.servers)) if arguments.kill else None
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            report = await (killing.storm(seed) if killing else field.storm(seed, faulty=not arguments.calm))
            tell(report)
            hits += report.hits
            cuts += report.cuts
            did += report.did
            seen += report.seen
            captured, ticketed = captured + report.captured, ticketed + report.ticketed
            if report.wrong:
                failed.append(seed)
    print(f"{arguments.count} storms, {len(failed)} that do not add up{': ' + str(failed) if failed else ''}")
    share = ticketed / captured if captured else 1.0
    print(f"{captured} captured orders, of which {ticketed} ({share:.1%}) were ticketed")
    for what in (did, seen):
        print("  " + ", ".join(f"{count} {name}" for name, count in sorted(what.items())))
    for name in sorted(hits):
        print(f"  {name:24} passed {hits[name]:7,} cut {cuts[name]:6,}")
    return 1 if failed or share < TICKETED_AT_LEAST else 0


def tell(report: Report) -> None:
    """One line a storm, and what is wrong."""
    orders = ", ".join(f"{count} {what}" for what, count in sorted(report.orders.items()))
    print(
        f"seed {report.seed}: {report.seconds:.1f} s, {report.captured} captured, {report.ticketed} ticketed,"
        f" {sum(report.cuts.values())} cuts, {report.departures} departures closed; {orders}",
        flush=True,
    )
    for each in report.wrong:
        print(f"    {each[:2000]}", flush=True)


if __name__ == "__main__":
    main()
