"""Figures remembered between requests are those that would be read now."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from random import Random

import pytest
from sqlalchemy import delete, func, select, true, update

from crm.base import clock
from crm.base.audit import coming_from, record
from crm.base.audit_chain import MOST_SINCE, chain_head, changed_since, position_seen
from crm.base.db import begin_to_write
from crm.base.periods import DAY, Period
from crm.base.remembered import MOST, Lasting, Memory
from crm.base.unsaved import WRITTEN
from crm.base.workdays import Source
from crm.people.models import Person, Posting, Unit
from crm.people.permissions import viewer
from crm.people.rules import Duty, Role
from crm.quotas.models import Correction, FigureRecord, RuleVersion, WorkdayOverride
from crm.quotas.pending_visits import count_pending, count_to_judge, visits_to_judge
from crm.quotas.queries import explained_figures, figures
from crm.quotas.rules import FigureStatus
from crm.quotas.service import freeze_period
from crm.quotas.visit_effects import read_facts, with_new_visit
from crm.visits.models import Visit, VisitParticipant
from crm.visits.queries import next_turn
from crm.visits.rules import Kind, Status, Verdict
from tests import trail
from tests.conftest import NOW
from tests.counting import statements_on
from tests.factories import make_absence, make_person, make_regime, make_visit

JULY = Period.parse("2026-07")
DATES = [date(2026, 6, 30), date(2026, 7, 14)]  # of two months
STEPS = 40


@pytest.fixture
def people(sessions) -> list[int]:
    """Two deputies and three recruiters, under the regime's rules."""
    with changed(sessions) as db:
        make_regime(db)
        duties = [Duty.DEPUTY] * 2 + [Duty.RECRUITER] * 3
        return [make_person(db, duty=duty).id for duty in duties]


@contextmanager
def changed(sessions, table=Person) -> Iterator:
    """A transaction with its entries, committed as the application would.

    They are about the visits that it changed, else about some row of the table.
    """
    with sessions() as db:
        begin_to_write(db)
        before = visits_now(db)
        yield db
        after = visits_now(db)
        different = {visit_id for visit_id, _ in (before.items() ^ after.items())}
        about = table.id.in_(different) if table is Visit and different else true()
        subjects = db.scalars(select(table).where(about)).all() or db.scalars(select(Person)).all()
        for subject in subjects if different else subjects[:1]:
            record(db, "test.changed", subject, by=None, at=NOW)
        db.flush()
        # what comes from nowhere is arranged, and makes the tests forget
        with coming_from("test"):
            db.commit()


def visits_now(db):
    """What figures read of each visit."""
    joined = db.execute(select(VisitParticipant.visit_id, VisitParticipant.person_id)).all()
    return {
        row.id: (*row, *sorted(person for visit, person in joined if visit == row.id))
        for row in db.execute(select(Visit.__table__))
    }


def read(sessions, as_of, person_ids=None, *, anew=False):
    """The figures and what waits, as a request gets them or as a new process would."""
    asked = {"period": JULY, "as_of": as_of, "person_ids": person_ids}
    with sessions() as db:
        if anew:
            db.info[WRITTEN] = True
        return figures(db, **asked), explained_figures(db, **asked), count_pending(db, **asked)


class Edits:
    """Random changes of everything that figures rest on, however unlikely."""

    def __init__(self, seed: int, people: list[int]) -> None:
        self.random, self.people = Random(seed), people
        self.steps = [
            *(self.log, self.log, self.log, self.alter, self.alter, self.join, self.leave),
            *(self.be_absent, self.end_posting, self.rename, self.move_day, self.change_rule),
            *(self.freeze, self.correct),
        ]

    def one(self):
        """A change, and the table that its entry is about."""
        step = self.random.choice(self.steps)
        of_visits = step in (self.log, self.alter, self.join, self.leave)
        return step, Visit if of_visits else Person

    def moment(self, now):
        """Some hours about the moment; a few lie ahead."""
        return now + timedelta(hours=self.random.choice([-90, -9, -1, 0, 0, 1, 5, 30]))

    def log(self, db, now):
        first = JULY.first + (self.random.randrange(40) - 5) * DAY
        person = db.get(Person, self.random.choice(self.people))
        planned = {"status": Status.PLANNED, "logged_at": None}
        done = {"status": Status.DONE, "logged_at": self.moment(now)}
        make_visit(
            db,
            person,
            first,
            days=self.random.randrange(1, 9),
            kind=self.random.choice([Kind.RESIDENCY, Kind.OUTREACH]),
            entered_at=self.moment(now),
            late_by_days=self.random.choice([0, 0, 12]),
            **self.random.choice([planned, done]),
        )

    def alter(self, db, now):
        values = self.random.choice(
            [
                {"status": Status.CANCELLED},
                {"status": Status.DONE, "logged_at": self.moment(now)},
                {"verdict": Verdict.CONFIRMED, "verdict_at": self.moment(now)},
                {"verdict": Verdict.REJECTED, "verdict_at": self.moment(now)},
                {"leader_id": self.random.choice(self.people)},
            ]
        )
        some = select(Visit.id).order_by(Visit.id).offset(self.random.randrange(9)).limit(1)
        db.execute(update(Visit).where(Visit.id.in_(some.scalar_subquery())).values(values))

    def join(self, db, _now):
        visit_id, person_id = db.scalar(select(func.max(Visit.id))), self.random.choice(self.people)
        if visit_id and db.get(VisitParticipant, (visit_id, person_id)) is None:
            db.add(VisitParticipant(visit_id=visit_id, person_id=person_id, late_by_days=0))

    def leave(self, db, _now):
        db.execute(
            delete(VisitParticipant).where(
                VisitParticipant.person_id == self.random.choice(self.people)
            )
        )

    def be_absent(self, db, _now):
        first = JULY.first + self.random.randrange(31) * DAY
        make_absence(db, db.get(Person, self.random.choice(self.people)), first, first + DAY)

    def end_posting(self, db, _now):
        last = JULY.first + self.random.randrange(60) * DAY
        of_one = Posting.person_id == self.random.choice(self.people)
        db.execute(update(Posting).where(of_one).values(to_on=last))

    def rename(self, db, _now):
        name = f"改名{self.random.randrange(9)}"
        db.execute(
            update(Person).where(Person.id == self.random.choice(self.people)).values(name=name)
        )
        db.execute(update(Unit).values(name=name))

    def move_day(self, db, _now):
        on = JULY.first + self.random.randrange(31) * DAY
        db.merge(
            WorkdayOverride(
                on=on, source=Source.OVERRIDE, is_workday=self.random.random() < 0.5, note="测试"
            )
        )

    def change_rule(self, db, _now):
        db.execute(update(RuleVersion).values(minimum=self.random.randrange(1, 9)))

    def freeze(self, db, now):
        freeze_period(db, period=JULY, at=self.moment(now), now=now)
        if self.random.random() < 0.7:
            db.execute(delete(Correction))
            db.execute(delete(FigureRecord))

    def correct(self, db, now):
        figure_id = db.scalar(select(func.max(FigureRecord.id)))
        if figure_id:
            was, made = (
                {f"{way}_required": 3, f"{way}_achieved": n, f"{way}_status": FigureStatus.MET}
                for n, way in enumerate(("from", "to"))
            )
            moments = {"made_at": self.moment(now), "signed_at": self.moment(now)}
            signed = {"signed_by_id": self.people[0]}
            db.add(Correction(figure_id=figure_id, why="测试", **was, **made, **moments, **signed))


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("seed", range(3))
def test_remembered_figures_are_those_read_anew_after_any_edit_and_at_any_moment(
    sessions, people, seed
):
    edits, now = Edits(seed, people), NOW

    for _ in range(STEPS):
        if edits.random.random() < 0.6:
            change, table = edits.one()
            with changed(sessions, table) as db:
                change(db, now)
        now += timedelta(minutes=edits.random.choice([-30, 0, 0, 1, 1, 45, 600, 1500]))
        for some in (None, people[:2], [people[-1]]):
            assert read(sessions, now, some) == read(sessions, now, some, anew=True)


@pytest.mark.parametrize("seed", range(3))
def test_facts_read_before_a_visit_is_logged_become_those_read_after_it(sessions, people, seed):
    edits = Edits(seed, people)

    for _ in range(STEPS):
        person_id = edits.random.choice(people)
        with sessions() as db:
            position, before = position_seen(db), read_facts(db, person_id, DATES)
        for _ in range(edits.random.randrange(3)):
            change, table = edits.one()
            with changed(sessions, table) as db:
                change(db, NOW)
        with sessions() as db:
            others = changed_since(db, position)
        with changed(sessions, Visit) as db:
            edits.log(db, NOW)
            edits.join(db, NOW)
            visit_id = db.scalar(select(func.max(Visit.id)))

        with sessions() as db:
            after = with_new_visit(db, before, db.get_one(Visit, visit_id), others)
            db.info[WRITTEN] = True  # nothing that is remembered
            assert in_order(after) == in_order(read_facts(db, person_id, DATES))


def in_order(judged):
    """The facts with each person's visits by their ids; nobody else's."""
    for basis, _ in judged.periods:
        basis.visits[judged.person_id] = sorted(
            basis.visits.get(judged.person_id, ()), key=lambda visit: visit.id
        )
    return judged


def test_what_was_entered_after_a_moment_is_not_there_at_it_once_read_later(sessions, people):
    read(sessions, NOW)
    with changed(sessions, Visit) as db:
        known = {"entered_at": SOON, "logged_at": SOON}
        make_visit(db, db.get(Person, people[-1]), YESTERDAY, **known)
    read(sessions, SOON)

    between = NOW + timedelta(minutes=1)
    assert read(sessions, between) == read(sessions, between, anew=True)


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("seed", range(2))
def test_what_waits_for_a_verdict_is_counted_as_read_anew_after_any_edit(sessions, people, seed):
    edits, now = Edits(seed, people), NOW
    with changed(sessions) as db:
        admin = make_person(db, role=Role.ADMIN, duty=Duty.STAFF)
    counts = set()
    of_visits = [*[edits.log] * 4, edits.alter, edits.join, edits.leave]

    for _ in range(STEPS):
        with changed(sessions, Visit) as db:
            edits.random.choice(of_visits)(db, now)
        now += timedelta(minutes=edits.random.choice([-30, 0, 1, 45, 600]))
        with sessions() as db:
            me = viewer(db, db.get(Person, admin.id), clock.civil_date(now))
            waiting = len(visits_to_judge(db, me, now))
            assert count_to_judge(db, me, now, partial(turn_after, db, now)) == waiting
            counts.add(waiting)

    assert len(counts) > 2, "edits change what waits"


def turn_after(db, now):
    """The next moment at which time itself changes what waits.

    In the application an edit that was made later has an entry of its moment, here the visit's own.
    """
    moments = (getattr(Visit, name) for name in ("entered_at", "logged_at", "verdict_at"))
    edited = [db.scalar(select(func.min(moment)).where(moment > now)) for moment in moments]
    midnight = clock.at_civil(clock.civil_date(now) + DAY)
    return min(filter(None, [midnight, next_turn(db, now), *edited]))


YESTERDAY, SOON = date(2026, 7, 14), NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("first", "given"),
    [
        (date(2026, 7, 15), {"logged_at": NOW}),  # it ends in the evening
        (YESTERDAY, {"logged_at": SOON}),
        (YESTERDAY, {"entered_at": SOON}),
        (YESTERDAY, {"verdict": Verdict.REJECTED, "verdict_at": SOON}),
    ],
)
def test_figures_change_at_the_moments_of_a_visit(sessions, people, first, given):
    with changed(sessions) as db:
        known = {"entered_at": NOW - DAY, "logged_at": NOW - DAY}
        make_visit(db, db.get(Person, people[-1]), first, **known | given)
    before = read(sessions, NOW)

    after = read(sessions, NOW + timedelta(hours=9))

    assert after == read(sessions, NOW + timedelta(hours=9), anew=True) != before


def test_what_waits_changes_when_a_stay_begins(sessions, people):
    with changed(sessions) as db:
        stay = {"days": 3, "kind": Kind.RESIDENCY, "status": Status.PLANNED, "late_by_days": 12}
        make_visit(
            db,
            db.get(Person, people[-1]),
            date(2026, 7, 15),
            starts_at=SOON,
            entered_at=NOW,
            **stay,
        )
    before = read(sessions, NOW)

    assert read(sessions, SOON) == read(sessions, SOON, anew=True) != before


def test_figures_change_at_the_moment_of_a_freeze(sessions, people):
    with changed(sessions) as db:
        freeze_period(db, period=JULY, at=SOON, now=SOON)
    before = read(sessions, NOW)

    assert read(sessions, SOON) == read(sessions, SOON, anew=True) != before


def test_a_change_that_commits_late_is_seen_once_it_is_committed(sessions, people):
    with sessions() as late:
        if late.get_bind().dialect.name == "sqlite":
            begin_to_write(late)
        make_visit(late, late.get(Person, people[-1]), date(2026, 7, 14))
        record(late, "test.changed", late.get(Person, people[0]), by=None, at=NOW)
        late.flush()
        before = read(sessions, NOW)
        # of two at once, the one whose entry has the larger id may commit first
        if late.get_bind().dialect.name == "postgresql":
            with changed(sessions) as db:
                make_visit(db, db.get(Person, people[-1]), date(2026, 7, 13))
            assert read(sessions, NOW) == read(sessions, NOW, anew=True) != before
        with coming_from("test"):
            late.commit()

    assert read(sessions, NOW) == read(sessions, NOW, anew=True) != before


def test_a_transaction_sees_its_own_changes(sessions, people):
    before = read(sessions, NOW)

    with sessions() as db:
        begin_to_write(db)
        make_visit(db, db.get(Person, people[-1]), date(2026, 7, 14))
        after = figures(db, period=JULY, as_of=NOW)
        db.rollback()

    assert after != before[0]
    assert read(sessions, NOW) == before


def test_a_later_view_reads_the_trails_head_alone(sessions, people):
    read(sessions, NOW)

    with sessions() as db, statements_on(db.get_bind()) as statements:
        for some in (None, people[:2], [people[-1]]):
            figures(db, period=JULY, as_of=NOW + timedelta(minutes=1), person_ids=some)
            count_pending(db, period=JULY, as_of=NOW, person_ids=some)

    assert ["audit_head" in statement for statement in selects(statements)] == [True]


def test_figures_hold_until_midnight_at_the_latest(sessions, people):
    read(sessions, NOW)
    midnight = clock.at_civil(clock.civil_date(NOW) + DAY)

    with sessions() as db, statements_on(db.get_bind()) as statements:
        figures(db, period=JULY, as_of=midnight - timedelta(microseconds=1))
        before = len(selects(statements))
        figures(db, period=JULY, as_of=midnight)

    assert before == 1 < len(selects(statements))


def test_of_many_visits_those_that_changed_are_read_again_and_their_people_judged(sessions, people):
    with changed(sessions, Visit) as db:
        for number, on in enumerate((date(2026, 7, 6), date(2026, 7, 7))):
            make_visit(db, db.get(Person, people[number]), on, ref=f"V{number}")
    before = {judged.person_id: judged for judged in read(sessions, NOW)[0]}
    with changed(sessions, Visit) as db:
        make_visit(db, db.get(Person, people[0]), date(2026, 7, 8), ref="V2")

    with sessions() as db:
        after = {judged.person_id: judged for judged in figures(db, period=JULY, as_of=NOW)}

    assert after[people[0]].figure.achieved == before[people[0]].figure.achieved + 1
    assert [after[person] is before[person] for person in people] == [False, *[True] * 4]


def test_what_rests_on_no_visits_outlives_a_change_of_one(sessions, people):
    read(sessions, NOW)
    with changed(sessions, Visit) as db:
        make_visit(db, db.get(Person, people[-1]), date(2026, 7, 14))

    with sessions() as db, statements_on(db.get_bind()) as statements:
        figures(db, period=JULY, as_of=NOW)

    assert [text for text in selects(statements) if "FROM visit" in text]
    assert not [text for text in selects(statements) if re.search("FROM .*posting", text)]


def test_nothing_outlives_more_changes_than_are_looked_through(sessions, people):
    with changed(sessions, Visit) as db:
        make_visit(db, db.get(Person, people[-1]), date(2026, 7, 14))
    read(sessions, NOW)
    with changed(sessions, Visit) as db:
        for _ in range(MOST_SINCE):
            record(db, "test.changed", db.scalars(select(Visit)).first(), by=None, at=NOW)

    with sessions() as db, statements_on(db.get_bind()) as statements:
        figures(db, period=JULY, as_of=NOW)

    assert [text for text in selects(statements) if re.search("FROM .*posting", text)]


def selects(statements: list[str]) -> list[str]:
    return [statement for statement in statements if statement.startswith("SELECT")]


def test_a_freeze_moves_the_head_of_the_trail(sessions, people):
    with sessions() as db:
        before = chain_head(db)

    with sessions() as db, coming_from("clock"):
        begin_to_write(db)
        freeze_period(db, period=JULY, at=NOW, now=NOW)
        db.commit()

    with sessions() as db:
        assert chain_head(db) != before


def test_what_figures_are_read_from_has_an_entry_when_it_changes(db, people_of_db):
    with statements_on(db.get_bind()) as statements:
        figures(db, period=JULY, as_of=NOW)
        count_pending(db, period=JULY, as_of=NOW)

    tables = set(re.findall(r"(?:FROM|JOIN) (\w+)", " ".join(statements)))
    assert tables >= {"visit", "visit_participant", "posting", "absence", "figure"}
    # a freeze is the only change of a figure that others read, and has an entry; so has what
    # publishes the visits of a long table
    assert tables & set(trail.TECHNICAL) <= {"figure", "visit_batch"}


@pytest.fixture
def people_of_db(db):
    """Somebody who owes, with a long stay."""
    make_regime(db)
    make_visit(db, make_person(db), date(2026, 7, 6), days=5, kind=Kind.RESIDENCY, late_by_days=12)


def test_memory_is_bounded_and_the_longest_unused_goes_first():
    memory, until = Memory(), NOW + DAY
    keys = [(JULY, frozenset({number})) for number in range(4)]
    for key in keys[:3]:
        memory.keep(key, Lasting(range(MOST // 3), "head", NOW, until))
    memory.find(keys[0], "head", NOW)

    memory.keep(keys[3], Lasting(range(MOST // 3), "head", NOW, until))

    found = [number for number, key in enumerate(keys) if memory.find(key, "head", NOW)]
    assert found == [0, 2, 3]


@pytest.mark.parametrize(
    ("period", "people", "is_found"),
    [
        (JULY, {1, 2}, True),
        (JULY, {1}, True),
        (JULY, set(), True),
        (JULY, {1, 3}, False),
        (JULY, None, False),
        (JULY.after, {1}, False),
    ],
)
def test_what_was_read_of_more_people_is_found(period, people, is_found):
    memory = Memory()
    memory.keep((JULY, frozenset({1, 2})), Lasting([1], "head", NOW, NOW + DAY))

    key = (period, None if people is None else frozenset(people))
    assert (memory.find(key, "head", NOW) is not None) is is_found


@pytest.mark.parametrize(
    ("head", "as_of"),
    [("other", NOW), ("head", NOW - timedelta(seconds=1)), ("head", NOW + DAY)],
)
def test_what_may_have_changed_is_not_found(head, as_of):
    memory = Memory()
    memory.keep((JULY, None), Lasting([1], "head", NOW, NOW + DAY))

    assert memory.find((JULY, None), head, as_of) is None
