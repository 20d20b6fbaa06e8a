"""What is left of a personal value where it is shown to those who need only recognise it."""

from __future__ import annotations

HIDDEN = "•••"
_TAIL = 4


def mask_email(address: str) -> str:
    """``a•••@example.com``: the first letter and the domain."""
    local, separator, domain = address.rpartition("@")
    return f"{local[:1]}{HIDDEN}{separator}{domain}"


def mask_tail(text: str) -> str:
    """``••••1234``: the last four characters of a number, none of one so short that they would be most of it."""
    return f"•{HIDDEN}{text[-_TAIL:] if len(text) >= 2 * _TAIL else ''}"
