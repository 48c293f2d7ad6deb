"""Running figures whose status changed within the week (REGIME 5)."""

from datetime import date, timedelta

from crm.base.periods import Period
from tests.digests.conftest import AUGUST, MONDAY
from tests.digests.making import make_digests
from tests.factories import make_visit


def test_status_changes_of_the_week_are_shown_to_the_line_of_command(db, zone, weekly, text_of):
    make_visit(db, zone.deputy, date(2026, 7, 1))

    weekly(at=MONDAY + timedelta(days=3))

    change = "- deputy同志（投资促进局 · 7月带队拜访）：正常推进 → 有风险"
    assert f"本周状态变化 ==\n{change}" in text_of(zone.supervisor)
    assert "本周：正常推进 → 有风险" in text_of(zone.deputy)
    assert "deputy同志" not in text_of(zone.reader)


def test_a_month_that_has_just_begun_has_no_status_changes(db, zone, site, mail_of):
    make_digests(db, period=Period.parse("2026-W31"), at=AUGUST, late=False, mail=True, site=site)

    assert "状态变化" not in mail_of(zone.supervisor)[0].body_text
