"""Every import contract holds on the tree, and refuses the import that it is there to refuse."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# By contract: what is planted (file below src, its line), and what the refusal must name.
PLANTED: dict[str, list[tuple[str, str, str]]] = {
    "layers": [
        ("ais/inventory/planted_upwards.py", "import ais.orders", "ais.inventory.planted_upwards -> ais.orders"),
        ("ais/payments/planted_sibling.py", "import ais.ticketing", "ais.payments.planted_sibling -> ais.ticketing"),
        ("ais/kit/planted_plumbing.py", "import ais.platform", "ais.kit.planted_plumbing -> ais.platform"),
    ],
    "front-door": [
        (
            "ais/orders/planted_back_door.py",
            "from ais.inventory import repository",
            "ais.orders.planted_back_door imports ais.inventory.repository",
        ),
        (
            "ais/offers/planted_schemas.py",
            "from ais.reference.schemas import *",
            "ais.offers.planted_schemas imports ais.reference.schemas",
        ),
    ],
    "inside-platform": [
        ("ais/platform/tokens.py", "import ais.platform.database", "ais.platform.tokens -> ais.platform.database"),
        ("ais/platform/cache.py", "import ais.platform.http", "ais.platform.cache -> ais.platform.http"),
    ],
    "inside-packages": [
        (
            "ais/payments/repository.py",
            "import ais.payments.service",
            "ais.payments.repository -> ais.payments.service",
        ),
        ("ais/orders/schemas.py", "import ais.orders.endpoints", "ais.orders.schemas -> ais.orders.endpoints"),
    ],
    "pure-kit": [
        ("ais/kit/planted_driver.py", "import asyncpg", "ais.kit.planted_driver -> asyncpg"),
        ("ais/fares/domain/planted_table.py", "from ais.fares import repository", "ais.fares.domain.planted_table -> "),
    ],
    "standard-library": [
        ("ais/kit/planted_library.py", "import babel", "ais.kit.planted_library imports babel"),
        ("ais/schedule/events.py", "import croniter", "ais.schedule.events imports croniter"),
    ],
    "sandbox-apart": [
        ("ais_sandbox/planted_product.py", "import ais.kit", "ais_sandbox.planted_product -> ais.kit"),
        ("ais/app/planted_stand_in.py", "import ais_sandbox.cli", "ais.app.planted_stand_in -> ais_sandbox.cli"),
    ],
    "where-libraries-live": [
        ("ais/inventory/planted_sql.py", "import asyncpg", "ais.inventory.planted_sql imports asyncpg"),
        ("ais/inventory/planted_http.py", "import litestar", "ais.inventory.planted_http imports litestar"),
        ("ais/payments/planted_provider.py", "import stripe", "ais.payments.planted_provider imports stripe"),
        ("ais/orders/planted_cache.py", "import valkey", "ais.orders.planted_cache imports valkey"),
        ("ais/orders/planted_queue.py", "import pgqueuer", "ais.orders.planted_queue imports pgqueuer"),
    ],
    "no-cycles": [
        ("ais/fares/planted_one.py", "import ais.fares.planted_other", "planted_one"),
        ("ais/fares/planted_other.py", "import ais.fares.planted_one", "planted_other"),
    ],
}


def contracts() -> dict[str, str]:
    """The id and name of each contract in the repository."""
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    prefix = "importlinter:contract:"
    return {section.removeprefix(prefix): parser[section]["name"] for section in parser if section.startswith(prefix)}


def copied_tree(folder: Path) -> Path:
    """The sources, the contracts and our own contract types, without data."""
    shutil.copytree(
        ROOT / "src",
        folder / "src",
        ignore=lambda _, names: [name for name in names if re.search(r"\.(?!py$)\w+$", name)],
    )
    (folder / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "import_contracts.py", folder / "tools")
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def lint(tree: Path) -> tuple[int, str]:
    """The exit code and the report, its lines unwrapped."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}", "COLUMNS": "400", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def section(report: str, name: str) -> str:
    """What the report says of one broken contract."""
    _, _, broken = report.partition("Broken contracts")
    match = re.search(rf"^{re.escape(name)}\n-+\n(.*?)(?=^[^\n]+\n-+\n|\Z)", broken, re.MULTILINE | re.DOTALL)
    return match[1] if match else ""


@pytest.fixture(scope="module")
def planted_report(tmp_path_factory) -> str:
    tree = copied_tree(tmp_path_factory.mktemp("planted"))
    for plants in PLANTED.values():
        for file, line, _ in plants:
            with (tree / "src" / file).open("a", encoding="utf-8") as module:
                module.write(f"\n{line}\n")
    code, report = lint(tree)
    assert code == 1
    return report


def test_every_contract_has_a_violation_planted_here():
    assert set(PLANTED) == set(contracts())


def test_the_tree_keeps_every_contract(tmp_path):
    code, report = lint(copied_tree(tmp_path))
    assert code == 0, report
    assert f"Contracts: {len(contracts())} kept, 0 broken." in report


@pytest.mark.parametrize(
    ("contract", "names"), [(contract, names) for contract, plants in PLANTED.items() for _, _, names in plants]
)
def test_a_planted_import_is_refused_by_its_contract(planted_report, contract, names):
    assert names in section(planted_report, contracts()[contract])


def test_a_package_without_a_layer_is_refused(tmp_path):
    tree = copied_tree(tmp_path)
    (tree / "src" / "ais" / "planted_layer.py").touch()
    code, report = lint(tree)
    assert code == 1
    assert "planted_layer" in report
