"""Leaders' comments on a settled month: drafted, released, in the settled report or alone."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period
from crm.digests.comments import (
    LONGEST,
    comments,
    draft_of,
    is_settled,
    release_comment,
    released_by,
    save_comment,
)
from crm.digests.models import MonthlyComment
from crm.digests.settlement_notice import send_comment, send_settlement_notices
from crm.people.rules import Role
from crm.quotas.service import freeze_period
from tests.digests.conftest import MONTH
from tests.factories import make_person

pytestmark = pytest.mark.slow_on_postgresql  # what a mail shows, not what it reads


FREEZE = at_civil(date(2026, 8, 6))
BEFORE = FREEZE + timedelta(hours=10)
REPORT = FREEZE + timedelta(days=1, hours=8)
AFTER = REPORT + timedelta(hours=2)
SAID = "重点项目推进有力。\n下月抓好在谈项目。"


@pytest.fixture
def settled(db, zone, monthly):
    """The digest of July went out, and its figures are frozen."""
    monthly()
    freeze_period(db, period=MONTH, at=FREEZE, now=FREEZE)


@pytest.fixture
def report(db, settled, site):
    """Make the settled report of July, as often as it is asked for."""

    def make():
        return send_settlement_notices(db, period=MONTH, at=REPORT, late=False, site=site)

    return make


def release(db, by, now, text=SAID):
    return release_comment(db, month=MONTH, text=text, by=by, now=now)


def mails_of(db, person):
    query = select(Message).where(
        Message.person_id == person.id, Message.kind == MessageKind.SETTLED
    )
    return db.scalars(query.order_by(Message.id)).all()


def texts(db, person):
    return "".join(each.body_text for each in mails_of(db, person))


def test_a_comment_released_before_is_in_the_settled_report_of_all_below(db, zone, report, site):
    row = release(db, zone.boss, BEFORE)

    assert send_comment(db, comment=row, site=site, now=BEFORE) == 0
    report()

    for person in (zone.boss, zone.deputy, zone.recruiter, zone.supervisor, zone.reader):
        assert (
            "== 月点评 ==\n- boss同志（滨海开发区）：\n  重点项目推进有力。\n  下月抓好在谈项目。"
        ) in texts(db, person)
    assert "的月报（初步数）一致" in texts(db, zone.deputy)


def test_the_preliminary_digest_has_none(db, zone, settled, text_of):
    assert "月点评" not in text_of(zone.deputy)


def test_nothing_changed_and_no_comment_sends_nothing(db, zone, report):
    assert "told" not in report()
    assert mails_of(db, zone.deputy) == []


def test_a_comment_released_after_the_report_is_mailed_alone_and_once(db, zone, report, site):
    report()
    row = release(db, zone.boss, AFTER)

    first = send_comment(db, comment=row, site=site, now=AFTER)
    again = send_comment(db, comment=release(db, zone.boss, AFTER), site=site, now=AFTER)

    assert (first > 0, again) == (True, 0)
    (mail,) = mails_of(db, zone.recruiter)
    assert mail.subject == "滨海开发区招商月点评 2026年7月"
    assert "重点项目推进有力。" in mail.body_text
    assert mails_of(db, zone.boss) == []


def test_who_did_not_get_the_digest_is_not_sent_the_comment(db, zone, report, site):
    report()
    late = make_person(db, "late", unit=zone.bureau)

    send_comment(db, comment=release(db, zone.boss, AFTER), site=site, now=AFTER)

    assert mails_of(db, late) == []


def test_a_part_s_leader_is_read_in_that_part_only(db, zone, monthly, site):
    head = make_person(db, "head", role=Role.LEADER, unit=zone.bureau)
    monthly()
    freeze_period(db, period=MONTH, at=FREEZE, now=FREEZE)
    release(db, head, BEFORE, "局里的话")

    send_settlement_notices(db, period=MONTH, at=REPORT, late=False, site=site)

    assert "局里的话" in texts(db, zone.recruiter)
    assert "局里的话" in texts(db, head)
    assert "局里的话" not in texts(db, zone.boss)


def test_a_draft_is_for_its_author_alone(db, zone, report):
    save_comment(db, month=MONTH, text="还没想好", by=zone.boss, now=BEFORE)
    save_comment(db, month=MONTH, text="快想好了", by=zone.boss, now=BEFORE)

    report()

    assert draft_of(db, zone.boss, MONTH).text == "快想好了"
    assert comments(db, MONTH, at=AFTER) == []
    assert mails_of(db, zone.recruiter) == []


def test_a_released_comment_stays_and_a_new_one_stands_beside_it(db, zone, settled):
    release(db, zone.boss, BEFORE)
    save_comment(db, month=MONTH, text="补一句", by=zone.boss, now=AFTER)
    release(db, zone.boss, AFTER, "补一句")

    assert [one.text for one in released_by(db, zone.boss, MONTH, at=AFTER)] == [SAID, "补一句"]
    assert [one.text for one in released_by(db, zone.boss, MONTH, at=BEFORE)] == [SAID]
    assert draft_of(db, zone.boss, MONTH) is None
    assert len(db.scalars(select(MonthlyComment)).all()) == 2
    comments = AuditEntry.subject == MonthlyComment.__tablename__
    actions = db.scalars(select(AuditEntry.action).where(comments).order_by(AuditEntry.id)).all()
    assert actions == ["comment.drafted", "comment.released"] * 2


@pytest.mark.parametrize("who", ["supervisor", "recruiter", "reader"])
def test_only_leaders_comment(db, zone, settled, who):
    with pytest.raises(Refused, match="not_yours"):
        release(db, getattr(zone, who), BEFORE)


def test_a_month_that_is_not_settled_is_not_commented_on(db, zone, settled):
    early = FREEZE - timedelta(minutes=1)

    assert not is_settled(db, MONTH, early)
    with pytest.raises(Refused, match="not_settled"):
        release(db, zone.boss, early)
    with pytest.raises(Refused, match="not_settled"):
        release_comment(db, month=Period.parse("2026-03"), text="话", by=zone.boss, now=AFTER)


@pytest.mark.parametrize(
    ("text", "code"), [(" \n", "required"), ("长" * (LONGEST + 1), "text_too_long")]
)
def test_what_is_no_comment_is_refused(db, zone, settled, text, code):
    with pytest.raises(Refused, match=code):
        release(db, zone.boss, BEFORE, text)
