"""Two records become one and two again: what moves, what holds, who may (PROJECTS 6)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crm.base.db import writing
from crm.base.errors import Refused
from crm.base.locks import read_first
from crm.base.money import Currency
from crm.base.periods import Period
from crm.followups.models import Followup
from crm.leads.amount_models import LeadAmount
from crm.leads.amounts import keep_amounts
from crm.leads.merged import Merge, Mergeable, survivor_of
from crm.leads.models import Company, CompanyAlias, Contact, Lead, LeadRole, Milestone
from crm.leads.rules import AmountKind, LeadRoleKind, Secrecy, Stage
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.rules import Duty, Role
from crm.quotas.queries import figures
from crm.reassignment import merges
from crm.reassignment.came_since import WHAT, came_since
from crm.reassignment.merge_journal import references_to
from crm.reassignment.merge_rules import Confirmed, Span, default_side, outside
from crm.reassignment.merges import Pair, merge
from crm.results.models import Claim
from crm.results.rules import ClaimKind, ClaimState
from crm.supervision.models import Order
from crm.transactions import transaction
from crm.visits.models import VisitLead
from tests.conftest import NOW
from tests.factories import (
    make_alias,
    make_company,
    make_contact,
    make_followup,
    make_hidden_batch,
    make_lead,
    make_milestone,
    make_order,
    make_person,
    make_regime,
    make_role,
    make_unit,
    make_visit,
)

LEAD, COMPANY, CONTACT = Mergeable.LEAD, Mergeable.COMPANY, Mergeable.CONTACT
ON = date(2026, 7, 15)


class Zone:
    """Two leads of one unit with something of everything, and people around."""

    def __init__(self, db):
        self.db = db
        top = make_unit(db, "开发区")
        self.unit = make_unit(db, "招商一科", parent=top)
        self.office = make_unit(db, "招商局", parent=top, coordinates=True)
        other = make_unit(db, "经发局", parent=top)
        overseeing = {"role": Role.SUPERVISOR, "duty": Duty.STAFF}
        self.boss = make_person(db, "boss", unit=self.unit, **overseeing)
        self.officer = make_person(db, "officer", unit=self.office, **overseeing)
        self.elsewhere = make_person(db, "elsewhere", unit=other, **overseeing)
        self.first = make_person(db, "first", unit=self.unit)
        self.second = make_person(db, "second", unit=self.unit)
        self.old = make_company(db, "云海科技")
        self.new = make_company(db, "云海智能", credit_code="91320600MA1ABCDE19")
        roles = {"unit": self.unit, "stage": Stage.LEAD}
        self.kept = make_lead(db, "一期", company=self.old, tracker=self.first, **roles)
        self.gone = make_lead(db, "二期", company=self.new, tracker=self.second, **roles)

    def merge(self, subject=LEAD, *pair, taken=(), by=None):
        pair = pair or (self.kept, self.gone)
        ids = [row.id for row in pair]
        asked = Pair(subject, *ids, frozenset(taken))
        return merge(self.db, pair=asked, by=by or self.boss, now=NOW)

    def undo(self, kept, *, moved=(), by=None, now=NOW):
        merges.undo(self.db, kept=kept, moved=moved, by=by or self.boss, now=now)


@pytest.fixture
def zone(db):
    return Zone(db)


def everything(db):
    """All rows of what a merge may touch, to be compared."""
    tables = {table for target in (Lead, Company, Contact) for table, _ in references_to(target)}
    tables |= {Lead.__table__, Company.__table__, Contact.__table__}
    return {
        table.name: sorted(map(repr, db.connection().execute(select(table)).mappings().all()))
        for table in tables
    }


def attach(db, zone):
    """Something of everything to the lead that goes."""
    both = make_visit(db, zone.first, leads=[zone.kept, zone.gone])
    own = make_visit(db, zone.second, date(2026, 7, 13), leads=[zone.gone])
    make_followup(db, zone.gone, zone.second, ON)
    make_order(db, zone.unit, lead_id=zone.gone.id)
    make_contact(db, zone.new, "李工", lead=zone.gone)
    db.flush()
    return both, own


class TestMergingLeads:
    def test_everything_attached_moves_and_a_visit_of_both_is_linked_once(self, db, zone):
        both, own = attach(db, zone)
        kept, gone = zone.kept.id, zone.gone.id

        zone.merge()

        links = set(db.execute(select(VisitLead.visit_id, VisitLead.lead_id)))
        assert links == {(both.id, kept), (own.id, kept)}
        assert set(db.scalars(select(Followup.lead_id))) == {kept}
        assert set(db.scalars(select(Order.lead_id))) == {kept}
        contact = db.scalars(select(Contact)).one()
        assert (contact.lead_id, contact.company_id) == (kept, zone.old.id)
        assert db.get(Lead, gone) is None

    def test_the_survivor_is_found_by_its_new_title_and_both_project_companies(self, db, zone):
        zone.kept.project_company = "云帆制造"
        zone.gone.title, zone.gone.project_company_code = "海德堡二期", "91330200MA2GQ3Y38X"
        db.flush()

        zone.merge(taken=frozenset({"title", "project_company_code"}))

        db.refresh(zone.kept)
        words = zone.kept.search
        assert all(part in words for part in ("海德堡二期", "云帆制造", "91330200ma2gq3y38x"))

    def test_every_table_that_refers_to_a_lead_has_its_rows_moved(self, db, zone):
        attach(db, zone)
        gone = zone.gone.id

        zone.merge()

        left = [
            table.name
            for table, column in references_to(Lead)
            if db.connection().scalar(select(1).where(column == gone).limit(1))
        ]
        assert left == []

    def test_values_are_taken_field_by_field(self, db, zone):
        zone.kept.source, zone.gone.source = "商会", "以商招商"
        zone.kept.note, zone.gone.note = "甲", "乙"
        db.flush()

        zone.merge(taken=["source", "company_id"])

        lead = db.get_one(Lead, zone.kept.id)
        assert (lead.source, lead.note, lead.company_id) == ("以商招商", "甲", zone.new.id)

    def test_of_one_kind_of_milestone_the_earliest_date_holds(self, db, zone):
        make_milestone(db, zone.kept, Stage.SIGNED, date(2026, 6, 10))
        make_milestone(db, zone.gone, Stage.SIGNED, date(2026, 6, 1))
        make_milestone(db, zone.gone, Stage.STARTED, date(2026, 6, 20))

        kept = zone.merge()

        steps = db.scalars(select(Milestone).where(Milestone.lead_id == zone.kept.id))
        dates = {step.kind: step.reached_on for step in steps}
        assert dates[Stage.SIGNED] == date(2026, 6, 1)
        assert dates[Stage.STARTED] == date(2026, 6, 20)
        assert db.get_one(Lead, zone.kept.id).stage is Stage.STARTED
        assert "2026-06-10" in kept.journal  # stays, crossed out

    def test_where_roles_overlap_the_survivors_hold(self, db, zone):
        start = make_role(db, zone.gone, LeadRoleKind.ATTACHED_LEADER, person=zone.second)

        zone.merge()

        held = db.scalars(select(LeadRole).where(LeadRole.lead_id == zone.kept.id)).all()
        trackers = [row for row in held if row.role is LeadRoleKind.TRACKER]
        assert [row.person_id for row in trackers if row.holds_on(ON)] == [zone.first.id]
        assert start.id in [row.id for row in held]

    def test_the_stricter_secrecy_holds(self, db, zone):
        zone.gone.secrecy = Secrecy.INTERNAL
        db.flush()

        zone.merge()

        assert db.get_one(Lead, zone.kept.id).secrecy is Secrecy.INTERNAL

    def test_the_old_id_and_reference_lead_to_the_survivor_also_through_a_second_merge(
        self, db, zone
    ):
        third = make_lead(db, "三期", unit=zone.unit)
        gone, kept = zone.gone.id, zone.kept.id
        zone.merge()

        zone.merge(LEAD, third, zone.kept)

        assert survivor_of(db, LEAD, gone) == third.id
        assert survivor_of(db, LEAD, kept) == third.id

    def test_a_new_lead_never_gets_the_id_of_a_merged_one(self, db, zone):
        gone = zone.gone.id
        zone.merge()

        assert make_lead(db, "新线索").id > gone


class TestWhoMerges:
    def test_is_a_supervisor_in_whose_scope_both_are_or_an_officer(self, db, zone):
        for nobody in (zone.first, zone.elsewhere):
            with pytest.raises(Refused, match="not_yours"):
                zone.merge(by=nobody)

        assert zone.merge(by=zone.officer)

    def test_never_whoever_is_not_named_on_a_restricted_lead(self, db, zone):
        zone.gone.secrecy, zone.gone.code_name = Secrecy.RESTRICTED, "代号"
        db.flush()

        with pytest.raises(Refused, match="not_yours"):
            zone.merge(by=zone.officer)
        make_role(db, zone.gone, LeadRoleKind.TASK_FORCE_MEMBER, person=zone.officer)

        assert zone.merge(by=zone.officer)

    def test_leads_of_two_units_are_not_merged(self, db, zone):
        other = make_lead(db, "别处", unit=zone.office)

        with pytest.raises(Refused, match="two_units"):
            zone.merge(LEAD, zone.kept, other, by=zone.officer)


class TestMergingCompanies:
    def test_leads_contacts_and_hidden_things_move_and_the_other_name_stays_an_alias(
        self, db, zone
    ):
        make_alias(db, "沧海", zone.new)
        hidden = make_lead(db, "机密", company=zone.new, secrecy=Secrecy.RESTRICTED, code_name="号")

        zone.merge(COMPANY, zone.old, zone.new, taken=["credit_code"])

        assert set(db.scalars(select(Lead.company_id))) == {zone.old.id}
        assert db.get_one(Lead, hidden.id).company_id == zone.old.id
        assert set(db.scalars(select(CompanyAlias.name))) == {"沧海", "云海智能"}
        assert db.get_one(Company, zone.old.id).credit_code == "91320600MA1ABCDE19"

    def test_a_taken_name_is_searched_and_compared_like_any(self, db, zone):
        zone.merge(COMPANY, zone.old, zone.new, taken=["name"])

        company = db.get_one(Company, zone.old.id)
        assert (company.name, company.normal) == ("云海智能", "云海智能")
        assert set(db.scalars(select(CompanyAlias.name))) == {"云海科技"}


class TestMergingContacts:
    def test_one_of_two_contacts_of_a_company_stays(self, db, zone):
        first = make_contact(db, zone.old, "张工", lead=zone.kept)
        second = make_contact(db, zone.old, "张总工", phone="0513-85921234")

        zone.merge(CONTACT, first, second, taken=["phone"])

        contact = db.scalars(select(Contact)).one()
        assert (contact.id, contact.name, contact.phone) == (first.id, "张工", "0513-85921234")

    def test_contacts_of_two_companies_are_not_merged(self, db, zone):
        pair = make_contact(db, zone.old), make_contact(db, zone.new)

        with pytest.raises(Refused, match="another_company"):
            zone.merge(CONTACT, *pair)


def state_amount(db, lead, amount):
    stated = {AmountKind.TOTAL: (Decimal(amount), Currency.CNY)}
    keep_amounts(db, lead, stated, stated_on=None, by=None, now=NOW)


def held_amounts(db):
    rows = select(LeadAmount.lead_id, LeadAmount.amount).where(LeadAmount.replaced_at.is_(None))
    return dict(db.execute(rows).all())


def test_whatever_may_come_to_a_survivor_has_a_name():
    tables = {table.name for kind in Mergeable for table, _ in references_to(merges.TABLES[kind])}

    assert tables == {*WHAT, "frozen_result"}


class TestUndoing:
    @pytest.mark.parametrize("subject", [LEAD, COMPANY])
    def test_puts_both_back_exactly_as_they_were(self, db, zone, subject):
        attach(db, zone)
        make_milestone(db, zone.kept, Stage.SIGNED, date(2026, 6, 10))
        make_milestone(db, zone.gone, Stage.SIGNED, date(2026, 6, 1))
        zone.kept.stage = zone.gone.stage = Stage.SIGNED
        make_alias(db, "沧海", zone.new)
        db.flush()
        before = everything(db)
        pair = (zone.kept, zone.gone) if subject is LEAD else (zone.old, zone.new)
        taken = merges.FIELDS[subject]

        kept = zone.merge(subject, *pair, taken=taken)
        assert everything(db) != before
        zone.undo(kept)

        assert everything(db) == before

    def test_leaves_what_came_since_with_the_survivor_and_moves_what_is_ticked(self, db, zone):
        gone, kept_id = zone.gone.id, zone.kept.id
        kept = zone.merge()
        step = make_followup(db, db.get_one(Lead, kept_id), zone.first, ON, what="回访")
        stays = make_followup(db, db.get_one(Lead, kept_id), zone.first, ON, what="补材料")
        db.get_one(Lead, kept_id).note = "合并后的备注"
        db.flush()

        listed = came_since(db, kept, viewer(db, zone.boss, ON), ON)
        moved = [{"table": "followup", "column": "lead_id", "key": {"id": step.id}}]
        zone.undo(kept, moved=moved)

        assert [row.text for row in listed] == ["跟进 回访", "跟进 补材料"]
        assert db.get_one(Followup, step.id).lead_id == gone
        assert db.get_one(Followup, stays.id).lead_id == kept_id
        assert db.get_one(Lead, kept_id).note == "合并后的备注"

    def test_tells_of_no_visit_that_an_import_has_not_published(self, db, zone):
        kept_id = zone.kept.id
        kept = zone.merge()
        batch = make_hidden_batch(db)
        make_visit(db, zone.first, ON, leads=[db.get_one(Lead, kept_id)], batch_id=batch.id)
        db.expunge_all()  # as another session finds it

        assert came_since(db, kept, viewer(db, zone.boss, ON), ON) == []

    def test_is_refused_after_thirty_days_and_a_second_time(self, db, zone):
        kept = zone.merge()

        with pytest.raises(Refused, match="too_old_to_undo"):
            zone.undo(kept, now=NOW + timedelta(days=31))
        zone.undo(kept, now=NOW + timedelta(days=30))
        with pytest.raises(Refused, match="undone_already"):
            zone.undo(kept)

    def test_gives_both_their_amounts_when_the_amount_since_is_ticked(self, db, zone):
        for lead, amount in ((zone.kept, "30000000"), (zone.gone, "50000000")):
            state_amount(db, lead, amount)
        gone, kept_id = zone.gone.id, zone.kept.id
        kept = zone.merge(taken=["amount"])
        state_amount(db, db.get_one(Lead, kept_id), "77000000")
        newest = db.scalars(select(LeadAmount.id).where(LeadAmount.amount == 77000000)).one()

        moved = [{"table": "lead_amount", "column": "lead_id", "key": {"id": newest}}]
        zone.undo(kept, moved=moved)

        assert held_amounts(db) == {kept_id: Decimal(30000000), gone: Decimal(77000000)}

    def test_leaves_an_amount_since_with_the_survivor(self, db, zone):
        for lead, amount in ((zone.kept, "30000000"), (zone.gone, "50000000")):
            state_amount(db, lead, amount)
        gone, kept_id = zone.gone.id, zone.kept.id
        kept = zone.merge(taken=["amount"])
        state_amount(db, db.get_one(Lead, kept_id), "77000000")

        zone.undo(kept)

        assert held_amounts(db) == {kept_id: Decimal(77000000), gone: Decimal(50000000)}

    def test_finds_the_company_that_was_merged_since(self, db, zone):
        gone, old, new = zone.gone.id, zone.old.id, zone.new
        kept = zone.merge()
        zone.merge(COMPANY, zone.old, new)

        zone.undo(kept)

        assert db.get_one(Lead, gone).company_id == old

    def test_waits_until_a_later_merge_of_the_survivor_is_undone(self, db, zone):
        third = make_lead(db, "三期", unit=zone.unit)
        first = zone.merge()
        last = zone.merge(LEAD, third, zone.kept)

        with pytest.raises(Refused, match="merged_further"):
            zone.undo(first)
        zone.undo(last)
        zone.undo(first)

        assert {lead.title for lead in db.scalars(select(Lead))} == {"一期", "二期", "三期"}

    def test_is_refused_where_the_other_name_was_taken_since(self, db, zone):
        kept = zone.merge(COMPANY, zone.old, zone.new)
        db.get_one(Company, zone.old.id).name = "云海智能"
        db.flush()

        with pytest.raises(Refused, match="name_taken_since"):
            zone.undo(kept)

    def test_frees_the_record_to_be_merged_again(self, db, zone):
        zone.undo(zone.merge())

        assert zone.merge()
        assert len(db.scalars(select(Merge)).all()) == 2


def test_of_two_merges_of_one_lead_at_once_one_is_made(database):
    with transaction(database.sessions) as db:
        zone = Zone(db)
        third = make_lead(db, "三期", unit=zone.unit)
        pairs = [Pair(LEAD, row.id, zone.gone.id) for row in (zone.kept, third)]
        boss_id = zone.boss.id

    def attempt(pair):
        try:
            with writing(database.sessions) as db:
                merge(db, pair=pair, by=db.get_one(Person, boss_id), now=NOW)
        except Refused as refusal:
            return refusal.code
        return "merged"

    with ThreadPoolExecutor(2) as threads:
        answers = sorted(threads.map(attempt, pairs))

    assert answers == ["merged", "not_yours"]


def test_of_two_who_undo_a_merge_at_once_the_second_is_refused(database):
    with transaction(database.sessions) as db:
        zone = Zone(db)
        people = [make_contact(db, zone.kept, name) for name in ("周敏", "周敏（前台）")]
        merge_id, boss_id = zone.merge(CONTACT, *people).id, zone.boss.id

    def attempt(db, kept):
        merges.undo(db, kept=kept, by=db.get_one(Person, boss_id), now=NOW)

    with database.sessions() as late:
        read_first(late)
        read = late.get_one(Merge, merge_id)
        with writing(database.sessions) as db:
            attempt(db, db.get_one(Merge, merge_id))
        with pytest.raises(Refused, match="undone_already"):
            attempt(late, read)


class TestClaims:
    def claim(self, db, zone, lead, state=ClaimState.CLAIMED, kind=ClaimKind.SIGNED):
        is_decided = state is ClaimState.RECOGNISED
        claim = Claim(
            lead_id=lead.id,
            kind=kind,
            state=state,
            round=1,
            first_claimed_at=NOW,
            claimed_at=NOW,
            claimed_by_id=zone.first.id,
            reached_on=ON,
            counts_on=ON,
            document_number="招〔2026〕1号",
            document_issuer="招商局",
            document_on=ON,
            basis="协议" if is_decided else None,
            decided_at=NOW + timedelta(hours=1) if is_decided else None,
            decided_by_id=zone.officer.id if is_decided else None,
        )
        db.add(claim)
        db.flush()
        return claim

    def test_two_claims_of_one_kind_bar_the_merge(self, db, zone):
        self.claim(db, zone, zone.kept, ClaimState.RECOGNISED)
        other = self.claim(db, zone, zone.gone)

        with pytest.raises(Refused, match="both_claimed"):
            zone.merge()
        other.kind = ClaimKind.STARTED
        db.flush()

        assert zone.merge()
        assert set(db.scalars(select(Claim.lead_id))) == {zone.kept.id}

    def test_a_later_recognition_bars_its_undoing(self, db, zone):
        kept = zone.merge()
        self.claim(db, zone, zone.kept, ClaimState.RECOGNISED)

        with pytest.raises(Refused, match="recognised_since"):
            zone.undo(kept)


worlds = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 20), st.sets(st.integers(0, 2), max_size=3)),
    max_size=8,
)


@pytest.mark.slow_on_postgresql
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds)
def test_no_quota_figure_changes_by_a_merge_or_its_undoing(db, world):
    example = db.begin_nested()
    zone = Zone(db)
    make_regime(db)
    third = make_lead(db, "三期", company=zone.new, unit=zone.unit)
    leads, people = (zone.kept, zone.gone, third), (zone.first, zone.second)
    for who, day, chosen in world:
        on = date(2026, 7, 14) - timedelta(days=day)
        make_visit(db, people[who], on, leads=[leads[place] for place in chosen])
    period = Period.parse("2026-07")

    def told():
        db.flush()
        return [repr(row) for row in figures(db, period=period, as_of=NOW)]

    before = told()
    of_leads = zone.merge()
    after_leads = told()
    of_companies = zone.merge(COMPANY, zone.old, zone.new)
    after_companies = told()
    zone.undo(of_companies)
    zone.undo(of_leads)

    assert before == after_leads == after_companies == told()
    example.rollback()


@pytest.mark.parametrize(
    ("mine", "other", "side"),
    [
        (Confirmed("甲", NOW), Confirmed("乙", NOW + timedelta(days=1)), 1),
        (Confirmed("甲", NOW + timedelta(days=1)), Confirmed("乙", NOW), 0),
        (Confirmed("甲", NOW), Confirmed(None, NOW + timedelta(days=1)), 0),
        (Confirmed(None, NOW), Confirmed("乙", NOW - timedelta(days=1)), 1),
        (Confirmed("甲", NOW), Confirmed("乙", NOW), 0),
    ],
)
def test_the_last_confirmed_value_is_the_default(mine, other, side):
    assert default_side(mine, other) == side


@pytest.mark.parametrize(
    ("others", "left"),
    [
        ([], [(1, 10)]),
        ([(3, 5)], [(1, 2), (6, 10)]),
        ([(1, 10)], []),
        ([(8, None)], [(1, 7)]),
        ([(11, 12)], [(1, 10)]),
        ([(1, 3), (9, None)], [(4, 8)]),
    ],
)
def test_what_no_other_span_covers_is_left(others, left):
    def span(days):
        first, last = days
        return Span(date(2026, 7, first), date(2026, 7, last) if last else None)

    assert list(outside(span((1, 10)), map(span, others))) == list(map(span, left))
