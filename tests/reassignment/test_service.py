"""What is open in a person's name goes to successors, or falls to the supervisor (REGIME 2)."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.outbox import Message, MessageKind
from crm.base.pending import take
from crm.base.periods import Period
from crm.files.kinds import FileKind
from crm.files.service import KeptFile, attach
from crm.leads.models import LeadRole
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.accounts import RecordAccessEnded, disable_person
from crm.people.models import EntryGrant
from crm.people.permissions import viewer
from crm.people.rules import Role
from crm.people.service import change_person
from crm.quotas.live import live_figures
from crm.quotas.queries import rules_for, working_calendar
from crm.reassignment.queries import Span, closed_with_open, open_things_of
from crm.reassignment.rules import HANDED_OVER, Thing, is_long
from crm.reassignment.service import (
    Plan,
    Unfit,
    hand_over,
    release_open_items,
    settle_closed,
    settle_ended,
)
from crm.results.models import Claim
from crm.results.permissions import actor_conditions, claim_scope, situation_of
from crm.results.workflow import Actor
from crm.visits.models import CompanionNotice, Visit, VisitFile, VisitFormer, VisitParticipant
from crm.visits.rules import Kind, Status, Verdict, cut_between
from tests.conftest import NOW
from tests.factories import (
    RECRUITER,
    make_followup,
    make_lead,
    make_person,
    make_rule,
    make_visit,
)
from tests.reassignment.conftest import TODAY

DAY = timedelta(days=1)
MIDNIGHT = at_civil(TODAY + DAY)


def things(db, person, now=NOW):
    return open_things_of(db, person.id, now)


def kinds(db, person, now=NOW):
    return [each.kind for each in things(db, person, now)]


def all_to(db, person, to):
    left = (each for each in things(db, person) if each.kind is not Thing.BEGUN)
    return Plan({each.key: to.id for each in left})


def handed(db, zone, plan, site=None):
    return hand_over(db, person=zone.leaver, plan=plan, by=zone.admin, now=NOW, site=site)


def holders(db, lead, kind, on=TODAY):
    held = select(LeadRole.person_id).where(
        LeadRole.lead_id == lead.id,
        LeadRole.role == kind,
        LeadRole.from_on <= on,
        LeadRole.to_on.is_(None) | (LeadRole.to_on >= on),
    )
    return db.scalars(held.order_by(LeadRole.person_id)).all()


def joined(db, visit):
    people = select(VisitParticipant.person_id).where(VisitParticipant.visit_id == visit.id)
    return db.scalars(people).all()


def days_of(db, person, as_of=NOW):
    period = Period.parse("2026-07")
    rules = rules_for(db, period)
    found = live_figures(db, period=period, as_of=as_of, rules=rules, person_ids=[person.id])
    return found[0].figure.achieved


# what is open


def test_everything_that_is_open_is_listed(db, full):
    roles = [Thing.ROLE, Thing.ROLE]

    assert kinds(db, full.leaver) == [*roles, *(each for each in Thing if each != Thing.ROLE)]


def test_what_is_done_or_over_is_not_open(db, full):
    make_visit(db, full.leaver)
    make_visit(db, full.leaver, status=Status.CANCELLED)
    make_followup(db, full.lead, full.leaver, TODAY, done_at=NOW)

    assert len(things(db, full.leaver)) == len(Thing) + 1


# handing over


def test_all_of_it_goes_to_a_successor(db, full):
    handed(db, full, all_to(db, full.leaver, full.heir))

    assert kinds(db, full.leaver) == [Thing.BEGUN]
    for kind in (LeadRoleKind.TRACKER, LeadRoleKind.TASK_FORCE_MEMBER):
        assert holders(db, full.lead, kind) == [full.heir.id]
    assert (full.plan.leader_id, full.step.person_id) == (full.heir.id, full.heir.id)
    assert full.plan.entered_by_id in (None, full.heir.id)  # nobody enters it for another
    assert (full.order.person_id, full.draft.officer_id) == (full.heir.id, full.heir.id)
    assert joined(db, full.joined) == [full.heir.id]
    named = db.scalars(select(CompanionNotice.person_id)).all()
    assert named == [full.heir.id]  # as whoever is named by another


def test_each_goes_to_whom_it_is_given_and_the_rest_stays(db, full):
    step, plan = f"followup-{full.step.id}", f"visit-{full.plan.id}"

    handed(db, full, Plan({step: full.chief.id, plan: full.heir.id}))

    assert (full.step.person_id, full.plan.leader_id) == (full.chief.id, full.heir.id)
    assert holders(db, full.lead, LeadRoleKind.TRACKER) == [full.leaver.id]
    assert full.stay.status is Status.PLANNED


def test_each_thing_leaves_its_entry_and_so_does_the_whole(db, full):
    handed(db, full, all_to(db, full.leaver, full.heir))

    actions = set(db.scalars(select(AuditEntry.action)))
    assert actions == {
        "lead.role_handed_over",
        "order.handed_over",
        "followup.handed_over",
        "problem.handed_over",
        "claim.handed_over",
        "visit.handed_over",
        "visit.cut",
        "person.handed_over",
    }


def test_whoever_decided_on_a_claim_takes_none_over(db, full):
    full.claim.decided_by_id = full.heir.id
    plan = Plan({f"claim-{full.claim.id}": full.heir.id})

    with pytest.raises(Unfit) as refused:
        handed(db, full, plan)

    assert [(why.field, why.code) for why in refused.value.problems] == [
        (f"claim-{full.claim.id}", "successor_decides")
    ]


def test_a_returned_claim_waits_for_whoever_took_it_over(db, full):
    handed(db, full, Plan({f"claim-{full.claim.id}": full.heir.id}))

    scope = claim_scope(db, viewer(db, full.heir, TODAY), TODAY)
    assert Actor.CLAIMANT in situation_of(db, scope, full.claim, NOW).actors
    mine = select(Claim.id).where(actor_conditions(scope)[Actor.CLAIMANT])
    assert db.scalars(mine).all() == [full.claim.id]


def test_all_or_nothing_and_each_refusal_at_its_thing(db, full):
    reader = make_person(db, "reader", role=Role.READER)
    recruiter = make_person(db, "recruiter", unit=full.bureau)
    step, draft = f"followup-{full.step.id}", f"order_officer-{full.draft.id}"
    plan = Plan({step: reader.id, draft: recruiter.id})

    with pytest.raises(Unfit) as refused:
        handed(db, full, plan)

    problems = {each.field: each.code for each in refused.value.problems}
    assert problems == {step: "successor_leaves", draft: "officer_oversees_not"}


def test_what_has_begun_is_not_handed_over(db, full):
    with pytest.raises(Refused, match="things_changed"):
        handed(db, full, Plan({f"begun-{full.ended.id}": full.heir.id}))


def test_what_is_settled_in_the_meantime_is_not_handed_over_unseen(db, full):
    plan = all_to(db, full.leaver, full.heir)
    full.step.done_at = NOW
    db.flush()

    with pytest.raises(Refused, match="things_changed"):
        handed(db, full, plan)


def test_the_successor_and_the_leaver_are_told_once_with_the_list(db, full, site):
    handed(db, full, all_to(db, full.leaver, full.heir), site)

    mails = db.scalars(select(Message).where(Message.kind == MessageKind.HANDOVER)).all()
    assert {mail.person_id for mail in mails} == {full.leaver.id, full.heir.id}
    assert all("开放项目" in mail.body_text for mail in mails)
    assert all("电话回访" in mail.body_text for mail in mails)


# a stay under way


@pytest.mark.parametrize(("starts", "ends", "rest"), [(9, 18, 9), (22, 30, 22), (12, 10, 0)])
def test_the_rest_of_a_stay_begins_at_its_usual_hour(starts, ends, rest):
    begin, end = (at_civil(day) for day in (TODAY - DAY, TODAY))
    hour = timedelta(hours=1)

    cut = cut_between(begin + starts * hour, end + ends * hour, TODAY)

    assert cut == (at_civil(TODAY), at_civil(TODAY) + rest * hour)


def test_a_stay_under_way_is_cut_and_no_figure_of_past_days_changes(db, full):
    make_rule(db, RECRUITER)
    before = days_of(db, full.leaver)

    handed(db, full, Plan({f"stay-{full.stay.id}": full.heir.id}))

    rest = db.scalars(select(Visit).where(Visit.leader_id == full.heir.id)).one()
    assert (full.stay.status, full.stay.last_on) == (Status.DONE, TODAY - DAY)
    assert (full.stay.logged_at, full.stay.ends_at) == (NOW, at_civil(TODAY))
    assert (rest.status, rest.first_on, rest.last_on) == (Status.PLANNED, TODAY, TODAY + 4 * DAY)
    assert rest.ref != full.stay.ref
    assert (before, days_of(db, full.leaver)) == (4, 4)
    assert days_of(db, full.leaver, NOW + 9 * DAY) == 4


def test_files_stay_with_the_past_days_of_a_stay_that_is_cut(db, full):
    file = KeptFile("签到表.pdf", FileKind.PDF, 1, "0" * 64)
    attach(db, VisitFile, full.stay.id, file=file, by=full.leaver, now=NOW)

    handed(db, full, Plan({f"stay-{full.stay.id}": full.heir.id}))

    assert [row.record_id for row in db.scalars(select(VisitFile))] == [full.stay.id]


def test_a_confirmation_of_the_past_days_stands(db, zone):
    given = {"kind": Kind.RESIDENCY, "status": Status.PLANNED, "verdict": Verdict.CONFIRMED}
    given["verdict_at"] = NOW
    stay = make_visit(db, zone.leaver, TODAY - 4 * DAY, days=9, **given)

    handed(db, zone, Plan({f"stay-{stay.id}": zone.heir.id}))

    assert stay.verdict is Verdict.CONFIRMED


def test_a_stay_that_began_today_goes_over_as_a_whole(db, zone):
    given = {"kind": Kind.RESIDENCY, "status": Status.PLANNED}
    stay = make_visit(db, zone.leaver, TODAY, days=3, **given)

    handed(db, zone, Plan({f"stay-{stay.id}": zone.heir.id}))

    assert (stay.leader_id, stay.first_on) == (zone.heir.id, TODAY)
    assert db.scalars(select(func.count(Visit.id))).one() == 1
    assert db.scalars(select(VisitFormer.person_id)).all() == [zone.leaver.id]


# restricted leads


def test_a_restricted_lead_goes_to_who_may_see_it_already(db, zone, hidden):
    key = things(db, zone.leaver)[0].key

    with pytest.raises(Unfit) as refused:
        handed(db, zone, Plan({key: zone.heir.id}))
    handed(db, zone, Plan({key: zone.chief.id}))

    assert refused.value.problems[0].code == "successor_sees_not"
    assert holders(db, hidden, LeadRoleKind.TRACKER) == [zone.chief.id]


def test_of_who_alone_saw_it_another_takes_the_place_but_not_by_their_own_word(db, zone):
    lead = make_lead(db, "独知", secrecy=Secrecy.RESTRICTED, tracker=zone.leaver)
    make_followup(db, lead, zone.leaver, TODAY + DAY)

    with pytest.raises(Unfit) as refused:
        handed(db, zone, all_to(db, zone.leaver, zone.admin))
    handed(db, zone, all_to(db, zone.leaver, zone.heir))

    assert refused.value.problems[0].code == "own_succession"
    assert kinds(db, zone.leaver) == []


def test_a_mail_names_no_lead_that_its_reader_may_not_see(db, zone, hidden, site):
    make_followup(db, hidden, zone.leaver, TODAY + DAY, what="核实秘密事项")
    plan = all_to(db, zone.leaver, zone.chief)

    handed(db, zone, plan, site)

    bodies = {mail.person_id: mail.body_text for mail in db.scalars(select(Message))}
    assert "核实秘密事项" in bodies[zone.chief.id]
    assert "核实秘密事项" not in bodies[zone.leaver.id]  # who is named there no longer
    assert hidden.code_name in bodies[zone.leaver.id]


# falling to the supervisor


def test_nothing_open_stays_with_a_closed_account(db, full):
    disable_person(db, person=full.leaver, at=NOW, by=full.admin, now=NOW)

    settle_ended(db, take(db, RecordAccessEnded))

    assert things(db, full.leaver) == []
    assert holders(db, full.lead, LeadRoleKind.TRACKER) == [full.chief.id]
    assert (full.plan.leader_id, full.step.person_id) == (full.chief.id, full.chief.id)
    assert (full.stay.status, full.ended.status) == (Status.DONE, Status.CANCELLED)
    assert joined(db, full.joined) == []
    assert db.get_one(EntryGrant, full.grant.id).ended_at == NOW


@pytest.mark.parametrize("kind", HANDED_OVER)
def test_each_kind_of_thing_falls_by_the_clock_and_once(db, full, kind):
    full.leaver.disabled_at = MIDNIGHT
    assert closed_with_open(db, NOW) == []
    assert kind in kinds(db, full.leaver, MIDNIGHT)

    made = [settle_closed(db, at=MIDNIGHT, site=None) for _ in range(2)]

    assert kind not in kinds(db, full.leaver, MIDNIGHT)
    assert made == [{"fallen": len(Thing) + 1}, {}]


def test_what_falls_late_falls_all_the_same(db, full, site):
    full.leaver.disabled_at = MIDNIGHT
    late = MIDNIGHT + 20 * DAY

    settle_closed(db, at=late, site=site)

    assert things(db, full.leaver, late) == []
    mails = db.scalars(select(Message)).all()
    assert [mail.person_id for mail in mails] == [full.chief.id]


def test_without_a_supervisor_it_falls_to_the_next_one_up_and_else_to_an_admin(db, full):
    full.chief.disabled_at = NOW
    key = f"followup-{full.step.id}"
    release_open_items(db, person=full.leaver, by=None, now=NOW, site=None)
    assert full.step.person_id == full.top.id, key

    full.top.disabled_at = NOW
    release_open_items(db, person=full.top, by=None, now=NOW, site=None)

    assert full.step.person_id == full.admin.id


def test_what_hangs_on_a_restricted_lead_falls_to_who_may_see_it(db, zone, hidden):
    chief_role = select(LeadRole).where(LeadRole.person_id == zone.chief.id)
    db.scalars(chief_role).one().person_id = zone.heir.id
    step = make_followup(db, hidden, zone.leaver, TODAY + DAY)

    release_open_items(db, person=zone.leaver, by=None, now=NOW, site=None)

    assert step.person_id == zone.heir.id
    assert holders(db, hidden, LeadRoleKind.TRACKER) == [zone.heir.id]


def test_who_becomes_a_reader_keeps_nothing_open_either(db, full):
    contact = {"name": "离任人", "email": None, "phone": None, "by": full.admin, "now": NOW}
    change_person(db, person=full.leaver, role=Role.READER, **contact)

    settle_ended(db, take(db, RecordAccessEnded))

    assert things(db, full.leaver) == []


def test_who_leaves_later_keeps_it_until_then(db, full):
    disable_person(db, person=full.leaver, at=MIDNIGHT, by=full.admin, now=NOW)

    assert settle_ended(db, take(db, RecordAccessEnded)) == 0
    assert len(things(db, full.leaver)) == len(Thing) + 1


def test_who_answers_for_an_order_is_never_its_officer(db, full):
    full.order.officer_id = full.chief.id
    full.order.person_id = full.leaver.id

    release_open_items(db, person=full.leaver, by=None, now=NOW, site=None)

    assert full.order.person_id == full.top.id


# for the duration of an absence


def test_an_absence_is_long_beyond_ten_working_days(db):
    calendar = working_calendar(db)

    assert not is_long(calendar, TODAY, TODAY + 13 * DAY)  # two weeks
    assert is_long(calendar, TODAY, TODAY + 14 * DAY)


def test_for_an_absence_what_falls_into_it_goes_over_and_roles_come_back(db, full):
    span = Span(TODAY + 3 * DAY, TODAY + 20 * DAY)
    later = make_followup(db, full.lead, full.leaver, TODAY + 30 * DAY)
    wanted = {each.key: full.heir.id for each in things(db, full.leaver)}
    for key in (f"followup-{later.id}", f"stay-{full.stay.id}", f"begun-{full.ended.id}"):
        del wanted[key]

    handed(db, full, Plan(wanted, span))

    assert full.plan.leader_id == full.heir.id
    tracker = LeadRoleKind.TRACKER
    on_each = [holders(db, full.lead, tracker, on) for on in (TODAY, span.first, span.last + DAY)]
    assert on_each == [[full.leaver.id], [full.heir.id], [full.leaver.id]]


def test_a_member_of_a_task_force_stays_one_while_another_stands_in(db, full):
    span = Span(TODAY, TODAY + 20 * DAY)
    member = LeadRoleKind.TASK_FORCE_MEMBER
    held = db.scalars(select(LeadRole).where(LeadRole.role == member)).one()

    handed(db, full, Plan({f"role-{held.id}": full.heir.id}, span))

    on_each = [holders(db, full.lead, member, on) for on in (TODAY, span.last + DAY)]
    assert on_each == [[full.leaver.id, full.heir.id], [full.leaver.id]]
