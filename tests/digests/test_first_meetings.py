"""First meetings with a lead among a digest's notable visits (REGIME 5)."""

from datetime import date

from crm.leads.rules import Secrecy
from tests.factories import make_lead, make_visit


def test_a_first_meeting_is_a_notable_visit(db, zone, weekly, text_of):
    known, new = make_lead(db, "老项目", yi="2"), make_lead(db, "新项目", yi="2")
    make_visit(db, zone.deputy, date(2026, 6, 10), leads=[known])
    make_visit(db, zone.deputy, date(2026, 7, 8), leads=[known], city="常州")
    make_visit(db, zone.deputy, date(2026, 7, 8), leads=[new], city="无锡")

    weekly()

    assert "无锡 外出拜访（首次洽谈） · 新项目" in text_of(zone.supervisor)
    assert "常州" not in text_of(zone.supervisor)


def test_a_first_meeting_on_a_hidden_project_is_not_shown_as_one(db, zone, weekly, text_of):
    hidden = make_lead(db, secrecy=Secrecy.RESTRICTED, tracker=zone.deputy, yi="2")
    make_visit(db, zone.deputy, date(2026, 7, 8), leads=[hidden], city="无锡")

    weekly()

    assert "首次洽谈" not in text_of(zone.supervisor)


def test_large_projects_do_not_crowd_out_first_meetings(db, zone, weekly, text_of):
    for number in range(9):
        major = make_lead(db, yi="50")
        make_visit(db, zone.deputy, date(2026, 6, 10), leads=[major])
        make_visit(db, zone.deputy, date(2026, 7, 8), leads=[major], city=f"城{number}")
    make_visit(db, zone.deputy, date(2026, 7, 8), leads=[make_lead(db, "小项目", yi="1")])

    weekly()

    assert "（首次洽谈） · 小项目" in text_of(zone.supervisor)
