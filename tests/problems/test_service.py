"""What happens to a problem, step by step (PROJECTS 5)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.base.outbox import Message
from crm.base.periods import DAY
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person
from crm.problems.categories import CategoryData, add_category, change_category
from crm.problems.models import Problem, ProblemEntry
from crm.problems.naming import may_be_named
from crm.problems.notifications import readers_of, tell
from crm.problems.raising import first_entry
from crm.problems.rules import EntryKind, ProblemState
from crm.problems.shelf import take_up_shelved
from crm.problems.workflow import Step
from tests.conftest import NOW
from tests.factories import make_lead, make_role
from tests.problems.conftest import DUE, arrange, raised, take

TODAY = date(2026, 7, 15)
LATER = date(2026, 9, 1)


def refusal(happen):
    with pytest.raises(Refused) as refused:
        happen()
    return refused.value.code


@pytest.fixture
def problem(db, zone):
    return raised(db, zone)


@pytest.fixture
def taken(db, zone, problem):
    take(db, problem, Step.TAKE, zone.builder)
    return problem


def recipients(db):
    return set(db.scalars(select(Person.username).join(Message)))


# raising


def test_a_problem_names_its_leads_what_blocks_and_who_is_to_remove_it(db, zone):
    second = make_lead(db, "二期")
    problem = raised(db, zone, lead_ids=[zone.lead.id, second.id], unit_ids=[zone.economy.id])
    db.refresh(problem, ["leads", "units"])

    assert problem.state is ProblemState.RAISED
    assert [lead.title for lead in problem.leads] == ["晶圆项目", "二期"]
    assert (problem.unit_id, [unit.id for unit in problem.units]) == (
        zone.builders.id,
        [zone.economy.id],
    )
    assert (problem.raised_by_id, problem.raised_unit_id) == (zone.wang.id, zone.team.id)


def test_it_is_to_be_taken_within_two_working_days(problem):
    assert problem.take_by == date(2026, 7, 17)


def test_without_a_unit_of_its_category_the_coordinating_office_owns_it(db, zone):
    assert raised(db, zone, category_id=zone.other.id).unit_id == zone.office.id


def test_a_form_sent_twice_raises_one_problem(db, zone):
    assert raised(db, zone, ref="K-1") is raised(db, zone, ref="K-1")
    assert refusal(lambda: raised(db, zone, ref="K-1", by=zone.li)) == "duplicate_ref"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"matter": " "}, "required"),
        ({"lead_ids": []}, "required"),
        ({"lead_ids": [9999]}, "no_such_lead"),
        ({"category_id": 9999}, "unknown_category"),
        ({"due_on": TODAY - DAY}, "due_in_past"),
        ({"unit_id": 9999}, "no_such_unit"),
        ({"person_id": 9999}, "no_such_person"),
        ({"visit_id": 9999}, "no_such_visit"),
    ],
)
def test_what_cannot_be_raised(db, zone, given, code):
    assert refusal(lambda: raised(db, zone, **given)) == code


def test_a_hidden_lead_cannot_be_named_and_a_blind_unit_cannot_own_its_problem(db, zone):
    zone.lead.secrecy, zone.lead.code_name = Secrecy.RESTRICTED, "晨星"
    db.flush()

    assert refusal(lambda: raised(db, zone)) == "no_such_lead"
    assert refusal(lambda: raised(db, zone, by=zone.li)) == "nobody_takes"
    assert refusal(lambda: raised(db, zone, by=zone.li, person_id=zone.mason.id)) == (
        "may_not_know_problem"
    )


def test_who_is_to_take_it_gets_one_mail(db, zone, problem, site):
    entry = first_entry(db, problem)

    assert tell(db, problem=problem, entry=entry, site=site) == 1
    assert tell(db, problem=problem, entry=entry, site=site) == 0
    assert recipients(db) == {"builder"}


def test_a_mail_names_a_hidden_lead_by_no_name(db, zone, site):
    zone.lead.secrecy = Secrecy.INTERNAL
    db.flush()
    problem = raised(db, zone)
    tell(db, problem=problem, entry=first_entry(db, problem), site=site)

    text = db.scalars(select(Message)).one().body_text
    assert "内部线索" in text
    assert "晶圆" not in text


# taking and passing on


def test_where_nobody_oversees_in_a_unit_its_people_take_the_problem(db, zone, site):
    problem = raised(db, zone, unit_id=zone.yard.id)
    tell(db, problem=problem, entry=first_entry(db, problem), site=site)
    take(db, problem, Step.TAKE, zone.porter)

    assert recipients(db) == {"porter"}
    assert problem.person_id == zone.porter.id


def test_whoever_takes_it_owns_it_unless_another_is_named(db, zone):
    own, given = raised(db, zone), raised(db, zone)
    take(db, own, Step.TAKE, zone.builder)
    take(db, given, Step.TAKE, zone.builder, person_id=zone.mason.id)

    assert own.person_id == zone.builder.id
    assert given.person_id == zone.mason.id
    assert (own.state, own.take_by) == (ProblemState.TAKEN, None)


def test_it_is_passed_on_at_most_twice_and_then_an_officer_names_the_owner(db, zone, problem):
    take(db, problem, Step.PASS_ON, zone.builder, unit_id=zone.economy.id)
    take(db, problem, Step.PASS_ON, zone.econ, unit_id=zone.builders.id)
    third = {"unit_id": zone.economy.id}
    assert refusal(lambda: take(db, problem, Step.PASS_ON, zone.builder, **third)) == "passed_twice"
    assert refusal(lambda: take(db, problem, Step.ASSIGN, zone.officer, **third)) == "not_referred"

    take(db, problem, Step.REFER, zone.builder)
    assert refusal(lambda: take(db, problem, Step.ASSIGN, zone.builder, **third)) == "not_yours"
    take(db, problem, Step.ASSIGN, zone.officer, **third)

    assert (problem.state, problem.unit_id) == (ProblemState.PASSED_ON, zone.economy.id)
    assert refusal(lambda: take(db, problem, Step.REFER, zone.econ)) == "passes_left"
    take(db, problem, Step.TAKE, zone.econ)
    assert problem.state is ProblemState.TAKEN


@pytest.mark.parametrize("step", [Step.PASS_ON, Step.SHELVE, Step.PROGRESS, Step.SOLVE])
def test_a_step_that_needs_words_is_refused_without_them(db, zone, problem, step):
    if step is not Step.PASS_ON:
        take(db, problem, Step.TAKE, zone.builder)
    by = zone.officer if step is Step.SHELVE else zone.builder

    assert refusal(lambda: take(db, problem, step, by, text=" ", on=LATER)) == "required"


def test_who_is_told_that_it_was_passed_on(db, zone, problem, site):
    entry = take(db, problem, Step.PASS_ON, zone.builder, unit_id=zone.economy.id)
    tell(db, problem=problem, entry=entry, site=site)

    assert recipients(db) == {"econ", "wang"}


def test_it_is_not_passed_on_to_the_same_owner(db, zone, problem):
    same = {"unit_id": zone.builders.id}
    assert refusal(lambda: take(db, problem, Step.PASS_ON, zone.builder, **same)) == "same_owner"


# solving and closing


@pytest.mark.parametrize("closer", ["wang", "li"])
def test_the_raiser_or_the_tracker_closes_it_on_a_stated_basis(db, zone, taken, closer):
    take(db, taken, Step.SOLVE, zone.builder)
    take(db, taken, Step.CLOSE, getattr(zone, closer), text="指标文件已下达")

    assert (taken.state, taken.basis) == (ProblemState.CLOSED, "指标文件已下达")
    assert taken.closed_by_id == getattr(zone, closer).id


@pytest.mark.parametrize("other", ["builder", "head", "officer", "top", "mason"])
def test_nobody_else_closes_it_while_these_can(db, zone, taken, other):
    take(db, taken, Step.SOLVE, zone.builder)
    by = getattr(zone, other)

    assert refusal(lambda: take(db, taken, Step.CLOSE, by)) == "not_yours"


def test_the_owner_never_closes_it_even_as_its_raiser(db, zone):
    problem = raised(db, zone, by=zone.builder)
    take(db, problem, Step.TAKE, zone.builder)
    take(db, problem, Step.SOLVE, zone.builder)

    assert refusal(lambda: take(db, problem, Step.CLOSE, zone.builder)) == "not_yours"
    take(db, problem, Step.CLOSE, zone.li)


def test_else_the_raisers_supervisor_closes_it_and_then_an_officer(db, zone, taken):
    take(db, taken, Step.SOLVE, zone.builder)
    zone.wang.disabled_at = zone.li.disabled_at = NOW
    db.flush()
    assert refusal(lambda: take(db, taken, Step.CLOSE, zone.officer)) == "not_yours"
    take(db, taken, Step.RETURN, zone.head)

    take(db, taken, Step.SOLVE, zone.builder)
    zone.head.disabled_at = zone.officer.disabled_at = zone.top.disabled_at = NOW
    db.flush()
    assert refusal(lambda: take(db, taken, Step.CLOSE, zone.econ)) == "not_yours"
    zone.officer.disabled_at = None
    db.flush()
    take(db, taken, Step.CLOSE, zone.officer)


def test_a_solution_is_returned_with_another_due_date(db, zone, taken):
    take(db, taken, Step.SOLVE, zone.builder)
    take(db, taken, Step.RETURN, zone.wang, on=LATER)

    assert (taken.state, taken.due_on, taken.solved_at) == (ProblemState.TAKEN, LATER, None)


# the shelf


def test_an_officer_shelves_it_with_a_reason_and_a_date_to_look_again(db, zone, taken):
    assert refusal(lambda: take(db, taken, Step.SHELVE, zone.builder, on=LATER)) == "not_yours"
    assert refusal(lambda: take(db, taken, Step.SHELVE, zone.officer)) == "required"
    assert refusal(lambda: take(db, taken, Step.SHELVE, zone.officer, on=TODAY)) == "due_in_past"

    take(db, taken, Step.SHELVE, zone.officer, on=LATER)
    assert (taken.state, taken.again_on) == (ProblemState.SHELVED, LATER)


def test_an_officer_takes_it_up_again(db, zone, taken):
    take(db, taken, Step.SHELVE, zone.officer, on=LATER)
    take(db, taken, Step.RESUME, zone.officer, now=NOW + 10 * DAY)

    assert (taken.state, taken.due_on) == (ProblemState.TAKEN, DUE + 10 * DAY)


def test_the_clock_takes_it_up_again_on_that_date_once(db, zone, problem, site):
    take(db, problem, Step.SHELVE, zone.officer, on=LATER)
    on_the_day = {"at": NOW + (LATER - TODAY), "late": False, "site": site}
    before = on_the_day | {"at": NOW + (LATER - TODAY) - DAY}

    assert take_up_shelved(db, **before) == {}
    assert take_up_shelved(db, **on_the_day) == {"resumed": 1}
    assert take_up_shelved(db, **on_the_day) == {}
    assert (problem.state, problem.due_on) == (ProblemState.TAKEN, DUE + (LATER - TODAY))
    assert recipients(db) == {"builder", "wang"}


# withdrawing


def test_the_raiser_withdraws_it_until_it_is_taken(db, zone, problem):
    assert refusal(lambda: take(db, problem, Step.WITHDRAW, zone.li)) == "not_yours"
    take(db, problem, Step.WITHDRAW, zone.wang)

    assert problem.state is ProblemState.WITHDRAWN


def test_what_is_taken_is_not_withdrawn(db, zone, taken):
    assert refusal(lambda: take(db, taken, Step.WITHDRAW, zone.wang)) == "problem_state"


def test_the_history_says_how_the_problem_stood_after_each_step(db, zone, taken):
    query = select(ProblemEntry).where(ProblemEntry.problem_id == taken.id)
    rows = db.scalars(query.order_by(ProblemEntry.id)).all()

    assert [(row.kind, row.state) for row in rows] == [
        (EntryKind.RAISED, ProblemState.RAISED),
        (EntryKind.TAKEN, ProblemState.TAKEN),
    ]


# two at once


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((Step.TAKE, "builder", {}), (Step.PASS_ON, "builder", {"unit_id": "economy"})),
        ((Step.WITHDRAW, "wang", {}), (Step.TAKE, "builder", {})),
        ((Step.PASS_ON, "builder", {"unit_id": "economy"}), (Step.WITHDRAW, "wang", {})),
    ],
    ids=["taken and passed on", "withdrawn and taken", "passed on and withdrawn"],
)
def test_of_two_steps_at_once_one_wins_and_the_other_gets_a_sentence(sessions, first, second):
    with sessions.begin() as db:
        zone = arrange(db)
        problem_id = raised(db, zone).id

    def step(db, problem, taken):
        name, username, given = taken
        ids = {key: getattr(zone, value).id for key, value in given.items()}
        return take(db, problem, name, db.get(Person, getattr(zone, username).id), **ids)

    with sessions() as early, sessions() as late:
        stale = late.get(Problem, problem_id)
        late.rollback()
        step(early, early.get(Problem, problem_id), first)
        early.commit()
        assert refusal(lambda: step(late, stale, second)) in ("problem_state", "not_yours")


# categories


def test_categories_are_data_whose_names_are_known_once(db, zone):
    added = add_category(db, data=CategoryData(name="文物", position=9), by=None, now=NOW)
    assert refusal(
        lambda: add_category(db, data=CategoryData(name="文物", position=9), by=None, now=NOW)
    ) == ("known_category")

    renamed = CategoryData(name="考古", position=9, is_offered=False)
    assert change_category(db, category=added, data=renamed, by=zone.admin, now=NOW)
    assert refusal(lambda: raised(db, zone, category_id=added.id)) == "unknown_category"


def leave(db, *people):
    for person in people:
        person.disabled_at = NOW
    db.flush()


def named(db, row, zone, person):
    """The refusal of naming the person."""
    return refusal(lambda: take(db, row, Step.NAME, zone.admin, person_id=person.id))


def test_where_nobody_is_left_an_admin_names_a_supervisor_or_leader_who_is_no_party(db, zone):
    row = raised(db, zone)
    take(db, row, Step.TAKE, zone.builder)
    take(db, row, Step.SOLVE, zone.builder)
    leave(db, zone.wang, zone.li, zone.head, zone.officer, zone.top)

    assert [person.username for person in may_be_named(db, row, NOW)] == ["econ", "leader"]
    assert named(db, row, zone, zone.builder) == "no_such_person"
    entry = take(db, row, Step.NAME, zone.admin, person_id=zone.leader.id)

    assert (entry.text, readers_of(db, row, entry)) == (zone.leader.name, [zone.leader])
    assert take(db, row, Step.RETURN, zone.leader).kind is EntryKind.RETURNED
    # named for that case alone
    assert row.named_id is None


def test_an_admin_names_nobody_while_somebody_is_left_to_act(db, zone):
    row = raised(db, zone)

    assert named(db, row, zone, zone.leader) == "somebody_acts"


def test_on_a_restricted_lead_somebody_named_on_it_is_named(db, zone):
    row = raised(db, zone)
    zone.lead.secrecy, zone.lead.code_name = Secrecy.RESTRICTED, "晨星"
    make_role(db, zone.lead, LeadRoleKind.TASK_FORCE_MEMBER, person=zone.leader)

    assert may_be_named(db, row, NOW) == [zone.leader]


def test_where_nobody_is_left_the_admin_gets_the_mail(db, zone, site):
    row = raised(db, zone)
    take(db, row, Step.TAKE, zone.builder)
    leave(db, zone.wang, zone.li, zone.head, zone.officer, zone.top)
    entry = take(db, row, Step.SOLVE, zone.builder)

    tell(db, problem=row, entry=entry, site=site)

    mail = db.scalars(select(Message)).one()
    assert mail.person_id == zone.admin.id
    assert "目前无人可办，请指定办理人" in mail.body_text
