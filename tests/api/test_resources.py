"""Each resource over the API, with what its page shows and refuses."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.leads.models import Contact, Lead
from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.people.rules import Duty, Scope
from tests.api.conftest import VISIT, program_of
from tests.factories import (
    LONG_AGO,
    arranged,
    make_company,
    make_contact,
    make_followup,
    make_lead,
    make_person,
    make_problem,
    make_rule,
    make_visit,
)

pytestmark = pytest.mark.slow_on_postgresql
LEAD = {"company": "云海新材料有限公司", "title": "正极材料项目", "tracker": "lina"}


def test_a_plan_is_moved_set_done_or_cancelled(app, lina):
    def plan(hour):
        return VISIT | {
            "status": "planned",
            "starts_at": f"2026-07-16T{hour:02}:00:00+08:00",
            "ends_at": f"2026-07-16T{hour + 1:02}:00:00+08:00",
        }

    first, second = (lina.post("/visits", plan(hour)).json for hour in (9, 14))
    moved = lina.post(
        f"/visits/{first['id']}/move", {"starts_at": "2026-07-14T09:00:00+08:00"}
    ).json
    done = lina.post(f"/visits/{first['id']}/done", {})
    cancelled = lina.post(f"/visits/{second['id']}/cancel", {})
    again = lina.post(f"/visits/{second['id']}/cancel", {})

    assert (moved["first_on"], moved["ends_at"]) == ("2026-07-14", "2026-07-14T02:00:00Z")
    assert (done.json["status"], cancelled.json["status"]) == ("done", "cancelled")
    assert (again.status_code, again.json["code"]) == (422, "not_planned")


def test_what_the_form_asks_before_it_saves_is_asked_and_answered(lina):
    lina.post("/visits", VISIT | {"leads": []})

    asked = lina.post("/visits", VISIT | {"city": "北京"})
    tokens = [question["token"] for question in asked.json["questions"]]
    answered = lina.post("/visits", VISIT | {"city": "北京", "answers": tokens})

    assert (asked.status_code, asked.json["code"]) == (409, "questions")
    assert [question["code"] for question in asked.json["questions"]] == ["two_cities"]
    assert answered.status_code == 201


def test_a_quick_entry_is_a_draft_that_saves_nothing(app, lina):
    answer = lina.post("/quick-entries", {"text": "昨天上午去苏州拜访金鸡湖电子，见了李总"})

    draft = answer.json["draft"]
    assert (draft["city"], draft["leader"], draft["kind"]) == ("苏州", "lina", "outreach")
    assert draft["starts_at"].startswith("2026-07-14")
    assert lina.get("/visits").json["items"] == []


def test_figures_are_those_of_the_board_and_of_nobody_else(app, lina):
    with arranged(app) as db:
        make_rule(db, duty=Duty.RECRUITER)
        gu = make_person(db, "gu")
        for person in (gu, db.scalars(select(Person).where(Person.username == "lina")).one()):
            make_visit(db, person)

    report = lina.get("/quotas/report?period=2026-07").json["items"]
    [figure] = report
    explained = lina.get(f"/quotas/explain?rule={figure['rule']}&person=lina&period=2026-07").json
    other = lina.get(f"/quotas/explain?rule={figure['rule']}&person=gu&period=2026-07")

    assert (figure["person"], figure["achieved"]) == ("lina", 1)
    assert {name: explained[name] for name in figure} == figure
    [counted] = explained["counted"]
    assert counted["visit"] == lina.get("/visits").json["items"][0]["ref"]
    assert (other.status_code, other.json["code"]) == (404, "not_found")
    assert lina.get("/quotas/report?period=2026-13").status_code == 422


def test_a_lead_is_entered_changed_and_reaches_a_stage(lina):
    added = lina.post("/leads", LEAD | {"amount": {"amount": "125000000", "currency": "CNY"}})
    place = f"/leads/{added.json['id']}"
    changed = lina.send("PATCH", place, json={"note": "待定"}, match=added.headers["ETag"])
    reached = lina.post(f"{place}/reach", {"kind": "following", "on": "2026-07-15"})

    assert added.status_code == 201, added.text
    assert added.json["amount"] == {"amount": "125000000", "currency": "CNY"}
    assert changed.json == added.json | {"note": "待定"}
    assert (reached.status_code, reached.json["stage"]) == (200, "following")
    [listed] = lina.get("/leads").json["items"]
    assert (listed["ref"], listed["stage"]) == (added.json["ref"], "following")


def test_likely_duplicates_stop_an_entry_once(lina):
    first = lina.post("/leads", LEAD).json

    asked = lina.post("/leads", LEAD | {"title": "二期"})
    answered = lina.post("/leads", LEAD | {"title": "二期", "answers": [first["id"]]})

    assert (asked.status_code, asked.json["questions"][0]["lead_id"]) == (409, first["id"])
    assert answered.status_code == 201


def test_a_restricted_lead_has_its_code_name_alone_for_those_outside(app, lina):
    with arranged(app) as db:
        gu = make_person(db, "gu")
        values = {"secrecy": Secrecy.RESTRICTED, "code_name": "青松", "tracker": gu}
        lead = make_lead(db, "绝密画布项目", **values)
        person = db.scalars(select(Person).where(Person.username == "lina")).one()
        visit = make_visit(db, gu, participants=[person], leads=[lead])

    outside = lina.get(f"/visits/{visit.id}")
    inside = program_of(app, "gu", Scope.READ)

    [label] = outside.json["leads"]
    assert label == {"id": None, "ref": None, "label": "青松", "company": None}
    assert "画布" not in outside.text
    for path in ("/visits", "/leads", "/companies", "/followups", "/visits?text=画布"):
        assert "画布" not in lina.get(path).text
    assert lina.get(f"/leads/{lead.id}").status_code == 404
    assert inside.get(f"/leads/{lead.id}").json["title"] == "绝密画布项目"


def test_a_followup_is_added_put_off_and_finished_with_the_next(app, lina):
    lead = lina.post("/leads", LEAD).json
    added = lina.post(
        "/followups", {"lead": lead["id"], "due_on": "2026-07-20", "what": "送测算表"}
    )
    place = f"/followups/{added.json['id']}"
    changed = lina.send("PATCH", place, json={"what": "送新测算表"}, match=added.headers["ETag"])
    put_off = lina.post(f"{place}/snooze", {"due_on": "2026-07-22", "reason": "对方出差"})
    done = lina.post(
        f"{place}/finish",
        {"result": "已送达", "next_what": "回访", "next_due_on": "2026-08-01"},
    )

    assert changed.json == added.json | {"what": "送新测算表"}
    assert put_off.json["due_on"] == "2026-07-22"
    assert done.json["next_id"] is not None
    assert [step["what"] for step in lina.get("/followups?open=true").json["items"]] == ["回访"]


def test_a_company_and_its_contacts_are_changed_by_whom_may_change_its_leads(app, lina):
    lead = lina.post("/leads", LEAD).json
    place = f"/companies/{lead['company']['id']}"
    with arranged(app) as db:
        make_person(db, "gu")
    known = lina.get(place)
    changed = lina.send("PATCH", place, json={"aliases": ["云海"]}, match=known.headers["ETag"])
    added = lina.post(f"{place}/contacts", {"name": "李总", "phone": "138 1234 5678"}).json
    [contact] = added["contacts"]

    assert changed.json["aliases"] == ["云海"]
    assert (contact["name"], contact["phone"]) == ("李总", "138 1234 5678")
    refused = program_of(app, "gu").send("PATCH", place, json={"country": "法国"}, match="*")
    assert refused.status_code == 403
    wrong = lina.post(f"{place}/contacts", {"name": "王总", "phone": "abc"})
    assert wrong.json["errors"][0]["code"] == "bad_phone"


@pytest.mark.parametrize("sent", [{}, {"phone": "138****5678"}])
def test_a_masked_number_sent_back_or_left_out_stays_as_it_is(app, lina, sent):
    with arranged(app) as db:
        company = make_company(db)
        contact_id = make_contact(db, company, "张工", phone="13812345678").id
        company_id = company.id
    place = f"/companies/{company_id}"
    known = lina.get(place)

    body = {"name": "张工", "position": "厂长", **sent}
    path = f"{place}/contacts/{contact_id}"
    changed = lina.send("PATCH", path, json=body, match=known.headers["ETag"])

    assert changed.json["contacts"][0]["phone"] == known.json["contacts"][0]["phone"]
    with arranged(app) as db:
        contact = db.get_one(Contact, contact_id)
        assert (contact.phone, contact.position) == ("13812345678", "厂长")


def test_a_lead_entered_over_the_api_is_in_the_trail(app, lina):
    lead = lina.post("/leads", LEAD).json

    with arranged(app) as db:
        row = db.get_one(Lead, lead["id"])
    assert row.entered_on == date(2026, 7, 15)


def test_people_and_units_are_those_that_forms_offer(app, lina):
    with arranged(app) as db:
        gu = make_person(db, "gu", name="古月明", phone="13812345678")
        gone = make_person(db, "gone")
        gone.disabled_at = LONG_AGO

    found = lina.get("/people?text=古")
    all_found = [row["username"] for row in lina.get("/people").json["items"]]
    codes = [unit["code"] for unit in lina.get("/units").json["items"]]

    [row] = found.json["items"]
    assert (row["username"], row["duty"]) == (gu.username, "recruiter")
    assert row["unit"] in codes
    assert "13812345678" not in found.text
    assert sorted(all_found) == ["gu", "lina"]
    assert lina.get("/me").json["role"] == "recruiter"


@pytest.mark.parametrize(
    "path",
    ["/followups?", "/followups?open=true&", "/people?", "/leads?", "/companies?", "/problems?"],
)
def test_the_parts_of_every_list_are_the_whole(app, lina, path):
    with arranged(app) as db:
        person = make_person(db, "gu")
        for day in (20, 21):
            lead = make_lead(db, tracker=person)
            make_followup(db, lead, person, date(2026, 7, day))
            make_problem(db, person, [lead])
    gu = program_of(app, "gu")

    whole = gu.get(f"{path}limit=100").json["items"]
    first = gu.get(f"{path}limit=1").json
    second = gu.get(f"{path}limit=1&cursor={first['next']}").json

    assert [*first["items"], *second["items"]] == whole
    assert second["next"] is None
