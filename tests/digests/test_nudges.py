"""Nudges: once a rule, period and level; to the nearest supervisor when it is too late."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from crm.base.outbox import Message
from crm.digests.models import NudgeLevel
from crm.digests.nudges import send_nudges
from crm.leads.rules import Secrecy
from crm.people.rules import Duty, Role
from crm.visits.rules import Status
from tests.factories import make_lead, make_person, make_posting, make_visit

MIDMONTH = datetime(2026, 7, 17, 4, tzinfo=UTC)  # Friday, 12:00
LATE_IN_MONTH = datetime(2026, 7, 28, 4, tzinfo=UTC)


@pytest.fixture
def nudge(db, site):
    """Give the nudges of a moment."""
    return lambda at, *, late=False: send_nudges(db, at=at, late=late, site=site)


def keys(db):
    return set(db.scalars(select(Message.dedupe_key)))


def test_a_person_who_is_behind_is_nudged_once(db, zone, nudge):
    nudge(MIDMONTH)
    first = keys(db)

    again = nudge(MIDMONTH + timedelta(days=3))

    assert "nudge:deputy-monthly:deputy:2026-07:at_risk" in first
    assert "nudge:principal-weekly:boss:2026-W29:at_risk" in first
    assert "nudge:deputy-monthly:deputy:2026-07:at_risk" in keys(db)
    assert again.get("told", 0) <= 1  # the new week's principal at most


def test_the_second_level_is_nudged_again_and_to_the_supervisor(db, zone, nudge):
    nudge(MIDMONTH)

    nudge(LATE_IN_MONTH)

    assert {
        "nudge:deputy-monthly:deputy:2026-07:unreachable",
        "nudge:deputy-monthly/deputy:supervisor:2026-07:unreachable",
    } <= keys(db)


def test_the_supervisor_is_the_nearest_one_up_the_tree(db, zone, nudge):
    parker = make_person(db, "parker", duty=Duty.DEPUTY, unit=zone.park)

    nudge(LATE_IN_MONTH)

    assert (
        f"nudge:deputy-monthly/{parker.username}:{zone.overall.username}:2026-07:unreachable"
        in (keys(db))
    )
    assert "nudge:deputy-monthly/deputy:overall:2026-07:unreachable" not in keys(db)


def test_a_supervisor_does_not_supervise_their_own_figure(db, zone, nudge):
    zone.deputy.role = Role.SUPERVISOR
    make_posting(db, zone.deputy, unit=zone.bureau, duty=Duty.STAFF, is_primary=False)

    nudge(LATE_IN_MONTH)

    assert "nudge:deputy-monthly/deputy:deputy:2026-07:unreachable" not in keys(db)
    assert "nudge:deputy-monthly/deputy:supervisor:2026-07:unreachable" in keys(db)


def test_it_says_what_is_missing_and_what_the_plan_would_do(db, zone, nudge, text_of):
    make_visit(
        db,
        zone.deputy,
        date(2026, 7, 24),
        status=Status.PLANNED,
        city="无锡",
        entered_at=MIDMONTH - timedelta(days=1),
    )

    nudge(MIDMONTH)

    text = text_of(zone.deputy)
    assert "完成：0/6 次" in text
    assert "已排计划：1 次" in text
    assert "还需安排：5 次" in text
    assert "7月24日 09:00 无锡 外出拜访" in text
    assert "已排计划全部办结后可达 1/6 次，还需安排 5 次。" in text


def test_a_person_who_is_on_track_is_not_nudged(db, zone, nudge, mail_of):
    make_visit(db, zone.boss, date(2026, 7, 14))

    nudge(MIDMONTH)

    assert mail_of(zone.boss) == []


def test_a_disabled_person_hears_nothing(db, zone, nudge, mail_of):
    zone.deputy.disabled_at = MIDMONTH - timedelta(days=1)
    db.flush()

    nudge(MIDMONTH)

    assert mail_of(zone.deputy) == []


def test_a_late_one_says_so(db, zone, nudge, text_of):
    nudge(MIDMONTH, late=True)

    assert "【补发】" in text_of(zone.deputy)


def test_a_hidden_lead_is_a_code_name_in_the_plan(db, zone, nudge, mail_of):
    lead = make_lead(db, "秘不示人", secrecy=Secrecy.RESTRICTED, code_name="远航")
    make_visit(
        db,
        zone.deputy,
        date(2026, 7, 30),
        status=Status.PLANNED,
        leads=[lead],
        entered_at=MIDMONTH,
    )

    nudge(LATE_IN_MONTH)

    text = "".join(mail.body_text + mail.body_html for mail in mail_of(zone.supervisor))
    assert "外出拜访 · 远航" in text
    assert "秘不示人" not in text


def test_each_level_is_nudged_once_however_often_the_figure_returns_to_it(db, zone, nudge):
    days = [MIDMONTH + timedelta(days=n) for n in (0, 1, 2)]

    for at in days:
        nudge(at)

    keys = list(db.scalars(select(Message.dedupe_key).where(Message.dedupe_key.contains("deputy"))))
    assert keys == ["nudge:deputy-monthly:deputy:2026-07:at_risk"]


def test_the_supervisor_is_told_of_what_cannot_be_reached_and_not_of_what_is_at_risk(
    db, zone, nudge
):
    nudge(MIDMONTH)
    at_risk = {key for key in keys(db) if "deputy-monthly" in key}

    nudge(LATE_IN_MONTH)

    assert at_risk == {"nudge:deputy-monthly:deputy:2026-07:at_risk"}
    assert "nudge:deputy-monthly/deputy:supervisor:2026-07:unreachable" in keys(db)


@pytest.fixture
def recovered(db, zone, nudge):
    """Let the deputy, once nudged, be on track by a plan on some noons, and lose the plan."""

    def make(*days):
        plans = [
            make_visit(
                *(db, zone.deputy, date(2026, 7, day)),
                status=Status.PLANNED,
                entered_at=MIDMONTH + timedelta(hours=1),
            )
            for day in (27, 28, 29, 30)
        ]
        for day in days:
            nudge(MIDMONTH.replace(day=day))
        for plan in plans:
            plan.status = Status.CANCELLED
        db.flush()

    return make


def of_deputy(db):
    query = select(Message.dedupe_key).where(Message.dedupe_key.contains("deputy:2026-07"))
    return [key.removeprefix("nudge:deputy-monthly:") for key in db.scalars(query.order_by("id"))]


@pytest.mark.parametrize(
    ("calm", "expected"),
    [
        ((20, 21), ["at_risk"]),
        ((20, 21, 22), ["at_risk", "at_risk:2"]),
        ((20, 22, 23), ["at_risk", "at_risk:2"]),  # a noon that was skipped breaks no run
        ((20, 20, 21), ["at_risk"]),  # the same noon twice is one
    ],
)
def test_after_three_noons_in_a_row_at_neither_level_a_person_is_nudged_again(
    db, nudge, recovered, calm, expected
):
    nudge(MIDMONTH)
    recovered(*calm)

    nudge(MIDMONTH.replace(day=24))
    nudge(MIDMONTH.replace(day=25))

    assert of_deputy(db) == [f"deputy:2026-07:{each}" for each in expected]


def test_a_nudge_from_before_levels_were_kept_counts_as_one(db, nudge, recovered):
    nudge(MIDMONTH)
    db.execute(delete(NudgeLevel))
    recovered(20, 21, 22)

    nudge(MIDMONTH.replace(day=24))

    assert of_deputy(db) == ["deputy:2026-07:at_risk", "deputy:2026-07:at_risk:2"]


def test_after_a_recovery_the_supervisor_is_nudged_again_too(db, zone, nudge, recovered):
    nudge(MIDMONTH)
    recovered(20, 21, 22)

    nudge(LATE_IN_MONTH)

    assert "nudge:deputy-monthly/deputy:supervisor:2026-07:unreachable:2" in keys(db)


@pytest.mark.usefixtures("zone")
def test_levels_of_past_periods_are_deleted(db, nudge):
    nudge(MIDMONTH)

    nudge(MIDMONTH.replace(day=20))

    assert set(db.scalars(select(NudgeLevel.period))) == {"2026-W30", "2026-07"}


def test_it_says_in_words_and_numbers_why_somebody_is_at_risk(zone, nudge, text_of):
    nudge(MIDMONTH)

    sentence = "有风险：差 6 次，本月只剩 11 个工作日，无计划。"
    assert f"您2026年7月的“分管负责同志每月带队拜访”{sentence}" in text_of(zone.deputy)
