"""Files of a lead's records stand in its timeline, and are counted in exported lists."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.leads.rules import Secrecy
from crm.problems.models import ProblemEntry
from crm.problems.rules import EntryKind
from crm.visits.models import VisitLead
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_followup,
    make_lead,
    make_person,
    make_problem,
    make_unit,
    make_visit,
    sign_in,
)
from tests.files import samples
from tests.web.files.sending import upload

DUE = date(2026, 7, 31)
LISTS = {"leads": "", "visits": "?who=all", "followups": "?view=open", "problems": "?view=all"}


@pytest.fixture
def recruiter(app):
    """A recruiter whose lead has a visit, a follow-up and a problem."""
    with arranged(app) as db:
        unit = make_unit(db, "招商局")
        person = make_person(db, "recruiter", unit=unit)
        lead = make_lead(db, "公开项目", secrecy=Secrecy.OPEN, unit=unit, tracker=person)
        make_visit(db, person, leads=[lead])
        make_followup(db, lead, person, DUE)
        make_problem(db, person, [lead], unit=unit)
        make_person(db, "colleague", unit=unit)
    return sign_in(app, "recruiter")


def timeline_of(client, query=""):
    return client.get(f"/leads/1{query}").get_data(as_text=True)


def test_files_of_its_records_stand_in_the_timeline_of_the_lead(recruiter):
    for record in ("visits", "followups", "problems"):
        upload(recruiter, f"/{record}/1/files", (f"{record}.pdf", samples.pdf(text=record)))

    page = timeline_of(recruiter)

    for record in ("visits", "followups", "problems"):
        assert f'<a href="/{record}/1/files/1">{record}.pdf</a>' in page


def test_of_many_files_the_first_are_named_and_the_others_counted(recruiter):
    files = [(f"第{number}份.pdf", samples.pdf(text=str(number))) for number in range(1, 7)]
    upload(recruiter, "/visits/1/files", *files)

    page = timeline_of(recruiter)

    assert "第4份.pdf" in page
    assert "第5份.pdf" not in page
    assert '<a href="/visits/1/files">共 6 份</a>' in page


def test_a_file_stands_at_the_step_of_the_problem_that_it_was_added_after(app, recruiter):
    upload(recruiter, "/problems/1/files", ("报批件.pdf", samples.pdf()))
    with arranged(app) as db:
        [first] = db.scalars(select(ProblemEntry))
        values = {"due_on": DUE, "unit_id": first.unit_id, "state": first.state}
        values |= {"at": NOW + timedelta(hours=1), "kind": EntryKind.PROGRESS}
        db.add(ProblemEntry(problem_id=first.problem_id, text="已组卷", **values))

    page = timeline_of(recruiter)

    progress, raised = page.index("困难问题进展"), page.index("困难问题提出")
    assert progress < raised < page.index("报批件.pdf")


def test_files_of_a_visit_hide_in_the_timeline_with_its_words(app, recruiter):
    with arranged(app) as db:
        hidden = make_lead(db, "限知项目", secrecy=Secrecy.RESTRICTED)
        db.add(VisitLead(visit_id=1, lead_id=hidden.id))
    upload(recruiter, "/visits/1/files", ("纪要.pdf", samples.pdf()))
    colleague = sign_in(app, "colleague")

    lists = colleague.get("/visits/export.csv?who=all").text

    assert "纪要.pdf" in timeline_of(recruiter)
    assert "纪要.pdf" not in timeline_of(colleague)
    assert ",1\r\n" not in lists


@pytest.mark.parametrize(("record", "query"), LISTS.items())
def test_an_exported_list_counts_the_files_of_each_row(recruiter, record, query):
    upload(recruiter, f"/{record}/1/files", ("材料.pdf", samples.pdf()))

    head, row, *_ = recruiter.get(f"/{record}/export.csv{query}").text.splitlines()

    assert head.rpartition(",")[2] == "佐证材料份数"
    assert row.rpartition(",")[2] == "1"
