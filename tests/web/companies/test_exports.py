"""The lists of visits, follow-ups and companies as files (PROJECTS 2)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.leads.rules import Secrecy
from crm.people.rules import Role
from tests.factories import (
    arranged,
    make_company,
    make_followup,
    make_lead,
    make_person,
    make_visit,
    sign_in,
)

DUE = date(2026, 7, 20)
LISTS = ("visits", "followups", "companies")


@pytest.fixture
def records(app):
    """An open lead of `me`, and a restricted one that `me` may not see."""
    with arranged(app) as db:
        me, other = make_person(db, "me"), make_person(db, "other")
        seen = make_lead(db, "公开项目", tracker=me, company=make_company(db, "甲公司"))
        hidden = make_lead(
            db,
            "绝密项目",
            secrecy=Secrecy.RESTRICTED,
            tracker=other,
            company=make_company(db, "乙公司"),
        )
        for lead, city in ((seen, "上海"), (hidden, "合肥")):
            make_visit(db, me, date(2026, 7, 10), leads=[lead], city=city, participants=[other])
            make_followup(db, lead, me, DUE)
        make_followup(db, seen, me, date(2026, 7, 13), what="寄送资料")


@pytest.mark.parametrize(
    ("address", "title", "rows"),
    [
        (
            "/visits/export.csv?city=上海&columns=city&columns=companions",
            "拜访",
            [
                "企业,项目,日期,城市,参加人,佐证材料份数",
                "甲公司,公开项目,7月10日 周五 09:00–17:00,上海,other同志,",
            ],
        ),
        (
            "/followups/export.csv?view=open",
            "跟进",
            [
                "事项,线索,责任人,期限,状态,佐证材料份数",
                "寄送资料,公开项目,me同志,2026-07-13,已逾期 2 天,",
                "电话回访,公开项目,me同志,2026-07-20,待办,",
            ],
        ),
        (
            "/companies/export.csv",
            "企业",
            ["企业,所属集团,最近登记的线索,线索", "甲公司,,公开项目,1"],
        ),
    ],
)
def test_visits_follow_ups_and_companies_are_exported_as_the_list_shows_them(
    app, records, address, title, rows
):
    file = sign_in(app, "me").get(address).text

    assert file.removeprefix("\ufeff").splitlines()[: len(rows)] == rows
    assert "导出人：me同志" in file
    assert "绝密项目" not in file
    assert "乙公司" not in file
    with arranged(app) as db:
        entries = db.scalars(select(AuditEntry).where(AuditEntry.action == "person.exported"))
        assert [f'"list": "{title}"' in entry.after for entry in entries] == [True]


@pytest.mark.parametrize("name", LISTS)
def test_readers_export_nothing_and_who_is_signed_out_is_asked_to_sign_in(app, name):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER, duty=None)

    assert sign_in(app, "reader").get(f"/{name}/export.csv").status_code == 404
    assert app.test_client().get(f"/{name}/export.csv").status_code == 302
