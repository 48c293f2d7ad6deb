"""No page and no answer of the API tells of visits that an import has stored and not published."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.mail import Site
from crm.leads.models import Company, Lead
from crm.people.models import Person
from crm.transactions import transaction
from crm.visits import batch_insert
from crm.visits.companies import companies_of_batch, typed_companies
from crm.visits.fields import CompanyMet, VisitData
from crm.visits.models import Trip
from crm.visits.rules import Channel, Kind, Status, Verdict
from tests.conftest import NOW
from tests.counting import statements_of
from tests.factories import make_hidden_batch, sign_in
from tests.filled_zone import PAGES, live

WORD = "隐匿样例"
# by ids: a list of them, also an empty one
OF_KNOWN = re.compile(r"visit_\w+\.visit_id (= \?|IN \((\?|SELECT 1 FROM \(SELECT 1\)))")
ELSE = {
    r"FROM visit_lead WHERE visit_lead\.lead_id = \? ORDER": "rows that a merge moves, all of them",
}
LINKS = ("visit_participant", "visit_lead", "visit_company", "visit_former", "visit_gram")
# The trail has an entry of each visit, and the page of its jobs what the clock did.
OWN = re.compile(
    r'value="[A-Z]\d{6}-\w{6}"|name="[a-z-]*shown"[^>]* value="\d+"'
)  # of each view of a form
OF_THE_TRAIL = re.compile(r"^/(admin|audit)\b")


def hide_visits(db, people, lead, company):
    """Visits of everybody in the frozen month and this one, made and planned, of a hidden batch."""
    batch = make_hidden_batch(db)
    trip = db.scalar(select(Trip.ref).limit(1))
    rows = [
        batch_insert.ImportedVisit(
            VisitData(
                ref=f"{WORD}-{leader.id}-{on}",
                kind=Kind.OUTREACH,
                channel=Channel.IN_PERSON,
                status=Status.DONE if on < NOW.date() else Status.PLANNED,
                starts_at=at_civil(on) + timedelta(hours=9),
                ends_at=at_civil(on) + timedelta(hours=11),
                city=f"{WORD}市",
                leader_id=leader.id,
                participant_ids={person.id for person in people} - {leader.id},
                lead_ids={lead.id},
                companies=[CompanyMet(name=f"{WORD}公司"), CompanyMet(company_id=company.id)],
                trip=trip,
                minutes=f"{WORD}纪要",
            ),
            verdict=Verdict.CONFIRMED if on < NOW.date() else None,
        )
        for leader in people
        for on in (date(2026, 6, 29), date(2026, 7, 13), date(2026, 7, 15), date(2026, 7, 20))
    ]
    met = companies_of_batch(db, [(row.data.lead_ids, typed_companies(row.data)) for row in rows])
    checked = [
        batch_insert.checked(row, companies, now=NOW)
        for row, companies in zip(rows, met, strict=True)
    ]
    prepared = batch_insert.prepare(db, checked, now=NOW)
    batch_insert.insert_hidden(db, prepared, batch_id=batch.id, now=NOW)


class Zone:
    """The zone whose pages are read before and after an import stores visits."""

    def __init__(self, database):
        self.app, self.sessions = database.fresh_app(), database.sessions
        self.names = live(self.sessions, Site("https://crm.test", "crm@crm.test"))
        self.clients = {who: sign_in(self.app, who) for who in {who for who, _ in PAGES}}
        self.pages()  # what is shown for the first time is marked as seen
        self.before = self.pages()
        with transaction(self.sessions) as db:
            people = db.scalars(select(Person).where(Person.username.in_(self.clients))).all()
            lead, company = (db.scalars(select(of).limit(1)).one() for of in (Lead, Company))
            hide_visits(db, people, lead, company)
        with statements_of(self.app) as self.statements:
            self.after = self.pages()

    def pages(self):
        return {
            (who, path): self._text(self.clients[who].get(path.format(**self.names)))
            for who, path in PAGES
            if not OF_THE_TRAIL.match(path)
        }

    def _text(self, answer):
        text = answer.text if answer.content_type.startswith("text") else ""
        return (answer.status_code, OWN.sub("", text))


@pytest.fixture(scope="module")
def zone(kept_databases):
    """The zone on SQLite: on PostgreSQL the same statements are told apart by one word."""
    database = kept_databases("sqlite")
    with time_machine.travel(NOW, tick=False):
        yield Zone(database)
    database.wipe()


def test_every_page_is_as_it_was_before(zone):
    others = {page for page, text in zone.after.items() if text != zone.before[page]}

    assert others == set()
    assert not any(WORD in text for _, text in zone.after.values())


def test_what_is_selected_by_a_link_is_of_visits_that_are_seen(zone):
    """It names visits, too, or asks for those whose ids a statement before it has found."""
    bare = {
        " ".join(statement.split())
        for statement in zone.statements
        if any(re.search(rf"\b{link}\b", statement) for link in LINKS)
        and "FROM visit WHERE visit.batch_id" not in statement
        and not OF_KNOWN.search(statement)
    }

    assert [sql for sql in sorted(bare) if not any(re.search(kind, sql) for kind in ELSE)] == []
