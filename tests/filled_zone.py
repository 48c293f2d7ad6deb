"""A small zone in which every page has something to show: a frozen month, orders, mails."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import func, select

from crm.base.clock import at_civil
from crm.base.mail_kinds import MessageKind
from crm.base.money import Currency
from crm.base.outbox import Message
from crm.base.periods import DAY, Period
from crm.base.unsubscribe_tokens import make as token
from crm.jobs import ledger
from crm.jobs.runner import Runner
from crm.leads import catalog
from crm.leads.catalog_models import CatalogEntry, Site, SiteKind
from crm.leads.merged import Mergeable
from crm.leads.models import Company, Lead, MilestoneKind
from crm.leads.own_field_models import LeadOwnValue, OwnField, OwnKind
from crm.leads.proposal_models import CompanyProposal, ProposalField, ProposalState
from crm.leads.rules import LeadRoleKind, Secrecy, Stage
from crm.leads.template_models import PlanTemplate, PlanTemplateStep
from crm.leads.tiers import Tier
from crm.mailing import channel_models
from crm.mailing.channel_rules import ChannelKind
from crm.mailing.channels import plant_hosts
from crm.people.models import Person, Posting, Unit
from crm.people.rules import Duty, Role, UnitKind
from crm.people.sign_in_profiles import plant_profiles
from crm.problems.rules import ProblemState
from crm.quotas.models import Correction, FigureRecord
from crm.quotas.rules import FigureStatus
from crm.quotas.service import freeze_period
from crm.reassignment.merges import Pair, merge
from crm.results.models import Exclusion
from crm.results.planting import plant
from crm.results.receipt_forms import form_rows, plant_forms
from crm.results.receipts import ReceiptData, record_receipt
from crm.results.rules import ClaimKind, ClaimState
from crm.results.service import claim
from crm.supervision.models import Order
from crm.supervision.reminders import remind_of_missed
from crm.supervision.rules import OrderState
from crm.targets.models import SpeedSpan, Target
from crm.targets.rules import Metric, TargetMeasure
from crm.transactions import transaction
from crm.visits.models import CompanionNotice, Visit
from crm.visits.rules import Channel, Kind, Status
from crm.visits.service import VisitData, change_visit
from tests.conftest import NOW
from tests.databases import SECRET
from tests.factories import (
    LONG_AGO,
    make_absence,
    make_contact,
    make_followup,
    make_grant,
    make_lead,
    make_milestone,
    make_order,
    make_person,
    make_plan,
    make_problem,
    make_regime,
    make_role,
    make_trip,
    make_unit,
    make_visit,
)
from tests.filled_tables import rosters_at_each_step, tables_at_each_step
from tests.results.conftest import claim_data

FROZEN_AT = at_civil(date(2026, 7, 4))
TODAY = date(2026, 7, 15)
FIGURE = "/compliance/figure?rule=recruiter-monthly&person=shen&period=2026-06"
PAGES = (
    ("shen", "/"),
    ("shen", "/m"),
    ("wu", "/m"),
    ("shen", "/visits"),
    ("shen", "/import"),
    ("shen", "/import/{sheet_table}"),
    ("shen", "/import/{columns_table}"),
    ("shen", "/import/{preview_table}"),
    ("shen", "/import/{preview_table}?state=refused"),
    ("shen", "/import/{done_table}"),
    ("shen", "/import/receipts"),
    ("shen", "/visits/new"),
    ("shen", "/visits/{visit}"),
    ("shen", "/visits/{visit}/edit"),
    ("shen", "/visits/{visit}/files"),
    ("shen", "/me/queue"),
    ("yan", "/me/delegations"),
    ("shen", "/me/two-step"),
    ("shen", "/offline"),
    ("shen", "/offline/day"),
    ("shen", "/offline/visit"),
    ("shen", "/visits/plan"),
    ("wu", "/visits/plan?person=shen"),
    ("shen", "/calendar"),
    ("shen", "/calendar?view=month"),
    ("wu", "/calendar?unit={bureau}"),
    ("shen", "/trips"),
    ("shen", "/trips/{trip}"),
    ("shen", "/trips/{trip}/edit"),
    ("shen", "/leads"),
    ("shen", "/leads/board"),
    ("shen", "/leads/{lead}/move"),
    ("shen", "/leads/{lead}/move?to=signed"),
    ("shen", "/leads/new"),
    ("shen", "/leads/views"),
    ("shen", "/leads/{lead}"),
    ("shen", "/leads/{lead}/edit"),
    ("shen", "/leads/{lead}/files"),
    ("shen", "/leads/{lead}/plan-by-template?template={plan_template}"),
    ("shen", "/leads/{lead}/assist"),
    ("shen", "/leads/{signed}/claims/started"),
    ("shen", "/leads/{signed}/receipts/new"),
    ("shen", "/claims"),
    ("shen", "/claims/{claim}"),
    ("shen", "/claims/{claim}/again"),
    ("shen", "/claims/{claim}/files"),
    ("shen", "/receipts"),
    ("shen", "/receipts/{receipt}"),
    ("shen", "/receipts/{receipt}/edit"),
    ("shen", "/receipts/{receipt}/reverse"),
    ("shen", "/receipts/{receipt}/claim"),
    ("shen", "/receipts/{receipt}/files"),
    ("shen", "/companies"),
    ("shen", "/companies/{company}"),
    ("shen", "/companies/{company}/edit"),
    ("shen", "/companies/{company}/contacts/new"),
    ("shen", "/companies/{company}/contacts/{contact}"),
    ("shan", "/contacts/{contact}/personal-data"),
    ("shen", "/company-proposals/{proposal}"),
    ("shen", "/search?q=项目"),
    ("shen", "/followups"),
    ("shen", "/followups/new"),
    ("shen", "/followups/{followup}"),
    ("shen", "/followups/{followup}/files"),
    ("shen", "/problems"),
    ("shen", "/problems/new?lead={lead}"),
    ("shen", "/problems/figures"),
    ("shen", "/absences"),
    ("shen", "/absences/new"),
    ("shen", "/compliance"),
    ("shen", "/compliance?tab=corrections"),
    ("shen", FIGURE),
    ("shen", "/me"),
    ("shen", "/me/tokens"),
    ("shen", "/me/personal-data"),
    ("shen", "/api/v1/reference"),
    ("shen", "/me/settings"),
    ("shen", "/me/entry-grants/new"),
    ("shen", "/mailbox/{reminder}"),
    ("shen", "/unsubscribe/{token}"),
    ("wu", "/"),
    ("wu", "/absences?view=waiting"),
    ("wu", "/absences/{absence}"),
    ("wu", "/compliance?period=2026-06"),
    ("wu", "/compliance?tab=waiting"),
    ("wu", "/compliance?tab=corrections"),
    ("wu", FIGURE),
    ("wu", "/merges/lead/{lead}"),
    ("wu", "/merges/company/{company}"),
    ("wu", "/problems?view=all"),
    ("wu", "/problems/{problem}"),
    ("wu", "/problems/{problem}/files"),
    ("wu", "/merges/lead/{signed}/{lead}"),
    ("wu", "/merges/{merge}"),
    ("wu", "/supervision"),
    ("wu", "/supervision?view=all"),
    ("wu", "/supervision/new"),
    ("wu", "/supervision/{order}"),
    ("wu", "/supervision/{order}/edit"),
    ("wu", "/supervision/{order}/print"),
    ("wu", "/supervision/{order}/files"),
    ("wu", "/targets"),
    ("wu", "/targets/{target}"),
    ("wu", "/digests"),
    ("wu", "/digests/2026-W28"),
    ("wu", "/mailbox"),
    ("wu", "/mailbox/{weekly}"),
    ("yan", "/"),
    ("yan", "/digests/comment?period=2026-07"),
    ("gu", "/"),
    ("gu", "/compliance"),
    ("shan", "/"),
    ("shan", "/admin"),
    ("shan", "/admin/begin"),
    ("shan", "/admin/duties"),
    ("shan", "/admin/sign-in"),
    ("shan", "/admin/sign-in/mlps3"),
    ("shan", "/admin/mail-server"),
    ("shan", "/admin/people"),
    ("shan", "/admin/people/new"),
    ("shan", "/admin/people/shen"),
    ("shan", "/admin/people/shen/edit"),
    ("shan", "/admin/people/shen/postings/new"),
    ("shan", "/admin/people/shen/postings/{posting}"),
    ("shan", "/admin/people/shen/transfer"),
    ("shan", "/admin/people/shen/leaving"),
    ("shan", "/handover/shen"),
    ("shan", "/admin/people/shen/entry-grants/new"),
    ("shan", "/admin/units"),
    ("shan", "/admin/units/new"),
    ("shan", "/admin/units/{unit}"),
    ("shan", "/admin/calendar/2027"),
    ("shan", "/admin/calendar/import"),
    ("shan", "/admin/clock"),
    ("shan", "/admin/clock/weekly-digest"),
    ("shan", "/admin/clock/weekly-digest/preview"),
    ("shan", "/admin/delivery"),
    ("shan", "/admin/retention"),
    ("shan", "/admin/retention/contacts"),
    ("shan", "/admin/rules"),
    ("shan", "/admin/rules/new"),
    ("shan", "/admin/rules/recruiter-monthly"),
    ("shan", "/admin/rules/backtest?rule=recruiter-monthly"),
    ("shan", "/admin/rates"),
    ("shan", "/admin/import/leads"),
    ("shan", "/admin/import/units"),
    ("shan", "/admin/import/people"),
    ("shan", "/import/{columns_roster}"),
    ("shan", "/import/{preview_roster}"),
    ("shan", "/import/{done_roster}"),
    ("shan", "/import/{undone_roster}"),
    ("shan", "/admin/import/absences"),
    ("shan", "/admin/channels"),
    ("shan", "/admin/channels/new/webhook"),
    ("shan", "/admin/channels/{channel}"),
    ("shan", "/admin/outbox"),
    ("shan", "/admin/catalog"),
    ("shan", "/admin/catalog/source/new"),
    ("shan", "/admin/sites"),
    ("shan", "/admin/own-fields"),
    ("shan", "/admin/own-fields/new"),
    ("shan", "/admin/own-fields/{own_field}"),
    ("shan", "/admin/sites/new"),
    ("shan", "/admin/milestones"),
    ("shan", "/admin/milestones/new"),
    ("shan", "/admin/milestones/{milestone_kind}"),
    ("shan", "/admin/plan-templates"),
    ("shan", "/admin/plan-templates/new"),
    ("shan", "/admin/plan-templates/{plan_template}"),
    ("shan", "/admin/tiers"),
    ("shan", "/admin/tiers/new"),
    ("shan", "/admin/speed"),
    ("shan", "/admin/speed/new"),
    ("shan", "/admin/speed/{span}"),
    ("shan", "/admin/catalog/{industry}"),
    ("shan", "/admin/sites/{site}"),
    ("shan", "/admin/recognition"),
    ("shan", "/admin/recognition/signed"),
    ("shan", "/admin/recognition/cases/new"),
    ("shan", "/admin/recognition/cases/{exclusion}"),
    ("shan", "/admin/receipt-forms"),
    ("shan", "/admin/receipt-forms/new"),
    ("shan", "/admin/receipt-forms/{receipt_form}"),
    ("shan", "/admin/targets"),
    ("shan", "/admin/targets/new"),
    ("shan", "/admin/targets/{target}"),
    ("shan", "/admin/problem-categories"),
    ("shan", "/admin/problem-categories/new"),
    ("shan", "/admin/problem-categories/{category}"),
    ("shan", "/admin/audit"),
    ("heng", "/admin/people/shen"),
)


def live(sessions, site, more=None):
    """Let the zone live until NOW, with more rows where given; what its pages are called by."""
    with transaction(sessions) as db:
        named = _arrange(db, site)
        named |= more(db) if more else {}
    Runner(sessions, site).run_until(NOW, to_mailbox=True)
    with sessions() as db:
        return named | _made_by_the_clock(db)


def grow(db, count):
    """Give each of the zone's people so many more rows of everything that pages list."""
    people = {person.username: person for person in db.scalars(select(Person).order_by(Person.id))}
    _top, bureau = db.scalars(select(Unit).order_by(Unit.id).limit(2))
    figure_id = db.scalar(select(func.min(FigureRecord.id)))
    first_lead = db.scalars(select(Lead).order_by(Lead.id).limit(1)).one()
    everyone = [people[username] for username in ("shen", "yan", "wu", "shan")]

    for _ in range(count):
        unit = make_unit(db, parent=bureau)
        other = make_person(db, unit=unit)
        lead = make_lead(db, unit=unit, tracker=other, yi="3")
        hidden = make_lead(db, unit=unit, tracker=other, secrecy=Secrecy.RESTRICTED)
        late = {"logged_at": NOW, "entered_at": NOW, "leads": [lead]}
        make_visit(db, other, date(2026, 7, 1), participants=everyone, **late)
        make_visit(db, other, date(2026, 7, 1), leads=[first_lead, hidden], participants=everyone)
        make_absence(db, other, TODAY, TODAY, approved_at=None, asked_at=NOW)
        _waiting_orders(db, bureau, people, lead)
        _problems(db, bureau, people, first_lead, lead)
        _correction(db, figure_id, people["shen"])
        for person in everyone:
            _rows_of(db, person, other, lead, hidden)


def _rows_of(db, person, other, lead, hidden):
    """What one person finds on *my day* and in their lists."""
    make_role(db, hidden, LeadRoleKind.TASK_FORCE_MEMBER, person=person, from_on=TODAY)
    make_followup(db, lead, person, TODAY)
    make_followup(db, hidden, person, TODAY + 3 * DAY)
    make_absence(db, person, TODAY, TODAY, asked_at=NOW, approved_at=NOW, approved_by_id=other.id)
    make_grant(db, other, person, granted_at=NOW)
    both = {"leads": [lead, hidden], "participants": [person]}
    make_visit(db, other, TODAY, **both)
    named = make_visit(db, other, TODAY - DAY, **both)
    notice = {"named_by_id": other.id, "named_at": NOW}
    db.add(CompanionNotice(visit_id=named.id, person_id=person.id, **notice))

    for on in (TODAY - DAY, TODAY, TODAY + DAY):
        entered = {"status": Status.PLANNED, "entered_at": LONG_AGO}
        make_visit(db, person, on, leads=[lead, hidden], participants=[other], **entered)


def _waiting_orders(db, unit, people, lead):
    """Orders in each state, so that some wait for everybody, and some for nobody of their own."""
    watch, shen = people["wu"], people["shen"]
    issued = {
        "issued_at": NOW,
        "issued_by_id": people["shan"].id,
        "due_on": TODAY,
        "number_year": 2026,
        "code_word": "督",
    }
    last = db.scalar(select(func.max(Order.number))) or 0
    states = (OrderState.ISSUED, OrderState.RECEIVED, OrderState.ANSWERED)

    make_order(db, unit, officer=watch, drafted_by_id=watch.id)
    for place, state in enumerate(states, start=last + 1):
        done = {"received_at": NOW, "received_by_id": shen.id} if state is not states[0] else {}
        done |= {"answered_at": NOW} if state is states[-1] else {}
        make_order(
            db, unit, officer=watch, state=state, number=place, lead_id=lead.id, **issued, **done
        )


def _problems(db, unit, people, *leads):
    """Problems in each state that waits for somebody, some of them on a lead with a page."""
    owned = {"person": people["shen"], "unit": unit}
    for state in (ProblemState.RAISED, ProblemState.TAKEN, ProblemState.SOLVED):
        make_problem(db, people["wu"], leads, state=state, **owned)
    make_problem(db, people["shen"], leads, state=ProblemState.SOLVED, unit=unit)


def _correction(db, figure_id, author):
    numbers = {
        f"{side}_{name}": value
        for side in ("from", "to")
        for name, value in (("required", 20), ("achieved", 1), ("status", FigureStatus.MISSED))
    }
    of = {"figure_id": figure_id, "made_at": NOW, "made_by_id": author.id, "why": "改为电话拜访"}
    db.add(Correction(**of, **numbers))


def _arrange(db, site):
    make_regime(db)
    top = make_unit(db, "开发区", kind=UnitKind.ZONE)
    bureau = make_unit(db, "招商局", parent=top)
    recruiter = make_person(db, "shen", name="沈若川", unit=bureau, email="shen@zone.example")
    make_person(db, "yan", name="严书禾", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=top)
    watch, admin, *_ = [
        make_person(db, username, name=name, role=role, duty=Duty.STAFF, unit=top)
        for username, name, role in (
            ("wu", "伍思齐", Role.SUPERVISOR),
            ("shan", "单行舟", Role.ADMIN),
            ("gu", "古月明", Role.READER),
            ("heng", "衡鉴清", Role.AUDITOR),
        )
    ]
    lead = make_lead(db, "储存模组项目", unit=bureau, tracker=recruiter, yi="12")
    make_plan(db, lead, Stage.SIGNED, date(2026, 7, 1))
    followup = make_followup(db, lead, recruiter, date(2026, 7, 15), what="补充测算表")
    visit = make_visit(db, recruiter, date(2026, 6, 10), leads=[lead], next_step="送测算表")
    late = {"logged_at": at_civil(date(2026, 7, 10)), "trip": "批〔2026〕7号"}
    where = {"destination": "苏州", "last_on": date(2026, 7, 1)}
    trip = make_trip(db, late["trip"], leader_id=recruiter.id, **where)
    make_visit(db, recruiter, date(2026, 7, 2), **late)
    _freeze_june(db, visit, recruiter, site)
    absence = make_absence(
        db, recruiter, date(2026, 7, 20), date(2026, 7, 21), approved_at=None, asked_at=NOW
    )
    order = make_order(db, bureau, officer=watch, drafted_by_id=watch.id)
    problem = make_problem(db, recruiter, [lead], unit=bureau)
    target = Target(
        year=2026,
        unit_id=top.id,
        metric=Metric.SIGNED,
        tier=Tier.YI_10,
        measure=TargetMeasure.COUNT,
        count=20,
    )
    db.add(target)
    db.flush()
    ledger.install(db, clock_from=datetime(2026, 7, 12, tzinfo=NOW.tzinfo), now=NOW)
    return {
        "visit": visit.id,
        "trip": trip.id,
        "lead": lead.id,
        "company": lead.company_id,
        "proposal": _proposal(db, lead.company_id, watch),
        "contact": make_contact(db, db.get_one(Company, lead.company_id), lead=lead).id,
        "followup": followup.id,
        "absence": absence.id,
        "order": order.id,
        "problem": problem.id,
        "category": problem.category_id,
        "unit": bureau.id,
        "bureau": bureau.code,
        "target": target.id,
        **_results(db, bureau, recruiter),
        **_data_of_the_zone(db),
        "own_field": _own_field(db, lead),
        **_merged(db, bureau, watch),
        **tables_at_each_step(db, recruiter),
        **rosters_at_each_step(db, admin),
    }


def _proposal(db, company_id, by):
    """A value of the company that waits for a decision."""
    proposal = CompanyProposal(
        company_id=company_id,
        field=ProposalField.GROUP,
        state=ProposalState.OPEN,
        value="云海集团",
        proposed_at=NOW,
        proposed_by_id=by.id,
    )
    db.add(proposal)
    db.flush()
    return proposal.id


def _results(db, unit, recruiter):
    """A signed project with a claim that was returned, and money that arrived for it."""
    plant(db, from_on=date(2026, 7, 1), now=NOW)
    plant_forms(db, NOW)
    plant_profiles(db, now=NOW)
    form_id = form_rows(db)[0].id
    lead = make_lead(db, "显示面板项目", unit=unit, tracker=recruiter, yi="12")
    for kind, on in ((Stage.SIGNED, date(2026, 7, 6)), (Stage.STARTED, date(2026, 7, 10))):
        make_milestone(db, lead, kind, on)
    of = {"lead": lead, "by": recruiter, "now": NOW}

    returned = claim(db, kind=ClaimKind.SIGNED, data=claim_data(), **of)
    returned.state = ClaimState.RETURNED
    money = ReceiptData(
        arrived_on=date(2026, 7, 10),
        amount=Decimal(30_000_000),
        currency=Currency.CNY,
        form_id=form_id,
        payer="云海科技",
    )
    receipt = record_receipt(db, data=money, **of)
    return {
        "signed": lead.id,
        "claim": returned.id,
        "receipt": receipt.id,
        "receipt_form": form_id,
        "exclusion": db.scalar(select(func.min(Exclusion.id))),
    }


def _data_of_the_zone(db):
    """Templates, spans, industries and sites, which admins edit."""
    catalog.plant(db, now=NOW)
    template = PlanTemplate(name="标准厂房项目", is_used=True, steps=[])
    template.steps = [PlanTemplateStep(kind=Stage.STARTED, workdays=60)]
    span = SpeedSpan(begin=Stage.SIGNED, end=Stage.STARTED, is_used=True)
    site = Site(name="智能制造园 3 号厂房", kind=SiteKind.PLANT, is_offered=True)
    channel = channel_models.Channel(
        kind=ChannelKind.DINGTALK,
        name="招商工作群",
        url="https://oapi.dingtalk.com/robot/send?access_token=never-shown",
        is_on=True,
        takes_people=False,
    )
    db.add_all([template, span, site, channel])
    plant_hosts(db, now=NOW)
    db.flush()
    return {
        "plan_template": template.id,
        "span": span.id,
        "site": site.id,
        "channel": channel.id,
        "industry": db.scalar(select(func.min(CatalogEntry.id))),
    }


def _own_field(db, lead):
    """An own field of the zone that the lead has filled in."""
    field = OwnField(
        code="own_1", name="预计用工人数", kind=OwnKind.NUMBER, position=1, is_used=True
    )
    db.add(field)
    db.flush()
    value = {"field_id": field.id, "kind": field.kind, "number": Decimal(300), "entered_at": NOW}
    db.add(LeadOwnValue(lead_id=lead.id, **value))
    return field.id


def _merged(db, unit, by):
    """Two leads of one company that became one."""
    first, second = (make_lead(db, title, unit=unit) for title in ("一期", "二期"))
    pair = Pair(Mergeable.LEAD, survivor_id=first.id, merged_id=second.id)
    return {"merge": merge(db, pair=pair, by=by, now=NOW).id}


def _freeze_june(db, visit, recruiter, site):
    """June is frozen and missed, and one of its visits is changed afterwards."""
    june = Period.parse("2026-06")
    freeze_period(db, period=june, at=FROZEN_AT, now=FROZEN_AT)
    remind_of_missed(db, period=june, at=FROZEN_AT, late=False, site=site)
    data = VisitData(
        kind=Kind.REMOTE,
        channel=Channel.VIDEO,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        leader_id=recruiter.id,
    )
    change_visit(db, visit=db.get_one(Visit, visit.id), data=data, by=recruiter, now=NOW)


def _made_by_the_clock(db):
    def latest(kind, who):
        query = select(func.max(Message.id)).join(Person, Person.id == Message.person_id)
        return db.scalar(query.where(Message.kind == kind, Person.username == who))

    shen = db.scalars(select(Person).where(Person.username == "shen")).one()
    return {
        "milestone_kind": db.scalar(
            select(MilestoneKind.id).where(MilestoneKind.code == "framework")
        ),
        "posting": db.scalar(select(Posting.id).where(Posting.person_id == shen.id)),
        "reminder": latest(MessageKind.REMINDER, "shen"),
        "weekly": latest(MessageKind.WEEKLY, "wu"),
        "token": token(SECRET, shen.id, MessageKind.WEEKLY),
    }
