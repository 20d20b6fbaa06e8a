"""Stripe's form encoding: nested hashes and arrays in bracketed names."""

import re
from urllib.parse import parse_qsl

from ais_sandbox.stripe.errors import Document, StripeError

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_DEEPEST = 8


def decode_form(encoded: str) -> Document:
    """`a=1&b[c]=2&d[]=3&d[]=4&e[0][f]=5` as nested dicts; an array is a list in the order of its indexes.

    Values stay strings. `StripeError` 400 for names that cannot be read or contradict each other.
    """
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, strict_parsing=False, max_num_fields=1000)
    except ValueError as error:
        message = "The request has too many parameters."
        raise StripeError(400, message, executed=False) from error
    tree: Document = {}
    for name, value in pairs:
        found = _NAME.fullmatch(name)
        if found is None:
            raise _unreadable(name)
        path = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]
        if len(path) > _DEEPEST:
            raise _unreadable(name)
        _put(tree, path, value, name)
    return {key: _with_lists(value) for key, value in tree.items()}


def _put(tree: Document, path: list[str], value: str, name: str) -> None:
    for position, key in enumerate(path[:-1]):
        own_key = str(len(tree)) if key == "" and position > 0 else key
        child = tree.setdefault(own_key, {})
        if not isinstance(child, dict):
            raise _unreadable(name)
        tree = child
    last = str(len(tree)) if path[-1] == "" and len(path) > 1 else path[-1]
    if isinstance(tree.get(last), dict):
        raise _unreadable(name)
    tree[last] = value


def _with_lists(value: object) -> object:
    if not isinstance(value, dict):
        return value
    if value and all(key.isascii() and key.isdigit() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(child) for key, child in value.items()}


def _unreadable(name: str) -> StripeError:
    return StripeError(400, f"Invalid parameter name: {name}", param=name, executed=False)
