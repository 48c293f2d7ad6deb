"""A small zone in which every page has something to show: a frozen month, orders, mails."""

from datetime import date, datetime

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.jobs import ledger
from crm.jobs.runner import Runner
from crm.leads.rules import MilestoneKind
from crm.people.rules import Duty, Role, UnitKind
from crm.quotas.service import freeze_period
from crm.supervision.reminders import remind_of_missed
from crm.targets.models import Target
from crm.targets.rules import Metric, TargetMeasure, Tier
from crm.transactions import transaction
from crm.visits.models import Visit
from crm.visits.rules import Channel, Kind
from crm.visits.service import VisitData, change_visit
from tests.conftest import NOW
from tests.factories import (
    make_absence,
    make_followup,
    make_lead,
    make_order,
    make_person,
    make_plan,
    make_regime,
    make_trip,
    make_unit,
    make_visit,
)

FROZEN_AT = at_civil(date(2026, 7, 4))


def live(sessions, site):
    """Let the zone live until NOW; what its pages are called by."""
    with transaction(sessions) as db:
        named = _arrange(db, site)
    Runner(sessions, site).run_until(NOW, to_mailbox=True)
    return named


def _arrange(db, site):
    make_regime(db)
    top = make_unit(db, "开发区", kind=UnitKind.ZONE)
    bureau = make_unit(db, "招商局", parent=top)
    recruiter = make_person(db, "shen", name="沈若川", unit=bureau, email="shen@zone.example")
    make_person(db, "yan", name="严书禾", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=top)
    watch, *_ = [
        make_person(db, username, name=name, role=role, duty=Duty.STAFF, unit=top)
        for username, name, role in (
            ("wu", "伍思齐", Role.SUPERVISOR),
            ("shan", "单行舟", Role.ADMIN),
            ("gu", "古月明", Role.READER),
        )
    ]
    lead = make_lead(db, "储存模组项目", unit=bureau, tracker=recruiter, yi="12")
    make_plan(db, lead, MilestoneKind.SIGNED, date(2026, 7, 1))
    followup = make_followup(db, lead, recruiter, date(2026, 7, 15), what="补充测算表")
    visit = make_visit(db, recruiter, date(2026, 6, 10), leads=[lead])
    late = {"logged_at": at_civil(date(2026, 7, 10)), "trip": "批〔2026〕7号"}
    where = {"destination": "苏州", "last_on": date(2026, 7, 1)}
    trip = make_trip(db, late["trip"], leader_id=recruiter.id, **where)
    make_visit(db, recruiter, date(2026, 7, 2), **late)
    _freeze_june(db, visit, recruiter, site)
    absence = make_absence(
        db, recruiter, date(2026, 7, 20), date(2026, 7, 21), approved_at=None, asked_at=NOW
    )
    order = make_order(db, bureau, officer=watch, drafted_by_id=watch.id)
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
        "followup": followup.id,
        "absence": absence.id,
        "order": order.id,
        "unit": bureau.id,
        "target": target.id,
    }


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
