"""docs/workflows.md prints each workflow as it is declared."""

from pathlib import Path

import pytest

from crm.base.workflow import as_markdown
from crm.problems.workflow import PROBLEM_WORKFLOW
from crm.problems.workflow import Actor as ProblemActor
from crm.results.workflow import CLAIM_WORKFLOW
from crm.results.workflow import Actor as ClaimActor
from crm.supervision.workflow import ORDER_WORKFLOW, Actor

PAGE = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "workflow",
    [ORDER_WORKFLOW, PROBLEM_WORKFLOW, CLAIM_WORKFLOW],
    ids=["supervision orders", "problems", "claims"],
)
def test_the_page_prints_the_table_that_is_declared(workflow):
    table = as_markdown(workflow)

    assert table in PAGE, table


@pytest.mark.parametrize(
    "actors",
    [Actor, ProblemActor, ClaimActor],
    ids=["supervision orders", "problems", "claims"],
)
def test_the_page_names_every_actor(actors):
    assert [
        actor.value for actor in actors if f"- {actor.value}: {actor.label}\n" not in PAGE
    ] == []
