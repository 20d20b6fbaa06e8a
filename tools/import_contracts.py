"""Contract types of our own for import-linter: the front door, libraries in their places, modules that need none."""

from __future__ import annotations

import sys

import grimp
from importlinter import Contract, ContractCheck, fields, output

Illegal = list[tuple[str, str]]


def _report(check: ContractCheck, sentence: str) -> None:
    illegal: Illegal = check.metadata["illegal"]
    for importer, imported in illegal:
        output.print_error(f"{importer} imports {imported}: {sentence}")


class FrontDoorContract(Contract):
    """Another package imports ``ais.<package>``, its events or its errors; only ``ais.app`` reaches inside, to wire."""

    type_name = "front_door"
    packages = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002  # the interface of a contract
        illegal: Illegal = []
        for package in self.packages:  # type: ignore[attr-defined]  # fields are replaced by their values
            root = f"ais.{package}"
            if root not in graph.modules:
                continue
            open_modules = {root, f"{root}.events", f"{root}.errors"}
            for module in graph.find_descendants(root):
                if module in open_modules:
                    continue
                illegal.extend(
                    (importer, module)
                    for importer in sorted(graph.find_modules_that_directly_import(module))
                    if importer != root and not importer.startswith((f"{root}.", "ais.app"))
                )
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        _report(check, "come in by the front door (the package itself, its events or errors).")


class ConfinedContract(Contract):
    """A library is imported only by modules that have one of the named parts in their path below ``ais``."""

    type_name = "confined"
    places = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002  # the interface of a contract
        illegal: Illegal = []
        for line in self.places:  # type: ignore[attr-defined]  # fields are replaced by their values
            library, _, allowed = line.partition(":")
            parts = [part.strip() for part in allowed.split(",")]
            if library not in graph.modules:
                continue
            for importer in sorted(graph.find_modules_that_directly_import(library)):
                below = importer.removeprefix("ais.")
                inside = any(f".{part}." in f".{below}." for part in parts)
                if importer.startswith("ais.") and not inside:
                    illegal.append((importer, library))
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        _report(check, "this library has its own place (see .importlinter).")


class PureContract(Contract):
    """The named modules, and all below them, import no library but those listed; the standard library is free."""

    type_name = "pure"
    modules = fields.ListField(subfield=fields.ModuleExpressionField())
    libraries = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002  # the interface of a contract
        allowed = {"ais", *self.libraries, *sys.stdlib_module_names}  # type: ignore[misc]  # fields are replaced by their values
        pure: set[str] = set()
        for expression in self.modules:  # type: ignore[attr-defined]  # see above
            for module in graph.find_matching_modules(expression.expression):
                pure |= {module, *graph.find_descendants(module)}
        illegal = [
            (importer, imported)
            for importer in sorted(pure)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if imported.partition(".")[0] not in allowed
        ]
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        _report(check, "this module needs the standard library and msgspec alone.")
