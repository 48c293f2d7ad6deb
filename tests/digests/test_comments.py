"""What leaders say of a month: who may, who reads it, and that what has gone out stays."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from crm.base.audit import AuditEntry
from crm.base.errors import Refused
from crm.base.periods import Period
from crm.digests.comments import LONGEST, comment_by, comments_for, write_comment
from crm.digests.models import MonthlyComment
from crm.people.rules import Role
from tests.digests.conftest import AUGUST, MONTH
from tests.factories import make_person

BEFORE, AFTER = AUGUST - timedelta(days=3), AUGUST + timedelta(hours=2)
SAID = "重点项目推进有力。\n下月抓好在谈项目。"


@pytest.fixture
def said(db, zone):
    return write_comment(db, month=MONTH, text=SAID, by=zone.boss, now=BEFORE)


def test_it_stands_in_the_digests_of_all_below(db, zone, said, monthly, text_of):
    monthly()

    for person in (zone.boss, zone.deputy, zone.recruiter, zone.supervisor, zone.reader):
        assert (
            "== 月点评 ==\n- boss同志（滨海开发区）：\n  重点项目推进有力。\n  下月抓好在谈项目。"
        ) in text_of(person)


def test_a_part_s_leader_is_read_in_that_part_only(db, zone, monthly, text_of):
    head = make_person(db, "head", role=Role.LEADER, unit=zone.bureau)
    write_comment(db, month=MONTH, text="局里的话", by=head, now=BEFORE)

    monthly()

    assert "局里的话" in text_of(zone.recruiter)
    assert "局里的话" in text_of(head)
    assert "局里的话" not in text_of(zone.boss)


def test_what_is_said_after_the_digest_is_not_in_it(db, zone, monthly, text_of):
    write_comment(db, month=MONTH, text="迟到的话", by=zone.boss, now=AFTER)

    monthly()

    assert "月点评" not in text_of(zone.boss)
    assert [one.text for one in comments_for(db, zone.recruiter, MONTH, at=AFTER)] == ["迟到的话"]


def test_a_comment_of_another_month_is_not_told(db, zone, said, monthly, text_of):
    said.month = "2026-06"
    db.flush()

    monthly()

    assert "月点评" not in text_of(zone.boss)


def test_a_change_keeps_what_was_said_before(db, zone, said):
    write_comment(db, month=MONTH, text="改过的话", by=zone.boss, now=AFTER)

    assert comment_by(db, zone.boss, MONTH, at=AFTER).text == "改过的话"
    assert comment_by(db, zone.boss, MONTH, at=BEFORE).text == SAID
    assert len(db.scalars(select(MonthlyComment)).all()) == 2
    assert db.scalars(select(AuditEntry.action)).all() == ["comment.written"] * 2


@pytest.mark.parametrize("who", ["supervisor", "recruiter", "reader"])
def test_only_leaders_comment(db, zone, who):
    with pytest.raises(Refused, match="not_yours"):
        write_comment(db, month=MONTH, text="话", by=getattr(zone, who), now=BEFORE)


@pytest.mark.parametrize(
    ("month", "text", "code"),
    [
        ("2026-08", "话", "month_to_come"),
        ("2026-07", " \n", "required"),
        ("2026-07", "长" * (LONGEST + 1), "text_too_long"),
    ],
)
def test_what_is_no_comment_is_refused(db, zone, month, text, code):
    with pytest.raises(Refused, match=code):
        write_comment(db, month=Period.parse(month), text=text, by=zone.boss, now=BEFORE)
