"""Rights handed on for a time over the API: given, seen by whom they concern, ended once."""

import pytest
from sqlalchemy import select

from crm.base.outbox import Message, MessageKind
from crm.people.models import Person
from crm.people.rules import Duty, Role, Scope
from tests.api.conftest import program_of
from tests.factories import arranged, make_person, make_unit

pytestmark = pytest.mark.slow_on_postgresql
LIST = "/delegations"
GIVEN = {"agent": "agent", "from_on": "2026-07-15", "to_on": "2026-07-20", "reason": "休假"}


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        make_person(db, "wu", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=make_unit(db))
        make_person(db, "agent", unit=make_unit(db))
        make_person(db, "lina")
        make_person(db, "heng", role=Role.AUDITOR, duty=Duty.STAFF)


@pytest.fixture
def given(app, zone):
    return program_of(app, "wu").post(LIST, GIVEN)


def told(app):
    with arranged(app) as db:
        query = select(Person.username).join(Message, Message.person_id == Person.id)
        is_told = query.where(Message.kind == MessageKind.DELEGATION).order_by(Message.id)
        return db.scalars(is_told).all()


def test_it_is_given_and_read_by_the_two_and_by_an_auditor(app, given):
    wu, agent, auditor = (program_of(app, name) for name in ("wu", "agent", "heng"))
    place = given.location.partition("/api/v1")[2]

    assert given.status_code == 201, given.text
    assert (given.json["owner"]["username"], given.json["agent"]["username"]) == ("wu", "agent")
    assert told(app) == ["agent"]
    for program, query in ((wu, ""), (agent, ""), (auditor, "?person=wu")):
        assert program.get(f"{LIST}{query}").json["items"] == [given.json]
        assert program.get(place).json == given.json


def test_others_see_neither_it_nor_whose_it_is(app, given):
    lina = program_of(app, "lina")
    place = f"{LIST}/{given.json['id']}"

    assert lina.get(LIST).json["items"] == []
    assert (lina.get(place).status_code, lina.post(f"{place}/end", None).status_code) == (404, 404)
    assert lina.get(f"{LIST}?person=wu").json["code"] == "not_yours"


def test_either_ends_it_and_the_other_is_told_once(app, given):
    agent = program_of(app, "agent")

    first, again = (agent.post(f"{LIST}/{given.json['id']}/end", None) for _ in range(2))

    assert first.json["ended_at"] == again.json["ended_at"] is not None
    assert told(app) == ["agent", "wu"]
    assert program_of(app, "wu").get(LIST).json["items"] == []


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"to_on": "2026-07-14"}, (422, "last_day_before_first", "#/to_on")),
        ({"agent": "heng"}, (422, "cannot_stand_in", "#/agent")),
        ({"agent": "nobody"}, (422, "unknown_username", "#/agent")),
    ],
)
def test_what_pages_refuse_is_refused_at_its_field(app, zone, changed, refusal):
    answer = program_of(app, "wu").post(LIST, GIVEN | changed)

    code = answer.json["code"], answer.json["errors"][0]["pointer"]
    assert (answer.status_code, *code) == refusal


def test_who_only_reads_gives_nothing(app, zone):
    for program in (program_of(app, "lina"), program_of(app, "wu", Scope.READ)):
        assert program.post(LIST, GIVEN).status_code == 403
