"""What happens to visits, what is refused, and what the trail keeps."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.transactions import transaction
from crm.visits import service, verdicts
from crm.visits.companions import left_by
from crm.visits.models import Visit, VisitFormer, VisitLead, VisitParticipant
from crm.visits.queries import rejection_reasons
from crm.visits.rules import Channel, Kind, Status, Verdict
from crm.visits.service import ImportedVisit, VisitData
from tests.conftest import NOW
from tests.factories import make_person, make_visit
from tests.leads.zone import TODAY, make_zone

OPEN, INTERNAL, RESTRICTED = Secrecy
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MORNING = at_civil(TODAY) + 8 * HOUR
BY_PHONE = {"kind": Kind.REMOTE, "channel": Channel.PHONE}


def told(leader, **given):
    """An outreach of this morning, ended at half past nine."""
    values = {
        "ref": "V-1",
        "kind": Kind.OUTREACH,
        "starts_at": MORNING,
        "ends_at": MORNING + 1.5 * HOUR,
        "city": "苏州",
    }
    return VisitData(leader_id=leader.id, **values | given)


def refused(call, *args, **given):
    with pytest.raises(Refused) as refusal:
        call(*args, **given)
    return refusal.value.code, refusal.value.field


def beside(db, visit):
    people = select(VisitParticipant.person_id).where(VisitParticipant.visit_id == visit.id)
    leads = select(VisitLead.lead_id).where(VisitLead.visit_id == visit.id)
    return set(db.scalars(people)), set(db.scalars(leads))


def test_a_visit_is_logged_with_those_who_joined_and_its_leads(db):
    zone = make_zone(db)
    me, other, lead = zone.people["tracker"], zone.people["stranger"], zone.leads[RESTRICTED]
    data = told(me, participant_ids=[me.id, other.id, other.id], lead_ids=[lead.id])

    visit = service.log_visit(db, data=data, by=me, now=NOW)

    assert (visit.first_on, visit.last_on, visit.status) == (TODAY, TODAY, Status.DONE)
    assert (visit.entered_at, visit.logged_at, visit.entered_by_id) == (NOW, NOW, me.id)
    assert beside(db, visit) == ({other.id}, {lead.id})
    assert db.scalars(select(AuditEntry).filter_by(action="visit.logged")).one().by_id == me.id


def test_a_visit_just_logged_reads_as_it_is_stored(db):
    me = make_zone(db).people["tracker"]
    data = told(me, city="Cafe\u0301", minutes="一\r\n二", next_step=None)

    visit = service.log_visit(db, data=data, by=me, now=NOW)
    as_logged = (visit.city, visit.minutes, visit.next_step, visit.starts_at, visit.verdict)

    db.refresh(visit)
    stored = (visit.city, visit.minutes, visit.next_step, visit.starts_at, visit.verdict)
    assert as_logged == stored
    assert (visit.city, visit.minutes) == ("Caf\u00e9", "一\n二")


def test_a_planned_visit_is_not_logged_yet(db):
    me = make_zone(db).people["tracker"]
    data = told(me, status=Status.PLANNED, ends_at=MORNING + 5 * DAY)

    assert service.log_visit(db, data=data, by=me, now=NOW).logged_at is None


def test_a_form_sent_twice_is_one_visit(db):
    me = make_zone(db).people["tracker"]

    ids = {service.log_visit(db, data=told(me), by=me, now=NOW).id for _ in range(2)}

    assert len(ids) == 1


def test_the_reference_of_another_is_refused(db):
    zone = make_zone(db)
    service.log_visit(db, data=told(zone.people["tracker"]), by=zone.people["tracker"], now=NOW)
    other = zone.people["stranger"]

    code = refused(service.log_visit, db, data=told(other), by=other, now=NOW)

    assert code == ("duplicate_ref", "ref")


def test_a_visit_without_a_reference_is_given_one(db):
    me = make_zone(db).people["tracker"]

    visit = service.log_visit(db, data=told(me, ref=" "), by=me, now=NOW)

    assert visit.ref.startswith("V260715-")


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"ends_at": MORNING}, ("ends_before_start", "ends_at")),
        ({"starts_at": MORNING - 93 * DAY}, ("too_long", "ends_at")),
        ({"ends_at": NOW + HOUR}, ("not_ended", "status")),
        ({"city": " "}, ("required", "city")),
        ({"city": "", "kind": Kind.RESIDENCY}, ("required", "city")),
        ({"channel": Channel.EMAIL}, ("channel_of_kind", "channel")),
        ({"kind": Kind.EVENT, "channel": Channel.VIDEO}, ("channel_of_kind", "channel")),
        ({"kind": Kind.REMOTE}, ("channel_of_kind", "channel")),
        ({"participant_ids": [99999]}, ("no_such_person", "participant_ids")),
        ({"leader_id": 99999}, ("no_such_person", "leader_id")),
        ({"lead_ids": [99999]}, ("no_such_lead", "lead_ids")),
    ],
)
def test_what_does_not_hold_together_is_refused(db, given, refusal):
    me = make_zone(db).people["tracker"]
    data = replace(told(me), **given)

    assert refused(service.log_visit, db, data=data, by=me, now=NOW) == refusal
    assert db.scalars(select(Visit)).all() == []


def test_a_remote_visit_needs_no_city(db):
    me = make_zone(db).people["tracker"]

    visit = service.log_visit(db, data=told(me, city="", **BY_PHONE), by=me, now=NOW)

    assert visit.city == ""


def test_a_leader_without_any_posting_is_refused(db):
    me = make_person(db, duty=None)

    code = refused(service.log_visit, db, data=told(me), by=me, now=NOW)

    assert code == ("not_posted", "leader_id")


@pytest.mark.parametrize("secrecy", [INTERNAL, RESTRICTED])
def test_a_hidden_lead_does_not_exist(db, secrecy):
    zone = make_zone(db)
    me = zone.people["stranger"]
    data = told(me, lead_ids=[zone.leads[secrecy].id])

    code = refused(service.log_visit, db, data=data, by=me, now=NOW)

    assert code == ("no_such_lead", "lead_ids")


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("tracker", True),
        ("below", True),
        ("supervisor", True),
        ("admin", True),
        ("leader", False),
        ("stranger", False),
        ("other_supervisor", False),
        ("reader", False),
    ],
)
def test_one_logs_what_one_leads_or_joins_and_a_supervisor_any_in_scope(db, name, may):
    zone = make_zone(db)
    data = told(zone.people["tracker"], participant_ids=[zone.people["below"].id])

    try:
        service.log_visit(db, data=data, by=zone.people[name], now=NOW)
        code = None
    except Refused as refusal:
        code = refusal.code

    assert code == (None if may else "not_yours")


def test_what_was_said_may_follow_later(db):
    me = make_zone(db).people["tracker"]
    visit = service.log_visit(db, data=told(me), by=me, now=NOW)
    data = told(me, met="某总", minutes="谈了条件")

    service.change_visit(db, visit=visit, data=data, by=me, now=NOW + DAY)

    entry = db.scalars(select(AuditEntry).filter_by(action="visit.changed")).one()
    assert (visit.met, visit.minutes, visit.logged_at) == ("某总", "谈了条件", NOW)
    assert '"minutes": null' in entry.before
    assert "starts_at" not in entry.after


def test_a_done_visit_moved_past_its_logging_is_logged_anew(db):
    me = make_zone(db).people["tracker"]
    visit = service.log_visit(db, data=told(me), by=me, now=NOW)
    later = told(me, starts_at=MORNING + 5 * DAY, ends_at=MORNING + 5 * DAY + HOUR)

    service.change_visit(db, visit=visit, data=later, by=me, now=NOW + 20 * DAY)

    assert visit.logged_at == NOW + 20 * DAY


def test_a_change_of_nothing_leaves_no_trace(db):
    me = make_zone(db).people["tracker"]
    visit = service.log_visit(db, data=told(me), by=me, now=NOW)

    service.change_visit(db, visit=visit, data=told(me), by=me, now=NOW)

    assert db.scalars(select(AuditEntry).filter_by(action="visit.changed")).all() == []


def test_a_supervisor_who_may_not_read_the_words_does_not_wipe_them(db):
    zone = make_zone(db)
    me, lead = zone.people["tracker"], zone.leads[RESTRICTED]
    data = told(me, minutes="谈价", lead_ids=[lead.id])
    visit = service.log_visit(db, data=data, by=me, now=NOW)

    service.change_visit(
        db, visit=visit, data=told(me, city="上海"), by=zone.people["supervisor"], now=NOW
    )

    assert (visit.city, visit.minutes) == ("上海", "谈价")
    assert beside(db, visit)[1] == {lead.id}


@pytest.mark.parametrize("name", ["gone", "admin"])  # the admin holds no posting
def test_who_is_not_offered_takes_part_in_no_visit(db, name):
    zone = make_zone(db)
    me = zone.people["tracker"]
    zone.people["gone"] = make_person(db, "gone", disabled_at=NOW)
    data = told(me, participant_ids=[zone.people[name].id])

    code = refused(service.log_visit, db, data=data, by=me, now=NOW)

    assert code == ("no_such_person", "participant_ids")


def test_who_took_part_and_has_left_stays_in_a_visit_that_is_changed(db):
    zone = make_zone(db)
    me, other = zone.people["tracker"], zone.people["colleague"]
    visit = service.log_visit(db, data=told(me, participant_ids=[other.id]), by=me, now=NOW)
    other.disabled_at = NOW

    data = told(me, participant_ids=[other.id], city="上海")
    service.change_visit(db, visit=visit, data=data, by=me, now=NOW)

    assert (visit.city, beside(db, visit)[0]) == ("上海", {other.id})


@pytest.mark.parametrize("who", ["supervisor", "colleague"])  # themselves, or an accomplice
@pytest.mark.parametrize("field", ["leader_id", "participant_ids"])
def test_who_may_not_read_a_visit_lets_nobody_take_part_in_it(db, who, field):
    zone = make_zone(db)
    me, other, lead = zone.people["tracker"], zone.people[who], zone.leads[RESTRICTED]
    data = told(me, minutes="谈价", lead_ids=[lead.id])
    visit = service.log_visit(db, data=data, by=me, now=NOW)

    more = {"leader_id": other.id} if field == "leader_id" else {"participant_ids": [other.id]}
    given = {"visit": visit, "data": replace(told(me), **more), "by": zone.people["supervisor"]}

    assert refused(service.change_visit, db, **given, now=NOW) == ("people_of_hidden", field)


@pytest.mark.parametrize("name", ["stranger", "colleague", "leader", "reader"])
def test_a_visit_of_others_is_not_changed(db, name):
    zone = make_zone(db)
    me = zone.people["tracker"]
    visit = make_visit(db, me, leads=[zone.leads[OPEN]], status=Status.PLANNED)

    given = {"visit": visit, "by": zone.people[name], "now": NOW}
    assert refused(service.change_visit, db, data=told(me), **given)[0] == "not_yours"
    assert refused(service.set_done, db, **given)[0] == "not_yours"
    assert refused(service.cancel_visit, db, **given)[0] == "not_yours"


def test_one_cannot_give_a_visit_away(db):
    zone = make_zone(db)
    me = zone.people["tracker"]
    visit = make_visit(db, me)

    code = refused(
        service.change_visit, db, visit=visit, data=told(zone.people["stranger"]), by=me, now=NOW
    )

    assert code == ("not_yours", "leader_id")


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"minutes": "补充"}, Verdict.CONFIRMED),
        (BY_PHONE, None),
        ({"ends_at": MORNING + HOUR}, None),
        ({"participant_ids": ["below"]}, None),
    ],
)
def test_a_confirmation_stands_while_its_facts_do(db, change, verdict):
    zone = make_zone(db)
    me = zone.people["tracker"]
    visit = service.log_visit(db, data=told(me), by=me, now=NOW)
    verdicts.confirm_visit(db, visit=visit, by=zone.people["supervisor"], now=NOW)
    if "participant_ids" in change:
        change = {"participant_ids": [zone.people["below"].id]}

    service.change_visit(db, visit=visit, data=told(me, **change), by=me, now=NOW)

    assert visit.verdict is verdict


def test_a_rejection_outlasts_a_change(db):
    zone = make_zone(db)
    me = zone.people["tracker"]
    visit = service.log_visit(db, data=told(me), by=me, now=NOW)
    given = {"visit": visit, "by": zone.people["supervisor"], "now": NOW}
    verdicts.reject_visit(db, reason="未见纪要", **given)

    service.change_visit(db, visit=visit, data=told(me, **BY_PHONE), by=me, now=NOW)

    assert visit.verdict is Verdict.REJECTED


@pytest.fixture
def zone(db):
    return make_zone(db)


@pytest.fixture
def planned(db, zone):
    """A planned visit of yesterday, 09:00 to 17:00."""
    return make_visit(db, zone.people["tracker"], TODAY - DAY, status=Status.PLANNED)


def test_a_planned_visit_is_set_done(db, zone, planned):
    service.set_done(db, visit=planned, by=zone.people["tracker"], now=NOW)

    assert (planned.status, planned.logged_at) == (Status.DONE, NOW)


def test_a_visit_is_not_set_done_before_it_has_ended(db, zone, planned):
    before = planned.ends_at - HOUR

    code = refused(service.set_done, db, visit=planned, by=zone.people["tracker"], now=before)

    assert code == ("not_ended", "status")


def test_a_planned_visit_is_moved_with_its_length(db, zone, planned):
    starts_at = at_civil(TODAY + 3 * DAY) + 20 * HOUR

    service.move_visit(db, visit=planned, starts_at=starts_at, by=zone.people["tracker"], now=NOW)

    assert planned.ends_at - planned.starts_at == 8 * HOUR
    assert (planned.first_on, planned.last_on) == (TODAY + 3 * DAY, TODAY + 4 * DAY)


def test_a_planned_visit_is_cancelled(db, zone, planned):
    service.cancel_visit(db, visit=planned, by=zone.people["tracker"], now=NOW)

    assert planned.status is Status.CANCELLED


@pytest.mark.parametrize("status", [Status.DONE, Status.CANCELLED])
def test_only_a_planned_visit_is_settled(db, zone, status):
    visit = make_visit(db, zone.people["tracker"], status=status)
    given = {"visit": visit, "by": zone.people["tracker"], "now": NOW}

    assert refused(service.set_done, db, **given)[0] == "not_planned"
    assert refused(service.cancel_visit, db, **given)[0] == "not_planned"
    assert refused(service.move_visit, db, starts_at=MORNING, **given)[0] == "not_planned"


def test_a_verdict_is_kept_with_who_gave_it_and_why(db, zone):
    visit = make_visit(db, zone.people["tracker"])
    supervisor = zone.people["supervisor"]

    verdicts.reject_visit(db, visit=visit, reason=" 未见纪要 ", by=supervisor, now=NOW)

    assert (visit.verdict, visit.verdict_by_id) == (Verdict.REJECTED, supervisor.id)
    assert visit.verdict_at == NOW
    assert rejection_reasons(db, [visit.id]) == {visit.id: "未见纪要"}


def test_a_rejected_visit_may_be_confirmed_after_all(db, zone):
    visit = make_visit(db, zone.people["tracker"])
    given = {"visit": visit, "by": zone.people["supervisor"], "now": NOW}
    verdicts.reject_visit(db, reason="未见纪要", **given)

    verdicts.confirm_visit(db, **given)

    assert visit.verdict is Verdict.CONFIRMED


def test_a_rejection_has_a_reason(db, zone):
    visit = make_visit(db, zone.people["tracker"])
    given = {"visit": visit, "by": zone.people["supervisor"], "now": NOW}

    assert refused(verdicts.reject_visit, db, reason=" ", **given) == ("required", "reason")


@pytest.mark.parametrize("name", ["tracker", "leader", "other_supervisor", "reader"])
def test_nobody_else_gives_a_verdict(db, zone, name):
    visit = make_visit(db, zone.people["tracker"])

    code = refused(verdicts.confirm_visit, db, visit=visit, by=zone.people[name], now=NOW)

    assert code[0] == "not_yours"


def test_a_supervisor_does_not_judge_what_they_joined(db, zone):
    me = zone.people["supervisor"]
    visit = make_visit(db, zone.people["tracker"], participants=[me])

    assert refused(verdicts.confirm_visit, db, visit=visit, by=me, now=NOW)[0] == "not_yours"


@pytest.mark.parametrize("how", ["led", "joined"])
def test_who_ever_led_or_joined_a_visit_does_not_judge_it(db, zone, how):
    me, tracker = zone.people["supervisor"], zone.people["tracker"]
    leader, joined = (me, [tracker]) if how == "led" else (tracker, [me])
    visit = make_visit(db, leader, participants=joined, entered_by_id=tracker.id)
    now_without_me = told(tracker, participant_ids=[])

    service.change_visit(db, visit=visit, data=now_without_me, by=tracker, now=NOW)

    assert beside(db, visit) == (set(), set())
    assert refused(verdicts.confirm_visit, db, visit=visit, by=me, now=NOW)[0] == "not_yours"


@pytest.mark.parametrize("how", ["later", "with another", "stay", "moved", "done"])
def test_whoever_changes_the_facts_for_others_leaves_the_verdict_to_another(db, zone, how):
    me, tracker = zone.people["supervisor"], zone.people["tracker"]
    above, mate = zone.people["admin"], make_person(db, "mate", unit=zone.units["team"])
    status = Status.PLANNED if how in {"moved", "done"} else Status.DONE
    visit = make_visit(db, tracker, TODAY - 2 * DAY, status=status, entered_by_id=tracker.id)
    day = told(tracker, starts_at=visit.starts_at, ends_at=visit.ends_at, participant_ids=[])
    if how == "done":
        service.set_done(db, visit=visit, by=me, now=NOW)
    elif how == "moved":
        service.move_visit(db, visit=visit, starts_at=visit.starts_at - DAY, by=me, now=NOW)
        service.set_done(db, visit=visit, by=tracker, now=NOW)
    else:
        change = {
            "later": {"ends_at": visit.ends_at + DAY, "kind": Kind.RESIDENCY},
            "with another": {"participant_ids": [mate.id]},
            "stay": {"kind": Kind.RESIDENCY},
        }[how]
        service.change_visit(db, visit=visit, data=replace(day, **change), by=me, now=NOW)

    assert refused(verdicts.confirm_visit, db, visit=visit, by=me, now=NOW)[0] == "not_yours"
    assert left_by(db, visit.id) == {}
    assert verdicts.confirm_visit(db, visit=visit, by=above, now=NOW).verdict is Verdict.CONFIRMED


def test_a_supervisor_who_adds_words_alone_still_judges_the_visit(db, zone):
    me, tracker = zone.people["supervisor"], zone.people["tracker"]
    visit = make_visit(db, tracker, entered_by_id=tracker.id)
    same = {name: getattr(visit, name) for name in ("starts_at", "ends_at", "kind", "city")}

    data = told(tracker, participant_ids=[], minutes="补记", **same)
    service.change_visit(db, visit=visit, data=data, by=me, now=NOW)

    assert verdicts.confirm_visit(db, visit=visit, by=me, now=NOW).verdict is Verdict.CONFIRMED


def test_who_was_taken_out_twice_is_kept_once(db, zone):
    me, tracker = zone.people["supervisor"], zone.people["tracker"]
    visit = make_visit(db, tracker, participants=[me])

    for people in ([], [me.id], []):
        data = told(tracker, participant_ids=people)
        service.change_visit(db, visit=visit, data=data, by=tracker, now=NOW)

    assert db.scalars(select(VisitFormer.person_id)).all() == [me.id]


def test_only_a_done_visit_is_judged(db, zone, planned):
    by = zone.people["supervisor"]

    assert refused(verdicts.confirm_visit, db, visit=planned, by=by, now=NOW)[0] == "not_done"


# Imports (REGIME 3)


@pytest.mark.parametrize(
    ("status", "logged_at", "kept"),
    [
        (Status.DONE, MORNING + 2 * HOUR, (MORNING + 2 * HOUR, MORNING + 2 * HOUR)),
        (Status.DONE, None, (NOW, NOW)),
        (Status.PLANNED, MORNING - 9 * DAY, (MORNING - 9 * DAY, None)),
        (Status.CANCELLED, None, (NOW, None)),
    ],
)
def test_an_imports_logged_at_is_entered_at(db, zone, status, logged_at, kept):
    data = told(zone.people["tracker"], status=status)

    visit = service.insert_visit(db, data=data, logged_at=logged_at, now=NOW)

    assert (visit.entered_at, visit.logged_at) == kept
    assert visit.entered_by_id is None


@pytest.mark.parametrize("logged_at", [None, MORNING + 1.5 * HOUR])
def test_a_verdict_of_an_import_is_as_old_as_its_logging(db, zone, logged_at):
    data = told(zone.people["tracker"])
    verdict = Verdict.CONFIRMED

    visit = service.insert_visit(db, data=data, logged_at=logged_at, verdict=verdict, now=NOW)

    assert (visit.verdict, visit.verdict_at) == (verdict, logged_at or NOW)


@pytest.mark.parametrize(
    ("given", "logged_at", "refusal"),
    [
        ({}, MORNING + HOUR, ("logged_before_end", "logged_at")),
        ({}, NOW + HOUR, ("logged_in_future", "logged_at")),
        ({"ends_at": NOW + HOUR}, None, ("not_ended", "status")),
        ({"ends_at": MORNING}, None, ("ends_before_start", "ends_at")),
        ({"ref": ""}, None, ("required", "ref")),
    ],
)
def test_an_import_is_refused(db, zone, given, logged_at, refusal):
    data = replace(told(zone.people["tracker"]), **given)

    assert refused(service.insert_visit, db, data=data, logged_at=logged_at, now=NOW) == refusal


def test_many_visits_are_imported_at_once(db, zone):
    me, other = zone.people["tracker"], zone.people["stranger"]
    rows = [
        ImportedVisit(told(me, ref=f"I{n}", participant_ids=[other.id], lead_ids=[lead.id]))
        for n, lead in enumerate(zone.leads.values())
    ]

    visits = service.insert_visits(db, rows, now=NOW)

    assert [visit.ref for visit in visits] == ["I0", "I1", "I2"]
    assert beside(db, visits[2]) == ({other.id}, {zone.leads[RESTRICTED].id})
    assert len(db.scalars(select(AuditEntry).filter_by(action="visit.imported")).all()) == 3


def test_an_imported_leader_needs_no_posting(db):
    me = make_person(db, duty=None)

    assert service.insert_visit(db, data=told(me), now=NOW).leader_id == me.id


def test_a_visit_that_ends_at_midnight_does_not_open_the_day(db, zone):
    me = zone.people["tracker"]
    midnight: datetime = at_civil(date(2026, 7, 15))
    data = told(me, starts_at=midnight - 2 * HOUR, ends_at=midnight)

    visit = service.log_visit(db, data=data, by=me, now=NOW)

    assert (visit.first_on, visit.last_on) == (date(2026, 7, 14), date(2026, 7, 14))


def test_a_form_sent_twice_at_once_is_one_visit(sessions):
    with transaction(sessions) as db:
        me = make_person(db, "me").id

    def send(_):
        with transaction(sessions) as db:
            leader = db.get_one(Person, me)
            return service.log_visit(db, data=told(leader), by=leader, now=NOW).id

    with ThreadPoolExecutor(4) as workers:
        ids = set(workers.map(send, range(8)))

    assert len(ids) == 1


# A sentence of REGIME 3 each


def test_a_stay_is_in_one_city(db, zone):
    me = zone.people["tracker"]
    stay = told(me, kind=Kind.RESIDENCY, city="")

    assert refused(service.log_visit, db, data=stay, by=me, now=NOW) == ("required", "city")


def test_one_person_leads_and_others_take_part(db, zone):
    me, other = zone.people["tracker"], zone.people["stranger"]

    visit = service.log_visit(db, data=told(me, participant_ids=[other.id]), by=me, now=NOW)

    assert (visit.leader_id, beside(db, visit)[0]) == (me.id, {other.id})


def test_a_visit_may_concern_several_leads(db, zone):
    me = zone.people["tracker"]
    leads = {lead.id for lead in zone.leads.values()}

    visit = service.log_visit(db, data=told(me, lead_ids=leads), by=me, now=NOW)

    assert beside(db, visit)[1] == leads


def test_a_visit_records_whom_one_met_their_position_what_was_said_and_the_next_step(db, zone):
    me = zone.people["tracker"]
    words = {"met": "某总", "position": "副总裁", "minutes": "谈了条件", "next_step": "寄资料"}

    visit = service.log_visit(db, data=told(me, **words), by=me, now=NOW)

    assert {name: getattr(visit, name) for name in words} == words


def test_a_visit_is_saved_without_minutes_person_met_or_trip(db, zone):
    me = zone.people["tracker"]

    visit = service.log_visit(db, data=told(me), by=me, now=NOW)

    assert (visit.minutes, visit.met, visit.trip) == (None, None, None)
    assert visit.status is Status.DONE


def test_entered_is_when_the_row_was_made_and_logged_when_it_was_first_set_done(db, zone):
    me = zone.people["tracker"]
    visit = service.log_visit(db, data=told(me, status=Status.PLANNED), by=me, now=NOW)
    service.set_done(db, visit=visit, by=me, now=NOW + DAY)

    service.change_visit(db, visit=visit, data=told(me, minutes="补充"), by=me, now=NOW + 2 * DAY)

    assert (visit.entered_at, visit.logged_at) == (NOW, NOW + DAY)


def test_an_import_logged_before_the_visits_end_is_refused_for_a_done_row_alone(db, zone):
    me, early = zone.people["tracker"], MORNING - DAY
    planned = told(me, ref="V-2", status=Status.PLANNED)

    code = refused(service.insert_visit, db, data=told(me), logged_at=early, now=NOW)

    assert code == ("logged_before_end", "logged_at")
    assert service.insert_visit(db, data=planned, logged_at=early, now=NOW).entered_at == early


@pytest.mark.parametrize("step", [verdicts.confirm_visit, verdicts.reject_visit])
@pytest.mark.parametrize("how", ["led", "joined", "entered"])
def test_a_supervisor_gives_no_verdict_on_what_they_led_joined_or_entered(db, zone, step, how):
    me, tracker = zone.people["supervisor"], zone.people["tracker"]
    visit = make_visit(
        db,
        me if how == "led" else tracker,
        participants=[me] if how == "joined" else [],
        entered_by_id=me.id if how == "entered" else tracker.id,
    )
    given = {"reason": "未见纪要"} if step is verdicts.reject_visit else {}

    assert refused(step, db, visit=visit, by=me, now=NOW, **given)[0] == "not_yours"
