"""A list opened again reads which records it has only after a change, for each viewer anew."""

from datetime import date
from urllib.parse import quote

import pytest

from crm.base.paging import PAGE
from crm.leads.models import Lead
from crm.leads.roles import give_role
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person
from tests.conftest import NOW
from tests.counting import statements_of
from tests.factories import arranged, make_lead, make_person, make_unit, make_visit, sign_in

SECRET = "电池二期"


@pytest.fixture
def clients(app):
    """Who looks at the lists: the tracker of a restricted lead, and somebody else."""
    with arranged(app) as db:
        unit = make_unit(db, "招商局")
        shen, _ = (make_person(db, name, unit=unit) for name in ("shen", "lin"))
        make_lead(db, "电池基地", unit=unit, tracker=shen)
        make_lead(db, SECRET, tracker=shen, secrecy=Secrecy.RESTRICTED)
        for _ in range(PAGE + 1):
            make_visit(db, shen, date(2026, 7, 6), logged_at=NOW, entered_at=NOW)
    return {name: sign_in(app, name) for name in ("shen", "lin")}


def queries(app, client, path):
    with statements_of(app) as statements:
        assert client.get(path).status_code == 200
    return sum(not statement.startswith("BEGIN") for statement in statements)


@pytest.mark.parametrize("path", ["/leads", "/leads?q=电池", "/leads?sort=due", "/visits"])
def test_a_list_opened_again_asks_for_the_session_alone(app, clients, path):
    clients["shen"].get(path)

    assert queries(app, clients["shen"], path) == 1


def test_an_address_of_any_length_is_not_remembered(app, clients):
    path = f"/leads?q={quote('电池' * 30)}"
    clients["shen"].get(path)

    assert queries(app, clients["shen"], path) > 1


@pytest.mark.parametrize("path", ["/leads", "/leads?q=电池"])
def test_somebody_else_at_the_same_address_sees_their_own_leads(clients, path):
    assert SECRET in clients["shen"].get(path).text
    assert SECRET not in clients["lin"].get(path).text


@pytest.mark.parametrize("path", ["/leads", "/leads?q=电池"])
def test_a_restricted_lead_that_is_handed_over_moves_to_the_other_list_at_once(app, clients, path):
    before = {name for name, client in clients.items() if SECRET in client.get(path).text}

    with arranged(app) as db:
        lead = db.query(Lead).filter_by(title=SECRET).one()
        shen, lin = (db.query(Person).filter_by(username=name).one() for name in ("shen", "lin"))
        given = {"role": LeadRoleKind.TRACKER, "holder": lin, "from_on": date(2026, 7, 15)}
        give_role(db, lead=lead, **given, by=shen, now=NOW)
    after = {name for name, client in clients.items() if SECRET in client.get(path).text}

    assert (before, after) == ({"shen"}, {"lin"})
