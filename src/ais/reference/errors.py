"""What a look-up in the reference data can refuse."""

from __future__ import annotations


class UnknownCode(LookupError):
    """No airport, city, country, carrier or aircraft type has this code: what people type is checked before."""

    def __init__(self, kind: str, code: str) -> None:
        self.kind, self.code = kind, code
        super().__init__(f"there is no {kind} with the code {code!r}")


class NoExchangeRate(LookupError):
    """No rate joins the two currencies on that day."""

    def __init__(self, base: str, quote: str, on: object) -> None:
        super().__init__(f"no exchange rate from {base} to {quote} on {on}")


class BadReferenceFile(ValueError):
    """A reference file that is offered for import is wrong; ``problems`` names each line and what is expected there."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))
