"""docs/workflows.md prints each workflow as it is declared."""

from pathlib import Path

import pytest

from crm.base.workflow import as_markdown
from crm.supervision.workflow import ORDER_WORKFLOW, Actor

PAGE = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("workflow", [ORDER_WORKFLOW], ids=["supervision orders"])
def test_the_page_prints_the_table_that_is_declared(workflow):
    table = as_markdown(workflow)

    assert table in PAGE, table


def test_the_page_names_every_actor_of_a_supervision_order():
    assert [actor.value for actor in Actor if f"- {actor.value}: {actor.label}\n" not in PAGE] == []
