"""Companies, contacts and follow-ups from a file: once, and known records stay (PROJECTS 6)."""

import csv
import io
from datetime import date

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.sheets import Format, SheetRefused, write_sheet
from crm.followups.exports import followup_rows
from crm.followups.fields import FOLLOWUP_COLUMNS
from crm.followups.imports import check_followups, keep_followups
from crm.followups.models import Followup
from crm.followups.rules import Repeat
from crm.leads.company_imports import COMPANY_COLUMNS, check_companies, company_rows, keep_companies
from crm.leads.contact_imports import CONTACT_COLUMNS, check_contacts, contact_rows, keep_contacts
from crm.leads.models import Company, CompanyAlias, Contact
from crm.leads.rules import Secrecy
from crm.leads.search_index import likely_companies
from tests.conftest import NOW
from tests.factories import make_company, make_contact, make_followup
from tests.leads.zone import TODAY, make_zone

CODE = "91320600MA1ABCDE19"
OPEN = {
    "ref": "F-9",
    "lead": "公开项目",
    "person": "tracker",
    "due_at": "2026-07-17",
    "what": "报价",
}
COMPANY = {"name": "云海科技有限公司", "credit_code": CODE, "aliases": "云海；雲海數據"}


def content(columns, rows):
    file = io.StringIO()
    writer = csv.DictWriter(file, [column.code for column in columns], restval="")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode("utf-8-sig")


def companies(db, *rows, by=None, leaves_out=False):
    file = content(COMPANY_COLUMNS, rows)
    checked = check_companies(db, content=file, by=by, now=NOW, leaves_out=leaves_out)
    return keep_companies(db, file=checked)


def contacts(db, *rows, by=None):
    checked = check_contacts(db, content=content(CONTACT_COLUMNS, rows), by=by, now=NOW)
    return keep_contacts(db, file=checked)


def followups(db, *rows, by=None):
    columns = [column for column in FOLLOWUP_COLUMNS if not column.shown_only]
    checked = check_followups(db, content=content(columns, rows), by=by, now=NOW)
    return keep_followups(db, file=checked)


@pytest.fixture
def zone(db):
    return make_zone(db)


@pytest.mark.parametrize("form", [Format.CSV, Format.XLSX])
def test_what_is_exported_is_imported_again_and_changes_nothing(db, zone, form):
    company = make_company(db, "沧海智能有限公司", country="德国")
    make_contact(db, company, "王先生", phone="0513-85921234", email="wang@yh.test")
    companies(db, COMPANY)
    lead = zone.leads[Secrecy.OPEN]
    make_followup(db, lead, zone.people["tracker"], TODAY)
    make_followup(db, lead, zone.people["tracker"], TODAY, done_at=NOW, result="已谈妥")

    for columns, rows, check in (
        (COMPANY_COLUMNS, company_rows, check_companies),
        (CONTACT_COLUMNS, contact_rows, check_contacts),
        (FOLLOWUP_COLUMNS, followup_rows, check_followups),
    ):
        exported = rows(db, None, TODAY)
        file = write_sheet(columns, exported, in_chinese=True, form=form)
        result = check(db, content=file, by=None, now=NOW).result
        assert (result.added, result.unchanged) == (0, len(exported))
        assert result.unchanged


def test_a_new_company_has_its_aliases_by_which_it_is_found(db):
    first = companies(db, COMPANY, {"name": "海辰科技"}, COMPANY)
    second = companies(db, COMPANY)

    [company] = db.scalars(select(Company).where(Company.credit_code == CODE))
    assert (first.added, first.unchanged, second.added) == (2, 1, 0)
    assert company.id in likely_companies(db, "云海数据")
    assert db.scalars(select(CompanyAlias.name)).all() == ["云海", "雲海數據"]


def test_a_known_company_stays_as_it_is_and_a_likely_one_may_be_left_out(db):
    known = make_company(db, "南通云海科技有限公司", group_name="云海集团")

    result = companies(db, {"name": "南通云海科技有限公司", "group": "别的集团"})
    alike = companies(db, {"name": "云海科技股份有限公司"}, leaves_out=True)

    assert "companies_kept" in {notice.why.code for notice in result.notices}
    assert (known.group_name, alike.added, alike.left_out) == ("云海集团", 0, 1)


def test_contacts_go_to_known_companies_that_the_importer_may_change(db, zone):
    make_company(db, "云海科技有限公司", credit_code=CODE)
    hidden = db.get(Company, zone.leads[Secrecy.RESTRICTED].company_id).name
    row = {"company": CODE, "name": "王先生", "phone": "13800000000"}

    result = contacts(db, row, row, {**row, "phone": "13900000000"})

    assert (result.added, result.unchanged) == (2, 1)
    assert len(db.scalars(select(Contact).where(Contact.name == "王先生")).all()) == 2
    with pytest.raises(SheetRefused) as refused:
        contacts(
            db, {**row, "company": "没有的"}, {**row, "company": hidden}, by=zone.people["admin"]
        )
    assert [problem.why.code for problem in refused.value.problems] == ["unknown_company"] * 2


def test_a_follow_up_names_its_lead_by_reference_or_title(db, zone):
    lead = zone.leads[Secrecy.OPEN]
    done = {"done_at": "2026-07-01", "result": "已谈妥", "due_at": "2026年6月30日"}
    row = {"lead": lead.title, "person": zone.people["tracker"].name, "what": "报价"}

    first = followups(db, row | done, row | {"lead": lead.ref, "due_at": "2026-07-20"})
    second = followups(db, row | done)

    assert (first.added, second.unchanged) == (2, 1)
    finished = db.scalars(select(Followup).where(Followup.result == "已谈妥")).one()
    assert (finished.lead_id, finished.done_at) == (lead.id, at_civil(date(2026, 7, 1)))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"lead": "内部项目"}, "unknown_lead"),
        ({"person": "没有的"}, "unknown_person_in_file"),
        ({"done_at": "2026-07-01"}, "required"),
        ({"result": "已谈妥"}, "required"),
        ({"done_at": "2026-08-01", "result": "已谈妥"}, "in_future"),
    ],
)
def test_one_wrong_follow_up_refuses_the_file(db, zone, wrong, code):
    right = {"lead": "公开项目", "person": "tracker", "due_at": "2026-07-20", "what": "报价"}

    with pytest.raises(SheetRefused) as refused:
        followups(db, right, right | wrong, by=zone.people["stranger"])

    assert [(row.line, row.why.code) for row in refused.value.problems] == [(3, code)]
    assert db.scalars(select(Followup)).all() == []


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("每14天", Repeat.DAYS, 14),
        ("每隔 7 天", Repeat.DAYS, 7),
        ("每周三", Repeat.WEEKLY, 3),
        ("每周", Repeat.WEEKLY, 5),
        ("每月３１日（当月无此日的，按月末）", Repeat.MONTHLY, 31),
        ("每月", Repeat.MONTHLY, 17),
        ("", None, None),
    ],
)
def test_a_follow_up_repeats_as_its_row_says_and_is_exported_so(db, zone, text, kind, number):
    row = {**OPEN, "repeat": text}

    added = followups(db, row).added
    exported = followup_rows(db, None, TODAY)[-1]
    again = followups(db, {**row, "repeat": exported["repeat"] or ""})

    found = db.scalars(select(Followup).where(Followup.ref == row["ref"])).one()
    assert (added, again.unchanged) == (1, 1)
    assert (found.repeat, found.repeat_number) == (kind, number)


@pytest.mark.parametrize("text", ["偶尔", "每周八", "每月32日", "每0天"])
def test_no_repetition_refuses_the_row(db, zone, text):
    with pytest.raises(SheetRefused):
        followups(db, {**OPEN, "repeat": text})
