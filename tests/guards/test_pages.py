"""Page modules read through the features' queries; none builds a query of its own."""

import ast
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "crm" / "web"
# Issue 16: pages whose queries are still to be moved.
EXEMPT = {
    "supervision",
}
BUILDERS = {"select", "union", "insert", "update", "delete"}


def page_modules():
    for path in sorted(WEB.rglob("*.py")):
        if path.relative_to(WEB).parts[0] not in EXEMPT:
            yield path


def imported_names(module):
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", [*page_modules()], ids=lambda path: str(path.relative_to(WEB)))
def test_no_page_module_builds_a_query(path):
    module = ast.parse(path.read_text(encoding="utf-8"))

    assert BUILDERS.isdisjoint(imported_names(module))


def test_only_pages_with_queries_are_exempt():
    with_queries = {
        path.relative_to(WEB).parts[0]
        for path in WEB.rglob("*.py")
        if not BUILDERS.isdisjoint(imported_names(ast.parse(path.read_text(encoding="utf-8"))))
    }

    assert with_queries == EXEMPT
