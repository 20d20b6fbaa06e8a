"""What happens at the provider without anybody asking us: payers dispute at their banks, which decide either way, and
money is sent to our bank, which now and then sends it back.
"""

from __future__ import annotations

import asyncio
import random

from tests.simulation.storm.customers import JSON, Surroundings

INQUIRY, IN_PART = 0.2, 0.25
OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")


class Bank:
    """All banks of a storm. ``disputed`` of the charges that it sees in a round are disputed."""

    def __init__(self, there: Surroundings, chance: random.Random) -> None:
        self._there = there
        self._chance = chance
        self.disputed = chance.choice((0.0, 0.1, 0.3))
        self._payouts = chance.choice((0, 1, 2))
        self._sent_back = chance.random() < 0.3

    async def keep_banking(self) -> None:
        """Disputes come and are decided, payouts leave, until the storm is over."""
        await self._there.at_provider("/money", {"payouts_end": "failed" if self._sent_back else "paid"})
        while not self._there.over:
            await asyncio.sleep(0.3 + 0.6 * self._chance.random())
            await self._dispute()
            for case in await self._open():
                if self._chance.random() < 0.4:
                    await self._decide(case)
            if self._payouts and self._chance.random() < 0.4:
                self._payouts -= 1
                await self.pay_out()

    async def finish(self) -> None:
        """Most of what is open is decided, and what the provider still holds is paid out."""
        await self._there.at_provider("/money", {"payouts_end": "paid"})
        for case in await self._open():
            if self._chance.random() < 0.8:
                await self._decide(case)
        await self.pay_out()

    async def pay_out(self) -> None:
        """The provider sends everything that it holds for us, charges of this day too."""
        await self._there.at_provider("/payouts", {"with_pending": True})

    async def _dispute(self) -> None:
        for charge in await self._listed("/v1/charges"):
            untouched = charge["paid"] and not charge["disputed"] and charge["amount_refunded"] == 0
            if not untouched or self._chance.random() > self.disputed:
                continue
            part = self._chance.random() < IN_PART
            amount = self._chance.randint(1, charge["amount_captured"]) if part else None
            inquiry = self._chance.random() < INQUIRY
            await self._there.at_provider(
                "/disputes", {"charge": charge["id"], "inquiry": inquiry, **({"amount": amount} if amount else {})}
            )

    async def _open(self) -> list[JSON]:
        return [case for case in await self._listed("/v1/disputes") if case["status"] in OPEN]

    async def _decide(self, case: JSON) -> None:
        ways = ("win", "lose", "escalate") if case["status"].startswith("warning_") else ("win", "lose")
        await self._there.at_provider(f"/disputes/{case['id']}/{self._chance.choice(ways)}", {})

    async def _listed(self, path: str) -> list[JSON]:
        answer = await self._there.ask_provider("GET", f"{path}?limit=100")
        if answer is None or answer.status_code != 200:
            return []
        found: list[JSON] = answer.json()["data"]
        return sorted(found, key=lambda each: each["id"])
