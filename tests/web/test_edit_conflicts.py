"""Two people change one thing at once: the second is told, and nothing is lost unseen."""

import re
from datetime import date

import pytest

from crm.followups.models import Followup
from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from crm.people.rules import Duty, Role
from crm.visits.models import Visit
from crm.visits.rules import Kind, Status
from tests.factories import (
    arranged,
    make_followup,
    make_lead,
    make_person,
    make_unit,
    make_visit,
    sign_in,
)
from tests.web.test_at_once import at_once


class Zone:
    """Two colleagues with a visit, a lead and a follow-up of theirs."""

    def __init__(self, db):
        self.unit = unit = make_unit(db, "招商局")
        self.lina = make_person(db, "lina", name="李娜", unit=unit)
        self.wang = make_person(db, "wang", name="王工", unit=unit)
        self.lead = make_lead(db, "晶圆基地", unit=unit, tracker=self.lina)
        self.step = make_followup(db, self.lead, self.lina, date(2026, 7, 20))
        self.visit = make_visit(db, self.lina, participants=[self.wang], minutes="谈了用地")


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


def typed(page, begins='<form method="post" novalidate'):
    """What a browser would send of the page's form: its fields as they are filled in."""
    form = page[page.index(begins) :].partition("</form>")[0]
    tags = [tag for tag in re.findall(r"<input[^>]+>", form) if is_sent(tag)]
    result = {attribute(tag, "name"): attribute(tag, "value") for tag in tags}
    result |= dict(re.findall(r'<textarea[^>]+name="([^"]+)"[^>]*>\s*([^<]*)', form))
    lists = re.findall(r'(?s)<select[^>]+name="([^"]+)".*?>(.*?)</select>', form)
    chosen = r'<option[^>]* selected[^>]* value="([^"]*)"'
    return result | {name: re.findall(chosen, options) for name, options in lists}


def is_sent(tag):
    return "radio" not in tag or " checked" in tag


def attribute(tag, name):
    found = re.search(rf' {name}="([^"]*)"', tag)
    return found[1] if found else ""


@pytest.fixture
def opened(app, zone):
    """The form of the visit as both of them have opened it."""
    at_linas, at_wangs = sign_in(app, "lina"), sign_in(app, "wang")
    return at_linas, at_wangs, typed(at_linas.get(f"/visits/{zone.visit.id}/edit").text)


def row(app, table, row_id):
    with arranged(app) as db:
        return db.get_one(table, row_id)


def test_what_a_form_remembers_may_be_nonsense(app, zone, opened):
    at_linas, at_wangs, form = opened
    path = f"/visits/{zone.visit.id}/edit"
    at_wangs.post(path, data=form | {"city": "无锡"})
    _, *hashes = form["seen"].split(".")

    answer = at_linas.post(path, data=form | {"seen": ".".join(["9" * 30, *hashes])})

    assert answer.status_code == 302


def test_the_second_is_told_by_whom_and_what_stands_there_now(app, zone, opened):
    at_linas, at_wangs, form = opened
    path = f"/visits/{zone.visit.id}/edit"

    first = at_wangs.post(path, data=form | {"city": "无锡"})
    second = at_linas.post(path, data=form | {"minutes": "谈了用电"})

    assert (first.status_code, second.status_code) == (302, 409)
    assert "王工于7月15日 10:00修改过" in second.text
    assert second.text.count("已改为：") == 1
    assert "王工已改为：无锡。" in second.text
    assert "谈了用电" in second.text
    assert row(app, Visit, zone.visit.id).minutes == "谈了用地"


def test_saved_again_it_is_overwritten_knowingly(app, zone, opened):
    at_linas, at_wangs, form = opened
    path = f"/visits/{zone.visit.id}/edit"
    at_wangs.post(path, data=form | {"city": "无锡"})
    result = typed(at_linas.post(path, data=form | {"minutes": "谈了用电"}).text)

    assert at_linas.post(path, data=result).status_code == 302

    kept = row(app, Visit, zone.visit.id)
    assert (kept.city, kept.minutes) == ("苏州", "谈了用电")


def test_a_third_change_in_between_is_told_as_well(app, zone, opened):
    at_linas, at_wangs, form = opened
    path = f"/visits/{zone.visit.id}/edit"
    at_wangs.post(path, data=form | {"city": "无锡"})
    result = typed(at_linas.post(path, data=form).text)
    at_wangs.post(path, data=result | {"city": "常州"})

    assert "王工已改为：常州。" in at_linas.post(path, data=result).text


def test_people_are_told_by_name(zone, opened):
    at_linas, at_wangs, form = opened
    path = f"/visits/{zone.visit.id}/edit"
    at_wangs.post(path, data=form | {"leader_id": zone.wang.id, "participant_ids": [zone.lina.id]})

    answer = at_linas.post(path, data=form | {"leader_id": zone.lina.id})

    assert answer.status_code == 409
    assert "王工已改为：王工。" in answer.text
    assert "王工已改为：李娜。" in answer.text


def test_both_say_the_same_and_nobody_is_bothered(zone, opened):
    at_linas, at_wangs, form = opened
    path = f"/visits/{zone.visit.id}/edit"
    at_wangs.post(path, data=form | {"city": "无锡"})

    assert at_linas.post(path, data=form | {"city": "无锡"}).status_code == 302


def test_of_two_edits_at_the_same_moment_one_is_told(zone, opened):
    at_linas, at_wangs, form = opened
    path = f"/visits/{zone.visit.id}/edit"

    answers = at_once(
        lambda: at_linas.post(path, data=form | {"city": "无锡"}),
        lambda: at_wangs.post(path, data=form | {"city": "常州"}),
    )

    assert sorted(answer.status_code for answer in answers) == [302, 409]


def test_the_hours_of_a_stay_are_not_told_as_nobody_sees_them(app, zone):
    with arranged(app) as db:
        stay = make_visit(db, zone.lina, kind=Kind.RESIDENCY, participants=[zone.wang])
    at_linas, path = sign_in(app, "lina"), f"/visits/{stay.id}/edit"
    form = typed(at_linas.get(path).text)
    with arranged(app) as db:
        moved = db.get_one(Visit, stay.id)
        moved.starts_at = moved.starts_at.replace(minute=30)

    assert at_linas.post(path, data=form).status_code == 302


def test_who_cannot_read_a_visits_words_does_not_wipe_its_journey(app, zone):
    with arranged(app) as db:
        hidden = make_lead(db, secrecy=Secrecy.RESTRICTED, tracker=zone.lina)
        visit = make_visit(db, zone.lina, date(2026, 7, 13), leads=[hidden], trip="批〔2026〕7号")
        make_person(db, "boss", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=zone.unit)
    at_bosses, path = sign_in(app, "boss"), f"/visits/{visit.id}/edit"
    form = typed(at_bosses.get(path).text)

    assert at_bosses.post(path, data=form | {"city": "无锡"}).status_code == 302

    assert row(app, Visit, visit.id).trip == "批〔2026〕7号"


def test_a_lead_is_not_overwritten_unseen(app, zone):
    at_linas, at_wangs = sign_in(app, "lina"), sign_in(app, "wang")
    path = f"/leads/{zone.lead.id}/edit"
    form = typed(at_linas.get(path).text)
    at_wangs.post(path, data=form | {"title": "晶圆基地二期", "amount": "12亿元"})

    answer = at_linas.post(path, data=form | {"note": "已对接"})

    assert answer.status_code == 409
    assert "王工于7月15日 10:00修改过" in answer.text
    assert "王工已改为：晶圆基地二期。" in answer.text
    assert "王工已改为：12亿元。" in answer.text
    assert at_linas.post(path, data=typed(answer.text)).status_code == 302
    assert row(app, Lead, zone.lead.id).title == "晶圆基地"


def test_a_follow_up_is_not_overwritten_unseen(app, zone):
    at_linas, at_wangs = sign_in(app, "lina"), sign_in(app, "wang")
    path = f"/followups/{zone.step.id}"
    form = typed(at_linas.get(path).text, f'action="{path}/change"')
    at_wangs.post(f"{path}/change", data=form | {"person_id": zone.wang.id})

    answer = at_linas.post(f"{path}/change", data=form | {"due_on": "2026-07-22"})

    assert answer.status_code == 409
    assert "王工已改为：王工。" in answer.text
    assert row(app, Followup, zone.step.id).due_on == date(2026, 7, 20)


def test_a_visit_done_meanwhile_is_told(app, zone):
    with arranged(app) as db:
        visit = make_visit(db, zone.lina, status=Status.PLANNED, participants=[zone.wang])
    at_linas, path = sign_in(app, "lina"), f"/visits/{visit.id}"
    form = typed(at_linas.get(f"{path}/edit").text)
    sign_in(app, "wang").post(f"{path}/done")

    answer = at_linas.post(f"{path}/edit", data=form | {"city": "无锡"})

    assert answer.status_code == 409
    assert "王工已改为：已办结。" in answer.text
