"""Every route is tried as everybody: who is refused changes nothing and is told nothing hidden."""

from functools import partial

import pytest
import time_machine
from sqlalchemy import select

from crm.api.openapi import all_operations
from crm.api.routes import endpoint_of
from crm.base.outbox import Message
from crm.people.models import Person
from crm.people.rules import Role, Scope, scopes_open
from crm.web.access import ACCESS, PUBLIC
from crm.web.access_check import HOME
from tests.conftest import NOW
from tests.database_rows import changed_tables
from tests.proof_addresses import about, addresses
from tests.proof_zone import FAR, KEEPER, MARKS, NEAR, REACH, SUMMARY, ProofZone, marks_in, text_of

ROLES = NEAR | FAR
OPERATIONS = {endpoint_of(operation): operation for _, operation in all_operations()}
REFUSED = frozenset({400, 401, 403, 404, 405, 409, 412, 415, 422, 428, 429})
# programs ask for these without signing in, and they are no pages of anybody
PUBLIC_API = frozenset({"api.description", "api_reference.show"})
# An export, and a file that was opened, are noted in the trail, and that a digest was read.
NOTED = frozenset({"audit_entry", "message"})
# One ends the session that asks; of the other's statement the trail's fixture cannot see that it
# matches no row where no other device is signed in.
ENDING = frozenset({"auth.sign_out", "me.sign_out_elsewhere"})
NOT_READY = frozenset({"health.is_ready"})  # no clock runs here
# Each role is tried near to the records; far from them, and all the rest, is slow.
NEAR_FIRST = [*NEAR, *(pytest.param(who, marks=pytest.mark.slow) for who in FAR)]
FAR_READERS = ("far_recruiter", "far_supervisor", "far_leader")
TWO_FIRST = [
    who if who in ("shen", "gu") else pytest.param(who, marks=pytest.mark.slow) for who in ROLES
]


@pytest.fixture(scope="module")
def zone(kept_databases, tmp_path_factory):
    """The zone on SQLite; what a request changes does not depend on the database."""
    zone = ProofZone(kept_databases("sqlite"), tmp_path_factory.mktemp("proof"))
    with time_machine.travel(NOW, tick=False):
        zone.fill()
        yield zone
    zone.watched.close()
    zone.database.wipe()


def pages(zone, ids):
    return [one for one in addresses(zone.database.app, ids) if not one.is_api]


def is_refused(answer):
    at_the_door = answer.status_code == 302 and answer.location.startswith("/login")
    return at_the_door or answer.status_code in REFUSED


def faults(zone, asked):
    """Who was refused and changed something, was not refused, was told a mark, or broke a page.

    `asked`: of each request the person, the address, a call that sends it, and whether it must be
    refused.
    """
    found = []
    for who, address, send, must_be_refused in asked:
        before, answer = zone.state(), send()
        changed = set(changed_tables(before, zone.state()))
        found += [
            (fault, who, address.method, address.path, answer.status_code, detail)
            for fault, detail in _faults_of(address, answer, changed, must_be_refused)
        ]
        if changed - NOTED:
            zone.restore()
    return found


def _faults_of(address, answer, changed, must_be_refused):
    refused = is_refused(answer)
    if answer.status_code >= 500 and address.endpoint not in NOT_READY:
        yield "broke", ""
    if must_be_refused and not refused:
        yield "was not refused", ""
    if changed and (refused or (address.method == "GET" and changed - NOTED)):
        yield "changed", sorted(changed)
    if marks := marks_in(answer):
        yield "told", sorted(marks)


def one_of_each(found):
    """Of the choices that a route's path offers, such as a workflow's steps, the first alone."""
    return list({(one.endpoint, one.method): one for one in reversed(found)}.values())


def _roles(address):
    return frozenset(Role) if address.endpoint in PUBLIC | PUBLIC_API else ACCESS[address.endpoint]


def _is_for(address, who):
    # whoever has no day of their own is led from it to what they may open
    return address.endpoint == HOME or ROLES[who] in _roles(address)


def _is_of_the_lead(address):
    """Whether its first record is the lead, or one that belongs to it alone."""
    return address.path.split("/")[1] in {"leads", "followups", "claims", "receipts"}


def asking(zone, who, address, *, refused):
    return who, address, lambda: zone.send(who, address.method, address.path), refused


def test_every_route_is_tried(zone):
    tried = {one.endpoint for one in addresses(zone.database.app, zone.own)}

    assert tried == {rule.endpoint for rule in zone.database.app.url_map.iter_rules()}
    assert tried == ACCESS.keys() | PUBLIC | OPERATIONS.keys() | PUBLIC_API


def test_whoever_is_not_signed_in_is_sent_to_the_door(zone):
    closed = [one for one in pages(zone, zone.own) if one.endpoint not in PUBLIC | PUBLIC_API]

    assert faults(zone, (asking(zone, "", one, refused=True) for one in closed)) == []


@pytest.mark.parametrize("who", NEAR_FIRST)
def test_a_role_that_a_page_does_not_name_is_refused(zone, who):
    zone.uncount()
    closed = [one for one in one_of_each(pages(zone, zone.own)) if not _is_for(one, who)]

    assert faults(zone, (asking(zone, who, one, refused=True) for one in closed)) == []


@pytest.mark.parametrize("who", NEAR_FIRST)
def test_nobody_outside_finds_a_restricted_lead(zone, who):
    zone.uncount()
    hidden = [one for one in one_of_each(about(zone.database.app, zone.hidden)) if not one.is_api]

    assert (
        faults(zone, (asking(zone, who, one, refused=_is_of_the_lead(one)) for one in hidden)) == []
    )


@pytest.mark.parametrize("who", NEAR_FIRST)
def test_no_list_page_or_export_tells_of_a_restricted_lead(zone, who):
    zone.uncount()
    read = [one for one in pages(zone, zone.own) if one.method == "GET" and _is_for(one, who)]

    assert faults(zone, (asking(zone, who, one, refused=False) for one in read)) == []


@pytest.mark.parametrize(
    "who", ["gu", *(pytest.param(who, marks=pytest.mark.slow) for who in FAR_READERS)]
)
def test_a_contacts_number_leaves_by_no_page_export_or_answer_before_who_works_elsewhere(zone, who):
    zone.uncount()
    read = [one for one in addresses(zone.database.app, zone.own) if one.method == "GET"]
    told = [one.path for one in read if _reach_in(text_of(_read(zone, who, one)))]

    assert told == []


def test_no_mail_says_a_contacts_number(zone):
    with zone.database.sessions() as db:
        columns = (Message.subject, Message.body_text, Message.body_html)
        assert not _reach_in(str(db.execute(select(*columns)).all()))


def _reach_in(text):
    return any(word in text for word in REACH)


def _read(zone, who, address):
    if address.endpoint in OPERATIONS:
        return _call(zone, who, Scope.READ, address)
    return zone.send(who, "GET", address.path)


@pytest.mark.slow
@pytest.mark.parametrize("who", ROLES)
def test_of_everything_that_anybody_sends_what_is_refused_changes_nothing(zone, who):
    zone.uncount()
    sent = [one for one in pages(zone, zone.own) if one.endpoint not in ENDING]

    asked = (
        asking(zone, who, one, refused=not _is_for(one, who) and one.endpoint not in PUBLIC)
        for one in sent
    )
    assert faults(zone, asked) == []


@pytest.mark.parametrize("who", TWO_FIRST)
def test_a_program_does_what_its_scope_and_its_role_may_and_no_more(zone, who):
    zone.uncount()
    tried = [
        (scope, one)
        for one in addresses(zone.database.app, zone.own)
        if one.endpoint in OPERATIONS
        for scope in (None, *Scope)
    ]

    asked = (
        (who, one, partial(_call, zone, who, scope, one), not _opens(one, scope, ROLES[who]))
        for scope, one in tried
    )
    assert faults(zone, asked) == []


@pytest.mark.parametrize("who", NEAR_FIRST)
def test_no_program_outside_finds_a_restricted_lead(zone, who):
    zone.uncount()
    hidden = [one for one in about(zone.database.app, zone.hidden) if one.endpoint in OPERATIONS]

    asked = (
        (who, one, partial(_call, zone, who, scope, one), "/leads" in one.path)
        for one in hidden
        for scope in (Scope.READ, Scope.WRITE)
    )
    assert faults(zone, asked) == []


def _call(zone, who, scope, address):
    return zone.call(who, scope, address.method, address.path.removeprefix("/api/v1"))


def _opens(address, scope, role):
    operation = OPERATIONS[address.endpoint]
    return scope and role in operation.roles and scopes_open(operation.scope, [scope])


def test_no_message_tells_anybody_else_of_a_restricted_lead(zone):
    with zone.database.sessions() as db:
        query = select(Message, Person.username).outerjoin(Person, Person.id == Message.person_id)
        messages = db.execute(query).all()

    told = {
        (username, message.kind, mark)
        for message, username in messages
        if username != KEEPER
        for mark in SUMMARY.findall(message.subject + message.body_text + message.body_html)
    }
    assert told == set()
    assert sum(message.channel_id is not None for message, _ in messages) > 0


def test_its_keeper_is_told_all_of_that(zone):
    """Else nobody could be told of it by a page that hides nothing."""
    read = [one for one in pages(zone, zone.own | zone.hidden) if one.method == "GET"]
    shown = set().union(*(marks_in(zone.send(KEEPER, "GET", one.path)) for one in read))
    with zone.database.sessions() as db:
        query = select(Message.body_text).join(Person).where(Person.username == KEEPER)
        mailed = set(SUMMARY.findall("".join(db.scalars(query))))

    assert shown == set(MARKS.values())
    assert mailed >= {MARKS["title"]}
