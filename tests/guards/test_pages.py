"""Modules of pages and the API read through features' queries; none builds one of its own."""

import ast
from pathlib import Path

import pytest

CRM = Path(__file__).parents[2] / "crm"
PAGE_MODULES = sorted([*(CRM / "web").rglob("*.py"), *(CRM / "api").rglob("*.py")])
BUILDERS = {"select", "union", "insert", "update", "delete"}


def imported_names(module):
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", PAGE_MODULES, ids=lambda path: str(path.relative_to(CRM)))
def test_no_page_module_builds_a_query(path):
    module = ast.parse(path.read_text(encoding="utf-8"))

    assert BUILDERS.isdisjoint(imported_names(module))
