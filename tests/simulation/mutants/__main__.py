"""``make mutants``: takes the guards away one at a time, and lets storms run until one says so.

    python -m tests.simulation.mutants [--only NAME ...] [--seeds N] [--first SEED]

Prints for each guard the seed that found it gone, by which accusation and after how many seconds. Exit code 1 if one is
left that storms should find.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass

import anyio
from tests.simulation.mutants.guards import GUARDS, Guard, guard
from tests.simulation.storm.field import Field, open_field

# On a machine that has other things to do a storm takes a minute: that alone accuses nobody.
ACCUSATION_SHOWN = 300
STORM_SECONDS_MAX = 300.0


@dataclass(frozen=True)
class Finding:
    """What became of a guard: the seed that found it gone (None: none of them) and what that storm said."""

    seed: int | None
    accusation: str
    seconds: float


async def hunt(field: Field, hunted: Guard, seeds: range, *, seconds_max: float = STORM_SECONDS_MAX) -> Finding:
    """Run the storms of ``seeds`` without the guard, until one finds something wrong.

    A storm that does not end, or that breaks off, counts as found and says so.
    """
    began = time.monotonic()
    for seed in seeds:
        accusation = await _accusation(field, hunted, seed, seconds_max)
        if accusation is not None:
            return Finding(seed, accusation, time.monotonic() - began)
    return Finding(None, "", time.monotonic() - began)


async def _accusation(field: Field, hunted: Guard, seed: int, seconds_max: float) -> str | None:
    try:
        async with asyncio.timeout(seconds_max):
            report = await field.storm(seed, mutation=hunted.mutation())
    except TimeoutError:
        return f"the storm did not end within {seconds_max:.0f} s"
    except Exception as problem:  # whatever breaks a storm off is what it has found, and is told as such
        return f"the storm broke off: {problem!r}"
    if not report.wrong:
        return None
    # Of a deadlock the server's log says who waited for whom, which the error does not.
    waited = [each for each in report.wrong[1:] if "eadlock" in each or "Process " in each]
    return "\n    ".join([report.wrong[0][:ACCUSATION_SHOWN], *waited])


def main() -> None:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this guard; may be given again")
    parser.add_argument("--seeds", type=int, default=200, help="storms for each guard at most (default 200)")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--list", action="store_true", help="only say which guards there are")
    arguments = parser.parse_args()
    chosen = [guard(name) for name in arguments.only] or list(GUARDS)
    if arguments.list:
        for each in chosen:
            print(f"{each.name}: keeps from happening: {each.keeps}{f' (behind {each.behind})' if each.behind else ''}")
        return
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    sys.exit(anyio.run(run, chosen, seeds, backend_options={"use_uvloop": True}))


async def run(chosen: list[Guard], seeds: range) -> int:
    missed: list[str] = []
    found = 0
    async with open_field() as field:
        for each in chosen:
            finding = await hunt(field, each, seeds)
            found += finding.seed is not None
            if finding.seed is None and not each.unseen:
                missed.append(each.name)
            tell(each, finding, len(seeds))
    print(f"{len(chosen)} guards, {found} found{f', not found: {missed}' if missed else ''}")
    return 1 if missed else 0


def tell(hunted: Guard, finding: Finding, seeds: int) -> None:
    """Two lines a guard."""
    if finding.seed is None:
        why = f"as expected: {hunted.unseen}" if hunted.unseen else "but it should be"
        print(f"{hunted.name:38} NOT found in {seeds} storms, {finding.seconds:.0f} s, {why}", flush=True)
        return
    print(f"{hunted.name:38} found by seed {finding.seed}, {finding.seconds:.0f} s", flush=True)
    print(f"    {finding.accusation}", flush=True)


if __name__ == "__main__":
    main()
