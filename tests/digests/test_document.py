"""A digest is kept in full, and its mail is the beginning of it."""

from datetime import date

import pytest
from sqlalchemy import select, update

from crm.base.periods import PeriodKind
from crm.digests.document import document_of
from crm.digests.models import KeptDigest
from crm.people.rules import Duty
from crm.quotas.models import RuleVersion
from crm.visits.rules import Status
from tests.digests.test_forms import fill
from tests.digests.test_month_part import make_target
from tests.factories import make_visit

pytestmark = pytest.mark.slow_on_postgresql  # what a mail shows, not what it reads


SIX = ["年度目标", "签约", "需关注人员", "督办逾期", "本人进度", "初步数"]


def test_a_leader_reads_six_lines_first(db, zone, monthly, kept_of, mail_of):
    make_target(db, zone.top)

    monthly()

    summary = kept_of(zone.boss).summary
    assert [label for label, _ in summary] == SIX
    assert summary[0][1] == ("1 项中 1 项落后于序时进度：签约10亿元以上项目数 0/20 个，差 20 个")
    assert summary[2][1] == "2 人：deputy同志（差 6 次）、recruiter同志（差 20 天）"
    assert mail_of(zone.boss)[0].body_text.splitlines()[4:10] == [
        f"【{label}】{text}" for label, text in summary
    ]


def test_weeks_that_were_all_met_are_one_sentence(db, zone, monthly, kept_of):
    for day in (1, 8, 15, 22):
        make_visit(db, zone.boss, date(2026, 7, day))

    monthly()

    assert dict(kept_of(zone.boss).summary)["本人进度"] == "7月4周均已完成带队拜访"
    assert "4周均达标" in {line.value for line in section(kept_of(zone.overall), "rules").lines}


def test_ten_day_periods_that_were_all_met_are_counted_as_such(db, zone, monthly, kept_of):
    duty = Duty.PRINCIPAL
    db.execute(update(RuleVersion).where(RuleVersion.duty == duty).values(period=PeriodKind.XUN))
    for day in (1, 13, 22):
        make_visit(db, zone.boss, date(2026, 7, day))

    monthly()

    assert dict(kept_of(zone.boss).summary)["本人进度"] == "7月3旬均已完成带队拜访"


def test_the_mail_links_to_what_it_leaves_out(db, zone, monthly, kept_of, mail_of):
    fill(db, zone)

    monthly()

    text = mail_of(zone.overall)[0].body_text
    moved = section(kept_of(zone.overall), "moved")
    assert f"查看其余 {len(moved.lines) - 3} 项：https://crm.test/digests/2026-07#moved" in text
    assert [line.text in text for line in moved.lines[:4]] == [True, True, True, False]
    assert "任务完成明细" in text
    assert section(kept_of(zone.overall), "people").tables


def test_who_sees_no_units_gets_all_figures_by_mail(db, zone, weekly, kept_of):
    make_visit(db, zone.deputy, date(2026, 7, 20), status=Status.PLANNED)

    weekly()

    folded = [part.key for part in kept_of(zone.deputy).sections if part.in_mail == 0]
    assert folded == ["definitions"]


def test_a_second_run_leaves_what_was_kept(db, zone, weekly):
    weekly()
    kept = db.scalars(select(KeptDigest.document).order_by(KeptDigest.dedupe_key)).all()
    make_visit(db, zone.boss, date(2026, 7, 8))

    weekly()

    assert db.scalars(select(KeptDigest.document).order_by(KeptDigest.dedupe_key)).all() == kept


def test_what_is_kept_reads_as_it_was_written(db, zone, monthly):
    fill(db, zone)

    monthly()

    kept = db.scalars(select(KeptDigest.document)).all()
    assert [document_of(text).as_json() for text in kept] == kept


def section(document, key):
    return next(part for part in document.sections if part.key == key)
