"""The migrations together make exactly the models' tables, up and down, on both databases."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import MetaData, Table, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from crm.app import create_app
from crm.base import clock
from crm.base.clock import at_civil, civil_date
from crm.base.mail_kinds import MessageKind
from crm.base.money import Currency
from crm.base.periods import DAY, Period
from crm.cli.migrations import migrations
from crm.digests.models import KeptDigest
from crm.extensions import db
from crm.leads.amount_models import LeadAmount
from crm.leads.models import Company, Lead, Milestone, MilestoneKind, MilestonePlan
from crm.leads.own_field_models import LeadOwnValue, OwnField, OwnKind
from crm.leads.own_field_setup import OwnFieldData, add_field
from crm.leads.own_values import keep_own_values
from crm.leads.rules import Agreement, AmountKind, Stage
from crm.leads.tiers import Tier
from crm.people.models import Person
from crm.people.rules import Duty, Role
from crm.problems.models import Problem
from crm.quotas import service
from crm.quotas.models import Correction, FigureRecord, RuleVersion
from crm.results.models import Claim
from crm.results.rules import ClaimKind, ClaimState
from crm.supervision.models import Order, OrderEntry
from crm.supervision.rules import EntryKind
from crm.targets.models import Target
from crm.targets.rules import Metric, TargetMeasure
from crm.transactions import transaction
from crm.visits.models import Visit, VisitCompany, VisitFormer, VisitParticipant
from crm.visits.rules import Channel, Kind, Status, kind_by
from crm.visits.search_index import NAMES
from crm.visits.service import VisitData, change_visit
from crm.visits.verdicts import confirm_visit, reject_visit
from tests.conftest import NOW
from tests.databases import KINDS, migrated_database, settings_for
from tests.factories import (
    DEPUTY,
    make_amount,
    make_company,
    make_followup,
    make_lead,
    make_milestone,
    make_order,
    make_person,
    make_plan,
    make_problem,
    make_regime,
    make_rule,
    make_unit,
    make_visit,
)
from tests.filled_zone import live
from tests.outbox import put

JUNE = Period.parse("2026-06")
ON_BOTH = pytest.mark.parametrize("kind_of_database", KINDS)
# these go down half of all migrations and up again, of which none is changed any more
OF_LONG_AGO = pytest.mark.slow


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def kind_of_database(request):
    """What becomes of rows is tried on SQLite first: each statement runs on both, up and down."""
    return request.param


@pytest.fixture
def migrated(kind_of_database, tmp_path):
    with migrated_database(kind_of_database, tmp_path) as url:
        app = create_app(settings_for(url))
        with app.app_context():
            yield
            db.engine.dispose()


@ON_BOTH
def test_the_migrations_make_exactly_the_tables_of_the_models(migrated):
    assert migrations().compare_metadata() == []


@ON_BOTH
def test_the_migrations_go_down_to_nothing_and_up_again(migrated):
    migrations().downgrade("base")
    left = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
    migrations().upgrade()

    assert left == set()
    assert migrations().compare_metadata() == []


@OF_LONG_AGO
def test_visits_by_other_channels_become_remote_and_rules_go_on_counting_them(migrated):
    with db.sessionmaker.begin() as rows:
        leader = make_person(rows, "leader")
        for number, channel in enumerate(Channel):
            make_visit(rows, leader, date(2026, 7, 1), ref=f"V{number}", channel=channel)
        counted = {"kinds": frozenset({Kind.OUTREACH}), "channels": frozenset(Channel)}
        make_rule(rows, code="any-channel", **counted)
        make_rule(rows, code="in-person")
    migrations().downgrade("0016")
    with db.sessionmaker() as rows:
        before = rows.scalars(text("SELECT DISTINCT kind FROM visit")).all()
        kinds_before = rows.scalars(text("SELECT kinds FROM rule ORDER BY code")).all()

    migrations().upgrade()

    with db.sessionmaker() as rows:
        after = dict(rows.execute(select(Visit.channel, Visit.kind)).all())
        kinds = rows.scalars(select(RuleVersion.kinds).order_by(RuleVersion.code)).all()
    assert before == ["outreach"]
    assert kinds_before[0] == "outreach"
    assert after == {each: kind_by(Kind.OUTREACH, each) for each in Channel}
    assert kinds == [{Kind.OUTREACH, Kind.REMOTE}, DEPUTY["kinds"]]


@pytest.mark.parametrize(("kind", "channel"), [("outreach", "email"), ("remote", "in_person")])
def test_the_database_refuses_a_channel_that_the_kind_does_not_have(migrated, kind, channel):
    with db.sessionmaker.begin() as rows:
        visit_id = make_visit(rows, make_person(rows, "leader")).id

    change = update(Visit).where(Visit.id == visit_id).values(kind=kind, channel=channel)
    with db.sessionmaker() as rows, pytest.raises(IntegrityError, match="channel_fits_kind"):
        rows.execute(change)


@OF_LONG_AGO
def test_who_was_taken_out_of_a_visit_before_it_was_kept_is_found_in_the_trail(migrated):
    with transaction(db.sessionmaker) as rows:
        leader, joined = make_person(rows, "leader"), make_person(rows, "joined")
        visit = make_visit(rows, leader, participants=[joined])
        times = {"starts_at": visit.starts_at, "ends_at": visit.ends_at}
        data = VisitData(kind=visit.kind, city="苏州", leader_id=leader.id, **times)
        change_visit(rows, visit=visit, data=data, by=leader, now=NOW)
        expected = (visit.id, joined.id)

    migrations().downgrade("0004")
    migrations().upgrade()

    with db.sessionmaker() as rows:
        found = rows.execute(select(VisitFormer.visit_id, VisitFormer.person_id)).all()
    assert found == [expected]


@OF_LONG_AGO
def test_names_entered_before_they_were_folded_are_found_and_sorted_like_new_ones(migrated):
    with db.sessionmaker.begin() as rows:
        make_person(rows, "zeng", name="曾　国")
        make_lead(rows, "單晶 硅片", company=make_company(rows, "ＡＢ 科技"))

    migrations().downgrade("0015")
    migrations().upgrade()

    with db.sessionmaker() as rows:
        person = rows.execute(select(Person.pinyin, Person.search)).one()
        company = rows.execute(select(Company.folded, Company.search)).one()
        lead_search = rows.scalar(select(Lead.search))
    assert tuple(person) == ("zeng guo", "曾国 曾國 zengguo zg")
    assert tuple(company) == ("ab科技", "ab科技 abkeji abkj")
    assert lead_search == "单晶硅片 danjingguipian djgp"


@OF_LONG_AGO
def test_the_limit_for_days_entered_late_moves_nothing_of_the_past(migrated):
    with db.sessionmaker.begin() as rows:
        make_regime(rows)
        recruiter, joined = make_person(rows, "recruiter"), make_person(rows, "joined")
        entered_at = at_civil(date(2026, 7, 14))  # the 13th in UTC
        stay = {"days": 20, "kind": Kind.RESIDENCY, "entered_at": entered_at}
        late = make_visit(rows, recruiter, date(2026, 7, 1), participants=[joined], **stay)
        planned = make_visit(rows, recruiter, date(2026, 7, 20), **stay)
        ids = late.id, planned.id
        service.freeze_period(rows, period=JUNE, at=NOW, now=NOW)

    migrations().downgrade("0017")
    with db.engine.begin() as connection:  # as shipped before, the limit was not there
        connection.execute(text("UPDATE rule SET valid_from = '2020-01-01', valid_to = NULL"))
    migrations().upgrade()

    with db.sessionmaker() as rows:
        visits = [rows.get_one(Visit, each).late_by_days for each in ids]
        beside = rows.scalars(select(VisitParticipant.late_by_days)).all()
        ways = set(rows.scalars(select(FigureRecord.judged_by)))
        versions = rows.scalars(select(RuleVersion).order_by(RuleVersion.valid_from)).all()
    old, new = versions[:3], versions[3:]
    assert (visits, beside, ways) == ([13, 0], [13], {1})
    assert [version.stay_within_days for version in versions] == [None] * 3 + [9] * 3
    assert {each.code: each.valid_to + DAY for each in old} == {
        each.code: each.valid_from for each in new
    }
    assert all(
        Period.holding(each.period, each.valid_from).first == each.valid_from
        and Period.holding(each.period, each.valid_from).before.first <= civil_date(clock.now())
        for each in new
    )
    assert [each.valid_to for each in new] == [None] * 3


@OF_LONG_AGO
def test_reasons_are_moved_out_of_the_trail(migrated):
    with transaction(db.sessionmaker) as rows:
        make_rule(rows)
        unit = make_unit(rows)
        deputy = make_person(rows, "deputy", duty=Duty.DEPUTY, unit=unit)
        chief = make_person(rows, "chief", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        visits = [make_visit(rows, deputy, date(2026, 6, day), ref=f"V-{day}") for day in (1, 2, 3)]
        service.freeze_period(rows, period=JUNE, at=NOW, now=NOW)
    for visit, reason in zip(visits, ("重复登记", "未见纪要", "另有原因"), strict=True):
        with transaction(db.sessionmaker) as rows:
            row = rows.get_one(Visit, visit.id)
            reject_visit(rows, visit=row, reason=reason, by=rows.get_one(Person, chief.id), now=NOW)
    with transaction(db.sessionmaker) as rows:
        third = rows.get_one(Visit, visits[2].id)
        confirm_visit(rows, visit=third, by=rows.get_one(Person, chief.id), now=NOW)
        made = rows.scalars(select(Correction).order_by(Correction.id)).all()
        by = rows.get_one(Person, chief.id)
        service.explain_correction(rows, correction=made[1], why="核实后退回", by=by, now=NOW)

    migrations().downgrade("0025")
    with db.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE correction SET entry_id = (SELECT min(e.id) FROM audit_entry e"
                " WHERE e.action = 'visit.rejected') WHERE id = :id"
            ),
            {"id": made[0].id},
        )
    migrations().upgrade()

    with db.sessionmaker() as rows:
        verdicts = rows.scalars(select(Visit.verdict_reason).order_by(Visit.id)).all()
        reasons = rows.scalars(select(Correction.reason).order_by(Correction.id)).all()
    assert verdicts == ["重复登记", "未见纪要", None]
    assert reasons == ["重复登记", "核实后退回", None, None]


@OF_LONG_AGO
def test_the_amount_of_a_lead_becomes_its_total_without_a_rate(migrated):
    with db.sessionmaker.begin() as rows:
        yuan = make_lead(rows, yi="12.5")
        foreign = make_lead(rows, amount=Decimal("8000.50"), currency=Currency.USD)
        make_lead(rows)
        make_amount(rows, yuan, Decimal(1), kind=AmountKind.FOREIGN_CAPITAL)
        expected = [
            (each.id, AmountKind.TOTAL, each.amount, each.currency, None, each.entered_on)
            for each in (yuan, foreign)
        ]

    migrations().downgrade("0039")  # before amounts_by_kind
    with db.sessionmaker() as rows:
        before = rows.execute(text("SELECT amount, currency FROM lead ORDER BY id")).all()
    migrations().upgrade()

    columns = ("lead_id", "kind", "amount", "currency", "rate", "stated_on")
    with db.sessionmaker() as rows:
        kept = rows.execute(select(*(getattr(LeadAmount, name) for name in columns))).all()
        after = rows.execute(text("SELECT amount, currency FROM lead ORDER BY id")).all()
    assert kept == expected
    assert after == before == [(125_000_000_000, "CNY"), (800_050, "USD"), (None, None)]


def test_the_companies_of_leads_were_met_and_the_first_has_the_person_met(migrated):
    with db.sessionmaker.begin() as rows:
        me = make_person(rows)
        companies = [make_company(rows, name) for name in ("甲", "乙")]
        leads = [make_lead(rows, company=company) for company in companies]
        again = make_lead(rows, company=companies[1])
        make_visit(rows, me, leads=[*leads, again], met="韩总", position="总监")
        make_visit(rows, me, met="某处长")
        make_visit(rows, me)
        ids = [lead.company_id for lead in leads]

    migrations().downgrade("0055")
    with db.sessionmaker() as rows:
        before = rows.execute(text("SELECT met, position FROM visit ORDER BY id")).all()
    migrations().upgrade()

    columns = (VisitCompany.visit_id, VisitCompany.company_id, VisitCompany.met)
    with db.sessionmaker() as rows:
        kept = rows.execute(select(*columns).order_by(VisitCompany.id)).all()
        after = rows.execute(text("SELECT met, position FROM visit ORDER BY id")).all()
    assert kept == [(1, ids[0], "韩总"), (1, ids[1], None), (2, None, "某处长")]
    assert after == before


@ON_BOTH
@OF_LONG_AGO
def test_the_outbox_is_rebuilt_without_losing_a_digest(migrated):
    migrations().downgrade("0037")
    with db.sessionmaker.begin() as rows:
        person = make_person(rows, "reader")
        parts = {"person": person, "subject": "周报", "text": "周报", "html": "周报", "at": NOW}
        put(rows, kind=MessageKind.WEEKLY, dedupe_key="weekly:reader", **parts)
        rows.flush()
        rows.add(KeptDigest(dedupe_key="weekly:reader", document="全文"))

    migrations().upgrade()

    with db.sessionmaker() as rows:
        assert rows.scalars(select(KeptDigest.document)).all() == ["全文"]
    with db.sessionmaker.begin() as rows:
        assert put(rows, kind=MessageKind.DUPLICATE, dedupe_key="duplicate:reader", **parts)


@OF_LONG_AGO
def test_kinds_of_milestones_become_rows_and_nothing_of_the_past_moves(migrated):
    with db.sessionmaker.begin() as rows:
        unit = make_unit(rows)
        lead = make_lead(rows, "甲项目", stage=Stage.SIGNED)
        plan = make_plan(rows, lead, "land", date(2026, 7, 1))
        order = make_order(
            rows, unit, lead_id=lead.id, milestone="land", planned_on=plan.planned_on
        )
        rows.add(OrderEntry(order_id=order.id, kind=EntryKind.DRAFTED, at=NOW))
        added = MilestoneKind(code="huan_ping", name="环评", position=9, is_used=True)
        rows.add(added)
        rows.flush()
        make_milestone(rows, lead, "huan_ping", date(2026, 7, 2))
    query = select(Milestone.kind).order_by(Milestone.id)

    migrations().downgrade("0043")
    with db.sessionmaker() as rows:
        before = rows.scalars(text("SELECT kind FROM milestone ORDER BY id")).all()
    migrations().upgrade()

    with db.sessionmaker() as rows:
        after = rows.scalars(query).all()
        planned = rows.scalars(select(MilestonePlan.kind)).all()
        ordered = rows.execute(select(Order.milestone, Order.planned_on)).one()
        entries = rows.scalars(select(OrderEntry.order_id)).all()
    # what a zone added itself goes with the table
    assert before == after == ["signed"]
    assert planned == ["land"]
    assert tuple(ordered) == ("land", date(2026, 7, 1))
    assert entries == [order.id]


def test_agreements_of_claims_are_named_as_those_of_leads(migrated):
    with db.sessionmaker.begin() as rows:
        by, on = make_person(rows, "li", unit=make_unit(rows)), date(2026, 7, 6)
        moments = {"first_claimed_at": NOW, "claimed_at": NOW, "claimed_by_id": by.id}
        claim = {"kind": ClaimKind.SIGNED, "state": ClaimState.CLAIMED, "round": 1} | moments
        dates = {"reached_on": on, "counts_on": on}
        rows.add(Claim(lead=make_lead(rows), agreement=Agreement.FORMAL, **claim, **dates))
    query = text("SELECT agreement, document_number FROM claim")

    migrations().downgrade("0057")
    with db.sessionmaker() as rows:
        assert rows.execute(query).all() == [("investment", "附件")]
    migrations().upgrade()

    with db.sessionmaker() as rows:
        assert rows.execute(query).all() == [("formal", "附件")]


@OF_LONG_AGO
def test_a_zone_that_exists_gets_the_categories_of_problems_with_their_units(migrated):
    migrations().downgrade("0037")
    with db.sessionmaker.begin() as rows:
        insert = text(
            "INSERT INTO unit (code, name, kind, position)"
            " VALUES ('projects', '项目服务局', 'bureau', 1)"
        )
        rows.execute(insert)

    migrations().upgrade()

    with db.sessionmaker() as rows:
        query = text(
            "SELECT c.name, u.code FROM problem_category c LEFT JOIN unit u ON u.id = c.unit_id"
            " ORDER BY c.position"
        )
        found = rows.execute(query).all()
    assert len(found) == 12
    assert found[0] == ("用地", "projects")
    assert found[-1] == ("其他", None)


def test_a_zone_with_own_fields_loses_only_those_on_the_way_down(migrated):
    with db.sessionmaker.begin() as rows:
        admin = make_person(rows, "root", role=Role.ADMIN)
        data = OwnFieldData(name="预计用工人数", kind=OwnKind.NUMBER)
        field, lead = add_field(rows, data=data, by=admin, now=NOW), make_lead(rows)
        keep_own_values(rows, lead, {field.code: Decimal(300)}, by=admin, now=NOW)
    migrations().downgrade("0063")

    migrations().upgrade()

    with db.sessionmaker.begin() as rows:
        lead = rows.scalars(select(Lead)).one()
        field = add_field(rows, data=data, by=rows.scalars(select(Person)).one(), now=NOW)
        keep_own_values(rows, lead, {field.code: Decimal("0.5")}, by=None, now=NOW)
        by_hand = update(OwnField).values(kind=OwnKind.TEXT)
        with pytest.raises(IntegrityError), rows.begin_nested():
            rows.execute(by_hand)
        assert rows.scalars(select(LeadOwnValue.number)).all() == [Decimal("0.5")]


def test_a_table_to_which_rows_refer_is_altered_and_keeps_them(migrated):
    with db.sessionmaker.begin() as rows:
        make_problem(rows, make_person(rows, "li"), [make_lead(rows)])

    migrations().downgrade("0064")
    migrations().upgrade()

    with db.sessionmaker() as rows:
        assert len(rows.scalars(select(Problem)).all()) == 1
        assert rows.scalar(text("SELECT count(*) FROM problem_lead")) == 1


def test_the_last_contact_of_a_lead_is_found_among_visits_and_follow_ups(migrated):
    with db.sessionmaker.begin() as rows:
        person, leads = make_person(rows, "li"), [make_lead(rows) for _ in range(3)]
        make_visit(rows, person, date(2026, 7, 1), days=2, leads=leads[:2])
        make_visit(rows, person, date(2026, 7, 9), leads=leads, status=Status.PLANNED)
        # past midnight in the zone
        done_at = datetime(2026, 7, 5, 16, 30, tzinfo=UTC)
        make_followup(rows, leads[1], person, date(2026, 7, 5), done_at=done_at, result="已回访")

    migrations().downgrade("0066")
    migrations().upgrade()

    with db.sessionmaker() as rows:
        found = rows.scalars(select(Lead.last_contact_on).order_by(Lead.id)).all()
    assert found == [date(2026, 7, 2), date(2026, 7, 6), None]


def test_a_target_of_an_amount_gets_the_currency_that_it_had(migrated):
    money = {"measure": TargetMeasure.AMOUNT, "amount": Decimal("600.50"), "tier": Tier.ANY}
    with db.sessionmaker.begin() as rows:
        same = {"year": 2026, "unit_id": make_unit(rows).id}
        counted = {"measure": TargetMeasure.COUNT, "count": 20, "tier": Tier.YI_10}
        rows.add(Target(metric=Metric.SIGNED, **counted, **same))
        for metric, currency in (
            (Metric.SIGNED, Currency.CNY),
            (Metric.MONEY, Currency.CNY),
            (Metric.FOREIGN, Currency.USD),
        ):
            rows.add(Target(metric=metric, currency=currency, **money, **same))
        rows.flush()
        # these have no column below
        for metric, currency in ((Metric.SIGNED, Currency.USD), (Metric.FOREIGN, Currency.CNY)):
            rows.add(Target(metric=metric, currency=currency, **money, **same))
    columns = (Target.id, Target.metric, Target.measure, Target.count, Target.amount)
    query = select(*columns, Target.currency).order_by(Target.id)

    with db.sessionmaker() as rows:
        former = rows.execute(query).all()
    migrations().downgrade("0061")
    migrations().upgrade()

    with db.sessionmaker.begin() as rows:
        assert rows.execute(query).all() == former[:4]
        # one unit may have both
        rows.add(Target(metric=Metric.SIGNED, currency=Currency.USD, **money, **same))
        rows.flush()
        with pytest.raises(IntegrityError), rows.begin_nested():
            rows.add(Target(metric=Metric.SIGNED, currency=Currency.CNY, **money, **same))


def _contents(rows):
    """The rows of all tables, by the names of the tables and of the columns."""
    inspector = inspect(rows.connection())
    found = {}
    for name in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        table = Table(name, MetaData(), autoload_with=rows.connection())
        found[name] = [dict(row._mapping) for row in rows.execute(select(table))]  # noqa: SLF001
    return found


@pytest.mark.slow
def test_a_filled_zone_of_an_earlier_revision_keeps_all_that_it_had(migrated, site):
    live(db.sessionmaker, site)
    with db.sessionmaker.begin() as rows:
        money = {"currency": Currency.CNY, "amount": Decimal("600.50"), "tier": Tier.ANY}
        measure = {"metric": Metric.MONEY, "measure": TargetMeasure.AMOUNT}
        rows.add(Target(year=2026, unit_id=make_unit(rows).id, **measure, **money))
        make_visit(rows, make_person(rows, "visitor"), leads=[make_lead(rows)])
    migrations().downgrade("0061")
    with db.sessionmaker() as rows:
        former = _contents(rows)

    migrations().upgrade()

    with db.sessionmaker() as rows:
        after = _contents(rows)
    kept = {
        name: [{column: row[column] for column in former[name][0]} for row in after[name]]
        for name in former
        if former[name]
    }
    assert kept == {name: rows for name, rows in former.items() if rows}
    assert len(kept) > 40
    # the index of visits is made of their words
    new = {name for name in after.keys() - former.keys() if not name.startswith(NAMES)}
    assert {name for name in new if after[name]} == set()
    assert {row["currency"] for row in after["target"] if row["amount"]} == {"CNY"}
    assert {row["last_contact_on"] for row in after["lead"]} > {None}
