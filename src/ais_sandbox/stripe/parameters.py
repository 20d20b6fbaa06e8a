"""Reading an endpoint's parameters with Stripe's own refusals.

Metadata keys that are digits only would look like array indexes in form encoding; they are given back as keys.
"""

import re

from ais_sandbox.stripe.errors import Document, StripeError, invalid_parameter, missing_parameter

_INTEGER = re.compile(r"-?[0-9]{1,18}")
MOST_METADATA_KEYS, LONGEST_METADATA_KEY, LONGEST_METADATA_VALUE = 50, 40, 500


class Parameters:
    """The decoded parameters of one request; each `take_*` reads one, and `finish` refuses what nobody took."""

    def __init__(self, decoded: Document, within: str = "") -> None:
        """Wrap the result of `decode_form`; `within` is the name of the hash that holds these, for refusals."""
        self._left = dict(decoded)
        self._within = within

    def path_of(self, name: str) -> str:
        """A parameter's name as the client wrote it, such as `line_items[0][quantity]`."""
        return f"{self._within}[{name}]" if self._within else name

    def take_text(self, name: str, *, longest: int = 5000) -> str | None:
        """A string, or None if absent. The empty string is returned: for Stripe it unsets a field."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, str):
            raise invalid_parameter(f"Invalid string: {value}", self.path_of(name))
        if len(value) > longest:
            message = f"Invalid string: {value[:20]}...; must be at most {longest} characters"
            raise invalid_parameter(message, self.path_of(name))
        return value

    def need_text(self, name: str) -> str:
        """A string that has to be there and not be empty."""
        value = self.take_text(name)
        if value is None:
            raise missing_parameter(self.path_of(name))
        if value == "":
            message = (
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter"
            )
            message += f"; however '{name}' cannot be unset. You should remove '{name}' from your request or supply a "
            message += "non-empty value."
            raise invalid_parameter(message, self.path_of(name), "parameter_invalid_empty")
        return value

    def take_choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """One of the given words, or None if absent."""
        value = self.take_text(name)
        if value is not None and value not in choices:
            comma = "," if len(choices) > 2 else ""
            listed = ", ".join(choices[:-1]) + (f"{comma} or " if len(choices) > 1 else "") + choices[-1]
            path = self.path_of(name)
            raise invalid_parameter(f"Invalid {path}: must be one of {listed}", path)
        return value

    def take_integer(self, name: str, *, least: int | None = None) -> int | None:
        """An integer, or None if absent."""
        value = self.take_text(name)
        if value is None:
            return None
        if _INTEGER.fullmatch(value) is None:
            raise invalid_parameter(f"Invalid integer: {value}", self.path_of(name), "parameter_invalid_integer")
        number = int(value)
        if least is not None and number < least:
            message = f"This value must be greater than or equal to {least}."
            raise invalid_parameter(message, self.path_of(name), "parameter_invalid_integer")
        return number

    def need_integer(self, name: str, *, least: int | None = None) -> int:
        """An integer that has to be there."""
        number = self.take_integer(name, least=least)
        if number is None:
            raise missing_parameter(self.path_of(name))
        return number

    def take_boolean(self, name: str, *, default: bool = False) -> bool:
        """`true` or `false`."""
        value = self.take_text(name)
        if value is None:
            return default
        if value not in {"true", "false"}:
            raise invalid_parameter(f"Invalid boolean: {value}", self.path_of(name))
        return value == "true"

    def take_hash(self, name: str) -> "Parameters | None":
        """A nested hash, read by the same means, or None if absent."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid_parameter("Invalid object", self.path_of(name))
        return Parameters(value, self.path_of(name))

    def take_hashes(self, name: str) -> "list[Parameters]":
        """An array of hashes, empty if absent."""
        value = self._left.pop(name, None)
        if value is None:
            return []
        path = self.path_of(name)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise invalid_parameter("Invalid array", path)
        return [Parameters(entry, f"{path}[{position}]") for position, entry in enumerate(value)]

    def take_list(self, name: str) -> list[str]:
        """An array of strings, empty if absent."""
        value = self._left.pop(name, None)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise invalid_parameter("Invalid array", self.path_of(name))
        return value

    def take_json(self, name: str) -> object:
        """A nested value as decoded, or None: for fields that are kept and shown but mean nothing here."""
        return self._left.pop(name, None)

    def take_metadata(self, current: dict[str, str]) -> dict[str, str]:
        """`current` changed as the request says: keys are added or replaced, empty values and `metadata=` unset."""
        given = self._left.pop("metadata", None)
        if given is None:
            return current
        if given == "":
            return {}
        if isinstance(given, list):
            given = {str(position): value for position, value in enumerate(given)}
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise invalid_parameter("Invalid metadata: values must be strings", "metadata")
        merged = dict(current)
        for key, value in given.items():
            if len(key) > LONGEST_METADATA_KEY:
                message = f"Metadata keys can't be longer than {LONGEST_METADATA_KEY} characters."
                raise invalid_parameter(message, "metadata")
            if len(value) > LONGEST_METADATA_VALUE:
                message = f"Metadata values can have up to {LONGEST_METADATA_VALUE} characters, "
                message += f"but you passed in a value that is {len(value)} characters."
                raise invalid_parameter(message, f"metadata[{key}]")
            if value == "":
                merged.pop(key, None)
            else:
                merged[key] = value
        if len(merged) > MOST_METADATA_KEYS:
            message = f"You can have up to {MOST_METADATA_KEYS} metadata keys."
            raise invalid_parameter(message, "metadata")
        return merged

    def finish(self) -> None:
        """Refuse parameters that the endpoint does not know, as Stripe does."""
        if not self._left:
            return
        names = [_written(self.path_of(name), value) for name, value in self._left.items()]
        if len(names) == 1:
            raise invalid_parameter(f"Received unknown parameter: {names[0]}", names[0], "parameter_unknown")
        message = f"Received unknown parameters: {', '.join(names)}"
        raise StripeError(400, message, code="parameter_unknown", param=names[0], executed=False)


def _written(name: str, value: object) -> str:
    """The parameter as the client wrote it, down to the first member that is not known."""
    if isinstance(value, dict) and value:
        return f"{name}[{next(iter(value))}]"
    return name
