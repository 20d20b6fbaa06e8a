"""The background of the simulated account: posting webhooks, and doing later what is done later."""

import asyncio
import contextlib
import functools
import hashlib
import hmac
import logging

import msgspec

from ais_sandbox.http import HttpClient
from ais_sandbox.stripe.account import Account
from ais_sandbox.stripe.clock import now_exact, now_seconds
from ais_sandbox.stripe.deliveries import Attempt, Delivery
from ais_sandbox.stripe.idempotency import IdempotencyKeys
from ais_sandbox.stripe.reactions import TRANSITIONS

AT_ONCE = 64
_CLEANING_SECONDS = 600.0
_log = logging.getLogger("ais_sandbox.stripe")


class Background:
    """Two loops over what the storage says is due; `wake` tells them that something may be."""

    def __init__(self, account: Account, keys: IdempotencyKeys) -> None:
        """Prepare; nothing runs before `run`."""
        self._account = account
        self._keys = keys
        self._client = HttpClient()
        self._something_due = asyncio.Event()
        self._under_way: dict[int, asyncio.Task[None]] = {}

    def drop_deliveries(self) -> None:
        """Break off what is being posted: nobody is told any more of what was forgotten."""
        for task in self._under_way.values():
            task.cancel()

    def wake(self) -> None:
        """Look at what is due again."""
        self._something_due.set()

    async def run(self) -> None:
        """Work until cancelled. Deliveries that are cut off then are posted again after the next start."""
        clean_at = 0.0
        try:
            while True:
                self._something_due.clear()
                # Nothing is told to anybody before it is durable.
                self._account.storage.commit()
                if now_exact() >= clean_at:
                    clean_at = now_exact() + _CLEANING_SECONDS
                    with self._account.storage.transaction():
                        self._keys.forget_old()
                due = [self.run_transitions(now_exact()), self._start_deliveries(), clean_at]
                pause = max(0.0, min(at for at in due if at is not None) - now_exact())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._something_due.wait(), pause)
        finally:
            tasks = list(self._under_way.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._client.close()

    def run_transitions(self, now: float | None) -> float | None:
        """Do every transition that is due, or with None all there are. When the next one is due, or None."""
        while True:
            at = self._account.schedule.next_due()
            if at is None or (now is not None and at > now):
                return at
            with self._account.storage.transaction():
                transition = self._account.schedule.take_due(now)
                if transition is None:
                    return at
                TRANSITIONS[transition.action](self._account, transition.object_id)

    def _start_deliveries(self) -> float | None:
        """Begin to post what is due, as far as there is room; when the next is due, or None."""
        if self._account.switchboard.webhooks.paused:
            return None
        deliveries, busy = self._account.deliveries, set(self._under_way)
        room = AT_ONCE - len(busy)
        if room <= 0:
            return None
        for delivery in deliveries.due(now_exact(), room, busy):
            task = asyncio.get_running_loop().create_task(self._post(delivery))
            self._under_way[delivery.sequence] = task
            task.add_done_callback(functools.partial(self._finished, delivery.sequence))
        if len(self._under_way) >= AT_ONCE:
            return None
        return deliveries.next_due(set(self._under_way))

    def _finished(self, sequence: int, task: asyncio.Task[None]) -> None:
        del self._under_way[sequence]
        if not task.cancelled() and task.exception() is not None:
            _log.error("A delivery failed in the sandbox itself", exc_info=task.exception())
        self.wake()

    async def _post(self, delivery: Delivery) -> None:
        """One attempt at one delivery, logged however it goes."""
        switches = self._account.switchboard.webhooks
        started = now_exact()
        status, problem = None, None
        try:
            endpoint = self._account.deliveries.endpoint(delivery.endpoint_id)
            event = self._account.events.get(delivery.event_id)
            # Stripe sends its events indented; a receiver that encodes them again gets another signature.
            body = msgspec.json.format(msgspec.json.encode(event), indent=2)
            headers = [
                ("Content-Type", "application/json; charset=utf-8"),
                ("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
                ("Stripe-Signature", signature(body, endpoint.secret.split(), now_seconds())),
            ]
            status, answer = await self._client.post(endpoint.url, body, headers, switches.timeout_seconds)
            problem = None if status < 300 else answer.decode("utf-8", "replace")
        except TimeoutError:
            problem = f"no answer within {switches.timeout_seconds} s"
        except OSError as error:
            problem = str(error) or type(error).__name__
        number = delivery.attempts + 1
        retry_at = None
        if number < switches.retry_attempts:
            pause = switches.retry_first_seconds * switches.retry_factor ** (number - 1)
            retry_at = now_exact() + min(pause, switches.retry_most_seconds)
        attempt = Attempt(started, now_exact() - started, status, problem)
        self._account.deliveries.note(delivery, attempt, retry_at)


def signature(body: bytes, secrets: list[str], timestamp: int) -> str:
    """The `Stripe-Signature` header: one `v1` for each secret, as while a secret is being rolled over."""
    signed = str(timestamp).encode() + b"." + body
    schemes = [f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in secrets]
    return ",".join([f"t={timestamp}", *schemes])
