"""Follow-ups: who sees them, what happens to them, what is due, and the timeline of a lead."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.workdays import WorkingCalendar
from crm.followups import queries, service
from crm.followups.models import Followup
from crm.followups.permissions import visible_to
from crm.followups.queries import FollowupFilter, followups_page
from crm.followups.rules import Repeat, Repetition
from crm.followups.service import FollowupData, FollowupOutcome
from crm.followups.timeline import timeline
from crm.leads.queries import lead_by_id
from crm.leads.rules import Secrecy, Stage
from crm.visits.rules import Channel
from tests.conftest import NOW
from tests.factories import make_followup, make_milestone, make_visit
from tests.leads.zone import TODAY, make_zone

OPEN, INTERNAL, RESTRICTED = Secrecy
DAY = timedelta(days=1)
OUTCOME = FollowupOutcome(result="对方同意来访", channel=Channel.PHONE, met="某总")


@pytest.fixture
def zone(db):
    return make_zone(db)


def refused(call, *args, **given):
    with pytest.raises(Refused) as refusal:
        call(*args, **given)
    return refusal.value.code, refusal.value.field


def followup_data(zone, *, person="tracker", secrecy=OPEN, **given):
    values = {"ref": "F-1", "due_on": TODAY + DAY, "what": "寄送资料"}
    ids = {"lead_id": zone.leads[secrecy].id, "person_id": zone.people[person].id}
    return FollowupData(**ids | values | given)


@pytest.mark.parametrize(
    ("secrecy", "seers"),
    [
        (OPEN, {"tracker", "colleague", "below", "stranger", "supervisor", "leader", "admin",
                "other_supervisor"}),
        (INTERNAL, {"tracker", "colleague", "supervisor", "leader", "admin", "stranger"}),
        (RESTRICTED, {"tracker", "stranger"}),
    ],
)  # fmt: skip
def test_a_follow_up_is_seen_with_its_lead_and_by_its_person(db, zone, secrecy, seers):
    followup = make_followup(db, zone.leads[secrecy], zone.people["stranger"], TODAY)

    def sees(name):
        return followup in db.scalars(visible_to(zone.eyes(name), TODAY)).all()

    assert {name for name in zone.people if sees(name)} == seers


def test_its_own_person_reads_the_lead_by_its_code_name(db, zone):
    lead = zone.leads[RESTRICTED]
    make_followup(db, lead, zone.people["stranger"], TODAY - DAY)

    [seen] = queries.due(db, zone.eyes("stranger"), TODAY, as_of=NOW)

    assert (seen.lead.id, seen.lead.text, seen.is_overdue) == (None, lead.code_name, True)


def test_a_list_by_a_hidden_lead_is_empty(db, zone):
    lead = zone.leads[RESTRICTED]
    make_followup(db, lead, zone.people["stranger"], TODAY)
    by = FollowupFilter(lead_id=lead.id)

    assert followups_page(db, zone.eyes("stranger"), TODAY, by=by).items == []
    assert len(followups_page(db, zone.eyes("tracker"), TODAY, by=by).items) == 1


@pytest.mark.parametrize(
    ("by", "found"),
    [
        ({"is_open": True}, {"open", "later"}),
        ({"is_open": False}, {"done"}),
        ({"due_until": TODAY}, {"open", "done"}),
    ],
)
def test_filters_narrow_the_list(db, zone, by, found):
    lead, me = zone.leads[OPEN], zone.people["tracker"]
    make_followup(db, lead, me, TODAY, ref="open")
    make_followup(db, lead, me, TODAY, ref="done", done_at=NOW)
    make_followup(db, lead, me, TODAY + 3 * DAY, ref="later")

    page = followups_page(db, zone.eyes("tracker"), TODAY, by=FollowupFilter(**by))

    assert {followup.ref for followup in page.items} == found


def test_what_is_due_is_as_of_the_moment(db, zone):
    lead, me = zone.leads[OPEN], zone.people["tracker"]
    as_of = at_civil(TODAY)
    make_followup(db, lead, me, TODAY, ref="due")
    make_followup(db, lead, me, TODAY - DAY, ref="overdue, done later", done_at=NOW)
    make_followup(db, lead, me, TODAY, ref="done before", done_at=as_of - DAY)
    make_followup(db, lead, me, TODAY, ref="entered later", entered_at=NOW)
    make_followup(db, lead, me, TODAY + DAY, ref="not due")
    make_followup(db, lead, zone.people["below"], TODAY, ref="of another")

    due = queries.due(db, zone.eyes("tracker"), TODAY, as_of=as_of)

    assert [seen.followup.ref for seen in due] == ["overdue, done later", "due"]


def test_a_step_is_owed_once_however_often_the_form_is_sent(db, zone):
    me = zone.people["tracker"]

    ids = {service.add_followup(db, data=followup_data(zone), by=me, now=NOW).id for _ in range(2)}

    assert len(ids) == 1


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"what": " "}, ("required", "what")),
        ({"person": "reader"}, ("no_such_person", "person_id")),
        ({"secrecy": INTERNAL}, ("no_such_lead", "lead_id")),
        ({"lead_id": 99999}, ("no_such_lead", "lead_id")),
    ],
)
def test_a_step_is_refused(db, zone, given, refusal):
    data, me = followup_data(zone, **given), zone.people["stranger"]

    assert refused(service.add_followup, db, data=data, by=me, now=NOW) == refusal


def test_a_finished_step_is_followed_by_the_next(db, zone):
    me = zone.people["tracker"]
    followup = service.add_followup(db, data=followup_data(zone), by=me, now=NOW)
    outcome = replace(
        OUTCOME,
        next_what="接待来访",
        next_due_on=TODAY + 9 * DAY,
        next_person_id=zone.people["colleague"].id,
    )

    service.finish_followup(db, followup=followup, outcome=outcome, by=me, now=NOW)

    following = db.get_one(Followup, followup.next_id)
    assert (followup.done_at, followup.result, followup.met) == (NOW, "对方同意来访", "某总")
    assert (following.what, following.lead_id) == ("接待来访", followup.lead_id)
    assert following.person_id == zone.people["colleague"].id


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"result": ""}, ("required", "result")),
        ({"next_what": "来访"}, ("required", "next_due_on")),
        ({"next_due_on": TODAY}, ("required", "next_what")),
    ],
)
def test_an_outcome_is_refused(db, zone, given, refusal):
    me = zone.people["tracker"]
    followup = make_followup(db, zone.leads[OPEN], me, TODAY)
    outcome = replace(OUTCOME, **given)
    call = {"followup": followup, "outcome": outcome, "by": me, "now": NOW}

    assert refused(service.finish_followup, db, **call) == refusal


def test_a_step_is_finished_once(db, zone):
    me = zone.people["tracker"]
    followup = make_followup(db, zone.leads[OPEN], me, TODAY)
    call = {"followup": followup, "outcome": OUTCOME, "by": me, "now": NOW}
    service.finish_followup(db, **call)

    assert refused(service.finish_followup, db, **call)[0] == "already_done"


@pytest.mark.parametrize(
    ("name", "may"), [("below", True), ("supervisor", True), ("stranger", False), ("reader", False)]
)
def test_a_step_is_finished_by_its_person_or_those_near_the_lead(db, zone, name, may):
    followup = make_followup(db, zone.leads[OPEN], zone.people["below"], TODAY)
    call = {"followup": followup, "outcome": OUTCOME, "by": zone.people[name], "now": NOW}

    try:
        service.finish_followup(db, **call)
        code = None
    except Refused as refusal:
        code = refusal.code

    assert code == (None if may else "not_yours")


def test_an_open_step_is_changed_and_the_trail_keeps_what_was(db, zone):
    me = zone.people["tracker"]
    followup = service.add_followup(db, data=followup_data(zone), by=me, now=NOW)
    data = followup_data(zone, due_on=TODAY + 2 * DAY)

    service.change_followup(db, followup=followup, data=data, by=me, now=NOW)

    entry = db.scalars(select(AuditEntry).filter_by(action="followup.changed")).one()
    assert followup.due_on == TODAY + 2 * DAY
    assert str(TODAY + DAY) in entry.before


def test_the_timeline_tells_everything_latest_first(db, zone, counted):
    lead, me = zone.leads[OPEN], zone.people["tracker"]
    make_milestone(db, lead, Stage.NEGOTIATING, date(2026, 7, 3))
    make_visit(db, me, date(2026, 7, 2), leads=[lead], participants=[zone.people["below"]])
    make_followup(db, lead, me, date(2026, 7, 20))
    make_followup(db, lead, me, date(2026, 7, 1), done_at=at_civil(date(2026, 7, 5)))
    eyes = zone.eyes("tracker")
    lead = lead_by_id(db, eyes, lead.id, TODAY)

    with counted(6):
        entries = timeline(db, eyes, lead, TODAY)

    days = [entry.on.day for entry in entries]
    assert days == [20, 5, 3, 2, 1]
    assert entries[3].visit.participants == (zone.people["below"],)


def test_the_timeline_hides_words_that_hang_on_another_lead(db, zone):
    leads = [zone.leads[OPEN], zone.leads[RESTRICTED]]
    make_visit(db, zone.people["tracker"], leads=leads, minutes="谈价")

    eyes = zone.eyes("stranger")
    entries = timeline(db, eyes, lead_by_id(db, eyes, leads[0].id, TODAY), TODAY)

    visit = next(entry.visit for entry in entries if entry.visit)
    assert visit.minutes is None


REPEATED = Repetition(Repeat.WEEKLY, 3)


def test_finishing_a_repeating_follow_up_makes_the_next(db, zone):
    tracker = zone.people["tracker"]
    data = followup_data(zone, due_on=TODAY, repeats=REPEATED)
    step = service.add_followup(db, data=data, by=tracker, now=NOW)

    service.finish_followup(
        db, followup=step, outcome=OUTCOME, by=tracker, now=NOW, calendar=WorkingCalendar()
    )
    following = db.get_one(Followup, step.next_id)

    assert (following.what, following.person_id) == (step.what, step.person_id)
    assert (following.due_on, following.repetition) == (date(2026, 7, 22), REPEATED)
    assert following.done_at is None


def test_a_repetition_ends_where_it_is_said_or_the_lead_is_lost(db, zone):
    tracker, lead = zone.people["tracker"], zone.leads[OPEN]
    data = followup_data(zone, due_on=TODAY, repeats=REPEATED)
    first = service.add_followup(db, data=data, by=tracker, now=NOW)
    second = service.add_followup(db, data=replace(data, ref="F-2"), by=tracker, now=NOW)

    ended = replace(OUTCOME, ends_repeating=True)
    service.finish_followup(db, followup=first, outcome=ended, by=tracker, now=NOW)
    lead.stage = Stage.LOST
    service.finish_followup(db, followup=second, outcome=OUTCOME, by=tracker, now=NOW)

    assert (first.next_id, second.next_id) == (None, None)


def test_a_follow_up_is_put_off_with_a_reason_that_stays(db, zone):
    tracker = zone.people["tracker"]
    step = make_followup(db, zone.leads[OPEN], tracker, TODAY)
    how = {"followup": step, "by": tracker, "now": NOW}

    service.snooze_followup(db, due_on=TODAY + 3 * DAY, reason="客户出差", **how)
    service.snooze_followup(db, due_on=TODAY + 5 * DAY, reason="展期", **how)

    told = [(each.was_due_on, each.due_on, each.reason) for each in queries.snoozes_of(db, step.id)]
    assert told == [
        (TODAY + 3 * DAY, TODAY + 5 * DAY, "展期"),
        (TODAY, TODAY + 3 * DAY, "客户出差"),
    ]
    assert step.due_on == TODAY + 5 * DAY
    again = {"reason": "再推", **how}
    assert refused(service.snooze_followup, db, due_on=step.due_on, **again)[0] == "not_later"
    assert refused(service.snooze_followup, db, due_on=TODAY, **(again | {"reason": " "})) == (
        "required",
        "snooze_reason",
    )


def test_several_are_handed_over_and_the_receiver_must_see_each_lead(db, zone):
    tracker, colleague = zone.people["tracker"], zone.people["colleague"]
    steps = [make_followup(db, zone.leads[OPEN], tracker, TODAY) for _ in range(2)]
    hidden = make_followup(db, zone.leads[RESTRICTED], tracker, TODAY)
    how = {"to_id": colleague.id, "by": tracker, "now": NOW}

    service.hand_over_followups(db, followups=steps, **how)

    assert {step.person_id for step in steps} == {colleague.id}
    code = refused(service.hand_over_followups, db, followups=[hidden], **how)[0]
    assert code == "successor_sees_not"
    stranger = {**how, "by": zone.people["stranger"]}
    assert refused(service.hand_over_followups, db, followups=steps, **stranger)[0] == "not_yours"
