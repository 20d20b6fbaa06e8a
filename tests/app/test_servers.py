"""Which servers a command works with, beside a demo that runs on the same data folder."""

from __future__ import annotations

import pytest

from ais.app.servers import STRIPE, announced, servers_for
from ais.platform.settings import Settings

DEMO = {"database_url": "postgresql://demo/ais", "redis_url": "redis://demo", "stripe_api_base": "http://demo:12111"}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, ("postgresql://demo/ais", "redis://demo", "http://demo:12111")),
        ({"stripe_api_base": "http://own"}, ("postgresql://demo/ais", "redis://demo", "http://own")),
        ({"database_url": "postgresql://own/ais"}, ("postgresql://own/ais", "redis://demo", STRIPE)),
    ],
    ids=["nothing-is-set", "a-provider-is-set", "a-database-is-set"],
)
def test_a_command_beside_a_demo_asks_the_provider_of_the_demos_payments(tmp_path, own, expected):
    """A demo's payments are in its simulator: asked of Stripe itself, nobody would know them."""
    with announced(Settings(data_dir=tmp_path, **DEMO)), servers_for(Settings(data_dir=tmp_path, **own)) as chosen:
        assert (chosen.database_url, chosen.redis_url, chosen.stripe_api_base) == expected
