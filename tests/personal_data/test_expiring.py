"""Which contacts wait for a decision: those of companies with which nothing goes on any more."""

from datetime import UTC, date, datetime

import pytest

from crm.base.errors import Refused
from crm.leads.rules import Stage
from crm.people.rules import Role
from crm.personal_data.expiring import expiring_count, keep_contact_longer
from crm.personal_data.retention_rules import months_after, months_before
from crm.visits.fields import CompanyMet
from tests.factories import (
    make_company,
    make_contact,
    make_lead,
    make_milestone,
    make_person,
    make_visit,
)

TODAY = date(2026, 7, 15)
LATELY, LONG_AGO = date(2026, 1, 5), date(2023, 1, 5)
NOW = datetime(2026, 7, 15, 2, tzinfo=UTC)


def make_old(db, *, stage=Stage.LOST, entered_on=LONG_AGO):
    company = make_company(db)
    lead = make_lead(db, company=company, stage=stage, entered_on=entered_on)
    contact = make_contact(db, company, lead=lead)
    contact.created_at = datetime(2023, 1, 5, tzinfo=UTC)
    return company, lead, contact


def test_a_contact_of_lost_leads_alone_waits_once_its_period_is_over(db):
    make_old(db)

    assert expiring_count(db, TODAY) == 1
    assert expiring_count(db, months_after(LONG_AGO, 24)) == 0


@pytest.mark.parametrize("what", ["open", "entered", "contacted", "moved", "visited", "new"])
def test_whatever_goes_on_with_the_company_keeps_it(db, what):
    stage = Stage.PARKED if what == "open" else Stage.LOST
    company, lead, contact = make_old(db, stage=stage, entered_on=LONG_AGO)
    match what:
        case "entered":
            lead.entered_on = LATELY
        case "contacted":
            lead.last_contact_on = LATELY
        case "moved":
            make_milestone(db, lead, Stage.LOST, LATELY)
        case "visited":
            met = [CompanyMet(company_id=company.id, met="张工", position="")]
            make_visit(db, make_person(db), LATELY, companies=met)
        case "new":
            contact.created_at = datetime(2026, 1, 5, tzinfo=UTC)
    db.flush()

    assert expiring_count(db, TODAY) == 0


def test_one_that_is_kept_is_asked_about_again_a_year_later(db):
    *_, contact = make_old(db)
    admin = make_person(db, role=Role.ADMIN)

    keep_contact_longer(db, contact=contact, reason="仍在洽谈", by=admin, now=NOW)

    assert expiring_count(db, TODAY) == 0
    assert expiring_count(db, date(2027, 7, 15)) == 1
    with pytest.raises(Refused, match="not_expiring"):
        keep_contact_longer(db, contact=contact, reason="再留", by=admin, now=NOW)


@pytest.mark.parametrize(
    ("on", "months", "expected"),
    [
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
        (date(2024, 2, 29), 24, date(2022, 2, 28)),
        (date(2026, 7, 1), -12, date(2027, 7, 1)),
    ],
)
def test_months_end_on_a_date_that_there_is(on, months, expected):
    assert months_before(on, months) == expected
