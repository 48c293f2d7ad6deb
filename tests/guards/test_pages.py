"""Page modules read through the features' queries; none builds a query of its own."""

import ast
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "crm" / "web"
PAGE_MODULES = sorted(WEB.rglob("*.py"))
BUILDERS = {"select", "union", "insert", "update", "delete"}


def imported_names(module):
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", PAGE_MODULES, ids=lambda path: str(path.relative_to(WEB)))
def test_no_page_module_builds_a_query(path):
    module = ast.parse(path.read_text(encoding="utf-8"))

    assert BUILDERS.isdisjoint(imported_names(module))
