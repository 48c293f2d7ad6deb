"""How a figure came about: what is owed, and visit by visit what counts and why (REGIME 4)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from flask import url_for
from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.periods import DAY
from crm.jobs.ledger import began_on
from crm.people.models import Absence
from crm.people.queries import Viewer, absences_in
from crm.quotas.frozen import of_figure
from crm.quotas.judging import prorated
from crm.quotas.queries import PersonFigure, tenure_of, working_calendar
from crm.quotas.rules import (
    Counted,
    Figure,
    NotCounted,
    Proration,
    Reason,
    Tenure,
    VisitFacts,
    basis_of,
)
from crm.quotas.wording import EACH, sentence_of, unit_of, why_at_risk
from crm.visits.models import Visit
from crm.visits.permissions import judgeable_ids
from crm.visits.queries import LOADED, rejection_reasons, visible_to
from crm.visits.redaction import SeenVisit, shown
from crm.visits.rules import Status, Verdict
from crm.web.corrections.views import CorrectionLine, lines, note_of
from crm.web.quotas.quota_effects import ESTIMATED, why_not
from crm.web.visits.rows import ICONS, Chip, chips, title_of


@dataclass(frozen=True, slots=True)
class VisitRow:
    """A visit, or days of it, in one of the two lists."""

    visit_id: int
    icon: str
    when: str
    title: str
    url: str | None  # none where the visit is not the viewer's to see
    meta: str
    chips: tuple[Chip, ...]
    amount: str = ""
    why: str = ""
    can_confirm: bool = False
    can_reject: bool = False
    verdict: Verdict | None = None  # over which one is given


@dataclass(frozen=True, slots=True)
class Explained:
    """A figure with everything that it rests on."""

    of: PersonFigure
    pace: int  # what today asks for; 0 once the period is over
    owed: tuple[str, ...]  # sentences: how what is required came about
    facts: list[tuple[str, str]]
    counted: list[VisitRow]
    left_out: list[VisitRow]
    corrections: list[CorrectionLine]
    note: str  # on what it rests, and what a correction made of it

    @property
    def figure(self) -> Figure:
        """The figure."""
        return self.of.figure

    @property
    def unit(self) -> str:
        """In what it is counted."""
        return unit_of(self.figure.rule)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the viewer may see of the visits and do to them."""

    visits: dict[int, SeenVisit]
    judged: Collection[int]
    reasons: dict[int, str]
    now: datetime

    def verdict_now(self, visit: VisitFacts) -> Verdict | None:
        """The visit's verdict as it stands; a frozen figure knows the one at its freeze."""
        seen = self.visits.get(visit.id)
        return seen.verdict if seen else visit.verdict


def explain(db: Session, viewer: Viewer, of: PersonFigure, now: datetime) -> Explained:
    """The explanation of a figure that the viewer may see."""
    figure = of.figure
    tenure = tenure_of(db, figure.rule.duty, figure.person_id, figure.period)
    calendar = working_calendar(db)
    sight = _sight(db, viewer, figure, now)
    may_change = not figure.settled and calendar.is_estimated(figure.period)
    estimated = [ESTIMATED] if may_change else []
    at_risk = [f"有风险：{why}"] if (why := why_at_risk(figure)) else []
    is_over = figure.settled or figure.period.last < clock.civil_date(now)

    return Explained(
        of,
        0 if is_over else figure.pace,
        (sentence_of(figure.rule), *owed_because(figure), *at_risk, *estimated),
        _facts(db, figure, tenure),
        [_counted(each, figure, sight) for each in figure.counted],
        [_left_out(each, figure, sight) for each in figure.not_counted],
        lines(db, viewer, of_figure(figure)) if figure.settled else [],
        note_of(figure) or basis_of([figure], figure.period, began_on(db)).label,
    )


def owed_because(figure: Figure) -> Iterable[str]:
    """How what is required came about, step by step."""
    rule, unit = figure.rule, unit_of(figure.rule)
    yield (
        f"{EACH[rule.period]}应完成 {rule.minimum} {unit}；"
        f"本期 {figure.workdays} 个工作日，在岗 {figure.present} 个。"
    )
    if not figure.present:
        yield "本期没有在岗工作日，免考核。"
        return

    owed = prorated(rule, present=figure.present, workdays=figure.workdays)

    if rule.proration is Proration.NONE:
        yield f"不按在岗天数折算，应完成 {owed} {unit}。"
    elif figure.present < figure.workdays:
        part = _quotient(rule.minimum * figure.present, figure.workdays)
        sum_ = f"{rule.minimum} × {figure.present} ÷ {figure.workdays} {part}"
        yield f"{sum_}，{rule.rounding.label}为 {owed} {unit}。"

    if rule.counts_days and owed > figure.required:
        yield f"{rule.cap.label}（{figure.required} 天），按 {figure.required} 天计。"

    if not figure.required:
        yield f"折算后为 0 {unit}，免考核。"


def _quotient(part: int, whole: int) -> str:
    exact = Decimal(part) / whole
    rounded = exact.quantize(Decimal("0.01"))
    return f"{'=' if rounded == exact else '≈'} {rounded.normalize():f}"


def _facts(db: Session, figure: Figure, tenure: Tenure) -> list[tuple[str, str]]:
    period = figure.period
    away = absences_in(db, figure.person_id, period.first, period.last)
    pairs = [
        ("任职", "" if len(tenure.held) == len(period.dates) else _spans(tenure.held)),
        ("请假", "；".join(_told(each, figure) for each in away)),
    ]
    return [(label, text) for label, text in pairs if text]


def _told(absence: Absence, figure: Figure) -> str:
    """When and why away; one approved after the freeze is none that the figure rests on."""
    said = f"{formatting.span(absence.from_on, absence.to_on)} {absence.kind.label}"
    settled, approved_at = figure.settled, absence.approved_at
    is_after = settled and approved_at and approved_at > settled.frozen_at
    return f"{said}（定稿后批准，未计入）" if is_after else said


def _sight(db: Session, viewer: Viewer, figure: Figure, now: datetime) -> _Sight:
    on = clock.civil_date(now)
    ids = {each.visit.id for each in figure.counted}
    ids |= {each.visit.id for each in figure.not_counted}
    rejected = {each.visit.id for each in figure.not_counted if _is_rejected(each)}
    visits = db.scalars(visible_to(viewer, on).where(Visit.id.in_(ids)).options(*LOADED))
    return _Sight(
        {seen.id: seen for seen in shown(db, viewer, visits, on)},
        judgeable_ids(db, viewer, ids),
        rejection_reasons(db, rejected),
        now,
    )


def _counted(each: Counted, figure: Figure, sight: _Sight) -> VisitRow:
    return replace(
        _visit_row(each.visit, each.dates, sight),
        amount=f"计 {each.days} {unit_of(figure.rule)}",
        why=_counted_so_far(each.visit, figure, sight.now),
        can_reject=each.visit.id in sight.judged
        and sight.verdict_now(each.visit) is not Verdict.REJECTED,
    )


def _counted_so_far(visit: VisitFacts, figure: Figure, now: datetime) -> str:
    """Why a stay counts that is not done yet, and until when it does."""
    if visit.status is Status.DONE:
        return ""
    if visit.ends_at > now or figure.settled:
        return "驻城进行中，今天以前的日期先行计入"
    until = formatting.day(visit.last_on + figure.rule.log_within_days * DAY)
    return f"待办结：已先行计入，{until}以前设为完成；逾期办结的，督查人员确认后计入"


def _left_out(each: NotCounted, figure: Figure, sight: _Sight) -> VisitRow:
    is_judged = each.visit.id in sight.judged

    return replace(
        _visit_row(each.visit, each.dates, sight),
        amount=_not_added(each, figure),
        why=_why(each, figure, sight),
        can_confirm=is_judged
        and (each.reason is Reason.LOGGED_LATE or _is_rejected(each))
        and sight.verdict_now(each.visit) is not Verdict.CONFIRMED,
        can_reject=is_judged
        and each.reason is Reason.LOGGED_LATE
        and sight.verdict_now(each.visit) is not Verdict.REJECTED,
    )


def _not_added(each: NotCounted, figure: Figure) -> str:
    """How much does not count; a date that counts by another visit is not lost."""
    unit, lost = unit_of(figure.rule), len(figure.lost(each))
    if each.reason is Reason.SAME_DAY:
        lost = 0
    elsewhere = each.days - lost
    if not lost:
        return f"{elsewhere} {unit}已由其他拜访计入"
    return f"未计 {lost} {unit}" + (f"，{elsewhere} {unit}已由其他拜访计入" if elsewhere else "")


def _why(each: NotCounted, figure: Figure, sight: _Sight) -> str:
    if each.visit.status is Status.CANCELLED and each.reason is Reason.NOT_DONE:
        return "已取消"
    if not _is_rejected(each):
        return why_not(each, figure.rule)
    told = why_not(replace(each, reason=Reason.REJECTED), figure.rule)
    reason = sight.reasons.get(each.visit.id)
    return f"{told}：{reason}" if reason else told


def _is_rejected(each: NotCounted) -> bool:
    """Whether it was sent back, be it done or, a stay under way, not done yet."""
    is_stopped = each.reason is Reason.NOT_DONE and each.visit.verdict is Verdict.REJECTED
    return each.reason is Reason.REJECTED or is_stopped


def _visit_row(visit: VisitFacts, dates: Sequence[date], sight: _Sight) -> VisitRow:
    """The visit as far as the viewer may see it, before what it adds to the figure is said."""
    seen = sight.visits.get(visit.id)
    return VisitRow(
        visit.id,
        ICONS[visit.kind],
        _spans(dates),
        title_of(seen) if seen else visit.kind.label,
        url_for("visits.show", visit_id=visit.id) if seen else None,
        _meta(seen, clock.civil_date(sight.now)) if seen else "详情不在您的权限范围内",
        chips(seen, sight.now) if seen else (Chip(visit.channel.label, "neutral"),),
        verdict=sight.verdict_now(visit),
    )


def _meta(seen: SeenVisit, today: date) -> str:
    leads = "、".join(lead.text for lead in seen.leads)
    led = f"{seen.leader.name}带队"
    logged = f"{formatting.moment(seen.logged_at, today)}登记" if seen.logged_at else ""
    return " · ".join(part for part in (leads, led, logged) if part)


def _spans(dates: Collection[date]) -> str:
    """Dates as runs of days: `7月1日至3日、6日`."""
    runs: list[list[date]] = []
    for on in sorted(dates):
        if runs and on - runs[-1][1] == DAY:
            runs[-1][1] = on
        else:
            runs.append([on, on])
    return "、".join(formatting.span(first, last) for first, last in runs)
