"""Free text that somebody types about a person: sealed as a whole, and still a text that stands where texts stand.

Nobody can know whom a text names. So it rests as ciphertext that carries the id of the key that opens it: whichever
column, history or trail holds it forgets it with that key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from ais.kit.ids import PersonId
from ais.platform.vault.keys import PersonKey, Vault

if TYPE_CHECKING:
    import asyncpg

_PREFIX = "sealed:"
_FIELD = "text"
# Of a text of 200 characters, whichever they are.
SEALED_TEXT_LENGTH = 1200


class OpenedText(NamedTuple):
    """A text as it is read, None once it is erased, and the key that it was sealed under, None for one in the clear."""

    text: str | None
    key: PersonKey | None


def seal_text(key: PersonKey, text: str) -> str:
    """The text as it rests: for at most 200 characters, at most :data:`SEALED_TEXT_LENGTH` of them."""
    return f"{_PREFIX}{key.id}:{base64.urlsafe_b64encode(key.seal(_FIELD, text)).decode()}"


async def open_texts(
    connection: asyncpg.Connection[asyncpg.Record], vault: Vault, texts: Sequence[str]
) -> list[OpenedText]:
    """The texts in their order, by one statement for all keys; what was never sealed is as it stands."""
    parsed = [_parse(each) for each in texts]
    keys = await vault.persons(connection, [each[0] for each in parsed if each is not None])
    opened = []
    for text, sealed in zip(texts, parsed, strict=True):
        if sealed is None:
            opened.append(OpenedText(text, None))
            continue
        key = keys.get(sealed[0])
        opened.append(OpenedText(key.open(_FIELD, sealed[1]) if key is not None else None, key))
    return opened


def _parse(text: str) -> tuple[PersonId, bytes] | None:
    """The key and the ciphertext of a sealed text; None for any other."""
    if not text.startswith(_PREFIX):
        return None
    person, _, encoded = text.removeprefix(_PREFIX).partition(":")
    try:
        return PersonId(UUID(person)), base64.b64decode(encoded, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
