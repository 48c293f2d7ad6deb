"""The explanation of a figure: what is required, and which visits count and why (REGIME 4)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from flask import url_for
from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.periods import DAY, days
from crm.base.value_class import value_class
from crm.jobs.ledger import began_on
from crm.people.models import Absence
from crm.people.permissions import Viewer
from crm.people.queries import absences_in
from crm.quotas.day_marks import Presence, marked_days
from crm.quotas.frozen import of_figure
from crm.quotas.judging import prorated
from crm.quotas.queries import PersonFigure, dates_held, working_calendar
from crm.quotas.rules import (
    Counted,
    Figure,
    NotCounted,
    Proration,
    Reason,
    VisitFacts,
)
from crm.quotas.status_reasons import status_reason
from crm.quotas.wording import EACH, sentence_of, unit_of, why_at_risk
from crm.visits.lists import listed
from crm.visits.queries import VisitRights, rights_on
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Status, Verdict
from crm.web.corrections.rows import CorrectionRow, correction_rows
from crm.web.quotas.day_strip import DayStrip, DayVisit, day_strip
from crm.web.quotas.labels import ESTIMATED_CALENDAR, basis_label, split_uncounted, why_not_counted
from crm.web.visits.rows import ICONS, Chip, chips, facts_line, names_of


@value_class
class FigureVisitRow:
    """A visit, or days of it, in one of the two lists of a figure."""

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
    verdict: Verdict | None = None  # over which another one is given


@value_class
class Explanation:
    """A figure with everything that it rests on."""

    judged: PersonFigure
    pace: int  # what today asks for; 0 once the period is over
    required_because: tuple[str, ...]  # sentences: how what is required came about
    facts: list[tuple[str, str]]
    counted: list[FigureVisitRow]
    not_counted: list[FigureVisitRow]
    corrections: list[CorrectionRow]
    note: str  # on what it rests, and what a correction made of it
    strip: DayStrip

    @property
    def figure(self) -> Figure:
        return self.judged.figure

    @property
    def reason(self) -> str:
        """Why it has its status, in one sentence."""
        return status_reason(self.figure)

    @property
    def unit(self) -> str:
        """The measure word in which it is counted."""
        return unit_of(self.figure.rule)


@value_class
class _Visits:
    """The visits of a figure as the viewer sees them, and which they may judge."""

    seen: dict[int, SeenVisit]
    rights: VisitRights
    now: datetime

    def verdict_now(self, visit: VisitFacts) -> Verdict | None:
        """The visit's verdict as it stands; a frozen figure knows the one at its freeze."""
        seen = self.seen.get(visit.id)
        return seen.verdict if seen else visit.verdict


def explain(db: Session, viewer: Viewer, judged: PersonFigure, now: datetime) -> Explanation:
    """The explanation of a figure that the viewer may see."""
    figure = judged.figure
    absences = absences_in(db, figure.person_id, figure.period.first, figure.period.last)
    held = dates_held(db, figure.rule.duty, figure.person_id, figure.period)
    is_estimated = not figure.settled and working_calendar(db).is_estimated(figure.period)
    estimated = [ESTIMATED_CALENDAR] if is_estimated else []
    at_risk = [f"有风险：{why}"] if (why := why_at_risk(figure)) else []
    is_over = figure.settled or figure.period.last < clock.civil_date(now)
    visits = _read_visits(db, viewer, figure, now)
    counted = [_counted(part, figure, visits) for part in figure.counted]
    not_counted = [_not_counted(part, figure, visits) for part in figure.not_counted]

    return Explanation(
        judged=judged,
        pace=0 if is_over else figure.pace,  # REGIME 4: a period that is over asks nothing of today
        required_because=(
            sentence_of(figure.rule),
            *required_because(figure),
            *at_risk,
            *estimated,
        ),
        facts=_facts(figure, held, absences),
        counted=counted,
        not_counted=not_counted,
        corrections=correction_rows(db, viewer, of_figure(figure)) if figure.settled else [],
        note=basis_label(figure, system_since=began_on(db)),
        strip=_strip(
            figure,
            Presence(
                held=frozenset(held),
                absent=_absent_dates(figure, absences),
                workdays=frozenset(
                    working_calendar(db).workdays(figure.period.first, figure.period.last)
                ),
                as_of=now,
            ),
            [*counted, *not_counted],
        ),
    )


def _strip(figure: Figure, presence: Presence, rows: Iterable[FigureVisitRow]) -> DayStrip:
    # of a stay in both lists the second row has the reason
    visits = {row.visit_id: DayVisit(row.title, row.url, row.why) for row in rows}
    return day_strip(marked_days(figure, presence), visits, clock.civil_date(presence.as_of))


def _absent_dates(figure: Figure, absences: Iterable[Absence]) -> frozenset[date]:
    """The dates of absence that the figure knows."""
    period = figure.period
    return frozenset(
        on
        for absence in absences
        if not _is_approved_later(absence, figure)
        for on in days(max(absence.from_on, period.first), min(absence.to_on, period.last))
    )


def required_because(figure: Figure) -> Iterable[str]:
    """How what is required came about, step by step."""
    rule, unit = figure.rule, unit_of(figure.rule)
    yield (
        f"{EACH[rule.period]}应完成 {rule.minimum} {unit}；"
        f"本期 {figure.workdays} 个工作日，在岗 {figure.present} 个。"
    )
    if not figure.present:
        yield "本期没有在岗工作日，免考核。"
        return

    required = prorated(rule, present=figure.present, workdays=figure.workdays)

    if rule.proration is Proration.NONE:
        yield f"不按在岗天数折算，应完成 {required} {unit}。"
    elif figure.present < figure.workdays:
        quotient = _quotient(rule.minimum * figure.present, figure.workdays)
        sum_ = f"{rule.minimum} × {figure.present} ÷ {figure.workdays} {quotient}"
        yield f"{sum_}，{rule.rounding.label}为 {required} {unit}。"

    if rule.counts_days and required > figure.required:
        yield f"{rule.cap.label}（{figure.required} 天），按 {figure.required} 天计。"

    if not figure.required:
        yield f"折算后为 0 {unit}，免考核。"


def _quotient(part: int, whole: int) -> str:
    exact = Decimal(part) / whole
    rounded = exact.quantize(Decimal("0.01"))
    return f"{'=' if rounded == exact else '≈'} {rounded.normalize():f}"


def _facts(
    figure: Figure, held: Sequence[date], absences: Iterable[Absence]
) -> list[tuple[str, str]]:
    period = figure.period
    pairs = [
        ("任职", "" if len(held) == len(period.dates) else _spans(held)),
        ("请假", "；".join(_absence_label(absence, figure) for absence in absences)),
    ]
    return [(label, text) for label, text in pairs if text]


def _absence_label(absence: Absence, figure: Figure) -> str:
    """The dates and kind; says so where it was approved too late for a frozen figure."""
    label = f"{formatting.span(absence.from_on, absence.to_on)} {absence.kind.label}"
    return f"{label}（定稿后批准，未计入）" if _is_approved_later(absence, figure) else label


def _is_approved_later(absence: Absence, figure: Figure) -> bool:
    """Whether it was approved after the figure was frozen."""
    settled, approved_at = figure.settled, absence.approved_at
    return bool(settled and approved_at and approved_at > settled.frozen_at)


def _read_visits(db: Session, viewer: Viewer, figure: Figure, now: datetime) -> _Visits:
    on = clock.civil_date(now)
    ids = {part.visit.id for part in figure.counted}
    ids |= {part.visit.id for part in figure.not_counted}
    rights = rights_on(db, viewer, ids, on)
    visits = listed(db, viewer, rights.visible, on)

    return _Visits({visit.id: visit for visit in visits}, rights, now)


def _counted(part: Counted, figure: Figure, visits: _Visits) -> FigureVisitRow:
    return replace(
        _visit_row(part.visit, part.dates, visits),
        amount=f"计 {part.days} {unit_of(figure.rule)}",
        why=_counted_so_far(part.visit, figure, visits.now),
        can_reject=part.visit.id in visits.rights.judgeable
        and visits.verdict_now(part.visit) is not Verdict.REJECTED,
    )


def _counted_so_far(visit: VisitFacts, figure: Figure, now: datetime) -> str:
    """Why a stay counts that is not done yet, and until when it does."""
    if visit.status is Status.DONE:
        return ""
    if visit.ends_at > now or figure.settled:
        return "驻城进行中，今天以前的日期先行计入"
    until = formatting.day(figure.rule.last_date_to_log(visit.last_on))
    return f"待办结：已先行计入，{until}前办结即可；逾期办结的，督查人员确认后计入"


def _not_counted(part: NotCounted, figure: Figure, visits: _Visits) -> FigureVisitRow:
    verdict = visits.verdict_now(part.visit)
    # a verdict changes nothing where the visit does not count for another reason
    is_judgeable = part.visit.id in visits.rights.judgeable
    is_late = part.reason is Reason.LOGGED_LATE
    may_count = is_late or _is_rejected(part)

    return replace(
        _visit_row(part.visit, part.dates, visits),
        amount=_not_counted_label(part, figure),
        why=_why_not_counted(part, figure, visits),
        can_confirm=is_judgeable and may_count and verdict is not Verdict.CONFIRMED,
        can_reject=is_judgeable and is_late and verdict is not Verdict.REJECTED,
    )


def _not_counted_label(part: NotCounted, figure: Figure) -> str:
    """How much does not count; a date that counts through another visit is not lost."""
    unit, (lost, elsewhere) = unit_of(figure.rule), split_uncounted(figure, part)
    if not lost and part.reason is Reason.SAME_DAY:
        return "不重复计"  # the reason beside it says the rest
    if not lost:
        return f"{elsewhere} {unit}已由其他拜访计入"
    return f"未计 {lost} {unit}" + (f"，{elsewhere} {unit}已由其他拜访计入" if elsewhere else "")


def _why_not_counted(part: NotCounted, figure: Figure, visits: _Visits) -> str:
    if part.visit.status is Status.CANCELLED and part.reason is Reason.NOT_DONE:
        return "已取消"
    if not _is_rejected(part):
        return why_not_counted(part, figure.rule)
    rejected = why_not_counted(replace(part, reason=Reason.REJECTED), figure.rule)
    reason = visits.rights.rejection_reasons.get(part.visit.id)
    return f"{rejected}：{reason}" if reason else rejected


def _is_rejected(part: NotCounted) -> bool:
    """Whether it was rejected, as a done visit or as a stay that is not done yet."""
    is_stopped = part.reason is Reason.NOT_DONE and part.visit.verdict is Verdict.REJECTED
    return part.reason is Reason.REJECTED or is_stopped


def _visit_row(visit: VisitFacts, dates: Sequence[date], visits: _Visits) -> FigureVisitRow:
    """The visit as far as the viewer may see it, without what it adds to the figure."""
    seen = visits.seen.get(visit.id)

    return FigureVisitRow(
        visit.id,
        ICONS[visit.kind],
        _spans(dates),
        names_of(seen)[0] if seen else visit.kind.label,
        url_for("visits.show", visit_id=visit.id) if seen else None,
        _meta(seen, clock.civil_date(visits.now)) if seen else "详情不在您的权限范围内",
        chips(seen, visits.now) if seen else (Chip(visit.channel.label, "neutral"),),
        verdict=visits.verdict_now(visit),
    )


def _meta(seen: SeenVisit, today: date) -> str:
    leader = f"{seen.leader.name}带队"
    logged = f"{formatting.moment(seen.logged_at, today)}办结" if seen.logged_at else ""
    return facts_line(seen, leader, logged)


def _spans(dates: Collection[date]) -> str:
    """Dates as runs of days: `7月1日至3日、6日`."""
    runs: list[list[date]] = []

    for on in sorted(dates):
        if runs and on - runs[-1][1] == DAY:
            runs[-1][1] = on
        else:
            runs.append([on, on])

    return "、".join(formatting.span(first, last) for first, last in runs)
