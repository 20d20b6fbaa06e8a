"""All modules of the program, imported: what some checks walk."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import ais
from ais.kit import AppError, Transitions


def all_modules() -> Iterator[ModuleType]:
    """Every module below ``ais`` but those that are programs."""
    for found in pkgutil.walk_packages(ais.__path__, "ais."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def all_refusals() -> list[type[AppError]]:
    """Every class of refusal of the program, sorted by its name."""
    for _ in all_modules():
        pass
    known: set[type[AppError]] = set()
    waiting: list[type[AppError]] = [AppError]
    while waiting:
        kind = waiting.pop()
        known.add(kind)
        waiting.extend(kind.__subclasses__())
    of_the_program = (kind for kind in known if kind.__module__.startswith("ais."))
    return sorted(of_the_program, key=lambda kind: (kind.__module__, kind.__qualname__))


def all_state_tables() -> dict[str, Transitions[str]]:
    """Every table of transitions that a module states, by the name of its aggregate."""
    tables: dict[str, Transitions[str]] = {}
    for module in all_modules():
        for value in vars(module).values():
            if isinstance(value, Transitions) and tables.setdefault(value.aggregate, value) is not value:
                raise ValueError(f"two tables are named {value.aggregate}")
    return tables
