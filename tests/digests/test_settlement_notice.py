"""What the settled figures changed against the digest sent (REGIME 5), and frozen figures in it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.outbox import Message, MessageKind, State
from crm.digests.service import preview, render_digest
from crm.digests.settlement_notice import send_settlement_notices
from crm.people.models import Posting
from crm.people.rules import Duty
from crm.quotas.service import freeze_period
from crm.visits.rules import Kind
from tests.digests.conftest import AUGUST, MONTH, WEEK
from tests.factories import make_absence, make_person, make_visit

pytestmark = pytest.mark.slow_on_postgresql  # what a mail shows, not what it reads


FREEZE = at_civil(date(2026, 8, 6))
SETTLED = FREEZE + timedelta(days=1, hours=8)


@pytest.fixture
def settle(db, site):
    """Freeze July, and tell what changed."""

    def run(*, late=False):
        freeze_period(db, period=MONTH, at=FREEZE, now=FREEZE)
        return send_settlement_notices(db, period=MONTH, at=SETTLED, late=late, site=site)

    return run


@pytest.fixture
def settled_of(db):
    """The plain text of a person's notice."""

    def found(person):
        query = select(Message.body_text).where(
            Message.person_id == person.id, Message.kind == MessageKind.SETTLED
        )
        return db.scalar(query)

    return found


def late_stay(db, zone):
    """A stay of July that was set done after the digest and before the freeze."""
    logged_at = AUGUST + timedelta(hours=3)
    make_visit(
        db, zone.recruiter, date(2026, 7, 10), days=22, kind=Kind.RESIDENCY, logged_at=logged_at
    )


def test_without_changes_no_notice_is_sent(db, zone, monthly, settle):
    monthly()

    made = settle()

    assert set(made) == {"unchanged"}
    kinds = db.scalars(select(Message.kind).distinct()).all()
    assert kinds == [MessageKind.MONTHLY]


def test_recipients_of_the_digest_get_what_the_settled_figures_changed(
    db, zone, monthly, settle, settled_of
):
    monthly()
    late_stay(db, zone)

    settle()

    text = settled_of(zone.recruiter)
    assert "月报（初步数）不同，请以定稿数为准" in text
    assert "专职招商人员每月驻城招商（2026年7月）：月报 0/20 未达标，定稿 22/20 已达标" in text
    assert "8月3日 07:30" in text


def test_the_line_of_command_reads_of_people_and_numbers(db, zone, monthly, settle, settled_of):
    monthly()
    late_stay(db, zone)

    settle()

    text = settled_of(zone.supervisor)
    assert "月报 0/1 人，定稿 1/1 人" in text
    assert "投资促进局 recruiter同志 专职招商人员每月驻城招商（2026年7月）" in text


def test_a_reader_of_figures_reads_of_numbers_only(db, zone, monthly, settle, settled_of):
    for username in ("second", "third"):
        make_person(db, username, unit=zone.bureau)
    monthly()
    late_stay(db, zone)

    settle()

    text = settled_of(zone.reader)
    assert "月报 0/3 人，定稿 1/3 人" in text
    assert "recruiter同志" not in text


def test_a_reader_reads_nothing_of_a_rule_that_fewer_than_three_owe(
    db, zone, monthly, settle, settled_of
):
    monthly()
    late_stay(db, zone)

    settle()

    assert settled_of(zone.reader) is None


def test_who_sees_nothing_of_it_is_told_nothing(db, zone, monthly, settle, settled_of):
    monthly()
    late_stay(db, zone)

    settle()

    assert settled_of(zone.deputy) is None


def test_who_got_no_digest_gets_no_notice(db, zone, monthly, settle, settled_of):
    monthly()
    late_stay(db, zone)
    db.execute(Message.__table__.delete().where(Message.person_id == zone.recruiter.id))
    kept = Message.__table__.update().where(Message.person_id == zone.supervisor.id)
    db.execute(kept.values(state=State.SKIPPED))

    settle()

    assert settled_of(zone.recruiter) is settled_of(zone.supervisor) is None


def test_an_absence_approved_since_the_digest_is_a_change_too(
    db, zone, monthly, settle, settled_of
):
    monthly()
    make_absence(db, zone.recruiter, date(2026, 7, 1), date(2026, 7, 31))

    settle()

    assert "月报 0/20 未达标，定稿 0/0 免考核" in settled_of(zone.recruiter)


def test_who_came_and_who_went_since_the_digest_is_told(db, zone, monthly, settle, settled_of):
    monthly()
    db.scalars(
        select(Posting).where(Posting.person_id == zone.recruiter.id)
    ).one().duty = Duty.STAFF
    make_person(db, "newcomer", unit=zone.bureau)
    db.flush()

    settle()

    text = settled_of(zone.supervisor)
    assert (
        "recruiter同志 专职招商人员每月驻城招商（2026年7月）：月报 0/20 未达标，定稿 未列入考核"
        in text
    )
    assert (
        "newcomer同志 专职招商人员每月驻城招商（2026年7月）：月报 未列入考核，定稿 0/20 未达标"
        in text
    )


def test_a_second_time_tells_nobody_again(db, zone, monthly, settle):
    monthly()
    late_stay(db, zone)
    settle()
    count = len(db.scalars(select(Message.id)).all())

    settle()

    assert len(db.scalars(select(Message.id)).all()) == count


def test_a_late_one_says_so(db, zone, monthly, settle, settled_of):
    monthly()
    late_stay(db, zone)

    settle(late=True)

    assert "【补发】" in settled_of(zone.recruiter)


def test_a_month_whose_digest_kept_nothing_is_not_compared(db, zone, settle, mail_of):
    settle()

    assert mail_of(zone.recruiter) == []


class TestFrozenInDigests:
    """Frozen figures are marked 定稿; the rest is 初步数."""

    def test_a_week_that_is_frozen_is_marked_in_the_monthly_digest(
        self, db, zone, monthly, mail_of, text_of
    ):
        freeze = at_civil(date(2026, 7, 16))
        freeze_period(db, period=WEEK, at=freeze, now=freeze)

        monthly()

        (mail,) = mail_of(zone.boss)
        assert "（初步数）" in mail.subject
        assert "（2026年第28周）：0/1 次，未达标，定稿\n" in text_of(zone.boss)
        assert "（2026年第29周）：0/1 次，未达标\n" in text_of(zone.boss)
        assert "0/1 次 未达标，定稿 | 0/1 次 未达标 |" in text_of(zone.overall)

    def test_a_frozen_month_is_no_preliminary_one(self, db, zone, site):
        freeze_period(db, period=MONTH, at=FREEZE, now=FREEZE)

        digest = preview(db, period=MONTH, person=zone.recruiter, at=SETTLED)
        words = render_digest(digest, site)

        assert "（定稿）" in words.subject
        assert "初步数" not in words.text + words.html
        assert "0/20 天，未达标，定稿" in words.text

    def test_the_month_before_is_told_as_it_was_frozen(self, db, zone, monthly, text_of):
        freeze = at_civil(date(2026, 7, 4))
        freeze_period(db, period=MONTH.before, at=freeze, now=freeze)
        make_visit(db, zone.recruiter, date(2026, 6, 1), days=22, kind=Kind.RESIDENCY)

        monthly()

        assert "上期 0/20 天，未达标（定稿）" in text_of(zone.recruiter)

    def test_what_waits_is_not_of_a_frozen_period(self, db, zone, site):
        make_visit(db, zone.recruiter, date(2026, 7, 1), logged_at=AUGUST)
        freeze_period(db, period=MONTH, at=FREEZE, now=FREEZE)

        digest = preview(db, period=MONTH, person=zone.recruiter, at=SETTLED)

        assert digest.pending.to_judge == 0


def _of(mail_of, person):
    (mail,) = mail_of(person)
    return mail.body_text
