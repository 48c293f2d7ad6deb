"""The page on which everything open in a person's name is handed over."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.outbox import Message, MessageKind
from crm.followups.models import Followup
from crm.leads.models import Lead
from crm.people.models import Absence, Person
from crm.visits.models import Visit
from tests.factories import arranged, make_absence, make_followup, make_person, make_unit, sign_in
from tests.reassignment.conftest import TODAY, arrange, open_everything

PAGE = "/handover/leaver"
DAY = timedelta(days=1)


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return open_everything(db, arrange(db))


@pytest.fixture
def at_admins(app, zone):
    return sign_in(app, "admin")


def step_of(app, zone):
    with arranged(app) as db:
        return db.get_one(Followup, zone.step.id).person_id


def test_everything_open_is_listed_and_nothing_is_changed_by_a_preview(app, at_admins, zone):
    page = at_admins.get(PAGE).text
    assert all(text in page for text in ("跟踪责任人", "电话回访", "开放项目", "待办结的拜访"))

    preview = at_admins.post(PAGE, data={"to_all": zone.heir.id})

    assert "确认交接" in preview.text
    assert "接任人" in preview.text
    assert step_of(app, zone) == zone.leaver.id


def test_it_happens_once_it_is_confirmed_and_is_told(app, at_admins, zone):
    step = f"to-followup-{zone.step.id}"
    sent = {"to_all": zone.heir.id, step: "stay", "do": "confirm"}

    answer = at_admins.post(PAGE, data=sent)

    assert answer.location == "/admin/people/leaver"
    assert step_of(app, zone) == zone.leaver.id
    with arranged(app) as db:
        assert db.get_one(Visit, zone.plan.id).leader_id == zone.heir.id
        result = select(Message.person_id).where(Message.kind == MessageKind.HANDOVER)
        assert set(db.scalars(result)) == {zone.heir.id, zone.leaver.id}


def test_what_has_come_since_the_preview_is_not_handed_over_unseen(app, at_admins, zone):
    preview = at_admins.post(PAGE, data={"to_all": zone.heir.id}).text
    previewed = re.search(r'name="previewed" value="([^"]+)"', preview)[1]
    with arranged(app) as db:
        lead = db.get_one(Lead, db.get_one(Followup, zone.step.id).lead_id)
        make_followup(db, lead, db.get_one(Person, zone.leaver.id), date(2026, 7, 20))

    sent = {"to_all": zone.heir.id, "previewed": previewed, "do": "confirm"}
    answer = at_admins.post(PAGE, data=sent)

    assert answer.status_code == 422
    assert "名下事项在此期间有变动" in answer.text
    assert step_of(app, zone) == zone.leaver.id


def test_what_does_not_fit_stands_at_its_line_and_nothing_typed_is_lost(app, at_admins, zone):
    with arranged(app) as db:
        recruiter = make_person(db, "recruiter", name="小季", unit=zone.bureau)
    draft = f"to-order_officer-{zone.draft.id}"

    answer = at_admins.post(PAGE, data={"to_all": zone.heir.id, draft: recruiter.id})

    assert answer.status_code == 422
    assert "小季 不能经办督办单" in answer.text
    assert f'<option value="{recruiter.id}" selected>' in answer.text


def test_without_a_successor_nothing_is_previewed(at_admins):
    answer = at_admins.post(PAGE, data={"to_all": ""})

    assert answer.status_code == 422
    assert "请选择接手人" in answer.text


def test_a_person_that_does_not_exist_is_refused(at_admins):
    assert at_admins.post(PAGE, data={"to_all": "x1"}).status_code == 422
    assert at_admins.post(PAGE, data={"to_all": "99999"}).status_code == 422


def test_a_supervisor_of_theirs_hands_over_too_and_nobody_else(app, zone, client):
    with arranged(app) as db:
        make_person(db, "elsewhere", role=zone.chief.role, unit=make_unit(db))

    assert sign_in(app, "chief").get(PAGE).status_code == 200
    assert sign_in(app, "elsewhere").get(PAGE).status_code == 404
    assert sign_in(app, "heir").get(PAGE).status_code == 404
    assert client.get(PAGE).location == f"/login?next={PAGE}"


def test_leaving_leads_on_to_it_and_says_what_becomes_of_the_rest(app, at_admins):
    page = at_admins.get("/admin/people/leaver/leaving").text
    answer = at_admins.post("/admin/people/leaver/leaving", data={"last_on": "2026-07-31"})

    assert "名下还有 11 项未办结的事项" in page
    assert answer.location == PAGE


def test_an_account_that_is_disabled_at_once_leaves_nothing_open_and_who_has_it_is_told(
    app, at_admins, zone
):
    at_admins.post("/admin/people/leaver/disable")

    assert step_of(app, zone) == zone.chief.id
    with arranged(app) as db:
        result = select(Message.person_id).where(Message.kind == MessageKind.HANDOVER)
        assert db.scalars(result).all() == [zone.chief.id]
    assert "暂无未办结的事项" in at_admins.get(PAGE).text


def test_a_transfer_leads_on_to_it(app, at_admins, zone):
    sent = {"unit_id": zone.bureau.id, "duty": "staff", "from_on": "2026-08-01"}

    assert at_admins.post("/admin/people/leaver/transfer", data=sent).location == PAGE


@pytest.mark.parametrize(("last", "leads_on"), [(date(2026, 8, 7), True), (TODAY + DAY, False)])
def test_approving_a_long_absence_leads_on_to_it(app, zone, last, leads_on):
    with arranged(app) as db:
        leaver = db.merge(zone.leaver)
        absence = make_absence(db, leaver, TODAY, last, approved_at=None).id

    answer = sign_in(app, "chief").post(f"/absences/{absence}/approve", data={})

    goes_there = answer.location == f"{PAGE}?absence={absence}"
    assert goes_there is leads_on
    with arranged(app) as db:
        assert db.get_one(Absence, absence).approved_by_id == zone.chief.id


def test_for_an_absence_only_what_falls_into_it_is_listed(app, zone):
    with arranged(app) as db:
        leaver = db.merge(zone.leaver)
        absence = make_absence(db, leaver, TODAY + 30 * DAY, TODAY + 60 * DAY).id

    page = sign_in(app, "chief").get(f"{PAGE}?absence={absence}").text

    assert "跟踪责任人" in page
    assert "进行中的驻城" not in page


@pytest.mark.parametrize("asked", ["over", "x", "999999"])
def test_an_absence_that_is_over_or_unknown_hands_nothing_over(app, at_admins, zone, asked):
    with arranged(app) as db:
        over = make_absence(db, zone.leaver, TODAY - 60 * DAY, TODAY - DAY).id

    absence = over if asked == "over" else asked

    assert at_admins.get(f"{PAGE}?absence={absence}").status_code == 404
