"""Ids in Stripe's shape."""

import base64
import secrets

_LETTERS_ONLY = bytes.maketrans(b"+/", b"Aa")


def random_text(length: int) -> str:
    """Letters and digits that cannot be guessed, close to six bits each."""
    return base64.b64encode(secrets.token_bytes(length)).translate(_LETTERS_ONLY)[:length].decode("ascii")


def object_id(prefix: str) -> str:
    """A new id such as `pi_3...`, 24 letters and digits after the prefix."""
    return f"{prefix}_3{random_text(23)}"
