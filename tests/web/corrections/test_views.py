"""Frozen figures and their corrections on pages: both shown, signed by another person."""

import re
from datetime import UTC, date, datetime

import pytest
import time_machine
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.people.models import Unit
from crm.people.rules import Duty, Role
from crm.quotas.models import Correction
from crm.quotas.service import freeze_period
from tests.factories import (
    arranged,
    make_absence,
    make_person,
    make_rule,
    make_unit,
    make_visit,
    sign_in,
)

FREEZE = at_civil(date(2026, 8, 6))
LATER = datetime(2026, 8, 10, 2, tzinfo=UTC)
JULY = "/compliance?period=2026-07"
FIGURE = "/compliance/figure?rule=deputy-monthly&person=deputy&period=2026-07"
TAB = "/compliance?tab=corrections"


class Zone:
    """A deputy with a late visit that waits for a verdict; July is frozen with five of six."""

    def __init__(self, db):
        make_rule(db)
        self.top = make_unit(db, "开发区")
        area = make_unit(db, "招商片", parent=self.top)
        unit = make_unit(db, "招商局", parent=area)
        self.deputy = make_person(db, "deputy", name="安一", duty=Duty.DEPUTY, unit=unit)
        for username, role, where in (
            ("watch", Role.SUPERVISOR, area),
            ("second", Role.SUPERVISOR, self.top),
            ("elsewhere", Role.SUPERVISOR, make_unit(db, "经发局", parent=self.top)),
            ("chief", Role.LEADER, self.top),
            ("reader", Role.READER, self.top),
        ):
            make_person(db, username, name=f"{username}某", role=role, duty=Duty.STAFF, unit=where)
        for day in (1, 2, 3, 6, 7):
            make_visit(db, self.deputy, date(2026, 7, day))
        late = datetime(2026, 7, 30, 2, tzinfo=UTC)
        self.visit = make_visit(db, self.deputy, date(2026, 7, 8), logged_at=late)
        freeze_period(db, period=Period.parse("2026-07"), at=FREEZE, now=FREEZE)


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        made = Zone(db)
    with time_machine.travel(LATER, tick=False):
        yield made


@pytest.fixture
def corrected(app, zone):
    """The zone after the late visit was confirmed; and what was said to whoever did."""
    answer = sign_in(app, "watch").post(
        f"/visits/{zone.visit.id}/confirm",
        data={"why_corrected": "情况属实"},
        follow_redirects=True,
    )
    zone.page = answer.text
    return zone


def correction(app):
    with arranged(app) as db:
        return db.scalars(select(Correction)).one()


def sign(app, username):
    made = correction(app)
    return sign_in(app, username).post(
        f"/compliance/corrections/{made.id}/sign", follow_redirects=True
    )


def test_a_correction_explained_anew_since_it_was_shown_is_not_signed_unseen(app, corrected):
    made, second, watch = correction(app), sign_in(app, "second"), sign_in(app, "watch")
    shown = re.search(r'name="shown" value="(\d+)"', second.get(TAB).text)[1]
    watch.post(f"/compliance/corrections/{made.id}/give_reason", data={"why": "另有原因"})

    answer = second.post(
        f"/compliance/corrections/{made.id}/sign",
        data={"shown": shown, "back": TAB},
        follow_redirects=True,
    )

    assert "说明更正。本次未办理" in answer.text
    assert "另有原因" in answer.text
    assert correction(app).signed_at is None


def test_the_board_says_that_its_figures_are_frozen(app, zone):
    page = sign_in(app, "watch").get(JULY).text

    assert "定稿：本期数据已于8月6日 00:00定稿" in page
    assert "初步数" not in page
    assert "定稿</span>" not in page


def test_the_board_marks_frozen_figures_beside_others(app, zone):
    with arranged(app) as db:
        unit = db.scalars(select(Unit).where(Unit.name == "招商局")).one()
        make_person(db, "late", duty=Duty.DEPUTY, unit=unit)

    page = sign_in(app, "watch").get(JULY).text

    assert page.count("定稿</span>") == 1


def test_an_open_period_is_not_marked(app, zone):
    page = sign_in(app, "watch").get("/compliance?period=2026-08").text

    assert "定稿</span>" not in page
    assert "初步数：本期尚未结束" in page


def test_both_figures_stay_visible_on_the_board_and_the_explanation(app, corrected):
    watch = sign_in(app, "watch")

    for address, frozen in ((JULY, "5/6 次"), (FIGURE, "<b>5</b>")):
        page = watch.get(address).text
        assert frozen in page
        assert "定稿；更正为 6/6 已达标（待签认）" in page


def test_an_edit_reports_its_correction(app, corrected):
    assert "所在周期已定稿，定稿数不变；已记更正 1 条，待督查人员签认。" in corrected.page


def test_the_explanation_shows_author_reason_and_change(app, corrected):
    page = sign_in(app, "deputy").get(FIGURE).text

    assert "watch某 8月10日 10:00" in page
    assert f"确认补录的拜访 {corrected.visit.ref}（情况属实）" in page
    assert "5/6 未达标 → 6/6 已达标" in page


@pytest.mark.parametrize(
    ("approved_at", "label"),
    [(FREEZE, "7月20日至21日 休假<"), (LATER, "7月20日至21日 休假（定稿后批准，未计入）")],
)
def test_an_absence_approved_after_the_freeze_is_marked(app, zone, approved_at, label):
    with arranged(app) as db:
        first, last = date(2026, 7, 20), date(2026, 7, 21)
        make_absence(db, zone.deputy, first, last, approved_at=approved_at)

    assert label in sign_in(app, "deputy").get(FIGURE).text


def test_another_supervisor_in_scope_signs(app, corrected):
    page = sign(app, "second").text

    assert "已签认。" in page
    assert "second某 8月10日 10:00签认" in page
    assert "已签认）" in sign_in(app, "deputy").get(FIGURE).text


def test_a_correction_is_signed_once(app, corrected):
    sign(app, "second")

    assert "这条更正已经签认" in sign(app, "second").text


def test_the_author_does_not_sign(app, corrected):
    assert "更正须由经办人和本人以外的督查人员签认。" in sign(app, "watch").text
    assert correction(app).signed_at is None


@pytest.mark.parametrize("username", ["elsewhere", "chief", "reader", "deputy"])
def test_nobody_else_signs(app, corrected, username):
    assert sign(app, username).status_code == 404
    assert correction(app).signed_at is None


def test_signing_requires_login(app, corrected):
    answer = app.test_client().post(f"/compliance/corrections/{correction(app).id}/sign")

    assert answer.status_code == 302
    assert correction(app).signed_at is None


@pytest.mark.parametrize(
    ("username", "has_button"), [("second", True), ("watch", False), ("chief", False)]
)
def test_the_boards_tab_lists_the_corrections_in_scope(app, corrected, username, has_button):
    page = sign_in(app, username).get(TAB).text

    assert "安一 2026年7月 分管负责同志每月带队拜访" in page
    assert ("签认：安一" in page) is has_button


def test_who_oversees_other_units_sees_none(app, corrected):
    assert "暂无更正" in sign_in(app, "elsewhere").get(TAB).text


@pytest.mark.parametrize("username", ["deputy", "reader"])
def test_who_sees_no_people_has_no_tab(app, corrected, username):
    client = sign_in(app, username)

    assert client.get(TAB).status_code == 404
    assert "更正</a>" not in client.get(JULY).text


def test_the_author_gives_a_reason(app, corrected):
    made = correction(app)
    answer = sign_in(app, "watch").post(
        f"/compliance/corrections/{made.id}/give_reason",
        data={"why": "出差在外，补录较晚"},
        follow_redirects=True,
    )

    assert answer.status_code == 200
    assert correction(app).why == "出差在外，补录较晚"


def test_nobody_else_gives_a_reason(app, corrected):
    made = correction(app)
    answer = sign_in(app, "second").post(
        f"/compliance/corrections/{made.id}/give_reason", data={"why": "别的"}
    )

    assert answer.status_code == 404
    assert correction(app).why == made.why


def test_a_signed_correction_keeps_its_reason(app, corrected):
    sign(app, "second")
    made = correction(app)

    page = sign_in(app, "watch").post(
        f"/compliance/corrections/{made.id}/give_reason",
        data={"why": "别的"},
        follow_redirects=True,
    )

    assert "这条更正已经签认" in page.text
    assert correction(app).why == made.why
