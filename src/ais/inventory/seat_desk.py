"""The seat desk: claims of many callers, decided by one call of the database at a time.

While a batch is out, new claims gather; when it is back they go together. So the desk waits for nobody when it is idle
and takes ever larger batches when it is busy, and a hot flight costs one lock per batch instead of one per claim. The
transaction is committed before anybody is answered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from ais.inventory import repository
from ais.inventory.domain import Claim, Hold
from ais.inventory.errors import SeatDeskUnavailable, SeatsUnavailable
from ais.inventory.repository import Refusal
from ais.platform.database import Connection, Database

_LOG = structlog.get_logger(__name__)

_LOCKED_PAUSE_SECONDS = 0.5
"""How long claims on legs that somebody keeps locked are set aside, before one of them tries again by itself."""


class _Ask(NamedTuple):
    """A caller that waits: its claim, where its answer goes, and until when it waits (loop time)."""

    claim: Claim
    answer: asyncio.Future[Hold]
    wait_until: float


class SeatDesk:
    """Claims seats in transactions of its own, for all callers of one process; start it and stop it with the process.

    At most one batch of up to ``batch_limit`` claims is out at a time. A batch is given up after ``batch_seconds``; a
    claim is asked again, under the same hold id, while the database is away or somebody keeps its legs locked, for
    ``patience_seconds`` in all; claims on other legs do not wait for it. Beyond
    ``waiting_limit`` callers further ones are refused at once. It keeps one connection of the pool for itself.
    """

    def __init__(
        self,
        database: Database,
        *,
        batch_limit: int = 256,
        waiting_limit: int = 20_000,
        batch_seconds: float = 8.0,
        patience_seconds: float = 10.0,
    ) -> None:
        self._database = database
        self._batch_limit = batch_limit
        self._waiting_limit = waiting_limit
        self._batch_seconds = batch_seconds
        self._patience_seconds = patience_seconds
        self._waiting: deque[_Ask] = deque()
        self._locked_until: dict[int, float] = {}
        self._wake = asyncio.Event()
        self._open = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the desk. Claims before this, and after :meth:`stop`, are refused."""
        if self._task is None:
            self._open = True
            self._task = asyncio.create_task(self._serve(), name="seat desk")

    async def stop(self) -> None:
        """Refuse new claims, answer those that wait, and let the connection go."""
        self._open = False
        self._wake.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def claim(self, claim: Claim) -> Hold:
        """Hold all seats of ``claim``, durably, or raise :class:`SeatsUnavailable` and hold none.

        The same hold id again answers with the seats it has, whatever became of them (``Hold.status``). Raises
        :class:`SeatDeskUnavailable` if it could not be decided in time; if the caller is cancelled or so refused, a
        hold may exist nevertheless, and ends by itself.
        """
        if not self._open or len(self._waiting) >= self._waiting_limit:
            raise SeatDeskUnavailable
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Hold] = loop.create_future()
        self._waiting.append(_Ask(claim, answer, loop.time() + self._patience_seconds))
        self._wake.set()
        return await answer

    async def _serve(self) -> None:
        pause = 0.0
        while self._open or self._waiting:
            await self._sleep_until_asked()
            try:
                async with self._database.connection() as connection:
                    pause = 0.0
                    await self._serve_over(connection)
            except repository.CONNECTION_LOST as error:
                _LOG.warning("seat_desk.connection_lost", error=type(error).__name__, waiting=len(self._waiting))
            except Exception:
                # The callers of that batch have the error; whatever it was, the desk stays open for the others.
                _LOG.exception("seat_desk.batch_failed")
            else:
                return
            self._refuse_late()
            pause = min(1.0, pause * 2 or 0.05)
            await asyncio.sleep(pause)

    async def _sleep_until_asked(self) -> None:
        while self._open and not self._waiting:
            self._wake.clear()
            await self._wake.wait()

    async def _serve_over(self, connection: Connection) -> None:
        """Decide batch after batch until the desk is closed and nobody waits, or the connection is lost."""
        while self._open or self._waiting:
            batch = self._take()
            if batch:
                await self._decide(connection, batch)
            elif self._waiting:
                await asyncio.sleep(_LOCKED_PAUSE_SECONDS / 10)
                self._refuse_late()
            else:
                await self._sleep_until_asked()

    def _take(self) -> list[_Ask]:
        """The next callers that still wait; whoever was cancelled meanwhile claims nothing.

        Claims on legs that were found locked stay behind, so that the others need not wait with them; when their pause
        is over, one goes alone and finds out.
        """
        now = asyncio.get_running_loop().time()
        batch: list[_Ask] = []
        set_aside: list[_Ask] = []
        while self._waiting and len(batch) < self._batch_limit:
            ask = self._waiting.popleft()
            if ask.answer.done():
                continue
            free_at = self._free_at(ask)
            if free_at is None:
                batch.append(ask)
            elif free_at <= now and not batch:
                batch.append(ask)
                break
            else:
                set_aside.append(ask)
        self._waiting.extendleft(reversed(set_aside))
        return batch

    def _free_at(self, ask: _Ask) -> float | None:
        """Until when this claim is set aside; None if none of its legs was found locked."""
        if not self._locked_until:
            return None
        return max((self._locked_until[leg] for leg in _legs(ask) if leg in self._locked_until), default=None)

    async def _decide(self, connection: Connection, batch: Sequence[_Ask]) -> None:
        """Ask the database once, and answer. What fails as a batch is asked again one by one."""
        try:
            answers = await repository.claim_seats(
                connection, [ask.claim for ask in batch], timeout_seconds=self._batch_seconds
            )
        except repository.UNACCEPTABLE as error:
            await self._decide_apart(connection, batch, error)
        except repository.CONNECTION_LOST:
            self._waiting.extendleft(reversed(batch))
            raise
        except repository.TRY_AGAIN as error:
            if len(batch) > 1:
                await self._decide_apart(connection, batch, error)
            else:
                self._set_aside(batch[0], error)
        except repository.REFUSED_BY_DATABASE as error:
            await self._decide_apart(connection, batch, error)
        except BaseException as error:
            for ask in batch:
                _fail(ask, error if isinstance(error, Exception) else SeatDeskUnavailable())
            raise
        else:
            self._answer(batch, answers)

    def _answer(self, batch: Sequence[_Ask], answers: Sequence[Hold | Refusal]) -> None:
        for ask, answer in zip(batch, answers, strict=True):
            if self._locked_until:
                for leg in _legs(ask):
                    self._locked_until.pop(leg, None)
            if ask.answer.done():
                continue
            if isinstance(answer, Refusal):
                ask.answer.set_exception(SeatsUnavailable(answer.asked, answer.open_seats, answer.of))
            else:
                ask.answer.set_result(answer)

    async def _decide_apart(self, connection: Connection, batch: Sequence[_Ask], error: Exception) -> None:
        """What the database cannot take fails for the caller that sent it; the others of its batch go alone."""
        if len(batch) == 1:
            _LOG.error("seat_desk.claim_impossible", error=type(error).__name__, hold_id=str(batch[0].claim.hold_id))
            _fail(batch[0], error)
            return
        for position, ask in enumerate(batch):
            if self._free_at(ask) is not None:
                self._waiting.append(ask)
                continue
            try:
                await self._decide(connection, [ask])
            except repository.CONNECTION_LOST:
                self._waiting.extendleft(reversed(batch[position + 1 :]))
                raise

    def _set_aside(self, ask: _Ask, error: Exception) -> None:
        """Remember that somebody keeps these legs locked; the claim waits, for as long as its patience lasts."""
        _LOG.warning("seat_desk.legs_locked", error=type(error).__name__, leg_ids=sorted(_legs(ask)))
        free_at = asyncio.get_running_loop().time() + _LOCKED_PAUSE_SECONDS
        self._locked_until.update(dict.fromkeys(_legs(ask), free_at))
        self._waiting.appendleft(ask)
        self._refuse_late()

    def _refuse_late(self) -> None:
        """Answer those whose patience is over: the database was away, or another held the rows, for too long."""
        now = asyncio.get_running_loop().time()
        still_waiting = [ask for ask in self._waiting if not ask.answer.done()]
        self._waiting.clear()
        for ask in still_waiting:
            if ask.wait_until <= now:
                _fail(ask, SeatDeskUnavailable())
            else:
                self._waiting.append(ask)


def _legs(ask: _Ask) -> set[int]:
    return {item.leg_id for item in ask.claim.items}


def _fail(ask: _Ask, error: Exception) -> None:
    if not ask.answer.done():
        ask.answer.set_exception(error)
