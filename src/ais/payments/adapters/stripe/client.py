"""The SDK's client, as all that speaks to Stripe uses it."""

from __future__ import annotations

import httpx
import stripe

TIMEOUT_SECONDS = 20.0
_CONNECT_SECONDS = 5.0


def open_client(api_key: str, api_base: str, *, retries: int) -> stripe.StripeClient:
    """A client of ``api_base`` that repeats what was not answered ``retries`` times, under the same key.

    Certificates are verified; a simulator over plain HTTP has none, and reading those that are trusted takes 8 ms.
    """
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": api_base},
        http_client=stripe.HTTPXClient(
            timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=_CONNECT_SECONDS),
            allow_sync_methods=False,
            verify_ssl_certs=not api_base.startswith("http://"),
        ),
        max_network_retries=retries,
    )
