"""A restricted lead never loses its last person who may see it, whatever becomes of that person."""

from datetime import date

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry, AuditLink
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.pending import take
from crm.leads import service
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import may_see
from crm.leads.rules import LeadRoleKind, Secrecy, first_gap
from crm.leads.succession import give_leads_nobody_sees, give_unseen_leads
from crm.people.accounts import RecordAccessEnded, disable_person
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.postings import leave
from crm.people.rules import Role
from crm.people.service import change_person
from tests.conftest import NOW
from tests.factories import arranged, make_person, make_role, sign_in
from tests.leads.zone import TODAY, make_zone

MONTHS_END, AUGUST = date(2026, 7, 31), date(2026, 8, 1)


@pytest.fixture
def zone(db):
    return make_zone(db)


@pytest.fixture
def hidden(zone):
    """A restricted lead of the bureau, on which only its tracker is named."""
    return zone.leads[Secrecy.RESTRICTED]


def seen_by(zone, lead, on=TODAY):
    """By name, who may see the lead on the date with an open account."""
    closes = at_civil(on)
    return {
        name
        for name, one in zone.people.items()
        if may_see(zone.db, viewer(zone.db, one, on), lead.id, on) and not one.is_disabled(closes)
    }


def become(person, db, role, by):
    values = {"name": person.name, "email": person.email, "phone": person.phone}
    change_person(db, person=person, role=role, by=by, now=NOW, **values)


@pytest.mark.parametrize(
    ("spans", "gap"),
    [
        ([], TODAY),
        ([(date(2026, 7, 1), date.max)], None),
        ([(date(2026, 7, 1), MONTHS_END)], AUGUST),
        ([(date(2026, 7, 1), MONTHS_END), (AUGUST, date.max)], None),
        ([(AUGUST, date.max)], TODAY),
        ([(date(2026, 1, 1), date(2026, 7, 10))], TODAY),
    ],
)
def test_the_first_date_that_nobody_covers_is_found(spans, gap):
    assert first_gap(spans, TODAY) == gap


def test_a_closed_account_leaves_its_lead_to_the_supervisor_of_the_unit(zone, hidden):
    db, admin = zone.db, zone.people["admin"]

    disable_person(db, person=zone.people["tracker"], at=NOW, by=admin, now=NOW)
    give_unseen_leads(db, take(db, RecordAccessEnded))

    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "lead.succeeded")).one()
    supervisor = zone.people["supervisor"]
    held = select(LeadRole.role).where(
        LeadRole.lead_id == hidden.id, LeadRole.person_id == supervisor.id
    )
    assert may_see(db, zone.eyes("supervisor"), hidden.id, TODAY)
    assert db.scalars(held).all() == [LeadRoleKind.TRACKER]
    assert (entry.subject_id, entry.by_id) == (hidden.id, admin.id)


def test_who_leaves_at_the_end_of_the_month_sees_it_until_then(zone, hidden):
    db, given = zone.db, {"by": zone.people["admin"], "now": NOW}

    leave(db, person=zone.people["tracker"], last_on=MONTHS_END, at_once=False, **given)
    give_unseen_leads(db, take(db, RecordAccessEnded))

    assert seen_by(zone, hidden, MONTHS_END) == {"tracker"}
    assert seen_by(zone, hidden, AUGUST) == {"supervisor"}


def test_who_becomes_a_reader_leaves_the_lead_to_the_supervisor(zone, hidden):
    become(zone.people["tracker"], zone.db, Role.READER, by=None)
    give_unseen_leads(zone.db, take(zone.db, RecordAccessEnded))

    assert seen_by(zone, hidden) == {"supervisor"}


def test_without_a_supervisor_it_falls_to_an_admin_who_did_not_close_the_account(zone, hidden):
    db, admin = zone.db, zone.people["admin"]
    zone.people["second"] = make_person(db, "second", role=Role.ADMIN, duty=None)
    disable_person(db, person=zone.people["supervisor"], at=NOW, by=admin, now=NOW)

    disable_person(db, person=zone.people["tracker"], at=NOW, by=admin, now=NOW)
    give_unseen_leads(db, take(db, RecordAccessEnded))

    assert seen_by(zone, hidden) == {"second"}


def test_another_who_is_named_keeps_the_lead_from_falling(zone, hidden):
    member, colleague = LeadRoleKind.TASK_FORCE_MEMBER, zone.people["colleague"]
    make_role(zone.db, hidden, member, person=colleague)
    tracker = zone.people["tracker"]

    disable_person(zone.db, person=tracker, at=NOW, by=None, now=NOW)

    assert give_unseen_leads(zone.db, take(zone.db, RecordAccessEnded)) == 0


def test_the_last_named_person_does_not_end_their_role_for_a_later_date(zone, hidden):
    tracker = zone.people["tracker"]
    held = zone.db.scalars(select(LeadRole).where(LeadRole.person_id == tracker.id)).all()
    role = next(each for each in held if each.lead_id == hidden.id)

    with pytest.raises(Refused, match="last_named"):
        service.end_role(zone.db, lead=hidden, held=role, last_on=MONTHS_END, by=tracker, now=NOW)


def test_the_clock_finds_what_nobody_sees(zone, hidden):
    zone.people["tracker"].disabled_at = NOW  # as before this rule, or by an import

    assert give_leads_nobody_sees(zone.db, at=at_civil(date(2026, 7, 16))) == 1
    assert give_leads_nobody_sees(zone.db, at=at_civil(date(2026, 7, 17))) == 0
    assert seen_by(zone, hidden, date(2026, 7, 16)) == {"supervisor"}


def test_closing_an_account_on_its_page_hands_its_restricted_lead_on(app):
    with arranged(app) as db:
        lead_id = make_zone(db).leads[Secrecy.RESTRICTED].id

    sign_in(app, "admin").post("/admin/people/tracker/disable")

    assert sign_in(app, "supervisor").get(f"/leads/{lead_id}").status_code == 200
    with arranged(app) as db:
        assert db.scalars(select(Person).filter_by(username="tracker")).one().disabled_at
        assert db.get_one(Lead, lead_id).secrecy is Secrecy.RESTRICTED
        linked = select(func.count()).select_from(AuditLink)
        assert db.scalar(linked) == db.scalar(select(func.count()).select_from(AuditEntry))
