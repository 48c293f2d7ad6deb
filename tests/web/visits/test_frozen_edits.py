"""Edits in frozen periods: the form asks why, and my day shows the waiting corrections."""

from datetime import UTC, date, datetime

import pytest
import time_machine
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.people.models import Person
from crm.people.rules import Duty
from crm.quotas.models import Correction
from crm.quotas.service import freeze_period
from crm.visits import service
from crm.visits.models import Visit
from crm.visits.rules import Channel, Kind, Status, Verdict
from crm.visits.service import VisitData
from tests.factories import arranged, make_person, make_visit, sign_in
from tests.web.corrections.test_views import LATER, TAB, Zone

WHY = "why_corrected"
SAID = "2026年7月已定稿，定稿数不变"
FORM = {
    "ref": "V-frozen",
    "kind": "outreach",
    "channel": "in_person",
    "status": "done",
    "first_on": "2026-07-01",
    "starts": "09:00",
    "ends": "17:00",
    "city": "苏州",
}


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        made = Zone(db)
    with time_machine.travel(LATER, tick=False):
        yield made


@pytest.fixture
def first(app, zone):
    """The deputy's visit of 1 July, which counts."""
    with arranged(app) as db:
        return db.scalars(select(Visit).where(Visit.first_on == date(2026, 7, 1))).one()


@pytest.fixture
def at_deputys(app, zone):
    return sign_in(app, "deputy")


def edit(client, zone, visit, **values):
    data = {**FORM, "leader_id": zone.deputy.id, **values}
    return client.post(f"/visits/{visit.id}/edit", data=data)


def made(app):
    with arranged(app) as db:
        return db.scalars(select(Correction)).all()


def channel(app, visit):
    with arranged(app) as db:
        return db.get_one(Visit, visit.id).channel


def test_the_form_of_a_visit_in_a_frozen_period_says_what_a_change_does(app, zone, first):
    page = sign_in(app, "deputy").get(f"/visits/{first.id}/edit").text

    assert SAID in page
    assert "修改原因" in page


def test_the_form_of_a_visit_in_an_open_period_asks_nothing(app, zone, at_deputys):
    with arranged(app) as db:
        visit = make_visit(db, zone.deputy, date(2026, 8, 7))

    assert "修改原因" not in at_deputys.get(f"/visits/{visit.id}/edit").text


def test_a_change_of_what_counts_says_why(app, zone, first, at_deputys):
    answer = edit(at_deputys, zone, first, kind="remote", channel="video", note="改为线上")

    assert answer.status_code == 422
    assert "请填写此项。" in answer.text
    assert "改为线上" in answer.text
    assert channel(app, first) is Channel.IN_PERSON


def test_the_reason_goes_with_the_correction(app, zone, first, at_deputys):
    answer = edit(
        at_deputys, zone, first, kind="remote", channel="video", reason="当日改为视频会谈"
    )

    assert answer.status_code == 302
    assert [each.why for each in made(app)] == [f"修改拜访（当日改为视频会谈） {first.ref}"]


def test_words_are_added_without_a_reason(app, zone, first, at_deputys):
    assert edit(at_deputys, zone, first, minutes="谈了用地").status_code == 302
    assert made(app) == []


def test_a_visit_moved_into_a_frozen_period_says_why(app, zone, at_deputys):
    with arranged(app) as db:
        visit = make_visit(db, zone.deputy, date(2026, 8, 7))

    answer = edit(at_deputys, zone, visit, first_on="2026-07-20")

    assert answer.status_code == 422
    assert SAID in answer.text


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"status": "done"}, 422),
        ({"status": "done", "reason": "外出期间无法登记"}, 302),
        ({"status": "planned"}, 302),
    ],
)
def test_a_visit_logged_into_a_frozen_period_says_why(zone, at_deputys, values, code):
    answer = at_deputys.post(
        "/visits/new", data=FORM | {"leader_id": zone.deputy.id, "first_on": "2026-07-09"} | values
    )

    assert answer.status_code == code
    assert (SAID in answer.text) is (code == 422)


def test_my_day_tells_who_may_sign_how_many_wait(app, zone, first, at_deputys):
    edit(at_deputys, zone, first, kind="remote", channel="video", reason="当日改为视频会谈")
    notice = "定稿数的更正待签认"

    readers = [name for name in ("watch", "second", "elsewhere", "chief", "deputy")
            if notice in sign_in(app, name).get("/").text]  # fmt: skip

    assert readers == ["watch", "second"]


def test_who_made_the_edit_is_not_asked_to_sign(app, zone):
    watch = sign_in(app, "watch")
    watch.post(f"/visits/{zone.visit.id}/confirm", data={WHY: "情况属实"})

    assert "更正待签认" not in watch.get("/").text
    assert "更正待签认" in sign_in(app, "second").get("/").text


def test_a_signed_correction_waits_no_longer(app, zone, first, at_deputys):
    edit(at_deputys, zone, first, kind="remote", channel="video", reason="当日改为视频会谈")
    watch = sign_in(app, "watch")

    watch.post(f"/compliance/corrections/{made(app)[0].id}/sign")

    assert "更正待签认" not in watch.get("/").text


@pytest.fixture
def unexplained(app, zone, first):
    """A correction of the deputy's own, made without a word by another edge than the pages."""
    with arranged(app) as db:
        deputy, visit = db.get_one(Person, zone.deputy.id), db.get_one(Visit, first.id)
        data = VisitData(
            kind=Kind.REMOTE,
            channel=Channel.VIDEO,
            starts_at=visit.starts_at,
            ends_at=visit.ends_at,
            leader_id=deputy.id,
        )
        service.change_visit(db, visit=visit, data=data, by=deputy, now=LATER)
    return made(app)[0]


def test_my_day_asks_the_author_for_a_reason_that_nobody_gave(app, unexplained, at_deputys):
    page = at_deputys.get("/").text
    tab = at_deputys.get(TAB).text

    assert "您的修改已生成更正，请说明原因" in page
    assert "说明原因：安一" in tab


def test_my_day_asks_no_more_once_the_reason_is_given(app, unexplained, at_deputys):
    path = f"/compliance/corrections/{unexplained.id}/give_reason"
    at_deputys.post(path, data={"why": "当日改为视频会谈"})

    assert "您的修改已生成更正" not in at_deputys.get("/").text


def test_a_reason_given_with_the_edit_is_one(app, zone, first, at_deputys):
    edit(at_deputys, zone, first, kind="remote", channel="video", reason="当日改为视频会谈")

    assert "您的修改已生成更正" not in at_deputys.get("/").text


def test_a_stay_that_reaches_into_a_frozen_period_asks_too(app, zone, at_deputys):
    with arranged(app) as db:
        starts_at = at_civil(date(2026, 7, 31))
        visit = make_visit(
            db,
            zone.deputy,
            starts_at=starts_at,
            ends_at=datetime(2026, 8, 3, tzinfo=UTC),
            status=Status.PLANNED,
        )

    assert SAID in at_deputys.get(f"/visits/{visit.id}/edit").text


def test_a_verdict_that_corrects_a_frozen_figure_asks_for_a_reason_first(app, zone):
    watch = sign_in(app, "watch")

    page = watch.post(
        f"/visits/{zone.visit.id}/confirm", data={"shown": "99", "back": "/compliance"}
    )

    assert page.status_code == 422
    assert SAID in page.text
    assert '<input type="hidden" name="shown" value="99">' in page.text
    assert 'href="/compliance"' in page.text
    assert made(app) == []
    with arranged(app) as db:
        assert db.get_one(Visit, zone.visit.id).verdict is None


def test_the_reason_given_on_request_goes_with_the_correction(app, zone):
    watch = sign_in(app, "watch")

    answer = watch.post(
        f"/visits/{zone.visit.id}/confirm",
        data={"shown": "99", "back": "/compliance", WHY: "出差在外，补录较晚"},
    )

    assert answer.location == "/compliance"
    why = f"确认补录的拜访 {zone.visit.ref}（出差在外，补录较晚）"
    assert [each.why for each in made(app)] == [why]
    assert "您的修改已生成更正" not in watch.get("/").text


@pytest.mark.parametrize(
    ("why", "sentence"), [(" ", "请填写修改原因。"), ("长" * 101, "最多 100 个字。")]
)
def test_a_missing_reason_is_reported_at_its_field(app, zone, why, sentence):
    values = {WHY: why, "asked_from": "/visits"}
    page = sign_in(app, "watch").post(f"/visits/{zone.visit.id}/confirm", data=values)

    assert page.status_code == 422
    assert '<a class="btn btn-ghost" href="/visits">取消</a>' in page.text
    assert sentence in page.text
    assert made(app) == []


def test_a_verdict_that_changes_no_frozen_figure_asks_nothing(app, zone):
    with arranged(app) as db:
        visit = make_visit(db, zone.deputy, date(2026, 8, 3), logged_at=LATER)

    assert sign_in(app, "watch").post(f"/visits/{visit.id}/confirm").status_code == 302


@pytest.mark.parametrize(("step", "values"), [("cancel", {}), ("move", {"on": "2026-08-11"})])
def test_a_stay_begun_in_a_frozen_period_is_not_undone_without_a_reason(app, zone, step, values):
    freeze = at_civil(date(2026, 8, 6))
    with arranged(app) as db:
        away = make_person(db, "away", duty=Duty.DEPUTY)
        when = {"starts_at": at_civil(date(2026, 7, 30)), "ends_at": at_civil(date(2026, 8, 12))}
        stay = make_visit(db, away, kind=Kind.RESIDENCY, status=Status.PLANNED, **when)
        freeze_period(db, period=Period.parse("2026-07"), at=freeze, now=freeze)
    client = sign_in(app, "away")

    asked = client.post(f"/visits/{stay.id}/{step}", data=values)
    done = client.post(f"/visits/{stay.id}/{step}", data=values | {WHY: "行程有变"})

    assert (asked.status_code, done.status_code) == (422, 302)
    assert len(made(app)) == 1


def test_a_visit_rejected_after_the_freeze_cannot_be_rejected_again(app, zone, first):
    watch = sign_in(app, "watch")
    page, reject = f"/visits/{first.id}", f"/visits/{first.id}/reject"
    offered = f'action="{reject}"' in watch.get(page).text

    watch.post(reject, data={"reason": "没有成行", WHY: "核查后退回"})

    with arranged(app) as db:
        assert db.get_one(Visit, first.id).verdict is Verdict.REJECTED
    assert (offered, f'action="{reject}"' in watch.get(page).text) == (True, False)
