"""Imports of files taken back within seven days: what nobody touched since (ENTRY 6)."""

import csv
import io
import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from crm.audit.redaction import readable_entries
from crm.base.audit_entries import AuditEntry
from crm.followups.models import Followup
from crm.leads.company_changes import CompanyChange, change_company
from crm.leads.models import Company, Contact, Lead, Milestone
from crm.leads.rules import FIRST_MONEY
from crm.people.models import Absence, Person, Posting, Unit
from crm.people.permissions import viewer
from crm.people.rules import AbsenceStatus, Duty, Role
from crm.results.receipt_forms import plant_forms
from crm.results.receipt_models import Receipt
from crm.visits.models import Visit
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_company,
    make_followup,
    make_lead,
    make_person,
    make_unit,
    make_visit,
    sign_in,
)
from tests.imports.test_leads import content as leads_content
from tests.web.test_nav import here

COMPANIES = ["企业", "统一社会信用代码", "所属集团", "国家或地区", "别名"]
PEOPLE = ["username", "name", "email", "phone", "unit", "duty", "role", "from", "to"]
RECEIPTS = ["编号", "线索编号", "到账日期", "金额", "到资形式", "付款方"]
pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def root(app):
    with arranged(app) as db:
        plant_forms(db, NOW)
        bureau = make_unit(db, "招商局", code="ip", coordinates=True)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        make_person(db, "zhao", unit=bureau, name="赵某")
        make_lead(db, "云海二期", ref="L-OLD", company=make_company(db, "云海科技"))
    return sign_in(app, "root")


def table(*rows):
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def imported(client, page, content):
    """Import the file; the page of what came of it."""
    preview = client.post(page, data={"file": (io.BytesIO(content), "名单.csv")})
    names = ("content", "file_name")
    data = {
        name: re.search(rf'name="{name}" type="hidden" value="([^"]*)"', preview.text)[1]
        for name in names
    }
    return client.post(f"{page}/apply", data=data)


def undone(client, done):
    return client.post(f"{done.location}/undo", follow_redirects=True).text


def rows(app, model, *order):
    with arranged(app) as db:
        return db.scalars(select(model).order_by(*(order or (model.id,)))).all()


def test_my_imports_are_listed_with_what_can_be_undone(app, root):
    done = imported(root, "/admin/import/companies", table(COMPANIES, ["沧海智能", *[""] * 4]))

    listed, result = root.get("/admin/import/leads").text, root.get(done.location).text

    assert "企业 · 名单.csv" in listed
    assert "新增 1 条，可撤销" in listed
    assert "撤销本次导入" in result
    assert root.get("/import").text.count("企业 · 名单.csv") == 1
    assert sign_in(app, "zhao").get(done.location).status_code == 404


def test_leads_go_with_their_companies_but_for_those_that_somebody_uses(app, root):
    new = {"title": "沧海一期", "company": "沧海智能", "amount": "2亿", "contact": "王工"}
    used = {"title": "溟南一期", "company": "溟南显示"}
    known = {"title": "云海三期", "company": "云海科技"}
    file = leads_content(new, used, known)
    done = imported(root, "/admin/import/leads", file)
    with arranged(app) as db:
        lead = db.scalars(select(Lead).where(Lead.title == "溟南一期")).one()
        zhao = db.scalars(select(Person).where(Person.username == "zhao")).one()
        make_followup(db, lead, zhao, date(2026, 8, 3))

    page = undone(root, done)
    again = root.post("/admin/import/leads", data={"file": (io.BytesIO(file), "x.csv")})

    assert {lead.title for lead in rows(app, Lead)} == {"云海二期", "溟南一期"}
    assert {company.name for company in rows(app, Company)} == {"云海科技", "溟南显示"}
    assert rows(app, Contact) == []
    assert "已有跟进与之关联" in page
    assert "企业 <a" in page  # the company of the lead that stays
    assert "新增 2 行" in again.text


def test_the_trail_of_a_removed_lead_is_not_read_as_that_of_a_later_one_with_its_id(app, root):
    done = imported(
        root, "/admin/import/leads", leads_content({"company": "沧海智能", "title": "一期"})
    )
    old = rows(app, Lead)[-1]
    undone(root, done)
    with arranged(app) as db:
        make_lead(db, "另一项目", id=old.id, entered_at=NOW + timedelta(hours=1))
        entries = db.scalars(select(AuditEntry).where(AuditEntry.subject == "lead")).all()
        by = db.scalars(select(Person).where(Person.username == "root")).one()

        readable = readable_entries(db, viewer(db, by, NOW.date()), entries, NOW.date())

        assert [entry.action for entry in entries] == ["lead.imported", "lead.import_undone"]
        assert [readable.may_read(entry) for entry in entries] == [False, False]


def test_companies_and_contacts_are_removed_unless_they_were_touched(app, root):
    page = "/admin/import/companies"
    file = table(COMPANIES, ["沧海智能", "", "", "", "沧海"], ["溟南显示", *[""] * 4])
    companies = imported(root, page, file)
    with arranged(app) as db:
        company = db.scalars(select(Company).where(Company.name == "溟南显示")).one()
        by = db.scalars(select(Person).where(Person.username == "root")).one()
        change = CompanyChange(credit_code=None, group_name="溟南集团", country=None, aliases=())
        change_company(db, company=company, data=change, by=by, now=NOW)
    head = ["企业", "姓名", "职务", "电话", "邮箱"]
    people = table(head, ["云海科技", "王工", *[""] * 3], ["云海科技", "李工", *[""] * 3])
    contacts = imported(root, "/admin/import/contacts", people)
    with arranged(app) as db:
        db.execute(update(Contact).where(Contact.name == "李工").values(position="总工"))

    pages = undone(root, companies), undone(root, contacts)

    assert {company.name for company in rows(app, Company)} == {"云海科技", "溟南显示"}
    assert [contact.name for contact in rows(app, Contact)] == ["李工"]
    assert ["导入后又有改动" in page for page in pages] == [True, True]


def test_follow_ups_are_removed_done_or_not(app, root):
    head = ["编号", "线索", "责任人", "期限", "事项", "办结时间", "结果"]
    file = table(
        head,
        ["F-1", "L-OLD", "zhao", "2026-08-03", "送测算表", "", ""],
        ["F-2", "L-OLD", "zhao", "2026-07-01", "回访", "2026-07-01", "已回访"],
    )
    done = imported(root, "/admin/import/followups", file)
    before = len(rows(app, Followup))

    undone(root, done)

    assert (before, len(rows(app, Followup))) == (2, 0)
    assert rows(app, Lead)[0].last_contact_on is None


def test_receipts_are_withdrawn_with_their_milestone_and_may_be_imported_again(app, root):
    money = ["2026-07-10", "3000", "实缴注册资本", "云海科技"]
    file = table(RECEIPTS, ["R1", "L-OLD", *money])
    done = imported(root, "/import/receipts", file)
    before = [row.kind for row in rows(app, Milestone)]

    undone(root, done)
    between = [row.kind for row in rows(app, Milestone)]
    imported(root, "/import/receipts", file)

    assert FIRST_MONEY in before
    assert FIRST_MONEY not in between
    found = rows(app, Receipt)
    assert [bool(row.withdrawn_at) for row in found] == [True, False]
    assert [row.ref for row in found] == [f"R1-撤{found[0].id}", "R1"]


@pytest.mark.parametrize(
    ("page", "head", "row", "place"),
    [
        ("/admin/import/companies", COMPANIES, ["甲公司", "", "", "", ""], "系统管理"),
        (
            "/import/receipts",
            RECEIPTS,
            ["R1", "L-OLD", "2026-07-10", "3000", "实缴注册资本", "云海科技"],
            "认定",
        ),
    ],
)
def test_an_import_stands_in_the_menu_where_it_was_begun(root, page, head, row, place):
    done = imported(root, page, table(head, row))

    assert here(root.get(done.location).text) == [place]


def test_absences_are_cancelled_as_they_came_approved(app, root):
    head = ["账号", "开始日期", "结束日期", "事由"]
    file = table(head, ["zhao", "2026-07-06", "2026-07-10", "年休假"])

    undone(root, imported(root, "/admin/import/absences", file))

    assert [row.status for row in rows(app, Absence)] == [AbsenceStatus.CANCELLED]


def test_new_units_go_and_changed_ones_get_their_values_back(app, root):
    head = ["编号", "单位名称", "上级单位"]
    before = [(unit.code, unit.name, unit.parent_id) for unit in rows(app, Unit)]
    file = table(head, ["ip", "招商一局", "投资促进中心"], ["", "投资促进中心", ""])

    preview = root.post("/admin/import/units", data={"file": (io.BytesIO(file), "单位表.csv")})
    done = imported(root, "/admin/import/units", file)
    between = {unit.code: unit.name for unit in rows(app, Unit)}
    page = undone(root, done)

    assert all(word in preview.text for word in ("更新", "新增", "投资促进中心"))
    assert between.items() >= {"ip": "招商一局", "touzicujinzhongxin": "投资促进中心"}.items()
    assert "已撤销" in page
    assert [(unit.code, unit.name, unit.parent_id) for unit in rows(app, Unit)] == before


def test_refused_units_are_shown_and_downloaded_with_the_reason(app, root):
    file = table(["单位名称", "上级单位"], ["一科", "没有的局"], ["二科", "招商局"])
    upload, before = {"file": (io.BytesIO(file), "单位表.csv")}, len(rows(app, Unit))

    page = root.post("/admin/import/units", data=upload)
    sent = re.search(r'name="content" type="hidden" value="([^"]*)"', page.text)[1]
    refused = root.post("/admin/import/units/problems.csv", data={"content": sent})

    reason = "未找到单位“没有的局”，请填写单位编号或名称。"
    assert (page.status_code, reason in page.text) == (422, True)
    assert reason in refused.get_data().decode("utf-8-sig")
    assert len(rows(app, Unit)) == before


def test_new_accounts_are_closed_and_changed_people_get_their_values_back(app, root):
    qian = ["qian", "钱某", "", "", "ip", "recruiter", "recruiter", "2026-01-01", ""]
    sun = ["sun", "孙某", *qian[2:]]
    renamed = ["zhao", "赵新名", "", "13800000000", "ip", "recruiter", "recruiter"]
    file = table(PEOPLE, qian, sun, [*renamed, "2020-01-01", "2026-07-31"])
    done = imported(root, "/admin/import/people", file)
    with arranged(app) as db:
        sun = db.scalars(select(Person).where(Person.username == "sun")).one()
        make_visit(db, sun)

    page = undone(root, done)

    people = {person.username: person for person in rows(app, Person)}
    closed = {name for name, person in people.items() if person.disabled_at}
    assert closed == {"qian"}
    assert (people["zhao"].name, people["zhao"].phone) == ("赵某", None)
    assert "孙某（sun）</a>：已有拜访与之关联" in page
    with arranged(app) as db:
        ids = [people[name].id for name in ("qian", "zhao")]
        held = db.execute(
            select(Posting.person_id, Posting.to_on).where(Posting.person_id.in_(ids))
        )
        assert held.all() == [(people["zhao"].id, None)]


def test_changed_visits_get_their_former_values_back_and_count_as_before(app):
    with arranged(app) as db:
        bureau = make_unit(db, "招商局")
        wu = make_person(db, "wu", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=bureau)
        shen = make_person(db, "shen", unit=bureau, name="沈若川")
        assert wu
        for day, ref in ((3, "V-1"), (6, "V-2")):
            make_visit(db, shen, date(2026, 7, day), ref=ref, city="上海", minutes="原纪要")
    client = sign_in(app, "wu")
    before = [(row.minutes, row.late_by_days, row.logged_at) for row in rows(app, Visit)]
    head = ["编号", "日期", "带队领导", "地点", "洽谈内容"]
    content = table(
        head,
        ["V-1", "7月3日", "沈若川", "苏州", "新纪要"],
        ["V-2", "7月7日", "沈若川", "上海", "原纪要"],
    )
    upload = client.post("/import", data={"file": (io.BytesIO(content), "x.csv")})
    codes = ["ref", "date", "leader", "city", "minutes"]
    data = {"column": codes, "kind": "outreach", "city": ""}
    client.post(f"{upload.location}/columns", data=data)
    done = client.post(f"{upload.location}/apply", data={"rows": "all"}, follow_redirects=True)
    between = [(row.minutes, row.city, row.first_on.day) for row in rows(app, Visit)]

    page = client.post(f"{upload.location}/undo", follow_redirects=True).text

    assert "撤销本次导入" in done.text
    assert between == [("新纪要", "苏州", 3), ("原纪要", "上海", 7)]
    assert [(row.minutes, row.late_by_days, row.logged_at) for row in rows(app, Visit)] == before
    assert [(row.city, row.first_on.day) for row in rows(app, Visit)] == [("上海", 3), ("上海", 6)]
    assert "2 条" in page
