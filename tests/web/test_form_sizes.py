"""The size of form pages does not depend on how many people and leads there are."""

from datetime import date

import pytest

from crm.leads.models import Lead
from crm.leads.own_field_models import OwnKind
from crm.leads.own_field_setup import OwnFieldData, add_field
from crm.leads.own_fields import own_fields
from crm.leads.service import change_own_values
from crm.people.models import Person, Unit
from crm.people.rules import Role
from tests.conftest import NOW
from tests.counting import statements_of
from tests.factories import (
    arranged,
    make_followup,
    make_lead,
    make_order,
    make_person,
    make_unit,
    make_visit,
    sign_in,
)

MOST_BYTES = 25_000
LARGER = {"/admin/audit": 30_000}  # each kind of entry is a choice
MOST_STATEMENTS = 12
OWN_FIELDS, OWN_CHOICES = 10, 9
PAGES = [
    ("lina", "/visits/new"),
    ("lina", "/visits/{visit}/edit"),
    ("lina", "/leads/new"),
    ("lina", "/leads/{lead}"),
    ("lina", "/leads/{lead}/edit"),
    ("lina", "/followups/new"),
    ("lina", "/followups/{followup}"),
    ("lina", "/me/entry-grants/new"),
    ("wu", "/visits/new"),
    ("wu", "/supervision/new"),
    ("wu", "/supervision/{order}/edit"),
    ("admin", "/visits/new"),
    ("admin", "/admin/people/lina/entry-grants/new"),
    ("admin", "/handover/lina"),
    ("admin", "/admin/audit"),
]


@pytest.fixture
def zone(app):
    """The ids of rows with a page; more likely people and leads than a form offers."""
    with arranged(app) as db:
        bureau, office = make_unit(db, "招商一处"), make_unit(db, "招商二处")
        lina = make_person(db, "lina", name="李娜", unit=bureau)
        make_person(db, "wu", name="伍思齐", unit=bureau, role=Role.SUPERVISOR)
        admin = make_person(db, "admin", name="安宁", unit=bureau, role=Role.ADMIN)
        colleagues = [make_person(db, name=f"同事{number:03}", unit=bureau) for number in range(20)]
        title = "高端装备智能制造生产基地项目"
        leads = [make_lead(db, f"{title}{n:03}", unit=bureau, tracker=lina) for n in range(20)]
        visit = make_visit(db, lina, participants=colleagues[:3], leads=leads[:3])
        followup = make_followup(db, leads[0], lina, date(2026, 7, 20))
        order = make_order(db, bureau, officer=admin)
        return {
            "office": office.id,
            "admin": admin.id,
            "lina": lina.id,
            "visit": visit.id,
            "lead": leads[0].id,
            "followup": followup.id,
            "order": order.id,
        }


def _fill_own_fields(db, lead, admin):
    choices = tuple(f"所属重点产业链第{number}类" for number in range(OWN_CHOICES))
    for number in range(OWN_FIELDS):
        name = f"补充事项{number}"
        data = OwnFieldData(name=name, kind=OwnKind.CHOICE, new_choices=choices)
        add_field(db, data=data, by=admin, now=NOW)
    values = {field.code: field.choices[0].code for field in own_fields(db)}
    change_own_values(db, lead=lead, values=values, by=admin, now=NOW)


def fill(app, office_id):
    """Many more people and leads, of another unit."""
    with arranged(app) as db:
        office = db.get_one(Unit, office_id)
        for number in range(200):
            make_person(db, name=f"外人{number:03}", unit=office)
            make_lead(db, f"别处的项目{number:03}", unit=office)


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("username", dict(PAGES))
def test_form_pages_are_small_and_do_not_grow_with_the_zone(app, zone, username):
    client, paths = sign_in(app, username), [path for who, path in PAGES if who == username]
    before = {path: client.get(path.format(**zone)) for path in paths}
    fill(app, zone["office"])

    after = {path: client.get(path.format(**zone)) for path in paths}

    assert {answer.status_code for answer in after.values()} == {200}
    sizes = {path: len(answer.data) for path, answer in after.items()}
    assert sizes == {path: len(answer.data) for path, answer in before.items()}
    large = {path for path, size in sizes.items() if size >= LARGER.get(path, MOST_BYTES)}
    assert large == set()


@pytest.mark.parametrize("path", ["/leads/new", "/leads/{lead}/edit"])
def test_the_form_of_a_lead_stays_small_with_ten_own_fields(app, zone, path):
    with arranged(app) as db:
        lead, admin = db.get_one(Lead, zone["lead"]), db.get_one(Person, zone["admin"])
        _fill_own_fields(db, lead, admin)

    page = sign_in(app, "lina").get(path.format(**zone))

    assert page.status_code == 200
    assert len(page.data) < MOST_BYTES


@pytest.mark.parametrize("username", ["lina", "wu"])
def test_the_visit_form_sends_few_queries(app, zone, username):
    client = sign_in(app, username)
    client.get("/visits/new")

    with statements_of(app) as statements:
        client.get("/visits/new")

    assert len(statements) <= MOST_STATEMENTS


def test_a_refused_visit_form_sends_few_queries(app, zone):
    client = sign_in(app, "lina")
    sent = {"lead_ids": zone["lead"], "participant_ids": zone["lina"]}

    with statements_of(app) as statements:
        answer = client.post("/visits/new", data=sent)

    assert answer.status_code == 422
    queries = [sent for sent in statements if not sent.startswith("BEGIN")]
    assert len(queries) <= MOST_STATEMENTS + 1  # whether it was saved already is asked twice
