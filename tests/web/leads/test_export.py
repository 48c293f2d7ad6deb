"""The list of leads as a file (PROJECTS 2)."""

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.workbooks import read_workbook
from crm.leads.rules import Secrecy
from crm.people.rules import Role
from tests.factories import arranged, make_lead, make_person, sign_in

EXPORT = "/leads/export.csv"


@pytest.fixture
def me(app):
    with arranged(app) as db:
        return make_person(db, "me")


@pytest.fixture
def leads(app, me):
    with arranged(app) as db:
        make_lead(db, "=1+1", yi="2", tracker=me)
        make_lead(db, "大项目", yi="3")
        make_lead(db, "秘密项目", secrecy=Secrecy.RESTRICTED)


def test_a_list_is_exported_as_it_is_filtered_and_sorted(app, leads):
    client = sign_in(app, "me")

    _, *rows = client.get(f"{EXPORT}?sort=-amount").text.splitlines()
    _, *mine = client.get(f"{EXPORT}?who=mine").text.splitlines()

    assert [row.split(",")[0] for row in rows[:2]] == ["大项目", "'=1+1"]
    assert "共 2 条" in rows[-1]
    assert mine[0].startswith("'=1+1,")
    assert "共 1 条" in mine[-1]


def test_a_spreadsheet_of_the_list_names_its_reader_below_the_rows(app, leads):
    client = sign_in(app, "me")

    file = client.get("/leads/export.xlsx?sort=-amount")

    assert file.headers["Content-Disposition"].endswith("leads-20260715.xlsx")
    head, first, _, last = (cells for _, cells in read_workbook(file.data).rows if any(cells))
    found = dict(zip(head, first, strict=False))
    assert (found["项目"], found["总投资"], found["币种"]) == ("大项目", "300000000", "元")
    assert last[0].startswith("导出人：me同志　2026-07-15 10:00")


def test_an_export_leaves_an_entry_without_what_was_searched_for(app, leads):
    sign_in(app, "me").get(f"{EXPORT}?q=大项目")

    with arranged(app) as db:
        entries = db.scalars(select(AuditEntry).where(AuditEntry.action == "person.exported"))
        assert [entry.after for entry in entries] == ['{"entries": 1, "list": "线索"}']


def test_only_those_with_records_export_the_list(app, leads):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER, duty=None)

    assert sign_in(app, "reader").get(EXPORT).status_code == 404
    assert app.test_client().get(EXPORT).status_code == 302
