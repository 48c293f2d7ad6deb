"""What happens to leads, what is refused, and what the trail keeps."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.base.money import Currency
from crm.leads import service
from crm.leads.companies import LeadScope, known_company
from crm.leads.models import Company, Contact, Lead, LeadRole, Milestone
from crm.leads.permissions import may_see
from crm.leads.queries import lead_by_id
from crm.leads.rules import Agreement, LeadRoleKind, Secrecy, Stage
from crm.leads.service import CompanyData, ContactData, LeadData
from tests.conftest import NOW
from tests.factories import make_company, make_lead, make_person, make_role
from tests.leads.zone import TODAY, make_zone

OPEN, INTERNAL, RESTRICTED = Secrecy
TRACKER, MEMBER = LeadRoleKind.TRACKER, LeadRoleKind.TASK_FORCE_MEMBER
DATA = LeadData(
    ref="L-1", company=CompanyData(name="云海科技"), title="数据中心", entered_on=date(2026, 7, 1)
)


def roles_of(db, lead, on=TODAY):
    rows = db.scalars(select(LeadRole).where(LeadRole.lead_id == lead.id)).all()
    return {
        (row.role, row.person_id or row.unit_id)
        for row in rows
        if row.from_on <= on and (row.to_on is None or row.to_on >= on)
    }


def refused(call, *args, **given):
    with pytest.raises(Refused) as refusal:
        call(*args, **given)
    return refusal.value.code, refusal.value.field


def test_a_lead_is_entered_with_its_first_milestone_and_the_unit_of_who_enters_it(db):
    zone = make_zone(db)
    me = zone.people["stranger"]

    lead = service.add_lead(db, data=DATA, by=me, now=NOW)

    milestone = db.scalars(select(Milestone).where(Milestone.lead_id == lead.id)).one()
    assert (lead.stage, lead.entered_by_id) == (Stage.LEAD, me.id)
    assert lead.search.endswith(" sjzx")
    assert (milestone.kind, milestone.reached_on) == (Stage.LEAD, DATA.entered_on)
    assert roles_of(db, lead) == {(LeadRoleKind.RESPONSIBLE_UNIT, zone.units["other"].id)}


def test_a_lead_entered_twice_is_one_lead(db):
    me = make_zone(db).people["stranger"]

    leads = {service.add_lead(db, data=DATA, by=me, now=NOW).id for _ in range(2)}

    assert len(leads) == 1
    assert db.scalar(select(func.count()).select_from(Company).filter_by(name="云海科技")) == 1


def test_the_reference_of_another_is_refused(db):
    zone = make_zone(db)
    service.add_lead(db, data=DATA, by=zone.people["stranger"], now=NOW)

    code = refused(service.add_lead, db, data=DATA, by=zone.people["tracker"], now=NOW)

    assert code == ("duplicate_ref", "ref")


def test_roles_given_with_the_lead_are_kept(db):
    zone = make_zone(db)
    data = replace(
        DATA,
        unit_id=zone.units["team"].id,
        tracker_id=zone.people["below"].id,
        leader_id=zone.people["leader"].id,
    )

    lead = service.add_lead(db, data=data, by=zone.people["stranger"], now=NOW)

    assert roles_of(db, lead) == {
        (LeadRoleKind.RESPONSIBLE_UNIT, data.unit_id),
        (TRACKER, data.tracker_id),
        (LeadRoleKind.ATTACHED_LEADER, data.leader_id),
    }


def test_who_enters_a_restricted_lead_is_named_as_its_tracker(db):
    zone = make_zone(db)
    data = replace(DATA, secrecy=RESTRICTED, code_name="云雀")

    lead = service.add_lead(db, data=data, by=zone.people["stranger"], now=NOW)

    assert (TRACKER, zone.people["stranger"].id) in roles_of(db, lead)
    assert may_see(db, zone.eyes("stranger"), lead.id, TODAY)


def test_who_enters_a_restricted_lead_for_another_tracker_is_named_too(db):
    zone = make_zone(db)
    other = zone.people["tracker"]
    data = replace(DATA, secrecy=RESTRICTED, code_name="云雀", tracker_id=other.id)

    lead = service.add_lead(db, data=data, by=zone.people["stranger"], now=NOW)

    assert {(TRACKER, other.id), (MEMBER, zone.people["stranger"].id)} <= roles_of(db, lead)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"title": " "}, ("required", "title")),
        ({"company": CompanyData(name="")}, ("required", "company")),
        ({"secrecy": RESTRICTED}, ("code_name_needed", "code_name")),
        ({"amount": Decimal(-1)}, ("bad_amount", "amount")),
        ({"amount": Decimal("0.001")}, ("bad_amount", "amount")),
        ({"amount": Decimal("NaN")}, ("bad_amount", "amount")),
        ({"amount": Decimal("1e30")}, ("bad_amount", "amount")),
        ({"industry": "none"}, ("unknown_industry", "industry")),
        ({"park_id": 99999}, ("no_such_unit", "park_id")),
        ({"unit_id": 99999}, ("no_such_unit", "unit_id")),
        ({"tracker_id": 99999}, ("no_such_person", "tracker_id")),
        ({"earlier_lead_id": 99999}, ("no_such_lead", "earlier_lead_id")),
        ({"entered_on": date(2026, 7, 16)}, ("in_future", "entered_on")),
    ],
)
def test_what_does_not_hold_together_is_refused(db, given, refusal):
    me = make_zone(db).people["stranger"]

    assert refused(service.add_lead, db, data=replace(DATA, **given), by=me, now=NOW) == refusal


def test_a_reader_enters_no_lead(db):
    me = make_zone(db).people["reader"]

    assert refused(service.add_lead, db, data=DATA, by=me, now=NOW)[0] == "not_yours"


@pytest.mark.parametrize("name", ["reader", "gone", "admin"])  # the admin holds no posting
@pytest.mark.parametrize("field", ["tracker_id", "leader_id"])
def test_who_is_not_offered_stands_for_no_lead(db, name, field):
    zone = make_zone(db)
    zone.people["gone"] = make_person(db, "gone", disabled_at=NOW)
    data = replace(DATA, **{field: zone.people[name].id})

    code = refused(service.add_lead, db, data=data, by=zone.people["stranger"], now=NOW)

    assert code == ("no_such_person", field)


def test_who_is_not_offered_is_given_no_role(db):
    zone = make_zone(db)
    given = {"holder": zone.people["reader"], "role": TRACKER, "from_on": TODAY}

    code = refused(
        service.give_role,
        db,
        lead=zone.leads[OPEN],
        by=zone.people["tracker"],
        now=NOW,
        **given,
    )

    assert code == ("no_such_person", "holder")


def test_a_unit_that_is_no_park_is_no_park(db):
    zone = make_zone(db)
    data = replace(DATA, park_id=zone.units["bureau"].id)

    code = refused(service.add_lead, db, data=data, by=zone.people["stranger"], now=NOW)

    assert code == ("no_such_unit", "park_id")


def test_a_lead_is_not_its_own_ancestor_through_others(db):
    zone = make_zone(db)
    me, lead = zone.people["stranger"], zone.leads[OPEN]
    second = make_lead(db, earlier_lead_id=lead.id)
    third = make_lead(db, earlier_lead_id=second.id)
    data = LeadData(
        company=CompanyData(name="任一公司"), title=lead.title, earlier_lead_id=third.id
    )

    code = refused(
        service.change_lead, db, lead=lead, data=data, by=zone.people["tracker"], now=NOW
    )

    assert code == ("earlier_than_itself", "earlier_lead_id")
    assert may_see(db, zone.eyes(me.username), third.id, TODAY)


def test_a_hidden_lead_cannot_be_pointed_to(db):
    zone = make_zone(db)
    data = replace(DATA, earlier_lead_id=zone.leads[RESTRICTED].id)

    code, _ = refused(service.add_lead, db, data=data, by=zone.people["stranger"], now=NOW)

    assert code == "no_such_lead"


@pytest.mark.parametrize(
    "company",
    [
        CompanyData(name=" 云海科技 "),
        CompanyData(name="云海科技有限公司", credit_code="91320600ma1abcde19"),
    ],
)
def test_a_known_company_is_found_again_by_name_or_credit_code(db, company):
    me = make_zone(db).people["stranger"]
    data = replace(DATA, company=CompanyData(name="云海科技", credit_code="91320600MA1ABCDE19"))
    first = service.add_lead(db, data=data, by=me, now=NOW)

    second = service.add_lead(db, data=replace(DATA, ref="L-2", company=company), by=me, now=NOW)

    assert second.company_id == first.company_id


def test_a_company_shared_with_another_lead_is_not_renamed(db):
    zone = make_zone(db)
    me = zone.people["stranger"]
    lead = service.add_lead(db, data=DATA, by=me, now=NOW)
    other = service.add_lead(db, data=replace(DATA, ref="L-2"), by=me, now=NOW)
    data = replace(DATA, company=CompanyData(name="云海集团"))

    service.change_lead(db, lead=lead, data=data, by=me, now=NOW)

    assert db.get_one(Company, lead.company_id).name == "云海集团"
    assert db.get_one(Company, other.company_id).name == "云海科技"


def test_a_slip_in_a_company_of_one_lead_is_corrected_in_place(db):
    me = make_zone(db).people["stranger"]
    lead = service.add_lead(db, data=DATA, by=me, now=NOW)
    company = lead.company_id
    data = replace(DATA, company=CompanyData(name="云海数据"))

    service.change_lead(db, lead=lead, data=data, by=me, now=NOW)

    assert lead.company_id == company
    assert db.get_one(Company, company).search.endswith(" yhsj")


CODE, OTHER_CODE = "91320600MA1ABCDE19", "91320600MA1ABCDE2C"
TOLD = CompanyData(name="云海科技", credit_code=CODE, group_name="云海集团")


@pytest.fixture
def known(db):
    """A company with an open lead of others, and what is known of it."""
    company = make_company(db, "云海科技", group_name="旧集团")
    lead = make_lead(db, company=company)
    db.add(Contact(company_id=company.id, lead_id=lead.id, name="苏先生", created_at=NOW))
    db.flush()
    return company


@pytest.mark.parametrize("changes", [False, True])
def test_neither_an_entry_nor_a_change_touches_the_company_of_others(db, known, changes):
    me = make_zone(db).people["stranger"]
    contact = ContactData(name="苏先生", phone="0513-2")
    data = replace(DATA, company=TOLD, contact=contact)
    first = replace(DATA, company=CompanyData(name="云海科技")) if changes else data

    lead = service.add_lead(db, data=first, by=me, now=NOW)
    service.change_lead(db, lead=lead, data=data, by=me, now=NOW)

    others, own = db.scalars(select(Contact).order_by(Contact.id)).all()
    assert lead.company_id == known.id
    assert (known.credit_code, known.group_name) == (None, "旧集团")
    assert (lead.credit_code, lead.group_name) == (CODE, "云海集团")
    assert (others.phone, own.phone, own.lead_id) == (None, "0513-2", lead.id)


def test_who_may_change_all_leads_of_a_company_sets_it_right_and_it_is_in_the_trail(db, known):
    admin = make_zone(db).people["admin"]
    lead = service.add_lead(
        db, data=replace(DATA, company=CompanyData(name="云海科技")), by=admin, now=NOW
    )

    service.change_lead(db, lead=lead, data=replace(DATA, company=TOLD), by=admin, now=NOW)

    entry = db.scalars(select(AuditEntry).filter_by(action="company.changed")).one()
    assert (known.credit_code, known.group_name) == (CODE, "云海集团")
    assert (entry.subject_id, "旧集团" in entry.before, CODE in entry.after) == (
        known.id,
        True,
        True,
    )


@pytest.mark.parametrize(
    "company",
    [
        CompanyData(name="云海 科技"),  # like the hidden one's name
        CompanyData(name="别名", credit_code=CODE),  # its credit code
    ],
)
def test_what_only_a_hidden_lead_tells_of_a_company_finds_nothing(db, company):
    zone = make_zone(db)
    hidden = zone.leads[RESTRICTED]
    known = make_company(db, "云海科技", credit_code=CODE)
    hidden.company_id, hidden.credit_code = known.id, CODE
    db.flush()

    lead = service.add_lead(
        db, data=replace(DATA, company=company), by=zone.people["stranger"], now=NOW
    )

    own = db.get_one(Company, lead.company_id)
    assert (own.name, lead.credit_code) == (company.name, company.credit_code)
    assert own.id != known.id


def test_a_contact_goes_with_its_lead_to_another_company(db):
    me = make_zone(db).people["stranger"]
    data = replace(DATA, contact=ContactData(name="苏先生"))
    lead = service.add_lead(db, data=data, by=me, now=NOW)
    service.add_lead(db, data=replace(DATA, ref="L-2"), by=me, now=NOW)

    data = replace(data, company=CompanyData(name="云海集团"))
    service.change_lead(db, lead=lead, data=data, by=me, now=NOW)

    assert db.scalars(select(Contact)).one().company_id == lead.company_id


def test_a_contact_is_kept_once(db):
    me = make_zone(db).people["stranger"]
    data = replace(DATA, contact=ContactData(name="联系人", phone="0513-1"))
    lead = service.add_lead(db, data=data, by=me, now=NOW)
    data = replace(data, contact=ContactData(name="联系人", position="总监"))

    service.change_lead(db, lead=lead, data=data, by=me, now=NOW)

    contact = db.scalars(select(Contact)).one()
    assert (contact.phone, contact.position) == ("0513-1", "总监")


def test_a_change_is_in_the_trail_with_what_was_before(db):
    me = make_zone(db).people["stranger"]
    lead = service.add_lead(db, data=DATA, by=me, now=NOW)
    data = replace(DATA, title="数据中心二期", amount=Decimal(5), currency=Currency.USD)

    service.change_lead(db, lead=lead, data=data, by=me, now=NOW)

    entry = db.scalars(select(AuditEntry).filter_by(action="lead.changed")).one()
    assert '"title": "数据中心"' in entry.before
    assert '"title": "数据中心二期"' in entry.after


def test_a_change_of_nothing_leaves_no_trace(db):
    me = make_zone(db).people["stranger"]
    lead = service.add_lead(db, data=DATA, by=me, now=NOW)

    service.change_lead(db, lead=lead, data=DATA, by=me, now=NOW)

    assert db.scalars(select(AuditEntry).filter_by(action="lead.changed")).all() == []


def test_a_lead_of_others_is_not_changed(db):
    zone = make_zone(db)
    me = zone.people["stranger"]

    code, _ = refused(service.change_lead, db, lead=zone.leads[OPEN], data=DATA, by=me, now=NOW)

    assert code == "not_yours"


def test_who_restricts_a_lead_stays_on_it(db):
    zone = make_zone(db)
    me = zone.people["supervisor"]
    data = replace(DATA, secrecy=RESTRICTED, code_name="云雀")

    service.change_lead(db, lead=zone.leads[OPEN], data=data, by=me, now=NOW)

    assert (MEMBER, me.id) in roles_of(db, zone.leads[OPEN])


HIDING = replace(DATA, secrecy=RESTRICTED, code_name="云雀")


def test_a_recruiter_names_a_supervisor_who_goes_on_seeing_what_they_restrict(db):
    zone = make_zone(db)
    lead, supervisor = zone.leads[OPEN], zone.people["supervisor"]
    given = {"lead": lead, "by": zone.people["tracker"], "now": NOW}

    service.change_lead(db, data=replace(HIDING, informed_id=supervisor.id), **given)

    assert may_see(db, zone.eyes("supervisor"), lead.id, TODAY)


@pytest.mark.parametrize(
    ("name", "code"), [(None, "supervisor_needed"), ("other_supervisor", "no_such_person")]
)
def test_a_recruiter_does_not_restrict_a_lead_without_one_of_its_supervisors(db, name, code):
    zone = make_zone(db)
    data = replace(HIDING, informed_id=zone.people[name].id if name else None)
    given = {"lead": zone.leads[OPEN], "data": data, "by": zone.people["tracker"], "now": NOW}

    assert refused(service.change_lead, db, **given) == (code, "informed_id")


def test_a_recruiter_does_not_take_it_from_the_last_supervisor_afterwards(db):
    zone = make_zone(db)
    lead, supervisor = zone.leads[OPEN], zone.people["supervisor"]
    given = {"lead": lead, "by": zone.people["tracker"], "now": NOW}
    service.change_lead(db, data=replace(HIDING, informed_id=supervisor.id), **given)
    held = db.scalars(select(LeadRole).where(LeadRole.person_id == supervisor.id)).one()

    code, _ = refused(service.end_role, db, held=held, last_on=TODAY - timedelta(1), **given)

    assert code == "supervisor_needed"


def test_a_leader_in_whose_scope_it_lies_restricts_a_lead_alone(db):
    zone = make_zone(db)
    lead, leader = zone.leads[OPEN], zone.people["leader"]

    service.change_lead(db, lead=lead, data=HIDING, by=leader, now=NOW)

    assert may_see(db, zone.eyes("leader"), lead.id, TODAY)
    assert not may_see(db, zone.eyes("supervisor"), lead.id, TODAY)


def test_a_stage_reached_moves_the_lead(db):
    zone = make_zone(db)
    lead = zone.leads[OPEN]

    service.reach(
        db,
        lead=lead,
        kind=Stage.SIGNED,
        on=date(2026, 7, 10),
        agreement=Agreement.FORMAL,
        by=zone.people["tracker"],
        now=NOW,
    )

    assert lead.stage is Stage.SIGNED


@pytest.mark.parametrize(
    ("kind", "day", "reason", "refusal"),
    [
        (Stage.SIGNED, date(2026, 7, 16), None, ("in_future", "on")),
        (Stage.SIGNED, date(2026, 5, 31), None, ("before_entered", "on")),
        (Stage.FOLLOWING, date(2026, 7, 1), None, ("already_reached", "kind")),
        (Stage.LOST, date(2026, 7, 1), " ", ("required", "reason")),
    ],
)
def test_a_milestone_is_refused(db, kind, day, reason, refusal):
    zone = make_zone(db)
    given = {"kind": kind, "on": day, "reason": reason, "by": zone.people["tracker"], "now": NOW}

    assert refused(service.reach, db, lead=zone.leads[OPEN], **given) == refusal


def test_a_lost_lead_may_come_back(db):
    zone = make_zone(db)
    lead, by = zone.leads[OPEN], zone.people["tracker"]
    lost = {"kind": Stage.LOST, "on": date(2026, 7, 1), "reason": "资金不足"}
    service.reach(db, lead=lead, by=by, now=NOW, **lost)

    service.reach(db, lead=lead, kind=Stage.FOLLOWING, on=TODAY, by=by, now=NOW)

    assert lead.stage is Stage.FOLLOWING


def reached(db, zone, kind=Stage.SIGNED, on=date(2026, 7, 10)):
    given = {"kind": kind, "on": on, "by": zone.people["tracker"], "now": NOW}
    given["agreement"] = Agreement.FORMAL
    return service.reach(db, lead=zone.leads[OPEN], **given)


def test_a_date_is_corrected_with_a_reason(db):
    zone = make_zone(db)
    milestone = reached(db, zone)
    given = {"lead": zone.leads[OPEN], "milestone": milestone, "on": date(2026, 7, 8)}

    service.correct_milestone(db, reason="笔误", by=zone.people["tracker"], now=NOW, **given)

    entry = db.scalars(select(AuditEntry).filter_by(action="lead.milestone_corrected")).one()
    assert milestone.reached_on == date(2026, 7, 8)
    assert "2026-07-10" in entry.before


@pytest.mark.parametrize(
    ("on", "reason", "code"),
    [
        (date(2026, 7, 8), "", "required"),
        (date(2026, 7, 16), "笔误", "in_future"),
        (date(2026, 7, 13), "笔误", "out_of_order"),
    ],
)
def test_a_correction_is_refused(db, on, reason, code):
    zone = make_zone(db)
    milestone = reached(db, zone)
    reached(db, zone, Stage.STARTED, date(2026, 7, 12))
    given = {"lead": zone.leads[OPEN], "milestone": milestone, "on": on, "reason": reason}

    result = refused(service.correct_milestone, db, by=zone.people["tracker"], now=NOW, **given)

    assert result[0] == code


def test_a_milestone_noted_by_mistake_is_taken_back(db):
    zone = make_zone(db)
    lead = zone.leads[OPEN]
    given = {"lead": lead, "milestone": reached(db, zone), "reason": "误点"}

    service.withdraw_milestone(db, by=zone.people["tracker"], now=NOW, **given)

    assert lead.stage is Stage.FOLLOWING


def give(db, zone, lead, person, role=TRACKER, *, from_on=TODAY):
    return service.give_role(
        db,
        lead=lead,
        role=role,
        holder=person,
        from_on=from_on,
        by=zone.people["tracker"],
        now=NOW,
    )


def test_a_new_tracker_ends_the_one_before(db):
    zone = make_zone(db)
    lead, new = zone.leads[OPEN], zone.people["colleague"]

    give(db, zone, lead, new)

    assert {who for role, who in roles_of(db, lead) if role is TRACKER} == {new.id}
    before = roles_of(db, lead, TODAY - timedelta(days=1))
    assert (TRACKER, zone.people["tracker"].id) in before


def test_a_task_force_has_many_members(db):
    zone = make_zone(db)
    lead = zone.leads[OPEN]

    give(db, zone, lead, zone.people["colleague"], MEMBER)
    give(db, zone, lead, zone.people["below"], MEMBER)
    give(db, zone, lead, zone.people["below"], MEMBER)

    members = [row for row in db.scalars(select(LeadRole)) if row.role is MEMBER]
    assert len(members) == 2


def test_a_tracker_named_by_mistake_is_replaced_on_the_same_day(db):
    zone = make_zone(db)
    lead = zone.leads[OPEN]

    give(db, zone, lead, zone.people["below"])
    give(db, zone, lead, zone.people["colleague"])

    assert (TRACKER, zone.people["below"].id) not in roles_of(db, lead)


def test_a_role_of_a_later_holder_is_not_given_before(db):
    zone = make_zone(db)
    lead = zone.leads[OPEN]
    give(db, zone, lead, zone.people["below"])

    result = refused(give, db, zone, lead, zone.people["colleague"], from_on=date(2026, 7, 1))

    assert result == ("role_held_later", "from_on")


def test_a_unit_is_no_tracker(db):
    zone = make_zone(db)

    assert refused(give, db, zone, zone.leads[OPEN], zone.units["team"])[0] == "wrong_holder"


def test_the_last_named_person_cannot_leave_a_restricted_lead(db):
    zone = make_zone(db)
    lead = zone.leads[RESTRICTED]
    held = db.scalars(select(LeadRole).filter_by(lead_id=lead.id, role="tracker")).one()
    given = {"held": held, "last_on": TODAY - timedelta(days=1), "by": zone.people["tracker"]}

    assert refused(service.end_role, db, lead=lead, now=NOW, **given)[0] == "last_named"


def test_a_role_that_would_end_before_it_began_is_gone(db):
    zone = make_zone(db)
    lead = zone.leads[OPEN]
    held = make_role(db, lead, MEMBER, person=zone.people["below"], from_on=TODAY)
    given = {"held": held, "last_on": TODAY - timedelta(days=1), "by": zone.people["tracker"]}

    service.end_role(db, lead=lead, now=NOW, **given)

    assert (MEMBER, zone.people["below"].id) not in roles_of(db, lead)


def test_a_page_of_a_lead_is_loaded_in_a_few_queries(db, counted):
    zone = make_zone(db)
    eyes, lead_id = zone.eyes("tracker"), zone.leads[OPEN].id
    db.expunge_all()

    with counted(3):
        lead = lead_by_id(db, eyes, lead_id, TODAY)

    assert lead.company.name
    assert [role.unit.name for role in lead.roles if role.unit]
    assert isinstance(lead, Lead)


def test_nobody_but_the_demonstration_enters_a_lead_without_a_person(db):
    lead = service.add_lead(db, data=DATA, by=None, now=NOW)

    assert (lead.entered_by_id, roles_of(db, lead)) == (None, set())


def test_other_restricted_leads_stay_out_of_reach_of_services(db):
    zone = make_zone(db)
    lead = make_lead(db, secrecy=RESTRICTED, tracker=zone.people["tracker"])
    given = {"kind": Stage.SIGNED, "on": TODAY, "by": zone.people["admin"], "now": NOW}

    assert refused(service.reach, db, lead=lead, **given)[0] == "not_yours"


@pytest.mark.parametrize("typed", ["雲海　科技", "云海科技", " 云海 科技"])
def test_a_company_is_known_however_its_name_is_typed(db, typed):
    company = make_company(db, "云海科技")

    assert known_company(db, CompanyData(name=typed), LeadScope(None, TODAY)) == company
