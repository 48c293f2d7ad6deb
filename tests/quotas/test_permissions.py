"""Who sees a person's figure: by sentence, and SQL against the predicate (REGIME 2)."""

from datetime import date
from itertools import product
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from crm.people.models import Person, Posting, Unit
from crm.people.permissions import viewer, viewers
from crm.people.rules import Duty, Role
from crm.quotas.models import Correction, FigureRecord, RuleVersion
from crm.quotas.permissions import figure_scope, figure_scopes, seen_records, supervisors_on
from crm.quotas.rules import FigureStatus
from tests.conftest import NOW
from tests.factories import make_person, make_posting, make_rule, make_unit

ON = date(2026, 7, 15)


@pytest.fixture
def zone(db):
    """A zone, two bureaus below it, a team below the first, and the office that inspects."""
    top = make_unit(db, "开发区")
    bureau = make_unit(db, "招商局", parent=top)
    units = SimpleNamespace(
        top=top,
        bureau=bureau,
        team=make_unit(db, "一科", parent=bureau),
        other=make_unit(db, "建设局", parent=top),
        office=make_unit(db, "督查办", parent=top, inspects=True),
    )
    people = {
        "secretary": (Role.LEADER, Duty.PRINCIPAL, top),
        "vice": (Role.LEADER, Duty.DEPUTY, top),
        "chief": (Role.LEADER, Duty.PRINCIPAL, bureau),
        "second": (Role.SUPERVISOR, Duty.PRINCIPAL, bureau),
        "deputy": (Role.SUPERVISOR, Duty.DEPUTY, bureau),
        "clerk": (Role.SUPERVISOR, Duty.STAFF, bureau),
        "li": (Role.RECRUITER, Duty.RECRUITER, units.team),
        "builder": (Role.LEADER, Duty.PRINCIPAL, units.other),
        "inspector": (Role.SUPERVISOR, Duty.STAFF, units.office),
        "admin": (Role.ADMIN, Duty.STAFF, units.other),
        "reader": (Role.READER, Duty.PRINCIPAL, top),
    }
    for name, (role, duty, unit) in people.items():
        setattr(units, name, make_person(db, name, role=role, duty=duty, unit=unit))
    return units


def seeing(db, zone, owner, unit, duty):
    """The names of those who see the figure, of everybody but the owner."""
    people = db.scalars(select(Person).where(Person.id != owner.id).order_by(Person.username)).all()
    scopes = figure_scopes(db, list(viewers(db, people, ON)), ON)
    return {one.username for one in people if scopes[one.id].sees(owner.id, unit.id, duty)}


class TestTheFigureOfAPrincipal:
    def test_is_seen_by_principals_there_and_above_and_by_who_inspects(self, db, zone):
        seen = seeing(db, zone, zone.chief, zone.bureau, Duty.PRINCIPAL)

        assert seen == {"secretary", "second", "inspector"}

    def test_of_the_inspecting_unit_is_seen_by_its_supervisors(self, db, zone):
        head = make_person(db, "head", duty=Duty.PRINCIPAL, unit=zone.office)

        assert "inspector" in seeing(db, zone, head, zone.office, Duty.PRINCIPAL)

    def test_is_seen_by_an_admin_where_no_supervisor_may_see_it(self, db, zone):
        zone.office.inspects = False
        db.flush()

        assert seeing(db, zone, zone.chief, zone.bureau, Duty.PRINCIPAL) == {"secretary", "second"}
        assert "admin" in seeing(db, zone, zone.second, zone.bureau, Duty.PRINCIPAL)


class TestTheFigureOfADeputyOrARecruiter:
    def test_of_a_deputy_is_kept_from_lower_duties_at_the_same_unit(self, db, zone):
        seen = seeing(db, zone, zone.deputy, zone.bureau, Duty.DEPUTY)

        assert seen == {"secretary", "vice", "chief", "second", "inspector", "admin"}

    def test_of_a_recruiter_is_seen_by_all_whose_scope_holds_the_unit(self, db, zone):
        seen = seeing(db, zone, zone.li, zone.team, Duty.RECRUITER)

        everybody = {"secretary", "vice", "chief", "second", "deputy", "clerk"}
        assert seen == everybody | {"inspector", "admin"}

    def test_is_seen_by_the_person(self, db, zone):
        scope = figure_scope(db, viewer(db, zone.li, ON), ON)

        assert scope.sees(zone.li.id, zone.team.id, Duty.RECRUITER)
        assert not scope.sees(zone.clerk.id, zone.bureau.id, Duty.STAFF)

    def test_counts_by_the_duty_of_the_current_primary_posting(self, db, zone):
        make_posting(db, zone.clerk, unit=zone.bureau, duty=Duty.DEPUTY, is_primary=False)

        assert "clerk" not in seeing(db, zone, zone.deputy, zone.bureau, Duty.DEPUTY)


class TestTheSupervisorOfAFigure:
    @pytest.mark.parametrize(
        ("owner", "unit", "expected"),
        [
            ("li", "team", ["second", "deputy", "clerk"]),
            ("clerk", "bureau", ["second", "deputy"]),
            ("deputy", "bureau", ["second"]),
            ("chief", "bureau", ["second"]),
            ("second", "bureau", ["inspector"]),
            ("builder", "other", ["inspector"]),
            ("vice", "top", ["inspector"]),
        ],
    )
    def test_is_the_nearest_who_may_see_it_else_who_inspects(self, db, zone, owner, unit, expected):
        person, at = getattr(zone, owner), getattr(zone, unit).id
        duty = db.scalars(select(Posting.duty).where(Posting.person_id == person.id)).one()

        found = supervisors_on(db, ON).of(person.id, at, duty)

        assert [db.get_one(Person, one).username for one in found] == expected

    def test_is_an_admin_where_nobody_else_is_left(self, db, zone):
        zone.inspector.disabled_at = NOW
        db.flush()

        found = supervisors_on(db, ON).of(zone.builder.id, zone.other.id, Duty.PRINCIPAL)

        assert found == [zone.admin.id]
        assert "admin" in seeing(db, zone, zone.builder, zone.other, Duty.PRINCIPAL)


ROLES, DUTIES = st.sampled_from(list(Role)), st.sampled_from(list(Duty))
PLACES = st.integers(0, 4)
PEOPLE = st.lists(st.tuples(ROLES, DUTIES, PLACES, PLACES), min_size=3, max_size=7)
TREES = st.tuples(st.just(0), PLACES, PLACES, PLACES, PLACES)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tree=TREES, inspecting=st.sets(PLACES, max_size=2), people=PEOPLE, author=PLACES)
def test_sql_and_the_predicate_agree_in_any_zone(db, tree, inspecting, people, author):
    rules = _arranged(db, tree, inspecting, people)
    found = db.scalars(select(Person).order_by(Person.id)).all()
    made_by = found[min(author, len(found) - 1)].id
    scopes = figure_scopes(db, list(viewers(db, found, ON)), ON)
    duties = {rule.id: rule.duty for rule in rules}
    records = db.scalars(select(FigureRecord)).all()
    author_column = select(Person.id).where(Person.id == made_by).scalar_subquery()

    for scope, author_id in product(scopes.values(), (None, made_by)):
        condition = seen_records(scope, author=author_column if author_id else None)
        by_sql = set(db.scalars(select(FigureRecord.id).where(condition)))
        by_predicate = {
            one.id
            for one in records
            if scope.sees(one.person_id, one.unit_id, duties[one.rule_id], author_id=author_id)
        }
        assert by_sql == by_predicate


def _arranged(db, tree, inspecting, people):
    """A zone of five units; everybody has a figure of each duty under their unit."""
    for table in (Correction, FigureRecord, RuleVersion, Posting, Person, Unit):
        db.execute(delete(table))
    units = []
    for place, up in enumerate(tree):
        parent = units[min(up, place - 1)] if place else None
        units.append(make_unit(db, parent=parent, inspects=place in inspecting))
    rules = [make_rule(db, code=duty.value, duty=duty) for duty in Duty]
    for role, duty, place, second in people:
        person = make_person(db, role=role, duty=duty, unit=units[place])
        make_posting(db, person, unit=units[second], is_primary=False)
        db.add_all(_record(rule, person, units[place]) for rule in rules)
    db.flush()
    return rules


def _record(rule, person, unit):
    return FigureRecord(
        rule_id=rule.id,
        rule_code=rule.code,
        person_id=person.id,
        period="2026-06",
        first_on=date(2026, 6, 1),
        last_on=date(2026, 6, 30),
        unit_id=unit.id,
        explanation="{}",
        frozen_at=NOW,
        frozen_status=FigureStatus.MET,
    )
