"""Who is an officer of the coordinating office (PROJECTS 0)."""

from datetime import date

from crm.base.clock import civil_date
from crm.people.officers import is_officer, officer_ids, officers
from crm.people.permissions import viewer
from crm.people.rules import Duty, Role
from tests.conftest import NOW
from tests.factories import make_person, make_posting, make_unit

ON = civil_date(NOW)


def test_officers_are_the_supervisors_posted_primarily_at_the_coordinating_office_or_below(db):
    office = make_unit(db, "招商局", coordinates=True)
    team, other = make_unit(db, "一科", parent=office), make_unit(db, "建设局")
    overseeing = {"role": Role.SUPERVISOR, "duty": Duty.STAFF}
    here = make_person(db, "here", unit=office, **overseeing)
    below = make_person(db, "below", unit=team, **overseeing)
    make_person(db, "recruiter", unit=office)
    make_person(db, "leader", unit=office, role=Role.LEADER)
    elsewhere = make_person(db, "elsewhere", unit=other, **overseeing)
    make_posting(db, elsewhere, unit=office, is_primary=False)
    make_person(db, "later", unit=office, from_on=date(2027, 1, 1), **overseeing)

    assert officer_ids(db, ON) == {here.id, below.id}
    assert is_officer(db, viewer(db, below, ON), ON)
    assert not is_officer(db, viewer(db, elsewhere, ON), ON)


def test_of_the_officers_those_with_a_closed_account_are_left_out_where_somebody_must_act(db):
    office = make_unit(db, "招商局", coordinates=True)
    overseeing = {"role": Role.SUPERVISOR, "duty": Duty.STAFF, "unit": office}
    there = make_person(db, "there", **overseeing)
    make_person(db, "gone", disabled_at=NOW, **overseeing)

    assert officers(db, NOW) == [there]
