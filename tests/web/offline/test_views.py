"""What a device may keep: the person's own, and nothing restricted (ENTRY 2)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.leads.models import Company
from crm.leads.rules import Secrecy
from crm.people.rules import Role
from crm.settings import DEMO_MARK
from crm.visits.rules import Status
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

KEPT = ("/offline/day", "/offline/visit", "/offline/names", "/me/queue", "/offline")
DAY = date(2026, 7, 15)  # NOW's
SECRET = ("天枢工程", "北斗公司", "苏北市")


@pytest.fixture
def zone(app):
    """Lina has an open and a restricted lead, each with a visit and a follow-up of today."""
    with arranged(app) as db:
        unit = make_unit(db, "招商一处")
        lina = make_person(db, "lina", name="李娜", unit=unit)
        make_person(db, "gu", name="顾清", unit=unit)
        make_person(db, "du", role=Role.READER)
        hidden, known = make_company(db, "北斗公司"), make_company(db, "溟南公司")
        secret = make_lead(
            *(db, "天枢工程"), company=hidden, tracker=lina, secrecy=Secrecy.RESTRICTED
        )
        plain = make_lead(db, "显示模组项目", company=known, tracker=lina)
        for lead, city in ((secret, "苏北市"), (plain, "无锡")):
            make_visit(db, lina, DAY, leads=[lead], city=city, status=Status.PLANNED)
            make_followup(db, lead, lina, due_on=DAY, what=f"就{lead.title}回电")


def test_a_device_keeps_nothing_restricted(app, zone):
    browser = sign_in(app, "lina")
    pages = "".join(browser.get(path).get_data(as_text=True) for path in KEPT)
    names = browser.get("/offline/names").json

    assert [word for word in SECRET if word in pages or word in str(names)] == []
    assert "就显示模组项目回电" in pages
    assert "无锡" in browser.get("/offline/day").text
    assert [row[1] for row in names["leads"]] == ["显示模组项目"]
    assert [row[1] for row in names["companies"]] == ["溟南公司"]
    assert {"李娜", "顾清"} <= {row[1] for row in names["people"]}
    assert "苏州" in names["cities"]


def test_names_leave_no_gap_where_another_has_a_restricted_lead(app, zone):
    with arranged(app) as db:
        company = db.scalars(select(Company).where(Company.name == "北斗公司")).one()
        make_lead(db, "北斗扩产项目", company=company)

    names = sign_in(app, "gu").get("/offline/names").json

    assert "北斗公司" in [row[1] for row in names["companies"]]
    assert "天枢工程" not in str(names)


def test_whoever_enters_nothing_keeps_nothing(app, zone):
    assert [sign_in(app, "du").get(path).status_code for path in KEPT[:3]] == [404, 404, 404]


def test_the_worker_serves_the_whole_site_and_is_asked_for_anew(app):
    answer = app.test_client().get("/sw.js")

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/me/queue", "/offline"])
def test_pages_of_the_device_are_nobodys(app, path):
    answer = app.test_client().get(path)

    assert answer.status_code == 200
    assert "data-person" not in answer.text


def test_the_demonstration_alone_offers_an_entry_that_waits(app, zone, tmp_path, monkeypatch):
    client = sign_in(app, "lina")
    own = app.config["SETTINGS"].model_copy(update={"data": tmp_path})
    monkeypatch.setitem(app.config, "SETTINGS", own)
    before = client.get("/me/queue").text
    (tmp_path / DEMO_MARK).write_text("{}", encoding="utf-8")

    page = client.get("/me/queue").text

    assert "data-example" not in before
    assert "data-example" in page
