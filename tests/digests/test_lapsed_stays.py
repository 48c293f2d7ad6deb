"""Stays to complete: in the brief while that is in time, in one notice once they lapsed."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.outbox import Message
from crm.digests.brief import make_briefs
from crm.digests.lapsed_stays import notify_lapsed_stays
from crm.people.rules import Role
from crm.quotas.models import RuleVersion
from crm.quotas.pending_visits import last_dates_to_log
from crm.visits.rules import Kind, Status, Verdict
from tests.factories import make_person, make_visit

LAST = date(2026, 7, 10)  # a Friday
DAY = timedelta(days=1)


def midnight(day):
    return at_civil(date(2026, 7, day))


@pytest.fixture
def stay(db, zone):
    """A planned stay of the recruiter with the deputy, from the 6th to the 10th."""
    return make_visit(
        db,
        zone.recruiter,
        date(2026, 7, 6),
        days=5,
        kind=Kind.RESIDENCY,
        status=Status.PLANNED,
        city="上海",
        participants=[zone.deputy],
    )


@pytest.fixture
def notify(db, site):
    return lambda day: notify_lapsed_stays(db, at=midnight(day), late=False, site=site)


@pytest.fixture
def brief(db, site):
    before_work = timedelta(hours=7, minutes=45)
    return lambda day: make_briefs(db, at=midnight(day) + before_work, late=False, site=site)


def limit(db, code, days):
    db.scalars(select(RuleVersion).filter_by(code=code)).one().log_within_days = days
    db.flush()


@pytest.mark.parametrize(
    ("limits", "days"),
    [
        ({}, 3),
        ({"recruiter-monthly": 5}, 5),
        ({"deputy-monthly": 6, "recruiter-monthly": 1}, 6),
        ({"deputy-monthly": 0, "recruiter-monthly": 1}, 3),  # three days at least
        ({"principal-weekly": 9}, 3),  # none of its people is a principal
    ],
)
def test_any_rule_of_its_people_lets_it_be_set_done(db, stay, limits, days):
    for code, within in limits.items():
        limit(db, code, within)

    assert last_dates_to_log(db, [stay]) == {stay.id: LAST + days * DAY}


@pytest.mark.parametrize(("day", "is_told"), [(11, True), (13, True), (14, False)])
@pytest.mark.usefixtures("stay")
def test_the_brief_tells_of_it_as_long_as_it_may_be_set_done(zone, brief, mail_of, day, is_told):
    brief(day)

    for person in (zone.recruiter, zone.deputy):
        text = "".join(mail.body_text for mail in mail_of(person))
        assert ("== 待办结的驻城招商 ==" in text) is is_told
        assert ("7月6日至10日 recruiter同志 上海 驻城招商" in text) is is_told


@pytest.mark.parametrize(("day", "made"), [(13, {}), (14, {"lapsed": 1}), (15, {})])
@pytest.mark.usefixtures("stay")
def test_the_supervisor_is_told_on_the_day_on_which_it_lapses(notify, day, made):
    assert notify(day) == made


def test_the_mail_says_which_stay_it_is_and_what_can_be_done(zone, stay, notify, mail_of):
    notify(14)

    [mail] = mail_of(zone.supervisor)
    assert mail.subject == "驻城逾期未办结：recruiter同志 7月6日至10日 上海 驻城招商"
    assert "已于 7月10日结束，3 天内未办结，即日起不再计入。" in mail.body_text
    assert f"https://crm.test/visits/{stay.id}" in mail.body_text
    assert mail.dedupe_key == f"stay-lapsed:{stay.ref}:supervisor:2026-07-10:-"


@pytest.mark.usefixtures("stay")
def test_the_same_day_twice_tells_once(db, notify):
    notify(14)

    assert notify(14) == {}
    assert len(db.scalars(select(Message)).all()) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"status": Status.CANCELLED},
        {"status": Status.DONE, "logged_at": midnight(13)},
        {"verdict": Verdict.REJECTED, "verdict_at": midnight(12)},
        {"kind": Kind.OUTREACH},
    ],
)
def test_what_is_no_stay_that_waits_is_not_told_of(db, stay, notify, given):
    for name, value in given.items():
        setattr(stay, name, value)
    db.flush()

    assert notify(14) == {}


def test_who_joined_or_entered_it_does_not_judge_it_and_the_next_one_up_hears(
    db, zone, stay, notify, mail_of
):
    stay.entered_by_id = zone.supervisor.id
    db.flush()

    notify(14)

    assert mail_of(zone.supervisor) == []
    assert len(mail_of(zone.overall)) == 1


@pytest.mark.usefixtures("stay")
def test_where_no_supervisor_may_judge_it_an_admin_hears(db, zone, notify, mail_of):
    admin = make_person(db, "root", role=Role.ADMIN, duty=None)
    zone.supervisor.role = zone.overall.role = Role.RECRUITER
    db.flush()

    notify(14)

    assert len(mail_of(admin)) == 1
