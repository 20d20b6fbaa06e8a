"""Vaults of tests: the demonstration's, which the program in the tests' own process uses too, and others."""

from __future__ import annotations

import base64
import os

from ais.platform.settings import DEMO_LOOKUP_KEY, DEMO_VAULT_KEY
from ais.platform.vault import Vault

VAULT = Vault(DEMO_VAULT_KEY, DEMO_LOOKUP_KEY)


def new_key(name: str) -> str:
    """A key encryption key that nobody else has, as it is written."""
    return f"{name}:{base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip('=')}"
