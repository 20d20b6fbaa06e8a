"""Ids in Stripe's shape."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    """Letters and digits that cannot be guessed."""
    # One draw of random bytes is several times quicker than one per letter; 248 is the largest multiple of 62 below
    # 256, and bytes above it are dropped so that every letter is equally likely.
    text = ""
    while len(text) < length:
        text += "".join(_ALPHABET[byte % 62] for byte in secrets.token_bytes(length + 8) if byte < 248)
    return text[:length]


def object_id(prefix: str) -> str:
    """A new id such as `pi_3...`, 24 letters and digits after the prefix."""
    return f"{prefix}_3{random_text(23)}"
