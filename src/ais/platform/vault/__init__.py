"""The vault: what is personal rests sealed under a key of the person's own, and ends when that key is destroyed.

Each person has one *data key* (AES-256). It seals that person's fields and stands in ``person_keys`` wrapped by a *key
encryption key*, which the database never sees: several of those may be set, the first wraps, all unwrap. So rotation
wraps the data keys anew and leaves what they seal alone, and erasing a person is one row.

What must be found without being opened is found by a keyed hash beside it. Its keys rotate too: the first one's hashes
are stored, by those of all is found, and a database remembers which keys its hashes need.

A person here is whoever gave us data on one occasion: the buyer of an order, each of its passengers, an account. What a
sealed value belongs to is part of what is authenticated: it opens for its person and field alone.

No opened key outlives the read that asked for it: unwrapping costs about 4 µs, and the wrapped key comes with the row,
so that an erasure holds in every process from its commit on.
"""

from ais.platform.vault.addresses import UnusableAddress, normalise_email
from ais.platform.vault.keys import KeyMissing, Lookup, PersonKey, SealBroken, Vault, VaultKeyError
from ais.platform.vault.lookups import (
    LookupKeyRefused,
    admit_lookup_keys,
    drop_lookup_key,
    known_lookup_keys,
    note_lookup_keys,
)
from ais.platform.vault.masking import HIDDEN, mask_email, mask_tail
from ais.platform.vault.persons import (
    INSERT_PERSONS,
    KeyCount,
    count_keys,
    destroy_persons,
    insert_persons,
    rewrap_persons,
)
from ais.platform.vault.texts import OpenedText, open_texts, seal_text

__all__ = [
    "HIDDEN",
    "INSERT_PERSONS",
    "KeyCount",
    "KeyMissing",
    "Lookup",
    "LookupKeyRefused",
    "OpenedText",
    "PersonKey",
    "SealBroken",
    "UnusableAddress",
    "Vault",
    "VaultKeyError",
    "admit_lookup_keys",
    "count_keys",
    "destroy_persons",
    "drop_lookup_key",
    "insert_persons",
    "known_lookup_keys",
    "mask_email",
    "mask_tail",
    "normalise_email",
    "note_lookup_keys",
    "open_texts",
    "rewrap_persons",
    "seal_text",
]
