"""Pages of merges: choose, compare, merge, and take it back (PROJECTS 6)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from crm.base.audit import record
from crm.leads.merged import Merge
from crm.leads.models import Company, Lead
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person
from crm.people.rules import Duty, Role
from tests.conflicts import before_first_write
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_company,
    make_contact,
    make_followup,
    make_lead,
    make_person,
    make_role,
    make_unit,
    sign_in,
)
from tests.web.leads.test_views import FORM

BOSS = select(Person).where(Person.username == "boss")


class Zone:
    """Two leads of two companies alike in one bureau, with its supervisor."""

    def __init__(self, db):
        self.bureau = make_unit(db, "招商局")
        self.tracker = make_person(db, "tracker", unit=self.bureau)
        make_person(db, "boss", unit=self.bureau, role=Role.SUPERVISOR, duty=Duty.STAFF)
        make_person(db, "elsewhere", role=Role.SUPERVISOR, duty=Duty.STAFF)
        roles = {"unit": self.bureau, "tracker": self.tracker}
        self.old, self.new = make_company(db, "云海科技"), make_company(db, "江苏云海科技有限公司")
        self.kept = make_lead(db, "一期", company=self.old, source="商会", **roles)
        self.gone = make_lead(db, "二期", company=self.new, source="以商招商", **roles)
        self.refs = self.kept.ref, self.gone.ref
        make_contact(db, self.old, "张工", lead=self.kept)
        make_contact(db, self.old, "张总工")
        make_followup(db, self.gone, self.tracker, self.gone.entered_on, what="回访二期")


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


@pytest.fixture
def boss(app, zone):
    return sign_in(app, "boss")


def pair(zone, subject="lead"):
    rows = (zone.kept, zone.gone) if subject == "lead" else (zone.old, zone.new)
    return f"/merges/{subject}/{rows[0].id}/{rows[1].id}"


def the_merge(app):
    with arranged(app) as db:
        return db.scalars(select(Merge).order_by(Merge.id.desc())).first()


def test_a_supervisor_finds_the_likely_one_compares_and_merges(app, zone, boss):
    page = boss.get(f"/leads/{zone.kept.id}").text
    choice = boss.get(f"/merges/lead/{zone.kept.id}").text
    from_the_later = boss.get(f"/merges/lead/{zone.gone.id}").text
    compared = boss.get(pair(zone)).text
    answer = boss.post(pair(zone), data={"source": "1", "title": "0"}, follow_redirects=True)

    assert f"/merges/lead/{zone.kept.id}" in page
    assert pair(zone) in choice
    # the earlier record is kept unless they are swapped, also from the page of the later one
    assert pair(zone) in from_the_later
    assert all(text in compared for text in ("商会", "以商招商", "一期", "二期"))
    assert "已合并" in answer.text
    with arranged(app) as db:
        assert db.get_one(Lead, zone.kept.id).source == "以商招商"
    shown = boss.get(f"/leads/{zone.kept.id}").text
    assert "回访二期" in shown
    assert "线索“二期”并入“一期”" in shown


def test_old_addresses_and_references_lead_to_the_survivor(app, zone, boss):
    boss.post(pair(zone))
    boss.post(pair(zone, "company"))

    lead, company = boss.get(f"/leads/{zone.gone.id}"), boss.get(f"/companies/{zone.new.id}")

    assert (lead.status_code, lead.location) == (301, f"/leads/{zone.kept.id}")
    assert (company.status_code, company.location) == (301, f"/companies/{zone.old.id}")
    assert f"/leads/{zone.kept.id}" in boss.get(f"/leads?q={zone.refs[1]}").text
    assert "云海科技" in boss.get("/companies?q=江苏云海").text


def test_a_merge_is_taken_back_with_what_is_ticked(app, zone, boss):
    boss.post(pair(zone))
    with arranged(app) as db:
        lead = db.get_one(Lead, zone.kept.id)
        make_followup(db, lead, db.merge(zone.tracker), lead.entered_on, what="合并后回访")
    address = f"/merges/{the_merge(app).id}"
    page = boss.get(address).text
    tick = page.split('name="moved" value="')[1].split('"')[0].replace("&#34;", '"')

    answer = boss.post(f"{address}/undo", data={"moved": tick}, follow_redirects=True)

    assert "合并后回访" in page
    assert "已撤销合并" in answer.text
    restored = boss.get(f"/leads/{zone.gone.id}").text
    assert "回访二期" in restored
    assert "合并后回访" in restored


def test_a_merge_and_its_undoing_stand_with_both_records_and_name_who_did_it(app, zone, boss):
    boss.post(pair(zone))
    boss.post(pair(zone, "company"))
    with arranged(app) as db:
        ids = db.scalars(select(Merge.id).order_by(Merge.id)).all()
    for merge_id in reversed(ids):
        boss.post(f"/merges/{merge_id}/undo")

    kept, gone, old, new = (
        boss.get(f"/{kind}/{row.id}").text
        for kind, row in (
            ("leads", zone.kept),
            ("leads", zone.gone),
            ("companies", zone.old),
            ("companies", zone.new),
        )
    )
    shown = boss.get(f"/merges/{ids[0]}").text
    for_tracker = sign_in(app, "tracker").get(f"/leads/{zone.kept.id}").text

    for text in (kept, gone, for_tracker):
        assert "线索“二期”并入“一期”" in text
        assert "撤销合并，恢复线索“二期”" in text
    for text in (old, new):
        assert "企业“江苏云海科技有限公司”并入“云海科技”" in text
    assert f"/merges/{ids[0]}" in kept
    assert f"/merges/{ids[0]}" not in for_tracker
    assert shown.count("boss") > 1
    assert "这次合并已撤销" in shown


def test_an_undone_merge_tells_nobody_of_a_lead_that_is_hidden_from_them(app, zone, boss):
    with arranged(app) as db:
        make_person(db, "deputy", unit=db.merge(zone.bureau), role=Role.SUPERVISOR)
        unit = db.merge(zone.bureau)
        secret = make_lead(db, "机密", unit=unit, secrecy=Secrecy.RESTRICTED, code_name="代号")
        make_role(db, secret, LeadRoleKind.TASK_FORCE_MEMBER, person=db.scalar(BOSS))
        address = f"/merges/lead/{zone.kept.id}/{secret.id}"
    boss.post(address)
    merge = f"/merges/{the_merge(app).id}"
    boss.post(f"{merge}/undo")

    deputy = sign_in(app, "deputy")
    page = deputy.get(f"/leads/{zone.kept.id}")

    assert page.status_code == 200
    assert "机密" not in page.text
    assert "并入" not in page.text
    assert deputy.get(merge).status_code == 404
    assert boss.get(merge).status_code == 200


def test_contacts_of_one_company_are_merged_from_its_page(app, zone, boss):
    page = boss.get(f"/companies/{zone.old.id}").text
    first = page.split("/merges/contact/")[1].split('"')[0]
    choice = boss.get(f"/merges/contact/{first}").text
    address = "/merges/contact/" + choice.split("/merges/contact/")[1].split('"')[0]

    answer = boss.post(address, follow_redirects=True)

    assert answer.status_code == 200
    assert boss.get(f"/companies/{zone.old.id}").text.count("/contacts/") == 1 + 1  # and 添加


def test_leads_of_two_units_are_refused_with_the_sentence(app, zone, boss):
    with arranged(app) as db:
        team = make_unit(db, "一组", parent=db.merge(zone.bureau))
        other = make_lead(db, "三期", company=db.get_one(Company, zone.old.id), unit=team)
        address = f"/merges/lead/{zone.kept.id}/{other.id}"

    page, answer = boss.get(address).text, boss.post(address)

    assert answer.status_code == 422
    # said before anybody chooses, and where somebody tries all the same
    assert all("归属须按首报首谈裁定" in text for text in (page, answer.text))
    assert 'type="radio"' not in page


def test_others_get_404_and_the_signed_out_are_sent_to_sign_in(app, zone):
    for who in ("tracker", "elsewhere"):
        client = sign_in(app, who)
        assert client.get(pair(zone)).status_code == 404
        assert client.post(pair(zone)).status_code == 404
    assert app.test_client().get(pair(zone)).status_code == 302


def test_the_trail_of_a_merged_company_reveals_no_hidden_lead(app, zone, boss):
    with arranged(app) as db:
        root = make_person(db, "root", role=Role.ADMIN)
        company = db.get_one(Company, zone.new.id)
        make_lead(db, "机密", company=company, secrecy=Secrecy.RESTRICTED, code_name="代号")
        record(db, "company.changed", company, by=root, at=NOW, after={"group_name": "机密集团"})
        record(
            db,
            "lead.changed",
            db.get_one(Lead, zone.gone.id),
            by=root,
            at=NOW,
            after={"note": "旧备注"},
        )
    boss.post(pair(zone))
    boss.post(pair(zone, "company"))

    page = sign_in(app, "root").get("/admin/audit").text

    assert "旧备注" in page
    assert "机密" not in page


def test_a_new_lead_after_a_merge_has_a_page_of_its_own(app, zone, boss):
    gone = zone.gone.id
    boss.post(pair(zone))

    address = boss.post("/leads/new", data=FORM).location

    assert address != f"/leads/{gone}"
    assert boss.get(address).status_code == 200


VISIT = {"kind": "outreach", "channel": "in_person", "status": "done", "city": "上海"}
ATTACHED = {
    "/leads/{gone}/followups": {"what": "寄送资料", "due_on": "2026-07-20", "ref": "F-MERGED"},
    "/leads/{gone}/reach": {"kind": "land", "on": "2026-07-10"},
    "/visits/new": {
        **VISIT,
        "starts": "09:00",
        "ends": "10:00",
        "first_on": "2026-07-14",
        "lead_ids": "{gone}",
        "leader_id": "{me}",
        "ref": "V-MERGED",
    },
}


@pytest.mark.parametrize("what", ATTACHED)
def test_what_is_attached_to_a_lead_while_it_is_merged_loses_nothing_and_never_fails(
    app, zone, boss, what
):
    tracker, ids = sign_in(app, "tracker"), {"gone": zone.gone.id, "me": zone.tracker.id}
    form = {name: text.format(**ids) for name, text in ATTACHED[what].items()}

    def merge_it():
        with ThreadPoolExecutor(1) as thread:
            thread.submit(boss.post, pair(zone)).result()

    with before_first_write(app, merge_it):
        answer = tracker.post(what.format(**ids), data=form)

    assert the_merge(app) is not None
    # it reached the survivor's page, or says that the lead is no more
    assert answer.status_code in {301, 302, 404, 422}
