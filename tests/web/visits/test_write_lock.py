"""What is sent to log a visit, and how little of it while others wait for SQLite's write lock."""

import pytest
from sqlalchemy import event

from crm.extensions import db as database_of_app
from tests.counting import statements_on
from tests.factories import arranged, make_lead, make_person, make_regime, sign_in
from tests.web.visits.test_meanwhile import FORM

# with a lead and a companion; one is remembered from then on, on PostgreSQL two of them take locks
MOST_STATEMENTS = 26
MOST_WITH_THE_LOCK = 12
# the links of the trail; what goes over channels, too (two small tables)
RECHECKS = ("FROM audit_entry", "FROM channel_binding")


@pytest.fixture
def form(app):
    """A form that names a companion and a lead."""
    with arranged(app) as db:
        make_regime(db)
        me, companion = make_person(db, "me"), make_person(db, "companion")
        lead = make_lead(db)
        return FORM | {"leader_id": me.id, "participant_ids": companion.id, "lead_ids": lead.id}


def sent_to_log(app, form):
    browser = sign_in(app, "me")
    with app.app_context():
        engine = database_of_app.engine
    with statements_on(engine) as statements:

        @event.listens_for(engine, "commit")
        def note(_connection):
            statements.append("COMMIT")

        answer = browser.post("/visits/new", data=form)
        event.remove(engine, "commit", note)

    assert answer.status_code == 302
    return statements


def counted(statements):
    """Without those that begin and end, or that prepare others once for a connection."""
    left = ("BEGIN", "COMMIT", "ROLLBACK", "PREPARE")
    return [sent for sent in statements if not sent.startswith(left)]


def test_a_visit_costs_so_many_statements_whatever_its_form_offers(app, form):
    with arranged(app) as db:
        for _ in range(30):
            make_lead(db)
            make_person(db)

    statements = counted(sent_to_log(app, form))

    assert len(statements) <= MOST_STATEMENTS, "\n\n".join(statements)


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_the_lock_is_held_for_writes_and_few_checks_alone(app, form):
    statements = sent_to_log(app, form)

    begin = statements.index("BEGIN IMMEDIATE")
    end = statements.index("COMMIT", begin)
    held = statements[begin + 1 : end]
    reads = [sent for sent in held if sent.startswith("SELECT")]
    assert len(held) <= MOST_WITH_THE_LOCK, "\n\n".join(held)
    assert [sent for sent in reads if not any(place in sent for place in RECHECKS)] == []


def test_nothing_is_read_once_a_visit_is_kept(app, form):
    statements = sent_to_log(app, form)

    insert = next(n for n, sent in enumerate(statements) if sent.startswith("INSERT INTO visit "))
    end = statements.index("COMMIT", insert)
    assert counted(statements[end:]) == []
