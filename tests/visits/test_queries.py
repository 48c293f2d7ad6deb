"""Who sees which visit, what of it, and what my day and digests read."""

from dataclasses import replace
from datetime import date, time, timedelta
from random import Random

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.leads.rules import Secrecy
from crm.people.rules import Role
from crm.visits import queries
from crm.visits.day import day_visits
from crm.visits.filters import VisitFilter
from crm.visits.lists import visits_page
from crm.visits.models import Visit
from crm.visits.permissions import changeable, judgeable, readable, visible
from crm.visits.queries import LOADED, JudgedFrom, visible_to, visit_by_id
from crm.visits.question_queries import OUTLINES, outlines, questions_about
from crm.visits.questions import questions
from crm.visits.redaction import shown
from crm.visits.rules import Kind, Status, Verdict
from tests.conftest import NOW
from tests.factories import make_person, make_posting, make_visit
from tests.leads.zone import PEOPLE, TODAY, make_zone

OPEN, INTERNAL, RESTRICTED = Secrecy
DAY = timedelta(days=1)
IN_JULY = JudgedFrom(date(2026, 7, 1), within_days=3, stay_within=None)


def seen(db, zone, name):
    return db.scalars(visible_to(zone.eyes(name), TODAY)).all()


def test_a_visit_without_leads_is_seen_by_its_people_and_their_scope(db):
    zone = make_zone(db)
    visit = make_visit(
        db,
        zone.people["tracker"],
        participants=[zone.people["below"]],
        entered_by_id=zone.people["stranger"].id,
    )

    assert {name for name in zone.people if visit in seen(db, zone, name)} == {
        "tracker",
        "below",
        "stranger",
        "supervisor",
        "leader",
        "admin",
    }


@pytest.mark.parametrize(
    ("secrecy", "seers"),
    [
        (OPEN, {"tracker", "colleague", "below", "supervisor", "leader", "admin", "stranger",
                "other_supervisor"}),
        (INTERNAL, {"tracker", "colleague", "supervisor", "leader", "admin", "stranger",
                    "other_supervisor"}),
        (RESTRICTED, {"tracker", "leader", "admin", "stranger", "other_supervisor"}),
    ],
)  # fmt: skip
def test_a_visit_is_seen_by_all_who_see_its_lead(db, secrecy, seers):
    zone = make_zone(db)
    visit = make_visit(db, zone.people["stranger"], leads=[zone.leads[secrecy]])

    assert {name for name in zone.people if visit in seen(db, zone, name)} == seers


def test_scope_follows_the_current_primary_posting(db):
    zone = make_zone(db)
    moved = make_person(db, "moved", duty=None)
    make_posting(db, moved, unit=zone.units["team"], to_on=TODAY - DAY)
    make_posting(db, moved, unit=zone.units["other"], from_on=TODAY)
    visit = make_visit(db, moved)

    assert visit not in seen(db, zone, "supervisor")
    assert visit in seen(db, zone, "other_supervisor")


def as_seen(db, zone, name, visit):
    found = db.scalars(
        select(Visit)
        .where(Visit.id == visit.id)
        .options(*LOADED)
        .execution_options(populate_existing=True)
    )
    return shown(db, zone.eyes(name), found, TODAY)[0]


@pytest.mark.parametrize(
    ("name", "reads"),
    [("stranger", True), ("tracker", True), ("leader", False), ("other_supervisor", False)],
)
def test_words_inherit_the_secrecy_of_the_lead(db, name, reads):
    zone = make_zone(db)
    lead = zone.leads[RESTRICTED]
    visit = make_visit(db, zone.people["stranger"], leads=[lead], minutes="谈价", met="某总")

    result = as_seen(db, zone, name, visit)

    assert (result.minutes, result.met) == (("谈价", "某总") if reads else (None, None))
    assert result.is_readable is reads
    assert result.leads[0].text == (lead.title if name == "tracker" else lead.code_name)
    in_database = select(Visit.id).where(Visit.id == visit.id, readable(zone.eyes(name), TODAY))
    assert (db.scalar(in_database) is not None) is reads


@pytest.mark.parametrize("name", PEOPLE)
def test_the_condition_and_the_predicate_of_readable_words_agree(db, name):
    zone = make_zone(db)
    people, leads = zone.people, zone.leads
    make_visit(db, people["stranger"])
    make_visit(db, people["stranger"], leads=[leads[OPEN]])
    make_visit(db, people["stranger"], leads=[leads[INTERNAL], leads[OPEN]])
    make_visit(db, people["below"], participants=[people["colleague"]], leads=[leads[RESTRICTED]])
    make_visit(db, people["tracker"], leads=[*leads.values()], entered_by_id=people["below"].id)
    viewer = zone.eyes(name)

    visits = db.scalars(visible_to(viewer, TODAY).options(*LOADED)).unique().all()
    by_predicate = {seen.id for seen in shown(db, viewer, visits, TODAY) if seen.is_readable}
    visible_ids = [visit.id for visit in visits]
    condition = select(Visit.id).where(Visit.id.in_(visible_ids), readable(viewer, TODAY))

    assert set(db.scalars(condition)) == by_predicate


@pytest.mark.parametrize("name", sorted(PEOPLE.keys() - {"reader"}))  # who has no records
def test_the_rights_that_questions_rest_on_agree_with_the_conditions(db, name):
    zone = make_zone(db)
    people, hidden = zone.people, [zone.leads[RESTRICTED]]
    make_visit(db, people[name], leads=hidden)
    make_visit(db, people["stranger"], participants=[people[name]], leads=hidden)
    make_visit(db, people["below"], entered_by_id=people[name].id)
    viewer = zone.eyes(name)

    found = outlines(db, db.execute(OUTLINES).mappings(), viewer, TODAY)

    is_seen = visible(viewer, TODAY)
    rights = (is_seen, is_seen & readable(viewer, TODAY), changeable(viewer, TODAY))
    by_conditions = db.execute(select(Visit.id, *rights).order_by(Visit.id)).all()
    assert by_conditions == [
        (visit.id, visit.is_seen, visit.is_read, visit.is_changeable)
        for visit in sorted(found, key=lambda visit: visit.id)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_asked_about_a_visit_is_what_all_visits_give(db, seed):
    zone, random = make_zone(db), Random(seed)
    people = [zone.people[name] for name in ("tracker", "stranger", "supervisor")]
    for _ in range(30):
        make_visit(db, random.choice(people), **some_visit(db, zone, random, people))
    viewer = zone.eyes("tracker")
    drafts = outlines(db, db.execute(OUTLINES).mappings(), viewer, TODAY)

    asked = [questions_about(db, replace(draft, id=None), viewer, TODAY) for draft in drafts]

    assert asked == [questions(replace(draft, id=None), drafts) for draft in drafts]
    assert any(asked)


def some_visit(db, zone, random, people):
    starts_at = at_civil(date(2026, 7, random.randint(8, 10)), time(random.choice((9, 11, 14))))
    is_stay = random.random() < 0.2
    return {
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(days=2 * is_stay, hours=2),
        "kind": Kind.RESIDENCY if is_stay else Kind.OUTREACH,
        "city": random.choice(("苏州", "上海")),
        "participants": random.sample(people, random.randint(0, 1)),
        "leads": random.sample([zone.leads[OPEN], zone.leads[RESTRICTED]], random.randint(0, 1)),
        "entered_by_id": random.choice((None, *(person.id for person in people))),
    }


def test_one_hidden_lead_is_enough_to_hide_the_words(db):
    zone = make_zone(db)
    leads = [zone.leads[OPEN], zone.leads[INTERNAL]]
    visit = make_visit(db, zone.people["tracker"], leads=leads, minutes="谈价")

    result = as_seen(db, zone, "stranger", visit)

    assert (result.minutes, {label.text for label in result.leads}) == (
        None,
        {"公开项目", "内部线索"},
    )


@pytest.mark.parametrize("text", ["限知项目", "谈价", "代号"])
def test_search_says_nothing_of_hidden_words_and_leads(db, text):
    zone = make_zone(db)
    lead = zone.leads[RESTRICTED]
    visit = make_visit(db, zone.people["stranger"], leads=[lead], minutes="谈价")

    def found(name):
        page = visits_page(db, zone.eyes(name), TODAY, by=VisitFilter(text=text))
        return [seen.id for seen in page.items]

    assert found("leader") == []
    assert found("tracker") == [visit.id]


@pytest.mark.parametrize("name", ["stranger", "leader"])
def test_visits_of_a_hidden_lead_are_not_listed_by_it(db, name):
    zone = make_zone(db)
    lead = zone.leads[RESTRICTED]
    make_visit(db, zone.people["stranger"], leads=[lead])

    page = visits_page(db, zone.eyes(name), TODAY, by=VisitFilter(lead_id=lead.id))

    assert not page.items


@pytest.mark.parametrize(
    ("by", "found"),
    [
        ({"kind": Kind.RECEPTION}, {"R"}),
        ({"status": Status.PLANNED}, {"P"}),
        ({"first": date(2026, 7, 8), "last": date(2026, 7, 9)}, {"R"}),
        ({"text": "上海"}, {"R"}),
        ({"text": "tracker同志"}, {"R", "P", "D"}),
        ({}, {"R", "P", "D"}),
    ],
)
def test_filters_narrow_the_list(db, by, found):
    zone = make_zone(db)
    me = zone.people["tracker"]
    make_visit(db, me, date(2026, 7, 7), days=3, ref="R", kind=Kind.RECEPTION, city="上海")
    make_visit(db, me, date(2026, 7, 20), ref="P", status=Status.PLANNED)
    make_visit(db, me, date(2026, 7, 1), ref="D")

    page = visits_page(db, zone.eyes("tracker"), TODAY, by=VisitFilter(**by))

    assert {visit.ref for visit in page.items} == found


def test_a_visit_is_reached_only_where_it_is_seen(db):
    zone = make_zone(db)
    visit_id = make_visit(db, zone.people["tracker"]).id

    assert visit_by_id(db, zone.eyes("stranger"), visit_id, TODAY) is None
    assert visit_by_id(db, zone.eyes("supervisor"), visit_id, TODAY).leader.username == "tracker"


def test_my_day_is_made_of_what_one_leads_or_joins(db):
    zone = make_zone(db)
    me, other = zone.people["tracker"], zone.people["stranger"]
    make_visit(db, me, TODAY, ref="today", status=Status.PLANNED)
    make_visit(db, other, TODAY - DAY, days=3, ref="stay", participants=[me])
    make_visit(db, me, TODAY, ref="off", status=Status.CANCELLED)
    make_visit(db, me, TODAY - DAY, ref="ended", status=Status.PLANNED)
    make_visit(db, me, TODAY + DAY, ref="tomorrow", status=Status.PLANNED)
    make_visit(db, me, TODAY + 9 * DAY, ref="later", status=Status.PLANNED)
    make_visit(db, other, TODAY, ref="not mine")

    def refs(visits):
        return {visit.ref for visit in visits}

    mine = day_visits(db, zone.eyes("tracker"), NOW, owner_ids=[], named_since=NOW)

    assert refs(mine.todays) == {"today", "stay"}
    assert refs(mine.unsettled) == {"ended"}
    assert refs(mine.upcoming) == {"tomorrow"}


def test_a_form_begins_with_the_last_choices(db):
    zone = make_zone(db)
    me, other = zone.people["stranger"], zone.people["tracker"]
    make_visit(db, me, city="无锡")
    make_visit(
        db,
        other,
        entered_by_id=me.id,
        entered_at=NOW,
        city="上海",
        kind=Kind.RECEPTION,
        participants=[me],
        leads=[zone.leads[OPEN], zone.leads[RESTRICTED]],
    )

    last = queries.last_choices(db, zone.eyes("stranger"), TODAY)

    assert (last.kind, last.city) == (Kind.RECEPTION, "上海")
    assert (last.participant_ids, last.lead_ids) == ([me.id], [zone.leads[OPEN].id])


def test_a_first_form_has_choices_of_its_own(db):
    zone = make_zone(db)

    assert queries.last_choices(db, zone.eyes("stranger"), TODAY).kind is Kind.OUTREACH


@pytest.mark.parametrize(
    ("name", "judges"),
    [("supervisor", True), ("admin", True), ("leader", False), ("other_supervisor", False),
     ("tracker", False)],
)  # fmt: skip
def test_verdicts_are_given_by_supervisors_of_the_leaders_unit(db, name, judges):
    zone = make_zone(db)
    visit = make_visit(db, zone.people["tracker"])

    found = db.scalars(select(Visit).where(judgeable(zone.eyes(name)))).all()

    assert (visit in found) is judges


def test_the_leaders_unit_on_the_first_date_decides_who_judges(db):
    zone = make_zone(db)
    moved = make_person(db, "moved", duty=None)
    make_posting(db, moved, unit=zone.units["team"], to_on=date(2026, 7, 9))
    make_posting(db, moved, unit=zone.units["other"], from_on=date(2026, 7, 10))
    visit = make_visit(db, moved, date(2026, 7, 9), days=2)

    def judges(name):
        return db.scalars(select(Visit).where(judgeable(zone.eyes(name)))).all() == [visit]

    assert judges("supervisor")
    assert not judges("other_supervisor")


def judges(db, zone, name):
    return bool(db.scalars(select(Visit).where(judgeable(zone.eyes(name)))).all())


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ((date(2026, 7, 11), date(2026, 7, 20)), (date(2026, 7, 21), None)),
        ((date(2026, 6, 1), date(2026, 7, 9)), (date(2026, 7, 11), None)),
        ((date(2026, 6, 1), date(2026, 6, 30)), (date(2026, 7, 1), date(2026, 7, 9))),
    ],
)
def test_without_a_posting_on_the_first_date_the_next_decides_else_the_last(db, first, then):
    zone = make_zone(db)
    person = make_person(db, "moved", duty=None)
    is_next_first = first[0] > date(2026, 7, 10)
    units = ("team", "other") if is_next_first else ("other", "team")
    for unit, (from_on, to_on) in zip(units, (first, then), strict=True):
        make_posting(db, person, unit=zone.units[unit], from_on=from_on, to_on=to_on)
    make_visit(db, person, date(2026, 7, 10))

    assert judges(db, zone, "supervisor")
    assert not judges(db, zone, "other_supervisor")


def test_without_any_primary_posting_an_admin_judges(db):
    zone = make_zone(db)
    person = make_person(db, "guest", duty=None)
    make_posting(db, person, unit=zone.units["team"], is_primary=False)
    make_visit(db, person, date(2026, 7, 10))

    assert judges(db, zone, "admin")
    assert not judges(db, zone, "supervisor")


@pytest.mark.parametrize("how", ["leader", "participants", "entered_by_id"])
def test_nobody_judges_a_visit_of_their_own(db, how):
    zone = make_zone(db)
    supervisor, tracker = zone.people["supervisor"], zone.people["tracker"]
    given = {
        "leader": {"leader": supervisor},
        "participants": {"leader": tracker, "participants": [supervisor]},
        "entered_by_id": {"leader": tracker, "entered_by_id": supervisor.id},
    }[how]
    make_visit(db, **given)

    assert db.scalars(select(Visit).where(judgeable(zone.eyes("supervisor")))).all() == []


def test_an_imported_visit_is_judged_though_nobody_entered_it(db):
    zone = make_zone(db)
    visit = make_visit(db, zone.people["tracker"], entered_by_id=None)

    assert db.scalars(select(Visit).where(judgeable(zone.eyes("supervisor")))).all() == [visit]


def test_what_waits_for_a_verdict_was_logged_late(db):
    zone = make_zone(db)
    me = zone.people["tracker"]
    late = {"logged_at": NOW, "entered_at": NOW}
    waiting = make_visit(db, me, date(2026, 7, 11), **late)
    make_visit(db, me, date(2026, 7, 12), **late)
    make_visit(db, me, date(2026, 6, 1), **late)
    make_visit(db, me, date(2026, 7, 10), verdict="confirmed", **late)

    found = queries.awaiting_verdict(db, zone.eyes("supervisor"), limits=IN_JULY, as_of=NOW)

    assert found == [waiting]


def test_as_of_an_earlier_moment_what_was_judged_since_still_waits(db):
    zone = make_zone(db)
    late = {"logged_at": NOW, "entered_at": NOW, "verdict": Verdict.CONFIRMED}
    judged = make_visit(
        db, zone.people["tracker"], date(2026, 7, 10), **late, verdict_at=NOW + timedelta(hours=1)
    )

    found = queries.awaiting_verdict(db, zone.eyes("supervisor"), limits=IN_JULY, as_of=NOW)

    assert found == [judged]


def test_what_waits_for_a_verdict_loads_no_visit_that_does_not(db):
    zone = make_zone(db)
    make_visit(db, zone.people["tracker"], date(2026, 7, 10))
    eyes = zone.eyes("supervisor")
    db.expunge_all()

    queries.awaiting_verdict(db, eyes, limits=IN_JULY, as_of=NOW)

    assert not [one for one in db if isinstance(one, Visit)]


def test_a_reader_named_in_a_visit_still_has_no_records(db):
    zone = make_zone(db)
    make_visit(db, zone.people["tracker"], participants=[zone.people["reader"]])

    assert zone.people["reader"].role is Role.READER
    assert seen(db, zone, "reader") == []
